"""The vote key, its guard and its log in one hand: they live and are lost together (G2, G4).

`Voter` is the core's `Signer` and the driver's vote log. The guard is told of a record when it
is appended, so that the promise binds from that moment on.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chainnode import codec
from chainnode.codec import Limits
from chainnode.errors import InvalidInput
from chainnode.segments.frames import PAYLOAD_BYTES_MAX
from chainnode.suites.port import PrivateKey
from chainnode.votelog.log import VoteLog
from chainnode.votelog.opening import open_vote_log
from chainnode.votelog.segment import LEARNER_MARK, Identity
from consensus.codec import OpenBatch, record_from_plain, record_to_plain
from consensus.effects import Record
from consensus.errors import InvalidMessage
from consensus.guard import VoteGuard
from consensus.messages import Checkpoint
from consensus.types import Epoch, ReplicaId, Signature

_LIMITS: Final = Limits(bytes_max=PAYLOAD_BYTES_MAX)


class InvalidRecord(InvalidInput):
    """A payload of the vote log that is no record of this version."""


class ConsensusRecords:
    """Records as canonical MessagePack; a message keeps its wire form (wire-format §8)."""

    def __init__(self, open_batch: OpenBatch) -> None:
        self._open_batch = open_batch

    def encode(self, record: Record) -> bytes:
        """Return the payload of `record`."""
        return codec.encode(record_to_plain(record))

    def decode(self, payload: bytes) -> Record:
        """Read a payload; batch digests are recomputed.

        Raises:
            InvalidInput: it is no record.

        """
        try:
            return record_from_plain(codec.decode(payload, _LIMITS), open_batch=self._open_batch)
        except InvalidMessage as error:
            raise InvalidRecord(str(error)) from error


class Voter:
    """Signs what the guard allows, and keeps what was signed; made by `open_voter`.

    Thread-safe: the core signs votes on one thread, execution CHECKPOINTs on another.
    """

    def __init__(self, *, key: PrivateKey, guard: VoteGuard, log: VoteLog[Record]) -> None:
        self._key = key
        self._guard = guard
        self._log = log
        self._memory = threading.Lock()
        self._has_ended = False

    def is_missing(self, *, slot: tuple[str | int, ...], content: bytes) -> bool:
        """Tell whether something that bears our signature should be known here and is not."""
        with self._memory:
            return self._guard.is_missing(slot=slot, content=content)

    def end(self) -> None:
        """Mark every later block as that of a learner: this log must never be voted with."""
        self._has_ended = True

    def sign(self, *, slot: tuple[str | int, ...], content: bytes) -> Signature:
        """Return the signature over `content`; the same content gets the same bytes again.

        Raises:
            ConflictingVote: another content was, or may have been, signed for `slot`.

        """
        with self._memory:
            signature = self._guard.recall(slot=slot, content=content)
            if signature is None:
                signature = Signature(self._key.sign(content))
                self._guard.remember(slot=slot, content=content, signature=signature)
        return signature

    @property
    def is_full(self) -> bool:
        """Whether the log has grown enough for `rotate`."""
        return self._log.is_full

    def append(self, records: Sequence[Record]) -> None:
        """Queue records and let them bind; durable after the next `sync`. Raises StorageError."""
        with self._memory:
            self._log.append(records)
            self._guard.note_records(records)

    def rotate(self, restatement: Sequence[Record]) -> None:
        """Queue a new segment that starts with `Replica.restatement()`. Raises StorageError."""
        self._log.rotate(restatement)

    def sync(self) -> None:
        """Make durable what was queued. Raises StorageError: the process must stop."""
        self._log.sync()

    def mark(self) -> bytes:
        """Return how far the log is durable, for the ledger to store with its next block."""
        return LEARNER_MARK if self._has_ended else self._log.mark()

    def close(self) -> None:
        """Give the file back."""
        self._log.close()


def open_voter(
    directory: Path,
    *,
    key: PrivateKey,
    replica_id: ReplicaId,
    epoch: Epoch,
    chain_id: bytes,
    open_batch: OpenBatch,
    ledger_mark: bytes | None,
    own_checkpoint: Checkpoint | None,
) -> tuple[Voter, tuple[Record, ...]]:
    """Open the vote log and return who votes with it, and its records for `Restored`.

    `own_checkpoint` is the newest of our signatures over blocks, from the ledger.

    Raises:
        VoteLogUnusable: start as a learner: this key must not vote again.
        StorageError: the files cannot be read or written.

    """
    log, records = open_vote_log(
        directory,
        identity=Identity(chain_id=chain_id, public_key=key.public_key),
        codec=ConsensusRecords(open_batch),
        ledger_mark=ledger_mark,
    )
    guard = VoteGuard(replica_id=replica_id, epoch=epoch, chain_id=chain_id, encoder=codec)
    guard.restore(records)
    if own_checkpoint is not None:
        guard.note_checkpoint(own_checkpoint)
    return Voter(key=key, guard=guard, log=log), records
