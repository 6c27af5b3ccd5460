"""What peers send, made safe for the core: decoded, bounded, every signature verified.

Runs on threads (the signature library releases the interpreter lock). Cheap checks come first;
signature work per peer is budgeted, so that one liar cannot starve the others.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor

from chainnode import codec
from chainnode.codec import InvalidEncoding, Limits, decode
from chainnode.driver.batches import Batches
from chainnode.driver.verified import VerifiedCache
from chainnode.errors import InvalidInput
from chainnode.genesis import Genesis
from chainnode.suites.port import Suite
from consensus.codec import message_from_plain, signed_parts
from consensus.errors import InvalidMessage
from consensus.messages import Batch, Message, PrePrepare
from consensus.types import ReplicaId

# A NEW-VIEW of 31 replicas with full windows has about 1.2 MB and 70,000 elements; a
# PRE-PREPARE carries one batch of 2 MiB.
_LIMITS = Limits(bytes_max=4 * 1024 * 1024, depth_max=10, elements_max=262_144)
_VERIFIED_MAX = 65_536
# Messages of one peer that may wait for a thread at a time.
_IN_FLIGHT_PER_PEER_MAX = 512


class Intake:
    """Opens consensus messages of peers."""

    def __init__(
        self, *, genesis: Genesis, suite: Suite, batches: Batches, threads: Executor
    ) -> None:
        self._suite = suite
        self._chain_id = genesis.chain_id
        self._vote_keys = {one.replica_id: one.vote_key for one in genesis.replicas}
        self._batches = batches
        self._threads = threads
        self._verified = VerifiedCache(entries_max=_VERIFIED_MAX)
        self._in_flight: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()

    def accept(self, peer: int, payload: bytes, deliver: Callable[[Message], None]) -> None:
        """Verify `payload` on a thread, then hand the message to `deliver` on the loop.

        What is malformed, unsigned or over the peer's budget is dropped and counted.
        """
        if self._in_flight[peer] >= _IN_FLIGHT_PER_PEER_MAX:
            self.refused["over_budget"] += 1
            return
        self._in_flight[peer] += 1
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, self.open, payload)
        future.add_done_callback(lambda done: self._finish(peer, done, deliver))

    def open(self, payload: bytes) -> Message:
        """Decode one message and verify every signature in it, nested certificates included.

        Raises:
            InvalidInput: malformed, or a signature or batch that does not verify.
            InvalidMessage: decodes, but is no message.

        """
        message = message_from_plain(decode(payload, _LIMITS), open_batch=self._open_batch)
        for replica, signature, content in signed_parts(
            message,
            chain_id=self._chain_id,
            encoder=codec,
            size=len(self._vote_keys),
        ):
            self._verify(replica, signature, content)
        if isinstance(message, PrePrepare) and message.batch is not None:
            self._batches.verify_proposable(message.batch)
        return message

    def _finish(
        self, peer: int, done: "asyncio.Future[Message]", deliver: Callable[[Message], None]
    ) -> None:
        self._in_flight[peer] -= 1
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            deliver(done.result())
        elif isinstance(error, InvalidInput | InvalidMessage):
            self.refused[type(error).__name__] += 1
        else:
            raise error

    def _open_batch(self, data: bytes) -> Batch:
        try:
            return self._batches.open(data)
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
