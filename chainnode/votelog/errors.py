"""Why a vote log must not be voted with. Each of these makes the replica a learner (G4, G5)."""

from pathlib import Path

from chainnode.errors import NodeError


class VoteLogUnusable(NodeError):
    """What this replica promised is not known any more: it may follow, never vote with this key.

    The files are left as they are.
    """

    def __init__(self, where: Path, *, expected: str, actual: str) -> None:
        self.where = where
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"{where}: expected {expected}, got {actual}: this replica must not vote with this"
            " key again; start it as a learner and give it a new key in a new epoch"
        )


class VoteLogCorrupted(VoteLogUnusable):
    """Bytes that were durable once have changed."""


class VoteLogRolledBack(VoteLogUnusable):
    """The ledger was written after votes that are not in the log: lost, or an older copy."""


class VoteLogOfAnotherKey(VoteLogUnusable):
    """The log was written for another chain or another vote key."""
