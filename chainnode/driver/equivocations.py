"""Proofs that a replica contradicted itself, kept as evidence files that anybody can check.

One JSON file a contradicted slot (`chainnode.verify.equivocation`), a few per replica, written
once and never changed. They outlive the process and are handed out by the API; nothing in the
protocol reads them.
"""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Final

from chainnode.errors import StorageError
from chainnode.verify.equivocation import equivocation_evidence
from chainnode.verify.errors import UnreadableEvidence
from chainnode.verify.strict_json import JsonObject, read_object
from consensus.codec import slot_of
from consensus.messages import Message

# The first pair proves it; a few more show for how long it went on.
_FILES_PER_REPLICA_MAX: Final = 4
_UNFINISHED: Final = ".unfinished"


class EquivocationStore:
    """A folder of evidence files. `keep` may run on any one thread, `read` on another."""

    def __init__(self, folder: Path, *, chain_id: bytes, suite_name: str) -> None:
        self._folder = folder
        self._chain_id = chain_id
        self._suite_name = suite_name

    def keep(self, first: Message, second: Message) -> None:
        """Store the proof durably, unless its slot or its replica has enough of them.

        Raises:
            StorageError: it could not be written: the process must stop.

        """
        path = self._folder / _file_name(first)
        if path.exists() or self._kept()[first.sender] >= _FILES_PER_REPLICA_MAX:
            return
        evidence = equivocation_evidence(
            first, second, chain_id=self._chain_id, suite_name=self._suite_name
        )
        try:
            self._write(path, json.dumps(evidence).encode("ascii"))
        except OSError as error:
            raise StorageError(f"{path}: could not be written: {error.strerror}") from error

    def read(self) -> tuple[JsonObject, ...]:
        """Return all evidence that is kept; a file that somebody spoiled is left out."""
        found = []
        for path in self._paths():
            try:
                found.append(read_object(path.read_bytes()))
            except (OSError, UnreadableEvidence):
                continue
        return tuple(found)

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        unfinished = path.with_suffix(_UNFINISHED)
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))

    def _kept(self) -> Counter[int]:
        """Count files per replica, whose number stands second in each name."""
        numbers = (path.name.split("-")[1] for path in self._paths() if path.name.count("-") > 1)
        return Counter(int(one) for one in numbers if one.isdecimal())


def _file_name(message: Message) -> str:
    kind, epoch, *position = slot_of(message)
    return "-".join(str(one) for one in (epoch, message.sender, kind, *position)) + ".json"
