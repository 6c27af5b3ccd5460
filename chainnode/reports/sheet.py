"""Pages of A4 that texts are drawn on, safely: no markup is read, nothing is dropped silently.

A character that shows as nothing, turns the direction of writing or has no glyph in the font is
drawn as its number, `[U+202E]`. Lines break where the page ends, within words too. The same
drawing gives the same bytes: no clock and no chance goes into the file.
"""

import io
from collections.abc import Iterator, Sequence

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from chainnode.reports.fonts import FONT_NAME, font_bytes
from chainnode.verify.unseen import visible

WIDTH, HEIGHT = A4
MARGIN = 48.0
ROOM = WIDTH - 2 * MARGIN
_LEADING = 1.45
_FOOT = 28.0
_BAR_HEIGHT = 9.0
_LABEL_ROOM = 0.42
INK, QUIET, GREEN, AMBER, BLUE = "#1c2530", "#5b6672", "#0b6b3a", "#8a5a00", "#1f5f9e"
TEXT_SIZE, SMALL_SIZE = 9.5, 8.0
# What one text may take of a page; the whole of it stands in the lines of the export.
TEXT_CHARACTERS_MAX = 600
CELL_LINES_MAX = 4


class Sheet:
    """A document that is drawn from top to bottom, page after page."""

    def __init__(self, *, title: str, foot: str) -> None:
        self._font = _font()
        self._buffer = io.BytesIO()
        self._canvas = Canvas(self._buffer, pagesize=A4, invariant=1, pageCompression=1)
        self._canvas.setTitle(self._drawable(title))
        self._canvas.setCreator("Kunlian")
        self._foot = foot
        self._page = 1
        self._y = HEIGHT - MARGIN

    def data(self) -> bytes:
        """End the document and return its bytes."""
        self._end_page()
        self._canvas.save()
        return self._buffer.getvalue()

    def heading(self, text: str, *, size: float = 12.0) -> None:
        """Draw a heading; what follows stays with it."""
        self._need(size * 4)
        self._y -= size * 0.6
        self._line(text, x=MARGIN, size=size, colour=INK)

    def text(
        self, text: str, *, size: float = TEXT_SIZE, colour: str = INK, indent: float = 0.0
    ) -> None:
        """Draw a text in as many lines as it takes."""
        for line in self._lines(text, size=size, room=ROOM - indent):
            self._line(line, x=MARGIN + indent, size=size, colour=colour)

    def pair(self, name: str, value: str) -> None:
        """Draw a name and what it is, the value in as many lines as it takes."""
        start = ROOM * 0.24
        self._need(TEXT_SIZE * _LEADING)
        self._put(name, x=MARGIN, size=SMALL_SIZE, colour=QUIET, y=self._y - TEXT_SIZE)
        self.text(value, indent=start)

    def banner(self, text: str, *, colour: str) -> None:
        """Draw a text in a frame of a colour."""
        lines = [*self._lines(text, size=11.0, room=ROOM - 20)]
        height = len(lines) * 11.0 * _LEADING + 10
        self._need(height + 8)
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.roundRect(MARGIN, self._y - height, ROOM, height, 4)
        self._y -= 4
        for line in lines:
            self._line(line, x=MARGIN + 10, size=11.0, colour=colour)
        self._y -= 10

    def bars(self, counts: Sequence[tuple[str, int]]) -> None:
        """Draw a bar for each count, with the number beside it: colour is not the only carrier."""
        most = max((count for _, count in counts), default=0)
        label, room = ROOM * _LABEL_ROOM, ROOM * (1 - _LABEL_ROOM) - 60
        for name, count in counts:
            self._need(_BAR_HEIGHT * 1.6)
            base = self._y - _BAR_HEIGHT
            (shown,) = _cut([*self._lines(name, size=SMALL_SIZE, room=label - 16)], 1)
            self._put(shown, x=MARGIN, size=SMALL_SIZE, colour=INK, y=base + 2)
            self._canvas.setFillColor(HexColor(BLUE))
            length = max(room * count / most, 0.5)
            self._canvas.rect(MARGIN + label, base, length, _BAR_HEIGHT, stroke=0, fill=1)
            end = MARGIN + label + length + 5
            self._put(f"{count}", x=end, size=SMALL_SIZE, colour=INK, y=base + 2)
            self._y -= _BAR_HEIGHT * 1.6

    def row(self, cells: Sequence[str], widths: Sequence[float], *, colour: str = INK) -> None:
        """Draw the cells of a table's row beside each other; `widths` are shares of the room."""
        drawn = [
            _cut([*self._lines(cell, size=SMALL_SIZE, room=ROOM * share - 14)], CELL_LINES_MAX)
            for cell, share in zip(cells, widths, strict=True)
        ]
        step = SMALL_SIZE * 1.3
        self._need(max(map(len, drawn)) * step + 5)
        x, top = MARGIN, self._y
        for lines, share in zip(drawn, widths, strict=True):
            for at, line in enumerate(lines, 1):
                self._put(line, x=x, size=SMALL_SIZE, colour=colour, y=top - at * step)
            x += ROOM * share
        self._y = top - max(map(len, drawn)) * step - 5
        self._canvas.setStrokeColor(HexColor("#c9d1d9"))
        self._canvas.line(MARGIN, self._y + 1, WIDTH - MARGIN, self._y + 1)

    def gap(self, height: float = 8.0) -> None:
        """Leave room."""
        self._y -= height

    def _line(self, text: str, *, x: float, size: float, colour: str) -> None:
        self._need(size * _LEADING)
        self._put(text, x=x, size=size, colour=colour, y=self._y - size)
        self._y -= size * _LEADING

    def _put(self, text: str, *, x: float, size: float, colour: str, y: float) -> None:
        self._canvas.setFont(FONT_NAME, size)
        self._canvas.setFillColor(HexColor(colour))
        self._canvas.drawString(x, y, self._drawable(text))

    def _need(self, height: float) -> None:
        if self._y - height >= MARGIN + _FOOT:
            return
        self._end_page()
        self._page += 1
        self._y = HEIGHT - MARGIN

    def _end_page(self) -> None:
        self._put(f"{self._foot} · {self._page}", x=MARGIN, size=SMALL_SIZE, colour=QUIET, y=MARGIN)
        self._canvas.showPage()

    def _lines(self, text: str, *, size: float, room: float) -> Iterator[str]:
        """Break a text into lines; at least one, which may be empty."""
        line, width = "", 0.0
        for piece in _pieces(self._drawable(shortened(text))):
            for part in [piece] if self._width(piece, size) <= room else piece:
                added = self._width(part, size)
                if line and width + added > room:
                    yield line.rstrip()
                    line, width = "", 0.0
                line, width = line + part, width + added
        yield line.rstrip()

    def _width(self, text: str, size: float) -> float:
        return float(pdfmetrics.stringWidth(text, FONT_NAME, size))

    def _drawable(self, text: str) -> str:
        glyphs = self._font.face.charToGlyph
        return "".join(
            one if ord(one) in glyphs else f"[U+{ord(one):04X}]" for one in visible(text)
        )


def shortened(text: str) -> str:
    """Return a text, or its beginning and how much of it is not shown."""
    if len(text) <= TEXT_CHARACTERS_MAX:
        return text
    left = len(text) - TEXT_CHARACTERS_MAX
    return f"{text[:TEXT_CHARACTERS_MAX]}… (+{left})"


def _cut(lines: Sequence[str], lines_max: int) -> Sequence[str]:
    """Return the first lines; a mark behind the last one says that there are more."""
    if len(lines) <= lines_max:
        return lines
    return [*lines[: lines_max - 1], f"{lines[lines_max - 1]}…"]


def _pieces(text: str) -> Iterator[str]:
    """Yield what a line does not break in: words with the blank behind them, else characters."""
    word = ""
    for one in text:
        word += one
        if one == " " or not one.isascii():
            yield word
            word = ""
    if word:
        yield word


def _font() -> TTFont:
    if FONT_NAME not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(FONT_NAME, io.BytesIO(font_bytes())))
    return pdfmetrics.getFont(FONT_NAME)
