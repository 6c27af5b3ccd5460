"""Write the vectors of epochs and forks: run `python -m tests.vectors.make_epochs`.

Formats: tests/vectors/epochs/README.md. `tests/unit/chainnode/verify/test_epoch_vectors.py`
judges each case, and makes each again.
"""

from collections.abc import Iterator
from pathlib import Path

from tests.vectors.documents import write_folder
from tests.vectors.epoch_cases import epoch_cases
from tests.vectors.epoch_story import Case, Story
from tests.vectors.fork_cases import fork_cases

FOLDER = Path(__file__).parent / "epochs"


def cases(suite_name: str) -> Iterator[Case]:
    """Yield every case of one suite."""
    story = Story(suite_name)
    yield from epoch_cases(story)
    yield from fork_cases(story)


def main() -> None:
    """Write all files anew."""
    for suite_name in ("sm", "intl"):
        write_folder(FOLDER / suite_name, cases(suite_name))


if __name__ == "__main__":
    main()
