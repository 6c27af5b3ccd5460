"""Renders the demo's certificates as PDF files, the identifier in their metadata.

Needs the extra `demo` (reportlab). Chinese text uses a CID font that PDF readers bring along,
so no font file is shipped.
"""

import io
from dataclasses import dataclass

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A5, landscape
from reportlab.pdfbase import pdfdoc, pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from chainnode.verify.discovery import PDF_KEY

_FONT = "STSong-Light"
_PAGE = landscape(A5)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentText:
    """What stands on one certificate."""

    identifier: str
    title_zh: str
    title_en: str
    holder: str
    issuer: str
    number: int


class _StampedInfo(pdfdoc.PDFInfo):  # type: ignore[misc]  # reportlab has no types
    """The document information dictionary with our key in it."""

    identifier = ""

    def format(self, document: object) -> bytes:
        """Write the dictionary; reportlab has no hook for further keys."""
        plain: bytes = super().format(document)
        entry = f"/{PDF_KEY} ({self.identifier})\n".encode("ascii")
        return plain.replace(b"<<\n", b"<<\n" + entry, 1)


def render(text: DocumentText) -> bytes:
    """Return the PDF of one certificate. The same text gives the same bytes."""
    if _FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    sink = io.BytesIO()
    canvas = Canvas(sink, pagesize=_PAGE, invariant=1)
    info = _StampedInfo()
    info.identifier = text.identifier
    info.title = f"{text.title_zh} {text.title_en}"
    info.author = text.issuer
    canvas._doc.info = info  # noqa: SLF001 - reportlab offers no other way to a further key
    _draw(canvas, text)
    canvas.showPage()
    canvas.save()
    return sink.getvalue()


def _draw(canvas: Canvas, text: DocumentText) -> None:
    width, height = _PAGE
    canvas.setStrokeColor(HexColor("#a02020"))
    canvas.setLineWidth(3)
    canvas.rect(24, 24, width - 48, height - 48)
    canvas.setFont(_FONT, 26)
    canvas.drawCentredString(width / 2, height - 90, text.title_zh)
    canvas.setFont("Helvetica", 12)
    canvas.drawCentredString(width / 2, height - 112, text.title_en)
    canvas.setFont(_FONT, 13)
    rows = (
        f"持证主体 Holder: {text.holder}",
        f"颁发机构 Issuer: {text.issuer}",
        f"编号 Number: DEMO-{text.number:05d}",
        f"证照标识 Identifier: {text.identifier}",
    )
    for row, line in enumerate(rows):
        canvas.setFont(_FONT, 13 if row < len(rows) - 1 else 9)
        canvas.drawString(60, height - 170 - 30 * row, line)
    canvas.setFont(_FONT, 10)
    canvas.setFillColor(HexColor("#a02020"))
    canvas.drawCentredString(
        width / 2, 44, "演示样例，无任何法律效力 · Demo sample without legal effect"
    )
