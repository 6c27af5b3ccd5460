"""Opens what a power cut left, as a node does, and holds it against what was said before.

A message counts when it was handed to the network before the cut. What must hold: whatever this
replica voted it still knows, so that it cannot vote otherwise; whatever block it signed is
there; a batch that it is prepared for is there with its body; what is there has no hole and is
what the honest chain has.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from chainnode import codec
from chainnode.driver.batches import Batches
from chainnode.errors import ConfigurationError, StorageError
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_entry
from chainnode.node import replica_of
from chainnode.node_base import Base, open_base
from chainnode.submission import Call
from chainnode.suites import suite_named
from chainnode.suites.port import Suite
from chainnode.voting import restored_event
from consensus.codec import Slot, message_from_plain, signed_content, slot_of
from consensus.errors import ConflictingVote, ForgottenVote
from consensus.messages import Checkpoint, Commit, Message
from consensus.replica import Replica
from tests.crash.disk import CrashState
from tests.crash.recording import RecordedNode

_ANOTHER = b"another content"
_LIMITS = codec.Limits(bytes_max=64 * 1024 * 1024)


class Lost(AssertionError):
    """A crash state lacks what was promised."""


class Opening(Enum):
    """How a node comes back."""

    VOTER = "voter"
    LEARNER = "learner"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """How a crash state opened; `reason` is what an operator reads when it is no voter."""

    opening: Opening
    height: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A message of this replica, with what its signature covers and for which slot."""

    message: Message
    slot: Slot
    content: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """The honest chain, from a node that was stopped in order.

    Header digests by height, and heights of the records that the ledger itself made.
    """

    headers: tuple[bytes, ...]
    own: tuple[int, ...] = ()


def honest_chain(node: RecordedNode, home: Path) -> Chain:
    """Read the chain from the folder of a node that does not run."""
    suite = suite_named(node.genesis.suite_name)
    with ExitStack() as stack:
        base = open_base(node.config_at(home), node.genesis, node.key, stack)
        ledger = base.ledger
        heights = range(ledger.height + 1)
        headers = tuple(ledger.header(one).digest(suite.digest) for one in heights)
        own = tuple(decode_entry(ledger.entry(one)).height for one in own_records(ledger))
        return Chain(headers, own)


class Listener:
    """Turns what a node sent into its promises; nodes pass on the messages of others too."""

    def __init__(self, node: RecordedNode) -> None:
        suite = suite_named(node.genesis.suite_name)
        self._own_id = node.place.replica_id
        self._chain_id = node.genesis.chain_id
        self._batches = Batches(genesis=node.genesis, suite=suite)

    def promise_of(self, payload: bytes) -> Promise | None:
        """Return what a message binds this replica to; None when it is not its own."""
        plain = codec.decode(payload, _LIMITS)
        message = message_from_plain(plain, open_batch=self._batches.open)
        if message.sender != self._own_id:
            return None
        content = signed_content(message, chain_id=self._chain_id, encoder=codec)
        return Promise(message=message, slot=slot_of(message), content=content)


def reopen(
    node: RecordedNode, state: CrashState, home: Path, *, said: Sequence[Promise], chain: Chain
) -> Reopened:
    """Open a crash state in `home` and verify it.

    Raises:
        Lost: it opened, and something is missing.

    """
    state.write_to(home)
    with ExitStack() as stack:
        try:
            base = open_base(node.config_at(home), node.genesis, node.key, stack)
        except (StorageError, ConfigurationError) as error:
            return Reopened(opening=Opening.REFUSED, height=0, reason=str(error))
        _require_whole(base, chain)
        if base.voting.stopped_because is not None:
            return Reopened(
                opening=Opening.LEARNER,
                height=base.ledger.height,
                reason=base.voting.stopped_because,
            )
        require_kept(base, said, chain)
        return Reopened(opening=Opening.VOTER, height=base.ledger.height, reason="")


def _require_whole(base: Base, chain: Chain) -> None:
    """Every block is that of the honest chain, with its batch, receipts and entries."""
    ledger, digest = base.ledger, suite_named(base.genesis.suite_name).digest
    for height in range(ledger.height + 1):
        if ledger.header(height).digest(digest) != chain.headers[height]:
            raise Lost(f"block {height} is another one")
        if height and not ledger.batch_bytes(height):
            raise Lost(f"block {height} has no batch")
        ledger.receipts(height)
    if len(list(ledger.entries(0, ledger.log_size))) != ledger.log_size:
        raise Lost("a log entry is missing")
    _require_own_bodies(ledger, suite_named(base.genesis.suite_name))
    _require_index(ledger)


def own_records(ledger: Ledger) -> list[int]:
    """Return where records of the ledger itself stand."""
    entries = enumerate(ledger.entries(0, ledger.log_size))
    return [position for position, data in entries if decode_entry(data).is_ledgers_own]


def _require_own_bodies(ledger: Ledger, suite: Suite) -> None:
    """Each record of the ledger itself has its body, which stands beside the batch."""
    for position in own_records(ledger):
        parts = ledger.call_parts(position)
        entry = decode_entry(ledger.entry(position))
        if parts is None:
            raise Lost(f"the body of the ledger's own record {position} is missing")
        action, public, private = parts
        call = Call(action=action, public=public, private=private)
        if call.body_digest(suite) != entry.body_digest:
            raise Lost(f"the body of the ledger's own record {position} is another one")


def _require_index(ledger: Ledger) -> None:
    """Every key of an entry that the index covers has its trail, under the index root.

    Root and size are those of the honest chain, because headers are, and opening compared them.
    """
    head = ledger.tip.head
    covered = ledger.entries(0, head.index_size)
    keys = sorted({key for one in covered for key in decode_entry(one).index_keys})
    if any(one.value is None for one in ledger.index_proof(keys, ledger.height)):
        raise Lost("a trail is missing")
    if ledger.waiting.stop != head.log_size or ledger.waiting.start != head.index_size:
        raise Lost("what waits for the index is not what the header says")


def require_kept(base: Base, said: Sequence[Promise], chain: Chain) -> None:
    """Check that an opened node knows all that it said, and can supply it.

    Raises:
        Lost: it does not.

    """
    ledger = base.ledger
    for one in said:
        if isinstance(one.message, Checkpoint):
            _require_signed_block(ledger, one.message, chain)
    replica = replica_of(base)
    replica.step(
        restored_event(
            ledger,
            base.voting.records,
            digest=suite_named(base.genesis.suite_name).digest,
            nonce=bytes(32),
            now_ms=ledger.tip.head.time_ms,
        )
    )
    for one in said:
        _require_bound(base, one)
    messages = (one.message for one in said)
    newest = {one.sequence: one for one in messages if isinstance(one, Commit)}
    for commit in newest.values():
        _require_body(ledger, replica, commit)


def _require_signed_block(ledger: Ledger, message: Checkpoint, chain: Chain) -> None:
    if ledger.height < message.height:
        raise Lost(f"signed height {message.height}, the ledger ends at {ledger.height}")
    if chain.headers[message.height] != message.header_digest:
        raise Lost(f"signed another header at height {message.height}")


def _require_bound(base: Base, promise: Promise) -> None:
    """The guard refuses any other content for what was sent."""
    if not promise.slot:
        return
    try:
        base.voting.votes.sign(slot=promise.slot, content=promise.content + _ANOTHER)
    except (ConflictingVote, ForgottenVote):
        return
    raise Lost(f"forgot {' '.join(str(one) for one in promise.slot)}")


def _require_body(ledger: Ledger, replica: Replica, message: Commit) -> None:
    """What is prepared here can be supplied (checklist G1), or a quorum has executed it."""
    if message.sequence <= max(ledger.height, replica.low_watermark):
        return
    if replica.batch_of(message.sequence, message.batch_digest) is None:
        raise Lost(f"prepared {message.sequence} and has no body")
