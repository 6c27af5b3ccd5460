"""What tests of memory share: a guard that is asked, a replica that asks its peers."""

from collections.abc import Sequence

from consensus.codec import signed_content, slot_of
from consensus.effects import Record
from consensus.guard import VoteGuard
from consensus.messages import Checkpoint, Message, StableCheckpoint
from consensus.types import Signature
from tests.simulation.stubs import CHAIN_ID, ENCODER
from tests.unit.consensus.group import GENESIS, Subject, restored_at


def recalled(guard: VoteGuard, message: Message) -> Signature | None:
    """Ask a guard whether `message` may be signed."""
    content = signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)
    return guard.recall(slot=slot_of(message), content=content)


def sign_with(guard: VoteGuard, message: Message) -> None:
    """Sign `message` for the first time."""
    assert recalled(guard, message) is None
    content = signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)
    guard.remember(slot=slot_of(message), content=content, signature=message.signature)


def asking(
    replica_id: int = 1,
    *,
    size: int = 4,
    executed: int = 0,
    records: Sequence[Record] = (),
    own: Sequence[Checkpoint] = (),
    base: StableCheckpoint = GENESIS,
) -> Subject:
    """Return a replica that has not been told yet what it signed."""
    restored = restored_at(executed, records=records, own=own, base=base)
    return Subject(replica_id, size=size, restored=restored, is_wary=True)
