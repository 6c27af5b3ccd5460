"""How a replica comes back: with its votes, or as a learner that stays one and signs nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chainnode.codec import InvalidEncoding, encode
from chainnode.driver.batches import Batches
from chainnode.driver.execution import BlockExecution, CheckpointSigner
from chainnode.errors import InvariantBroken
from chainnode.proving.evidence import NotCertified
from chainnode.registry import LedgerRegistry
from chainnode.submission import key_id
from chainnode.voting import LearnerVotes, Voting, open_voting, restored_event
from consensus.codec import message_to_plain
from consensus.messages import NULL_BATCH, Checkpoint, Promise, StableCheckpoint, ViewChange
from consensus.types import Digest, Epoch, Height, ReplicaId, SequenceNumber, Signature, View
from tests.builders import NOW_MS, secret_key, submission_key, submission_of, vote_key
from tests.sites import Site
from tests.unit.chainnode.driver.fakes import prepare

NONCE = bytes(range(32))


class Restarts:
    """A replica that runs, stops and comes back on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.votes = folder / "votes"
        self.site = Site(folder)

    def open(self) -> Voting:
        batches = Batches(genesis=self.site.genesis, suite=self.site.suite)
        return open_voting(
            self.votes,
            key=vote_key("intl", 0),
            replica_id=ReplicaId(0),
            ledger=self.site.ledger,
            open_batch=batches.open,
            marker=self.folder / "vote.key.json.voted",
        )

    async def run_block(self, voting: Voting) -> None:
        """Vote, then execute an empty block and store the vote mark with it."""
        if voting.may_vote:
            voting.votes.append([prepare(self.site.ledger.height + 1)])
            voting.votes.sync()
        execution = BlockExecution(
            genesis=self.site.genesis,
            executor=self.site.executor,
            ledger=self.site.ledger,
            batches=self.site.batches,
            checkpoints=CheckpointSigner(
                replica_id=0,
                chain_id=self.site.genesis.chain_id,
                signer=voting.votes,
                may_vote=lambda: voting.may_vote,
            ),
            votes=voting.votes,
            digest=self.site.suite.digest,
        )
        await execution.execute(SequenceNumber(self.site.ledger.height + 1), NULL_BATCH)
        execution.close()


@pytest.fixture
def restarts(tmp_path: Path) -> Restarts:
    return Restarts(tmp_path)


def segment(restarts: Restarts) -> Path:
    return next(path for path in sorted(restarts.votes.iterdir()) if path.is_file())


def lose(restarts: Restarts, _: bytes) -> None:
    shutil.rmtree(restarts.votes)


def roll_back(restarts: Restarts, earlier: bytes) -> None:
    segment(restarts).write_bytes(earlier)


def corrupt(restarts: Restarts, _: bytes) -> None:
    path = segment(restarts)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


async def test_a_new_replica_votes_from_the_first_block_on(restarts: Restarts) -> None:
    voting = restarts.open()
    assert voting.may_vote
    assert voting.records == ()
    voting.votes.close()
    restarts.site.close()


async def test_a_whole_vote_log_brings_its_votes_back(restarts: Restarts) -> None:
    voting = restarts.open()
    await restarts.run_block(voting)
    voting.votes.close()

    again = restarts.open()
    assert again.may_vote
    assert again.records == (prepare(1),)
    again.votes.close()
    restarts.site.close()


@pytest.mark.parametrize("harm", [lose, roll_back, corrupt])
async def test_a_vote_log_that_is_not_whole_makes_a_learner_that_signs_nothing_and_stays_one(
    restarts: Restarts, harm: Callable[[Restarts, bytes], None]
) -> None:
    voting = restarts.open()
    earlier = segment(restarts).read_bytes()
    await restarts.run_block(voting)
    voting.votes.close()
    harm(restarts, earlier)

    learner = restarts.open()

    assert not learner.may_vote
    assert learner.stopped_because
    assert learner.records == ()
    assert isinstance(learner.votes, LearnerVotes)
    await restarts.run_block(learner)
    assert restarts.site.ledger.height == 2
    assert restarts.site.ledger.own_checkpoint(2) is None
    for _ in range(2):
        still = restarts.open()
        assert not still.may_vote
        still.votes.close()
    shutil.rmtree(restarts.votes, ignore_errors=True)
    assert not restarts.open().may_vote
    restarts.site.close()


async def test_a_key_that_has_voted_never_votes_without_its_log_even_with_a_new_ledger(
    restarts: Restarts,
) -> None:
    restarts.open().votes.close()
    shutil.rmtree(restarts.votes)

    voting = restarts.open()

    assert not voting.may_vote
    assert "has voted" in str(voting.stopped_because)
    assert not restarts.votes.exists()
    restarts.site.close()


PROMISES: dict[str, Promise] = {
    "PREPARE of view 0, sequence 7": prepare(7),
    "CHECKPOINT of height 7": Checkpoint(
        epoch=Epoch(0),
        height=Height(7),
        header_digest=Digest(bytes(32)),
        sender=ReplicaId(0),
        signature=Signature(bytes(64)),
    ),
    "VIEW-CHANGE to view 4": ViewChange(
        epoch=Epoch(0),
        new_view=View(4),
        stable=StableCheckpoint(
            epoch=Epoch(0), height=Height(0), header_digest=Digest(bytes(32)), signatures=()
        ),
        prepared=(),
        sender=ReplicaId(0),
        signature=Signature(bytes(64)),
    ),
}


@pytest.mark.parametrize("name", PROMISES)
async def test_a_key_that_signed_what_its_log_lacks_never_votes_again_and_says_why(
    restarts: Restarts, name: str
) -> None:
    voting = restarts.open()
    await restarts.run_block(voting)

    voting.end(PROMISES[name])
    voting.end(prepare(8))
    voting.votes.close()

    assert not voting.may_vote
    earlier = restarts.open()
    assert not earlier.may_vote
    assert name in str(earlier.stopped_because)
    assert "new key in a new epoch" in str(earlier.stopped_because)
    restarts.site.close()


async def test_a_block_after_the_end_of_voting_keeps_the_key_silent_even_without_its_marker(
    restarts: Restarts,
) -> None:
    voting = restarts.open()
    await restarts.run_block(voting)
    voting.end(prepare(7))
    await restarts.run_block(voting)
    voting.votes.close()
    assert restarts.site.ledger.own_checkpoint(2) is None

    (ending,) = restarts.folder.glob("*.ended")
    ending.unlink()

    assert not restarts.open().may_vote
    restarts.site.close()


async def test_a_key_that_ended_voting_says_nothing_of_another_key(restarts: Restarts) -> None:
    voting = restarts.open()
    voting.end(prepare(7))
    voting.votes.close()

    other = open_voting(
        restarts.folder / "votes of another key",
        key=vote_key("intl", 1),
        replica_id=ReplicaId(1),
        ledger=restarts.site.ledger,
        open_batch=lambda _: NULL_BATCH,
        marker=restarts.folder / "other.voted",
    )

    assert other.may_vote
    other.votes.close()
    restarts.site.close()


async def test_the_votes_of_another_key_are_not_ours(restarts: Restarts) -> None:
    voting = restarts.open()
    voting.votes.close()
    other = open_voting(
        restarts.votes,
        key=vote_key("intl", 1),
        replica_id=ReplicaId(1),
        ledger=restarts.site.ledger,
        open_batch=lambda _: NULL_BATCH,
        marker=restarts.folder / "another.voted",
    )
    assert not other.may_vote
    restarts.site.close()


def test_a_learner_that_is_asked_to_vote_is_our_own_fault() -> None:
    votes = LearnerVotes()
    with pytest.raises(InvariantBroken):
        votes.sign(slot=("prepare", 0, 0, 1), content=b"content")
    with pytest.raises(InvariantBroken):
        votes.append([prepare()])
    with pytest.raises(InvariantBroken):
        votes.rotate([prepare()])
    votes.sync()
    votes.close()
    assert not votes.is_full


def test_at_the_first_start_the_core_stands_at_genesis(restarts: Restarts) -> None:
    site = restarts.site
    event = restored_event(site.ledger, (), digest=site.suite.digest, nonce=NONCE, now_ms=NOW_MS)
    assert (event.executed, event.stable.height, event.stable.signatures) == (0, 0, ())
    assert event.header_digest == event.stable.header_digest == site.ledger.tip_digest
    assert event.checkpoints == ()
    assert event.nonce == NONCE
    site.close()


async def test_the_core_comes_back_with_tip_certificate_and_own_checkpoint(
    restarts: Restarts,
) -> None:
    site = restarts.site
    voting = restarts.open()
    await restarts.run_block(voting)
    site.certify(site.ledger.tip)
    await restarts.run_block(voting)
    voting.votes.close()

    event = restored_event(
        site.ledger,
        (prepare(),),
        digest=site.suite.digest,
        nonce=NONCE,
        now_ms=NOW_MS,
        next_block_in_ms=300,
    )

    assert event.records == (prepare(),)
    assert event.next_block_in_ms == 300
    assert event.executed == 2
    assert event.stable.height == 1
    assert len(event.stable.signatures) == 3
    (own,) = event.checkpoints
    assert (own.height, own.sender, own.epoch) == (2, 0, 0)
    assert own.header_digest == Digest(site.ledger.tip_digest)
    site.close()


async def test_the_registry_knows_keys_of_the_state_and_executed_submissions(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    registry = LedgerRegistry(site.ledger)
    known = key_id(site.suite, submission_key("intl", 0).public_key)
    unknown = key_id(site.suite, secret_key("intl", 9).public_key)
    assert registry.is_key_registered(known)
    assert not registry.is_key_registered(unknown)

    executed = submission_of(site.genesis)
    stranger = submission_of(site.genesis, key=secret_key("intl", 9))
    site.grow(executed, stranger)
    assert registry.is_executed(executed.digest)
    assert not registry.is_executed(stranger.digest)
    assert not registry.is_executed(submission_of(site.genesis, nonce=5).digest)
    with pytest.raises(NotCertified):
        site.proofs.certified_header(0)
    site.close()


async def test_a_stored_checkpoint_that_is_another_message_is_refused(
    restarts: Restarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = restarts.site
    site.grow()
    wrong = encode(message_to_plain(prepare()))
    monkeypatch.setattr(site.ledger, "newest_own_checkpoint", lambda: wrong)
    with pytest.raises(InvalidEncoding, match="CHECKPOINT"):
        restored_event(site.ledger, (), digest=site.suite.digest, nonce=NONCE, now_ms=NOW_MS)
    site.close()


async def test_a_certified_height_without_its_certificate_is_our_own_fault(
    restarts: Restarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = restarts.site
    site.grow()
    monkeypatch.setattr(site.ledger, "certificate", lambda _: None)
    with pytest.raises(InvariantBroken):
        restored_event(site.ledger, (), digest=site.suite.digest, nonce=NONCE, now_ms=NOW_MS)
    site.close()
