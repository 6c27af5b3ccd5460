"""Which renderings go into an export, by name, and what is said where a library is missing."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from importlib.util import find_spec

from chainnode.errors import NodeError
from chainnode.verify.archive import CSV, PARQUET, SUMMARY
from chainnode.verify.csv_rows import csv_rows
from chainnode.verify.export_forms import ExportContent
from chainnode.verify.rows import ProvenRecord


class Rendering(StrEnum):
    """A rendering of an answer besides its lines, which are always there."""

    CSV = "csv"
    PARQUET = "parquet"
    PDF = "pdf"


RENDERINGS = tuple(Rendering)
_LIBRARIES = {Rendering.PARQUET: "pyarrow", Rendering.PDF: "reportlab"}


class ReportsNotInstalled(NodeError):
    """A rendering needs a library that the extra `reports` brings."""

    def __init__(self, rendering: Rendering) -> None:
        self.rendering = rendering
        library = _LIBRARIES[rendering]
        super().__init__(f"{rendering}: expected {library}: install kunlian[reports]; got none")


def made_renderings() -> tuple[Rendering, ...]:
    """Return the renderings that can be made here."""
    return tuple(
        one for one in RENDERINGS if one not in _LIBRARIES or find_spec(_LIBRARIES[one]) is not None
    )


def require_installed(renderings: Collection[Rendering]) -> None:
    """Check, before anything is asked, that every rendering can be made.

    Raises:
        ReportsNotInstalled: a library is missing.

    """
    for one in renderings:
        if one in _LIBRARIES and find_spec(_LIBRARIES[one]) is None:
            raise ReportsNotInstalled(one)


def render(content: ExportContent, renderings: Collection[Rendering]) -> Mapping[str, bytes]:
    """Return these renderings of what is proven, by the names of members.

    Raises:
        ReportsNotInstalled: a library is missing.

    """
    require_installed(renderings)
    made: dict[str, bytes] = {}
    if Rendering.CSV in renderings:
        made[CSV] = csv_rows(content.answer.rows)
    if Rendering.PARQUET in renderings:
        from chainnode.reports.parquet import parquet_rows  # noqa: PLC0415 - an optional part

        made[PARQUET] = parquet_rows(content.answer.rows)
    if Rendering.PDF in renderings:
        from chainnode.reports.summary import summary_pdf  # noqa: PLC0415 - an optional part

        made[SUMMARY] = summary_pdf(content)
    return made


def can_read_parquet() -> bool:
    """Tell whether a Parquet table can be held against the proofs here."""
    return find_spec(_LIBRARIES[Rendering.PARQUET]) is not None


def require_parquet(data: bytes, records: Sequence[ProvenRecord]) -> None:
    """Check that a `rows.parquet` says what is proven; see `parquet.require_same_rows`.

    Raises:
        ReportsNotInstalled: the library is missing.
        InvalidEvidence: it says something else, or cannot be read.

    """
    require_installed([Rendering.PARQUET])
    from chainnode.reports.parquet import require_same_rows  # noqa: PLC0415 - an optional part

    require_same_rows(data, records)
