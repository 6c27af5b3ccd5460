"""Write the vectors of exports: run `python -m tests.vectors.make_exports`.

Formats: tests/vectors/exports/README.md. `tests/unit/chainnode/verify/test_export_vectors.py`
judges each case, and makes each again.
"""

from collections.abc import Iterator
from pathlib import Path

from tests.vectors.archive_cases import archive_cases
from tests.vectors.documents import write_folder
from tests.vectors.export_cases import OfNobody, export_cases
from tests.vectors.export_story import Case
from tests.vectors.several_cases import several_cases

FOLDER = Path(__file__).parent / "exports"


def cases(suite_name: str) -> Iterator[Case]:
    """Yield every case of one suite."""
    yield from export_cases(suite_name)
    yield from several_cases(suite_name)
    yield from archive_cases(OfNobody(suite_name))


def main() -> None:
    """Write all files anew."""
    for suite_name in ("sm", "intl"):
        write_folder(FOLDER / suite_name, cases(suite_name))


if __name__ == "__main__":
    main()
