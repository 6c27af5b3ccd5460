"""The journal of a run: what each client was told is final, with the proof, a line each.

Written by the writers' process, followed by the run that started it, read again for the audit.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chainnode.verify.strict_json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A submission proven final to its client; `at_s` is of the machine's monotonic clock."""

    at_s: float
    height: int
    digest: str
    call_ids: tuple[str, ...]
    positions: tuple[int, ...]
    evidence: JsonObject


def encode_line(one: Acknowledged) -> str:
    """Return the line of an acknowledgement."""
    return json.dumps(asdict(one), separators=(",", ":")) + "\n"


def read_lines(journal: Path, *, start: int = 0) -> Iterator[tuple[Acknowledged, int]]:
    """Yield every whole line from the byte `start` on, and where the next one begins."""
    with journal.open("rb") as file:
        file.seek(start)
        at = start
        for line in file:
            if not line.endswith(b"\n"):
                return
            at += len(line)
            row: dict[str, Any] = json.loads(line)
            row["call_ids"] = tuple(row["call_ids"])
            row["positions"] = tuple(row["positions"])
            yield Acknowledged(**row), at
