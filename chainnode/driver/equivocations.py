"""Proofs that a replica contradicted itself, kept as evidence files that anybody can check.

One JSON file a contradicted slot (`chainnode.verify.equivocation`), a few per replica, written
once and never changed. They outlive the process and are handed out by the API; nothing in the
protocol reads them.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chainnode.errors import StorageError
from chainnode.ledger.directory import sync_folder, write_durably
from chainnode.verify.equivocation import equivocation_evidence
from chainnode.verify.errors import UnreadableEvidence
from chainnode.verify.strict_json import EVIDENCE_BYTES_MAX, JsonObject, read_object
from consensus.codec import slot_of
from consensus.messages import Message

# The first pair proves it; a few more show for how long it went on.
_FILES_PER_REPLICA_MAX: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvidence:
    """What lies in the folder; `unreadable` files of it cannot be shown."""

    items: tuple[JsonObject, ...]
    unreadable: int


class EquivocationStore:
    """A folder of evidence files. `keep` may run on any one thread, `read` on another."""

    def __init__(self, folder: Path, *, chain_id: bytes, suite_name: str) -> None:
        self._folder = folder
        self._chain_id = chain_id
        self._suite_name = suite_name

    def keep(self, first: Message, second: Message) -> None:
        """Store the proof durably, unless its slot or its replica has enough of them.

        Nor one that is larger than a reader of evidence takes: two NEW-VIEWs of a large group.

        Raises:
            StorageError: it could not be written: the process must stop.

        """
        path = self._folder / _file_name(first)
        if path.exists() or self._kept()[first.sender] >= _FILES_PER_REPLICA_MAX:
            return
        evidence = equivocation_evidence(
            first, second, chain_id=self._chain_id, suite_name=self._suite_name
        )
        content = json.dumps(evidence).encode("ascii")
        if len(content) > EVIDENCE_BYTES_MAX:
            return
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(mode=0o700)
                sync_folder(self._folder.parent)
            write_durably(path, content)
        except OSError as error:
            raise StorageError(f"{path}: could not be written: {error.strerror}") from error

    def read(self) -> KeptEvidence:
        """Return all evidence that is kept; a file that somebody spoiled hides no other."""
        found, unreadable = [], 0
        for path in self._paths():
            try:
                found.append(read_object(path.read_bytes()))
            except (OSError, UnreadableEvidence):
                unreadable += 1
        return KeptEvidence(items=tuple(found), unreadable=unreadable)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))

    def _kept(self) -> Counter[int]:
        """Count files per replica, whose number stands second in each name."""
        numbers = (path.name.split("-")[1] for path in self._paths() if path.name.count("-") > 1)
        return Counter(int(one) for one in numbers if one.isdecimal())


def _file_name(message: Message) -> str:
    kind, epoch, *position = slot_of(message)
    return "-".join(str(one) for one in (epoch, message.sender, kind, *position)) + ".json"
