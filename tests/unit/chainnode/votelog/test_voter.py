"""The vote key with its guard and its log: one content per slot, over restarts."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode import codec
from chainnode.errors import InvalidInput
from chainnode.suites import suite_named
from chainnode.votelog import (
    ConsensusRecords,
    VoteLogOfAnotherKey,
    VoteLogRolledBack,
    Voter,
    open_voter,
)
from consensus.codec import signed_content, slot_of
from consensus.effects import Record
from consensus.errors import ConflictingVote, InvalidMessage
from consensus.messages import (
    Batch,
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.types import Digest, Epoch, Height, ReplicaId, SequenceNumber, Signature, View

CHAIN = b"c" * 32
SUITE = suite_named("sm")
KEY = SUITE.load_private_key(bytes(31) + b"\x07")
SELF = ReplicaId(2)
UNSIGNED = Signature(bytes(64))


def open_batch(body: bytes) -> Batch:
    """Take any body but one as a batch."""
    if body == b"wrong":
        raise InvalidMessage("batch: expected a batch, got another thing")
    return Batch(digest=Digest(SUITE.digest(body)), time_ms=1, body=body)


def opened(
    directory: Path,
    mark: bytes | None = None,
    checkpoint: Checkpoint | None = None,
    secret: bytes = KEY.secret_bytes(),
) -> tuple[Voter, tuple[Record, ...]]:
    """Open the voter of replica 2."""
    return open_voter(
        directory,
        key=SUITE.load_private_key(secret),
        replica_id=SELF,
        epoch=Epoch(0),
        chain_id=CHAIN,
        open_batch=open_batch,
        ledger_mark=mark,
        own_checkpoint=checkpoint,
    )


def prepare(sequence: int, digest: bytes = b"d" * 32, view: int = 0) -> Prepare:
    """Build an unsigned PREPARE of replica 2."""
    return Prepare(
        epoch=Epoch(0),
        view=View(view),
        sequence=SequenceNumber(sequence),
        batch_digest=Digest(digest),
        sender=SELF,
        signature=UNSIGNED,
    )


def checkpoint(height: int, digest: bytes = b"h" * 32, signature: bytes = UNSIGNED) -> Checkpoint:
    """Build a CHECKPOINT of replica 2."""
    return Checkpoint(
        epoch=Epoch(0),
        height=Height(height),
        header_digest=Digest(digest),
        sender=SELF,
        signature=Signature(signature),
    )


def signed(voter: Voter, message: Message) -> Signature:
    """Let the voter sign a message."""
    content = signed_content(message, chain_id=CHAIN, encoder=codec)
    return voter.sign(slot=slot_of(message), content=content)


def keep(voter: Voter, vote: Prepare) -> Prepare:
    """Sign a vote and make it durable, as a `Persist` does."""
    kept = replace(vote, signature=signed(voter, vote))
    voter.append([kept])
    voter.sync()
    return kept


def stable(height: int) -> StableCheckpoint:
    """Build a certificate."""
    return StableCheckpoint(
        epoch=Epoch(0),
        height=Height(height),
        header_digest=Digest(b"h" * 32),
        signatures=((ReplicaId(0), UNSIGNED), (ReplicaId(1), UNSIGNED), (SELF, UNSIGNED)),
    )


def every_kind_of_record() -> tuple[Record, ...]:
    """Build one of each."""
    batch = open_batch(b"body")
    certificate = PreparedCertificate(
        epoch=Epoch(0),
        view=View(1),
        sequence=SequenceNumber(3),
        batch_digest=batch.digest,
        primary_signature=UNSIGNED,
        prepares=((SELF, UNSIGNED), (ReplicaId(3), UNSIGNED)),
    )
    pre_prepare = PrePrepare(
        epoch=Epoch(0),
        view=View(1),
        sequence=SequenceNumber(3),
        batch_digest=batch.digest,
        sender=ReplicaId(1),
        signature=UNSIGNED,
        batch=batch,
    )
    bare = replace(pre_prepare, batch=None)
    commit = Commit(
        epoch=Epoch(0),
        view=View(1),
        sequence=SequenceNumber(3),
        batch_digest=batch.digest,
        sender=SELF,
        signature=UNSIGNED,
    )
    view_change = ViewChange(
        epoch=Epoch(0),
        new_view=View(2),
        stable=stable(1),
        prepared=(certificate,),
        sender=SELF,
        signature=UNSIGNED,
    )
    new_view = NewView(
        epoch=Epoch(0),
        view=View(2),
        view_changes=(view_change,),
        pre_prepares=(bare,),
        sender=SELF,
        signature=UNSIGNED,
    )
    return (
        *(stable(1), pre_prepare, bare, prepare(3, view=1), certificate, commit),
        *(view_change, new_view),
    )


def test_every_kind_of_record_comes_back_equal_after_a_restart(tmp_path: Path) -> None:
    voter, _ = opened(tmp_path / "votes")
    records = every_kind_of_record()
    voter.append(records)
    voter.sync()
    voter.close()
    assert opened(tmp_path / "votes", voter.mark())[1] == records


def test_a_signature_verifies_and_the_same_content_gets_the_same_bytes(tmp_path: Path) -> None:
    voter, _ = opened(tmp_path / "votes")
    vote = prepare(5)
    first = signed(voter, vote)
    assert signed(voter, vote) == first
    content = signed_content(vote, chain_id=CHAIN, encoder=codec)
    SUITE.verify(public_key=KEY.public_key, signature=first, content=content)


def test_a_second_content_for_a_slot_is_refused_in_this_life_and_the_next(tmp_path: Path) -> None:
    voter, _ = opened(tmp_path / "votes")
    kept = keep(voter, prepare(5))
    other = prepare(5, b"e" * 32)
    with pytest.raises(ConflictingVote, match="prepare 0 0 5"):
        signed(voter, other)
    voter.close()
    voter, records = opened(tmp_path / "votes", voter.mark())
    assert records == (kept,)
    with pytest.raises(ConflictingVote):
        signed(voter, other)
    assert signed(voter, prepare(5)) == kept.signature


def test_our_newest_checkpoint_comes_from_the_ledger_and_binds(tmp_path: Path) -> None:
    voter, _ = opened(tmp_path / "votes", checkpoint=checkpoint(9, signature=b"s" * 64))
    assert signed(voter, checkpoint(9)) == b"s" * 64
    for refused in (checkpoint(9, b"g" * 32), checkpoint(8)):
        with pytest.raises(ConflictingVote):
            signed(voter, refused)
    assert signed(voter, checkpoint(10))


def test_a_stored_stable_checkpoint_forgets_votes_below_it_for_good(tmp_path: Path) -> None:
    voter, _ = opened(tmp_path / "votes")
    voter.append([stable(5)])
    with pytest.raises(ConflictingVote):
        signed(voter, prepare(5))
    assert signed(voter, prepare(6))


def test_a_status_promises_nothing_and_is_signed_every_time(tmp_path: Path) -> None:
    voter, _ = opened(tmp_path / "votes")
    status = Status(
        epoch=Epoch(0),
        view=View(0),
        stable_height=Height(0),
        prepared=SequenceNumber(0),
        committed=SequenceNumber(0),
        executed=SequenceNumber(0),
        sender=SELF,
        signature=UNSIGNED,
    )
    assert signed(voter, status) != signed(voter, status)


def test_votes_and_checkpoints_may_be_signed_on_two_threads(tmp_path: Path) -> None:
    voter, _ = opened(tmp_path / "votes")
    failed: list[Exception] = []

    def repeat(sign_one: Callable[[int], object]) -> None:
        try:
            for number in range(1, 101):
                sign_one(number)
        except Exception as error:  # noqa: BLE001 - a thread has no other way to tell
            failed.append(error)

    def vote(number: int) -> None:
        voter.append([replace(prepare(number), signature=signed(voter, prepare(number)))])
        voter.append([stable(number)])

    threads = [
        threading.Thread(target=repeat, args=(vote,)),
        threading.Thread(target=repeat, args=(lambda n: signed(voter, checkpoint(n)),)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_after_a_rotation_the_restatement_still_binds(tmp_path: Path) -> None:
    voter, _ = opened(tmp_path / "votes")
    kept = keep(voter, prepare(5))
    assert not voter.is_full
    voter.rotate([kept])
    voter.sync()
    voter.close()
    voter, records = opened(tmp_path / "votes", voter.mark())
    assert records == (kept,)
    with pytest.raises(ConflictingVote):
        signed(voter, prepare(5, b"e" * 32))


def test_a_key_without_its_votes_does_not_vote(tmp_path: Path) -> None:
    voter, _ = opened(tmp_path / "votes")
    keep(voter, prepare(5))
    with pytest.raises(VoteLogRolledBack):
        opened(tmp_path / "elsewhere", voter.mark())


def test_votes_of_another_key_are_no_licence_for_this_one(tmp_path: Path) -> None:
    opened(tmp_path / "votes")[0].close()
    with pytest.raises(VoteLogOfAnotherKey):
        opened(tmp_path / "votes", secret=bytes(31) + b"\x08")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc0",
        codec.encode((99,)),
        codec.encode((7, 0, 0, 0, 0, 0, 0, 1, bytes(64))),
        codec.encode((2, 0, 0)),
        codec.encode((1, 0, 0, 1, b"d" * 32, 0, bytes(64), (b"wrong",))),
    ],
    ids=["empty", "nil", "unknown kind", "no record of this log", "short", "wrong batch"],
)
def test_a_payload_that_is_no_record_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidInput):
        ConsensusRecords(open_batch).decode(payload)
