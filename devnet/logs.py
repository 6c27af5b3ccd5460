"""Shows the logs of a node: what its process printed, and its structured log."""

import time
from collections.abc import Callable
from pathlib import Path

from devnet.processes import last_lines
from devnet.topology import DevnetFolder

_POLL_S = 0.2


def log_files(folder: DevnetFolder, name: str) -> tuple[Path, ...]:
    """Return the current log files of a node; rotated ones have a number behind."""
    return tuple(sorted((folder.node(name) / "logs").glob("*.log")))


def tail_logs(folder: DevnetFolder, name: str, *, count: int) -> tuple[str, ...]:
    """Return the last `count` lines of each log file."""
    return tuple(line for file in log_files(folder, name) for line in last_lines(file, count=count))


def follow_logs(folder: DevnetFolder, name: str, show: Callable[[str], None]) -> None:
    """Show new lines until Ctrl-C; a rotated file is read from its new beginning."""
    places = {file: file.stat().st_size for file in log_files(folder, name)}
    while True:
        for file in log_files(folder, name):
            places[file] = _show_new(file, places.get(file, 0), show)
        time.sleep(_POLL_S)


def _show_new(file: Path, start: int, show: Callable[[str], None]) -> int:
    """Show whole lines from `start` on and return where the next one begins."""
    size = file.stat().st_size
    if size < start:
        start = 0
    with file.open("rb") as source:
        source.seek(start)
        data = source.read(size - start)
    end = data.rfind(b"\n") + 1
    for line in data[:end].decode("utf-8", errors="replace").splitlines():
        show(line)
    return start + end
