"""Identifiers, quorum arithmetic and the replica group.

The only file that does arithmetic on quorum sizes. No messages, no state.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType

from consensus.errors import InvalidMembership, InvalidReplicaConfig

ReplicaId = NewType("ReplicaId", int)
Epoch = NewType("Epoch", int)
View = NewType("View", int)
SequenceNumber = NewType("SequenceNumber", int)
Height = NewType("Height", int)
Digest = NewType("Digest", bytes)
Signature = NewType("Signature", bytes)
Nonce = NewType("Nonce", bytes)

DIGEST_BYTES = 32
SIGNATURE_BYTES = 64
NONCE_BYTES = 32
# Upper bound of every integer in a message: exact in JSON and far beyond any run.
INTEGER_MAX = 2**53 - 1
# f = 0 below four replicas: such a group tolerates no fault at all.
REPLICAS_MIN = 4

# A smaller window would stall on every lost CHECKPOINT (checklist B1).
WINDOW_MIN = 2

FIRST_EPOCH = Epoch(0)
FIRST_VIEW = View(0)
GENESIS_SEQUENCE = SequenceNumber(0)
NULL_BATCH_DIGEST = Digest(bytes(DIGEST_BYTES))


def sequence_of(height: Height) -> SequenceNumber:
    """Every sequence number yields exactly one block, so the two are equal in value."""
    return SequenceNumber(int(height))


def height_of(sequence: SequenceNumber) -> Height:
    """Return the height of the block that `sequence` yields."""
    return Height(int(sequence))


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The replicas of one epoch, numbered 0 … n−1; any n ≥ 4, also n ≠ 3f+1."""

    epoch: Epoch
    size: int

    def __post_init__(self) -> None:
        if self.size < REPLICAS_MIN:
            raise InvalidMembership(expected=REPLICAS_MIN, actual=self.size)

    @property
    def max_faulty(self) -> int:
        """The greatest f with 3f < n: ⌊(n−1)/3⌋."""
        return (self.size - 1) // 3

    @property
    def quorum(self) -> int:
        """⌈(n+f+1)/2⌉: any two quorums share an honest replica."""
        return (self.size + self.max_faulty) // 2 + 1

    @property
    def weak_quorum(self) -> int:
        """f+1: at least one of them is honest."""
        return self.max_faulty + 1

    @property
    def witnesses(self) -> int:
        """Quorum − 1: so many others make a quorum with us, and honest ones alone suffice."""
        return self.quorum - 1

    def primary(self, view: View) -> ReplicaId:
        """Return the primary of `view` (OSDI '99 §4.1)."""
        return ReplicaId(view % self.size)

    def is_member(self, replica: ReplicaId) -> bool:
        """Tell whether `replica` belongs to this epoch."""
        return 0 <= replica < self.size

    def are_distinct_members(self, replicas: Iterable[ReplicaId]) -> bool:
        """Tell whether no id is repeated and all are members."""
        ids = tuple(replicas)
        return len(set(ids)) == len(ids) and all(self.is_member(one) for one in ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How far ordering may run ahead of the stable checkpoint: L of OSDI '99 §4.2.

    A backup accepts twice what a primary assigns, since its own stable checkpoint may be
    some blocks behind the primary's.
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < WINDOW_MIN:
            raise InvalidReplicaConfig(
                name="window", expected=f"at least {WINDOW_MIN}", actual=self.size
            )

    def may_assign(self, sequence: SequenceNumber, *, above: SequenceNumber) -> bool:
        """Tell whether a primary with stable checkpoint `above` may use `sequence`."""
        return above < sequence <= above + self.size

    def may_accept(self, sequence: SequenceNumber, *, above: SequenceNumber) -> bool:
        """Tell whether a backup with stable checkpoint `above` may vote on `sequence`."""
        return above < sequence <= self.top(above)

    def top(self, above: SequenceNumber) -> SequenceNumber:
        """Return the high watermark over `above`."""
        return SequenceNumber(above + 2 * self.size)

    @property
    def promises_max(self) -> int:
        """What one replica can have said that binds it now.

        PRE-PREPARE, PREPARE and COMMIT for each sequence that a backup accepts; one CHECKPOINT,
        VIEW-CHANGE and NEW-VIEW.
        """
        return 3 * 2 * self.size + 3
