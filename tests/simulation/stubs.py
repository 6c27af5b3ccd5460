"""Cheap stand-ins for the suite and the codec: they bind what the real ones bind.

A stub signature is a hash over the signer's id and the signed content, which holds kind,
epoch, view, sequence and sender. Nobody here can sign for somebody else but on purpose.
"""

import hashlib
import marshal

from consensus.codec import Slot
from consensus.errors import InvalidMessage
from consensus.guard import VoteGuard
from consensus.messages import Batch
from consensus.ports import Plain
from consensus.types import Digest, ReplicaId, Signature

CHAIN_ID = b"simulated chain"
# Requests from here on are signed by no client.
FIRST_FORGED_REQUEST = 1_000_000
REQUESTS_PER_BATCH_MAX = 3


class StubEncoder:
    """Plain tuples by `marshal`, version 2: injective, the same everywhere, and fast.

    Later versions write what is shared or interned in another way, and so are not canonical.
    """

    def encode(self, value: Plain) -> bytes:
        return marshal.dumps(value, 2)


ENCODER = StubEncoder()


_KEYS = tuple(b"key %d" % replica for replica in range(64))


def stub_signature(replica: ReplicaId, content: bytes) -> Signature:
    return Signature(hashlib.blake2b(content, key=_KEYS[replica], digest_size=64).digest())


def has_stub_signature(replica: int, signature: bytes, content: bytes) -> bool:
    """Tell whether `replica` signed `content`; a stranger's number is nobody's."""
    return 0 <= replica < len(_KEYS) and signature == stub_signature(ReplicaId(replica), content)


class GuardedSigner:
    """The production arrangement: guard first, then the key."""

    def __init__(self, replica: ReplicaId, guard: VoteGuard) -> None:
        self._replica = replica
        self.guard = guard

    def sign(self, *, slot: Slot, content: bytes) -> Signature:
        known = self.guard.recall(slot=slot, content=content)
        if known is not None:
            return known
        signature = stub_signature(self._replica, content)
        self.guard.remember(slot=slot, content=content, signature=signature)
        return signature

    def is_missing(self, *, slot: Slot, content: bytes) -> bool:
        return self.guard.is_missing(slot=slot, content=content)


class LooseSigner:
    """A signer without memory: what a Byzantine member would use."""

    def __init__(self, replica: ReplicaId) -> None:
        self._replica = replica

    def sign(self, *, slot: Slot, content: bytes) -> Signature:  # noqa: ARG002 (the port)
        return stub_signature(self._replica, content)

    def is_missing(self, *, slot: Slot, content: bytes) -> bool:  # noqa: ARG002 (the port)
        return False


def make_batch(time_ms: int, requests: tuple[int, ...]) -> Batch:
    body = repr((time_ms, requests)).encode()
    return Batch(digest=digest_of(body), time_ms=time_ms, body=body)


def open_batch(body: bytes) -> Batch:
    time_ms, requests = read_batch(body)
    return make_batch(time_ms, requests)


def read_batch(body: bytes) -> tuple[int, tuple[int, ...]]:
    try:
        head, _, tail = body.decode()[1:-1].partition(", ")
        return int(head), tuple(int(one) for one in tail.strip("()").split(",") if one.strip())
    except ValueError as error:
        raise InvalidMessage("not a simulated batch") from error


def is_proposable(batch: Batch) -> bool:
    """Tell whether a client signed every request, and there are not too many."""
    _, requests = read_batch(batch.body)
    are_signed = all(0 <= one < FIRST_FORGED_REQUEST for one in requests)
    return are_signed and len(requests) <= REQUESTS_PER_BATCH_MAX


def is_body_of(digest: Digest, batch: Batch) -> bool:
    """Tell whether the body really has this digest, whatever the batch says."""
    try:
        return open_batch(batch.body).digest == digest
    except InvalidMessage:
        return False


def digest_of(content: bytes) -> Digest:
    return Digest(hashlib.blake2b(content, digest_size=32).digest())
