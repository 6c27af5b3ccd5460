"""Why the spool takes or gives nothing, by whose fault it is."""

from pathlib import Path

from chainnode.errors import NodeError, StorageError


class SpoolFull(NodeError):
    """There is no room for an entry; the gateway answers 503 and releases nothing."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"the spool is full: {what}: expected {expected}, got {actual}")


class SpoolConflict(NodeError):
    """Other calls stand under this identity already; the ledger would refuse the second."""

    def __init__(self, *, call_id: bytes, entry_id: int) -> None:
        self.call_id = call_id
        self.entry_id = entry_id
        super().__init__(
            f"call {call_id.hex()}: expected the calls of entry {entry_id}, which stand under this"
            " identity already, got other ones"
        )


class UnknownEntry(NodeError):
    """No entry has this id, or it was settled so long ago that it is forgotten here."""

    def __init__(self, *, entry_id: int) -> None:
        self.entry_id = entry_id
        super().__init__(f"expected an entry of this spool, got the id {entry_id}")


class SpoolCorrupted(StorageError):
    """Bytes that were durable once have changed, or are not this version's. Nothing is touched."""

    def __init__(self, where: Path, *, expected: str, actual: str) -> None:
        self.where = where
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"{where}: spool: expected {expected}, got {actual}: keep the folder, it holds what the"
            " ledger may not have yet; start with an empty one meanwhile"
        )


class SpoolOfAnotherChain(StorageError):
    """The folder holds testimony for another chain."""

    def __init__(self, where: Path) -> None:
        self.where = where
        super().__init__(f"{where}: spool: expected entries for this chain, got another chain's")


class UnknownSpoolFormat(StorageError):
    """The folder was written by another version."""

    def __init__(self, where: Path, *, expected: str, actual: str) -> None:
        self.where = where
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"{where}: spool: expected {expected}, got {actual}; run the kun that wrote it"
        )
