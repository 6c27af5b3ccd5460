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
    """Name an effect by what it is about; most are messages and timers."""
    if isinstance(effect, Broadcast):
        return effect.message.signature
    if isinstance(effect, Send):
        return b"%d %b" % (effect.to, effect.message.signature)
    if isinstance(effect, StartTimer):
        return b"%d %d" % (effect.generation, effect.duration_ms)
    if isinstance(effect, Persist):
        return b"".join(map(_named_record, effect.records))
    return _named_seldom(effect)


def _named_seldom(effect: Effect) -> bytes:
    match effect:
        case Execute(sequence=sequence, batch=batch):
            return b"execute %d %b" % (sequence, batch.digest)
        case Stabilized(stable=stable):
            return b"stable %d %b" % (stable.height, stable.header_digest)
        case _:
            return type(effect).__name__.encode()


def _named_record(record: object) -> bytes:
    if isinstance(record, PreparedCertificate):
        return b"".join(signature for _, signature in record.prepares)
    if isinstance(record, StableCheckpoint):
        return b"".join(signature for _, signature in record.signatures)
    signature: bytes = getattr(record, "signature", b"")
    return signature
