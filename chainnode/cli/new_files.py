"""Files that a command writes and never overwrites: evidence may be the only copy."""

from pathlib import Path

from chainnode.cli.exits import UsageProblem
from chainnode.cli.words import Text


def require_new(path: Path) -> None:
    """Refuse before work begins that could not be stored.

    Raises:
        UsageProblem: something is there already.

    """
    if path.exists() or path.is_symlink():
        raise _exists(path)


def numbered(path: Path, number: int) -> Path:
    """Return the file of the first, second … part: `FILE`, `FILE.2`, `FILE.3` and so on."""
    return path if number == 1 else path.with_name(f"{path.name}.{number}")


def write_new(path: Path, data: bytes) -> None:
    """Write a new file.

    Raises:
        UsageProblem: something is there already.

    """
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise _exists(path) from error


def _exists(path: Path) -> UsageProblem:
    return UsageProblem(
        "FILE_EXISTS",
        Text(f"文件已存在，不覆盖：{path}", f"the file exists and is not overwritten: {path}"),
    )
