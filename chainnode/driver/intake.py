"""What peers send, made safe for the core: decoded, bounded, every signature verified.

Runs on threads (the signature library releases the interpreter lock). Cheap checks come first;
signature work per peer is budgeted, so that one liar cannot starve the others.
"""

import asyncio
import functools
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from chainnode import codec
from chainnode.batch import DecodedBatch
from chainnode.codec import InvalidEncoding, Limits, decode
from chainnode.driver.batches import Batches, core_batch
from chainnode.driver.verified import VerifiedCache
from chainnode.errors import InvalidInput
from chainnode.genesis import Genesis
from chainnode.suites.port import Suite
from consensus.codec import message_from_plain, signed_content, signed_parts
from consensus.epochs import FROM_GENESIS, EpochStart
from consensus.errors import ConflictingCertificates, InvalidMessage
from consensus.messages import Batch, Message, NewView, PrePrepare, Recall, Status
from consensus.types import FIRST_EPOCH, Epoch, Membership, ReplicaId, Window
from consensus.validation import validate_message

# A NEW-VIEW of 31 replicas with full windows has about 1.2 MB and 70,000 elements; a
# PRE-PREPARE carries one batch of 2 MiB.
_LIMITS = Limits(bytes_max=4 * 1024 * 1024, depth_max=10, elements_max=262_144)
_VERIFIED_MAX = 65_536
# What one peer may have between its link and the core's answer to it: some rounds of votes, and
# the batches of one window with room to spare.
_IN_FLIGHT_PER_PEER_MAX = 512
_BYTES_IN_FLIGHT_PER_PEER_MAX = 64 * 1024 * 1024

# Frames of one peer on the threads at a time: a flood of one leaves a thread to the others.
_ON_THREADS_PER_PEER_MAX = 1

# Takes a message, and what to call when the core has seen it.
Deliver = Callable[[Message, Callable[[], None]], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """A frame that waits for a thread."""

    payload: bytes = field(repr=False)
    deliver: Deliver


class Intake:
    """Opens consensus messages of peers."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        suite: Suite,
        batches: Batches,
        threads: Executor,
        epoch: Epoch = FIRST_EPOCH,
        start: EpochStart = FROM_GENESIS,
    ) -> None:
        self._suite = suite
        self._chain_id = genesis.chain_id
        self._vote_keys = {one.replica_id: one.vote_key for one in genesis.replicas}
        self._membership = Membership(epoch=epoch, size=len(genesis.replicas))
        self._start = start
        self._window = Window(size=genesis.parameters.window)
        self._batches = batches
        self._threads = threads
        self._verified = VerifiedCache(entries_max=_VERIFIED_MAX)
        self._in_flight: Counter[int] = Counter()
        self._bytes_in_flight: Counter[int] = Counter()
        self._waiting: defaultdict[int, deque[_Frame]] = defaultdict(deque)
        self._on_threads: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()

    def accept(self, peer: int, payload: bytes, deliver: Deliver) -> None:
        """Verify `payload` on a thread, then hand the message to `deliver` on the loop.

        What is malformed, unsigned or over the peer's budget is dropped and counted. A message
        weighs on the budget until the core has seen it.
        """
        size = len(payload)
        if (
            self._in_flight[peer] >= _IN_FLIGHT_PER_PEER_MAX
            or self._bytes_in_flight[peer] + size > _BYTES_IN_FLIGHT_PER_PEER_MAX
        ):
            self.refused["over_budget"] += 1
            return
        self._in_flight[peer] += 1
        self._bytes_in_flight[peer] += size
        self._waiting[peer].append(_Frame(payload=payload, deliver=deliver))
        self._start_some(peer)

    def _start_some(self, peer: int) -> None:
        """Give the threads the peer's next frames, few at a time: others stand in line too."""
        waiting = self._waiting[peer]
        while waiting and self._on_threads[peer] < _ON_THREADS_PER_PEER_MAX:
            frame = waiting.popleft()
            self._on_threads[peer] += 1
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._threads, self._open_from, peer, frame.payload)
            future.add_done_callback(functools.partial(self._on_opened, peer, frame))

    def _on_opened(self, peer: int, frame: _Frame, done: "asyncio.Future[Message]") -> None:
        self._on_threads[peer] -= 1
        size = len(frame.payload)
        self._finish(done, frame.deliver, lambda: self._release(peer, size))
        self._start_some(peer)

    def held(self, peer: int) -> int:
        """Return the number of messages of a peer that the core has not seen yet."""
        return self._in_flight[peer]

    def _open_from(self, peer: int, payload: bytes) -> Message:
        message = self.open(payload)
        if isinstance(message, Status | Recall) and message.sender != peer:
            raise InvalidEncoding(
                what=f"{type(message).__name__} of replica {message.sender}",
                expected="its own link: the answer goes to the sender, whoever repeats it",
                actual=f"that of {peer}",
            )
        return message

    def open(self, payload: bytes) -> Message:
        """Decode one message and verify every signature in it, nested certificates included.

        Raises:
            InvalidInput: malformed, or a signature or batch that does not verify.
            InvalidMessage: decodes, but is no message.

        """
        opened: list[DecodedBatch] = []

        def open_batch(data: bytes) -> Batch:
            opened.append(self._decode_batch(data))
            return core_batch(opened[-1])

        message = message_from_plain(decode(payload, _LIMITS), open_batch=open_batch)
        content = signed_content(message, chain_id=self._chain_id, encoder=codec)
        self._verify(message.sender, message.signature, content)
        if not self._is_well_formed(message):
            return message
        nested = signed_parts(
            message, chain_id=self._chain_id, encoder=codec, size=len(self._vote_keys)
        )[1:]
        for replica, signature, part in nested:
            self._verify(replica, signature, part)
        if isinstance(message, PrePrepare) and message.batch is not None:
            self._keep_body(message, opened[0])
        return message

    def _is_well_formed(self, message: Message) -> bool:
        """Check the shape of what is signed before any nested signature costs anything.

        A malformed NEW-VIEW goes to the core as it is: signed, it proves its primary faulty,
        and the core refuses it by the same check. One whose certificates contradict each other
        proves too many liars, if their signatures are genuine: those are looked at next.

        Raises:
            InvalidMessage: any other message that the core would refuse for its shape.

        """
        try:
            validate_message(
                message,
                membership=self._membership,
                window=self._window,
                start=self._start,
            )
        except InvalidMessage:
            if isinstance(message, NewView):
                return False
            raise
        except ConflictingCertificates:
            return True
        return True

    def _keep_body(self, message: PrePrepare, batch: DecodedBatch) -> None:
        """Remember a body whose digest is signed: no other may push bodies out of memory."""
        if batch.digest != message.batch_digest:
            raise InvalidEncoding(
                what="batch", expected=message.batch_digest.hex(), actual=batch.digest.hex()
            )
        self._batches.verify_proposable(batch)
        self._batches.keep(batch)

    def _finish(
        self, done: "asyncio.Future[Message]", deliver: Deliver, release: Callable[[], None]
    ) -> None:
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        if error is None:
            deliver(done.result(), release)
            return
        release()
        self.refused[type(error).__name__] += 1
        if not isinstance(error, InvalidInput | InvalidMessage | asyncio.CancelledError):
            _log.error("intake_failed", extra={"reason": type(error).__name__})

    def _release(self, peer: int, size: int) -> None:
        self._in_flight[peer] -= 1
        self._bytes_in_flight[peer] -= size

    def _decode_batch(self, data: bytes) -> DecodedBatch:
        try:
            return self._batches.decode(data)
        except InvalidInput as error:
            raise InvalidEncoding(
                what="batch", expected="a canonical batch", actual=str(error)
            ) from error

    def _verify(self, replica: ReplicaId, signature: bytes, content: bytes) -> None:
        key = self._vote_keys.get(replica)
        if key is None:
            raise InvalidEncoding(
                what="sender", expected=f"0 to {len(self._vote_keys) - 1}", actual=str(replica)
            )
        remembered = (key, signature, content)
        if remembered in self._verified:
            return
        self._suite.verify(public_key=key, signature=signature, content=content)
        self._verified.add(remembered)
