"""The small world that is searched: four members, what may be proposed, and how it is named.

A liar in charge has the batches A and B for each slot, and L for what no quorum allows; an
honest primary proposes A in view 0 and something new, C, in a later one; NULL fills holes. No
rule of the core looks into a digest, so these stand for all others.
"""

from dataclasses import dataclass
from itertools import product

from consensus.messages import NULL_BATCH, Batch, Commit, Prepare
from consensus.types import Digest, Membership, ReplicaId, SequenceNumber, View
from tests.simulation.disk import GENESIS_DIGEST
from tests.simulation.stubs import digest_of
from tests.unit.consensus.group import batch, membership

SIZE = 4
SLOTS_MAX = 2
GROUP: Membership = membership(SIZE)

_NAMES = ("A", "B", "C", "L")
_BATCHES: dict[tuple[str, int], Batch] = {
    (name, slot): batch(10 * slot + number)
    for number, name in enumerate(_NAMES)
    for slot in range(1, SLOTS_MAX + 1)
}
BODIES: dict[Digest, Batch] = {one.digest: one for one in (*_BATCHES.values(), NULL_BATCH)}
_SHOWN: dict[bytes, str] = {
    NULL_BATCH.digest: "NULL",
    **{one.digest: f"{name}{slot}" for (name, slot), one in _BATCHES.items()},
}

Ledger = tuple[Digest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is searched: slots 1 … `slots`, views 0 … `views` − 1, one liar."""

    liar: ReplicaId
    slots: int
    views: int
    # Whether CHECKPOINTs arrive; else every schedule in which none does.
    checkpoints: bool = False
    # Which votes are heard one by one, whatever they are for; the others as `Kind.GATHER` says.
    fine: type[Prepare | Commit] | None = None
    # Whether a member that can say more at no cost always does; see `search`.
    is_eager: bool = False

    @property
    def honest(self) -> tuple[ReplicaId, ...]:
        """All but the liar, ascending."""
        return tuple(ReplicaId(one) for one in range(SIZE) if one != self.liar)

    @property
    def sequences(self) -> tuple[SequenceNumber, ...]:
        return tuple(SequenceNumber(one) for one in range(1, self.slots + 1))

    def is_led_by_liar(self, view: View) -> bool:
        return GROUP.primary(view) == self.liar


def named_batch(name: str, sequence: SequenceNumber) -> Batch:
    return _BATCHES[name, sequence]


def shown(digest: bytes) -> str:
    """Name a digest in a schedule."""
    return _SHOWN.get(digest, digest.hex()[:8])


def header_of(ledger: Ledger) -> Digest:
    return digest_of(b"".join(ledger)) if ledger else GENESIS_DIGEST


def _all_ledgers() -> tuple[Ledger, ...]:
    per_slot = tuple(
        (NULL_BATCH.digest, *(_BATCHES[name, slot].digest for name in _NAMES))
        for slot in range(1, SLOTS_MAX + 1)
    )
    return tuple(one for height in range(SLOTS_MAX + 1) for one in product(*per_slot[:height]))


LEDGERS: dict[Digest, Ledger] = {header_of(one): one for one in _all_ledgers()}
