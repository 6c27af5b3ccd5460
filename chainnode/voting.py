"""How a replica comes back: with its votes, or, when they are not whole, as a learner.

Joins the vote log and the ledger into the core's first event (checklist G3, G4).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chainnode.codec import InvalidEncoding, Limits, decode
from chainnode.errors import InvariantBroken
from chainnode.ledger.chain import Ledger
from chainnode.ledger.merkle import Hash
from chainnode.secret_files import write_secret_file
from chainnode.suites.port import PrivateKey
from chainnode.votelog import VoteLogUnusable, Voter, open_voter
from consensus.codec import OpenBatch, certificate_from_plain, message_from_plain
from consensus.effects import Record
from consensus.errors import InvalidMessage
from consensus.events import Restored
from consensus.messages import NULL_BATCH, Checkpoint, StableCheckpoint
from consensus.types import (
    Digest,
    Epoch,
    Height,
    ReplicaId,
    Signature,
    sequence_of,
)

# A certificate of 31 replicas, or one checkpoint.
_STORED_LIMITS = Limits(bytes_max=16 * 1024, depth_max=4, elements_max=256)

_MARKER_TEXT = b"This vote key has voted. Without its vote log it must never vote again.\n"

_log = logging.getLogger(__name__)


class LearnerVotes:
    """Stands where a voter would: a learner signs nothing and promises nothing."""

    is_full = False

    def sign(self, *, slot: tuple[str | int, ...], content: bytes) -> Signature:
        """Refuse: the core of a learner never asks."""
        raise InvariantBroken(f"a learner was asked to sign {slot} ({len(content)} bytes)")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Voting:
    """A replica's vote key with its log, or the reason why it only learns."""

    votes: Voter | LearnerVotes
    records: tuple[Record, ...]
    stopped_because: str | None

    @property
    def may_vote(self) -> bool:
        """Whether this replica signs."""
        return self.stopped_because is None


def open_voting(
    directory: Path,
    *,
    key: PrivateKey,
    replica_id: ReplicaId,
    ledger: Ledger,
    open_batch: OpenBatch,
    marker: Path,
) -> Voting:
    """Open the vote log behind the ledger; an unusable one makes a learner, never a voter.

    `marker` lies beside the key and says that it has voted: with it and without a vote log
    nobody knows any more what was promised (checklist G2).

    Raises:
        StorageError, SecretFileRefused: the files cannot be read or written.

    """
    if marker.exists() and not (directory.is_dir() and any(directory.iterdir())):
        _log.error("voting_stopped", extra={"reason": "VoteLogMissing"})
        reason = (
            f"{directory}: expected the vote log of a key that has voted ({marker}), got none:"
            " start as a learner and give this replica a new key in a new epoch"
        )
        return Voting(votes=LearnerVotes(), records=(), stopped_because=reason)
    try:
        voter, records = open_voter(
            directory,
            key=key,
            replica_id=replica_id,
            epoch=Epoch(0),
            chain_id=ledger.tip.head.chain_id,
            open_batch=open_batch,
            ledger_mark=ledger.vote_mark(),
            own_checkpoint=_own_checkpoint(ledger),
        )
    except VoteLogUnusable as error:
        _log.error("voting_stopped", extra={"reason": type(error).__name__})
        return Voting(votes=LearnerVotes(), records=(), stopped_because=str(error))
    if not marker.exists():
        write_secret_file(marker, _MARKER_TEXT)
    return Voting(votes=voter, records=records, stopped_because=None)


def restored_event(
    ledger: Ledger, records: tuple[Record, ...], *, digest: Hash, now_ms: int
) -> Restored:
    """Return the core's first event of this process."""
    return Restored(
        records=records,
        stable=_stable(ledger, digest),
        executed=sequence_of(Height(ledger.height)),
        header_digest=Digest(ledger.tip_digest),
        time_ms=ledger.tip.head.time_ms,
        checkpoint=_own_checkpoint(ledger),
        now_ms=now_ms,
    )


def _stable(ledger: Ledger, digest: Hash) -> StableCheckpoint:
    height = ledger.certified_height
    stored = ledger.certificate(height)
    if stored is not None:
        return certificate_from_plain(decode(stored, _STORED_LIMITS))
    if height:
        raise InvariantBroken(f"height {height} is certified, but its certificate is not stored")
    return StableCheckpoint(
        epoch=Epoch(0),
        height=Height(0),
        header_digest=Digest(ledger.header(0).digest(digest)),
        signatures=(),
    )


def _own_checkpoint(ledger: Ledger) -> Checkpoint | None:
    stored = ledger.own_checkpoint(ledger.height)
    return None if stored is None else decode_checkpoint(stored)


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
