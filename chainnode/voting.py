"""How a replica comes back: with its votes, or, when they are not whole, as a learner.

Joins the vote log and the ledger into the core's first event (checklist G3, G4).
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from chainnode.codec import InvalidEncoding, Limits, decode
from chainnode.errors import InvariantBroken
from chainnode.ledger.chain import Ledger
from chainnode.ledger.merkle import Hash
from chainnode.secret_files import read_secret_file, write_secret_file
from chainnode.suites.port import PrivateKey
from chainnode.votelog import VoteLogUnusable, Voter, open_voter
from consensus.codec import OpenBatch, certificate_from_plain, message_from_plain, slot_of
from consensus.effects import Record
from consensus.errors import InvalidMessage
from consensus.events import Restored
from consensus.messages import NULL_BATCH, Batch, Checkpoint, Promise, StableCheckpoint
from consensus.types import (
    FIRST_EPOCH,
    Digest,
    Epoch,
    Height,
    Nonce,
    ReplicaId,
    Signature,
    sequence_of,
)

# A certificate of 31 replicas, or one checkpoint.
_STORED_LIMITS = Limits(bytes_max=16 * 1024, depth_max=4, elements_max=256)

# Digits of the public key that name the file which ends its voting.
_KEY_DIGITS = 16
_REASON_BYTES_MAX = 4096
_MARKER_TEXT = b"This vote key has voted. Without its vote log it must never vote again.\n"

_log = logging.getLogger(__name__)


class LearnerVotes:
    """Stands where a voter would: a learner signs nothing and promises nothing."""

    is_full = False

    def sign(self, *, slot: tuple[str | int, ...], content: bytes) -> Signature:
        """Refuse: the core of a learner never asks."""
        raise InvariantBroken(f"a learner was asked to sign {slot} ({len(content)} bytes)")

    def is_missing(self, *, slot: tuple[str | int, ...], content: bytes) -> bool:  # noqa: ARG002 - the port
        """Deny it: a learner has no memory that could lack anything."""
        return False

    def append(self, records: Sequence[Record]) -> None:
        """Refuse: the core of a learner persists nothing."""
        raise InvariantBroken(f"a learner was asked to store {len(records)} votes")

    def rotate(self, restatement: Sequence[Record]) -> None:
        """Refuse, as `append`."""
        raise InvariantBroken(f"a learner was asked to restate {len(restatement)} votes")

    def sync(self) -> None:
        """Nothing was appended."""

    def mark(self) -> bytes:
        """There is no vote log to point into."""
        return b""

    def close(self) -> None:
        """Nothing is open."""


class Voting:
    """A replica's vote key with its log, or the reason why it only learns. Loop thread only."""

    def __init__(
        self,
        votes: Voter | LearnerVotes,
        *,
        records: tuple[Record, ...] = (),
        stopped_because: str | None = None,
        ending: Path,
    ) -> None:
        self.votes = votes
        self.records = records
        self.stopped_because = stopped_because
        self._ending = ending

    @property
    def may_vote(self) -> bool:
        """Whether this replica signs."""
        return self.stopped_because is None

    def end(self, promise: Promise) -> None:
        """Never sign again, in no later life either: this key signed what its log lacks.

        Raises:
            StorageError: it is unknown whether a later life will know; the process must stop.

        """
        reason = (
            f"a peer holds the {_name(promise)} that this key signed, and the vote log here does"
            " not know of it: the data directory is an older copy, or another process uses the"
            " key: it follows as a learner; give this replica a new key in a new epoch"
        )
        _log.error("voting_stopped", extra={"reason": "VotesForgotten"})
        self.stopped_because = reason
        if isinstance(self.votes, Voter):
            self.votes.end()
        end_for_good(self._ending, reason)


def ending_of(marker: Path, public_key: bytes) -> Path:
    """Name the file beside the vote key that says that this key has ended voting."""
    return marker.with_name(f"{marker.stem}.{public_key.hex()[:_KEY_DIGITS]}.ended")


def end_for_good(ending: Path, reason: str) -> None:
    """Make every later life of a key a learner; the first reason stays."""
    if not ending.exists():
        write_secret_file(ending, reason.encode() + b"\n")


def _name(promise: Promise) -> str:
    kind, _, *position = slot_of(promise)
    named = {
        "preprepare": "PRE-PREPARE of view {}, sequence {}",
        "prepare": "PREPARE of view {}, sequence {}",
        "commit": "COMMIT of view {}, sequence {}",
        "checkpoint": "CHECKPOINT of height {}",
        "viewchange": "VIEW-CHANGE to view {}",
        "newview": "NEW-VIEW of view {}",
    }
    return named[str(kind)].format(*position)


def open_voting(
    directory: Path,
    *,
    key: PrivateKey,
    replica_id: ReplicaId,
    epoch: Epoch = FIRST_EPOCH,
    ledger: Ledger,
    open_batch: OpenBatch,
    marker: Path,
) -> Voting:
    """Open the vote log behind the ledger; an unusable one makes a learner, never a voter.

    `marker` lies beside the key and says that it has voted: with it and without a vote log
    nobody knows any more what was promised (checklist G2). A second file there, named after
    the key, says that the key has ended voting for good (checklist G4).

    Raises:
        StorageError, SecretFileRefused: the files cannot be read or written.

    """
    ending = ending_of(marker, key.public_key)
    if ending.exists():
        reason = read_secret_file(ending, bytes_max=_REASON_BYTES_MAX).decode(errors="replace")
        return _learner(reason.strip(), kind="VotesForgotten", ending=ending)
    if marker.exists() and not (directory.is_dir() and any(directory.iterdir())):
        reason = (
            f"{directory}: expected the vote log of a key that has voted ({marker}), got none:"
            " start as a learner and give this replica a new key in a new epoch"
        )
        return _learner(reason, kind="VoteLogMissing", ending=ending)
    try:
        voter, records = open_voter(
            directory,
            key=key,
            replica_id=replica_id,
            epoch=epoch,
            chain_id=ledger.tip.head.chain_id,
            open_batch=open_batch,
            ledger_mark=ledger.vote_mark(),
            own_checkpoint=newest_own_checkpoint(ledger),
        )
    except VoteLogUnusable as error:
        return _learner(str(error), kind=type(error).__name__, ending=ending)
    if not marker.exists():
        write_secret_file(marker, _MARKER_TEXT)
    return Voting(voter, records=records, ending=ending)


def _learner(reason: str, *, kind: str, ending: Path) -> Voting:
    _log.error("voting_stopped", extra={"reason": kind})
    return Voting(LearnerVotes(), stopped_because=reason, ending=ending)


def restored_event(
    ledger: Ledger,
    records: tuple[Record, ...],
    *,
    digest: Hash,
    nonce: bytes,
    now_ms: int,
    decided: tuple[Batch, ...] = (),
    next_block_in_ms: int | None = None,
) -> Restored:
    """Return the core's first event of this process; `nonce` is random and of this life alone.

    `decided` are the batches above the ledger that a recovery record keeps; `next_block_in_ms`
    is as in `ExecutedBatch`, after the ledger's tip.
    """
    stable = stable_here(ledger, digest)
    return Restored(
        records=records,
        stable=stable,
        executed=sequence_of(Height(ledger.height)),
        header_digest=Digest(ledger.tip_digest),
        time_ms=ledger.tip.head.time_ms,
        checkpoints=_own_checkpoints(ledger, above=stable.height),
        nonce=Nonce(nonce),
        now_ms=now_ms,
        decided=decided,
        next_block_in_ms=next_block_in_ms,
    )


def stable_here(ledger: Ledger, digest: Hash) -> StableCheckpoint:
    """Return the newest certificate that the ledger holds, as the core knows it."""
    height = ledger.certified_height
    stored = ledger.certificate(height)
    if stored is not None:
        return decode_stable(stored)
    if height:
        raise InvariantBroken(f"height {height} is certified, but its certificate is not stored")
    return StableCheckpoint(
        epoch=Epoch(0),
        height=Height(0),
        header_digest=Digest(ledger.header(0).digest(digest)),
        signatures=(),
    )


def decode_stable(data: bytes) -> StableCheckpoint:
    """Read a certificate as it is stored with a block; its signatures are not verified.

    Raises:
        InvalidEncoding, InvalidMessage: malformed.

    """
    return certificate_from_plain(decode(data, _STORED_LIMITS))


def newest_own_checkpoint(ledger: Ledger) -> Checkpoint | None:
    """Return what this replica signed last, as the core knows it."""
    stored = ledger.newest_own_checkpoint()
    return None if stored is None else decode_checkpoint(stored)


def _own_checkpoints(ledger: Ledger, *, above: int) -> tuple[Checkpoint, ...]:
    """List our CHECKPOINTs that peers may still need, ascending, and the newest in any case.

    Blocks run ahead of the stable one by two windows at most, so that these are few.
    """
    newest = newest_own_checkpoint(ledger)
    if newest is None:
        return ()
    stored = (ledger.own_checkpoint(one) for one in range(above + 1, newest.height))
    return (*(decode_checkpoint(one) for one in stored if one is not None), newest)


def decode_checkpoint(data: bytes) -> Checkpoint:
    """Read a CHECKPOINT message as it is stored with a block; its signature is not verified.

    Raises:
        InvalidEncoding: malformed, or another message.

    """
    try:
        message = message_from_plain(decode(data, _STORED_LIMITS), open_batch=lambda _: NULL_BATCH)
    except InvalidMessage as error:
        raise InvalidEncoding(
            what="checkpoint", expected="a CHECKPOINT message", actual=str(error)
        ) from error
    if not isinstance(message, Checkpoint):
        raise InvalidEncoding(
            what="checkpoint", expected="a CHECKPOINT message", actual=type(message).__name__
        )
    return message
