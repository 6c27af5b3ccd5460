"""The trace of a run: every message that arrived, every effect, every final root."""

import hashlib

from consensus.effects import (
    Broadcast,
    Effect,
    Execute,
    Persist,
    Send,
    Stabilized,
    StartTimer,
)
from consensus.messages import Message, PreparedCertificate, StableCheckpoint
from tests.simulation.disk import Ledger


class Trace:
    """Equal traces mean equal runs. A signature stands for the content that it binds."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._hash = hashlib.blake2b(digest_size=16)

    def note_delivery(self, now_ms: int, index: int, message: Message) -> None:
        self._parts.append(b"%d %d %d %b" % (now_ms, index, message.sender, message.signature))

    def note_effect(self, index: int, effect: Effect) -> None:
        self._parts.append(b"%d %b" % (index, _named(effect)))

    def note_ledger(self, ledger: Ledger) -> None:
        self._parts += [ledger.tip_digest, *(one.root for one in ledger.blocks)]

    @property
    def digest(self) -> str:
        self._hash.update(b"".join(self._parts))
        self._parts.clear()
        return self._hash.hexdigest()


def _named(effect: Effect) -> bytes:
    match effect:
        case Broadcast(message=message):
            name: bytes = message.signature
        case Send(to=to, message=message):
            name = b"%d %b" % (to, message.signature)
        case Persist(records=records):
            name = b"".join(_named_record(one) for one in records)
        case Execute(sequence=sequence, batch=batch):
            name = b"execute %d %b" % (sequence, batch.digest)
        case Stabilized(stable=stable):
            name = b"stable %d %b" % (stable.height, stable.header_digest)
        case StartTimer(timer=timer, generation=generation, duration_ms=duration_ms):
            name = b"%b %d %d" % (timer.name.encode(), generation, duration_ms)
        case _:
            name = type(effect).__name__.encode()
    return name


def _named_record(record: object) -> bytes:
    if isinstance(record, PreparedCertificate):
        return b"".join(signature for _, signature in record.prepares)
    if isinstance(record, StableCheckpoint):
        return b"".join(signature for _, signature in record.signatures)
    signature: bytes = getattr(record, "signature", b"")
    return signature
