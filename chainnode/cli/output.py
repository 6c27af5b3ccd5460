"""What a command prints: one JSON object, or lines for a person.

With `--json` standard output carries exactly one JSON object and everything else goes to
standard error; a second object is our bug. Colour and rich tables appear on a terminal only.
"""

import json
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from chainnode.cli.words import Language, Text, chosen_language


@dataclass(slots=True, kw_only=True)
class Output:
    """Where a command's answer goes, and in which form and language."""

    json: bool = False
    quiet: bool = False
    language: Language = field(default_factory=chosen_language)
    _answered: bool = False

    @property
    def has_answered(self) -> bool:
        """Tell whether the one JSON object is out."""
        return self._answered

    @property
    def is_terminal(self) -> bool:
        """Tell whether a person looks at standard output."""
        return not self.json and sys.stdout.isatty()

    def words(self, zh: str, en: str) -> str:
        """Return the sentence in the chosen language."""
        return Text(zh, en).in_language(self.language)

    def answer(self, value: Mapping[str, object], lines: Callable[[], None]) -> None:
        """Give the command's answer: `value` with `--json`, else what `lines` prints."""
        if not self.json:
            if not self.quiet:
                lines()
            return
        if self._answered:
            raise RuntimeError("a command answers with one JSON object")
        self._answered = True
        json.dump(value, sys.stdout, ensure_ascii=False, separators=(",", ":"))
        sys.stdout.write("\n")

    def line(self, text: str = "", *, colour: str | None = None) -> None:
        """Print one line of a person's answer."""
        _write(sys.stdout, text, colour=colour if self.is_terminal else None)

    def note(self, zh: str, en: str) -> None:
        """Say something beside the answer, on standard error."""
        if not self.quiet:
            _write(sys.stderr, self.words(zh, en))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table: drawn on a terminal, aligned columns elsewhere."""
        if self.is_terminal:
            _draw_table(columns, rows)
            return
        for line in aligned([columns, *rows]):
            self.line(line)


def _write(stream: TextIO, text: str, *, colour: str | None = None) -> None:
    if colour is not None:
        import click

        text = click.style(text, fg=colour, bold=True)
    stream.write(text + "\n")
    stream.flush()


def _draw_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)


def cell_width(text: str) -> int:
    """Return the columns `text` takes on a terminal: two for each wide character."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Pad the cells of `rows` so that columns stand under each other."""
    widths = [max(cell_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell + " " * (width - cell_width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
