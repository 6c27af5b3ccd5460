"""A ledger is set aside; what this replica's key signed of it binds all the same (G2)."""

from pathlib import Path

import pytest

from chainnode import codec
from chainnode.driver.batches import Batches
from chainnode.driver.execution import BlockExecution, CheckpointSigner
from chainnode.folder_lock import DirectoryLocked
from chainnode.ledger.directory import LEDGER_FOLDER, set_ledger_aside
from chainnode.recovery.refetching import keep_promises
from chainnode.votelog import VoteLogOfAnotherKey
from chainnode.voting import open_voting
from consensus.codec import signed_content, slot_of
from consensus.errors import ConflictingVote
from consensus.messages import NULL_BATCH, Checkpoint
from consensus.types import Digest, Epoch, Height, ReplicaId, SequenceNumber, Signature
from tests.builders import genesis_of, vote_key
from tests.sites import Site
from tests.unit.chainnode.driver.fakes import prepare

KEY = vote_key("intl", 0)
DATA = "data"
OTHER_HEADER = Digest(bytes(32))


class Life:
    """One replica on one folder, from start to stop."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.voting = open_voting(
            folder / DATA / "votes",
            key=KEY,
            replica_id=ReplicaId(0),
            ledger=self.site.ledger,
            open_batch=Batches(genesis=self.site.genesis, suite=self.site.suite).open,
            marker=_marker(folder),
        )

    async def execute(self) -> bytes:
        """Vote on an empty block and execute it, and stop before the core hears of it."""
        height = self.site.ledger.height + 1
        if self.voting.may_vote:
            self.voting.votes.append([prepare(height)])
            self.voting.votes.sync()
        execution = BlockExecution(
            genesis=self.site.genesis,
            executor=self.site.executor,
            ledger=self.site.ledger,
            batches=self.site.batches,
            checkpoints=CheckpointSigner(
                replica_id=0,
                chain_id=self.site.genesis.chain_id,
                signer=self.voting.votes,
                may_vote=lambda: self.voting.may_vote,
            ),
            votes=self.voting.votes,
            digest=self.site.suite.digest,
        )
        await execution.execute(SequenceNumber(height), NULL_BATCH)
        execution.close()
        return self.site.ledger.tip_digest

    def sign(self, height: int, header_digest: bytes) -> Signature:
        content = Checkpoint(
            epoch=Epoch(0),
            height=Height(height),
            header_digest=Digest(header_digest),
            sender=ReplicaId(0),
            signature=Signature(bytes(64)),
        )
        return self.voting.votes.sign(
            slot=slot_of(content),
            content=signed_content(content, chain_id=self.site.genesis.chain_id, encoder=codec),
        )

    def stop(self) -> None:
        self.voting.votes.close()
        self.site.close()


def _marker(folder: Path) -> Path:
    return folder / "vote.key.json.voted"


def _refetch(folder: Path, *, key: bytes = KEY.public_key) -> None:
    """Do what `kun node refetch` does."""
    keep_promises(folder / DATA, genesis=genesis_of(), key=key, marker=_marker(folder))
    assert set_ledger_aside(folder / DATA) is not None


async def _lived(folder: Path, *, blocks: int = 2) -> list[bytes]:
    """Execute blocks whose CHECKPOINTs only the ledger knows; return their headers."""
    life = Life(folder)
    headers = [await life.execute() for _ in range(blocks)]
    life.stop()
    return headers


async def test_no_second_header_is_signed_after_a_refetch(tmp_path: Path) -> None:
    """As after a divergence: the software is another one, and with it the headers."""
    first, second = await _lived(tmp_path)

    _refetch(tmp_path)

    again = Life(tmp_path)
    assert again.voting.may_vote
    assert again.site.ledger.height == 0
    for height in (1, 2):
        with pytest.raises(ConflictingVote):
            again.sign(height, OTHER_HEADER)
    assert again.sign(2, second)
    assert again.sign(3, OTHER_HEADER)
    assert first != second
    again.stop()


async def test_refetched_blocks_stand_unsigned_where_the_key_signed_before(tmp_path: Path) -> None:
    headers = await _lived(tmp_path)
    _refetch(tmp_path)

    again = Life(tmp_path)
    assert [await again.execute() for _ in range(3)][:2] == headers
    signed = [again.site.ledger.own_checkpoint(one) is not None for one in (1, 2, 3)]
    again.stop()

    assert signed == [False, True, True]


async def test_a_second_refetch_writes_nothing_twice(tmp_path: Path) -> None:
    await _lived(tmp_path)
    _refetch(tmp_path)
    again = Life(tmp_path)
    records = again.voting.records
    for _ in range(2):
        await again.execute()
    again.stop()
    _refetch(tmp_path)

    third = Life(tmp_path)
    own = [one for one in third.voting.records if isinstance(one, Checkpoint)]
    third.stop()

    assert [one.height for one in own] == [2]
    assert set(records) <= set(third.voting.records)


async def test_votes_that_are_older_than_the_blocks_end_the_voting_of_the_key(
    tmp_path: Path,
) -> None:
    """Without its blocks the older copy would look whole."""
    life = Life(tmp_path)
    (votes,) = (tmp_path / DATA / "votes").iterdir()
    earlier = votes.read_bytes()
    await life.execute()
    life.stop()
    votes.write_bytes(earlier)

    _refetch(tmp_path)

    again = Life(tmp_path)
    assert not again.voting.may_vote
    again.stop()


async def test_who_followed_as_a_learner_votes_no_more_after_a_refetch(tmp_path: Path) -> None:
    await _lived(tmp_path, blocks=1)
    (votes,) = (tmp_path / DATA / "votes").iterdir()
    whole = votes.read_bytes()
    votes.write_bytes(whole[: len(whole) // 2] + b"\xff" + whole[len(whole) // 2 + 1 :])
    learner = Life(tmp_path)
    assert not learner.voting.may_vote
    await learner.execute()
    learner.stop()
    votes.write_bytes(whole)

    _refetch(tmp_path)

    again = Life(tmp_path)
    assert not again.voting.may_vote
    again.stop()


async def test_a_ledger_that_cannot_be_read_leaves_the_votes_as_they_are(tmp_path: Path) -> None:
    await _lived(tmp_path)
    for table in (tmp_path / DATA / LEDGER_FOLDER).glob("MANIFEST-*"):
        table.write_bytes(b"damaged")
    before = [one.read_bytes() for one in (tmp_path / DATA / "votes").iterdir()]

    _refetch(tmp_path)

    assert [one.read_bytes() for one in (tmp_path / DATA / "votes").iterdir()] == before
    again = Life(tmp_path)
    assert again.voting.may_vote
    again.stop()


def test_a_node_without_ledger_or_votes_keeps_nothing(tmp_path: Path) -> None:
    keep_promises(
        tmp_path / DATA, genesis=genesis_of(), key=KEY.public_key, marker=_marker(tmp_path)
    )
    Site(tmp_path).close()

    _refetch(tmp_path)

    assert not (tmp_path / DATA / "votes").exists()


async def test_votes_of_another_key_are_refused_and_nothing_is_set_aside(tmp_path: Path) -> None:
    await _lived(tmp_path)

    with pytest.raises(VoteLogOfAnotherKey):
        _refetch(tmp_path, key=vote_key("intl", 1).public_key)

    assert (tmp_path / DATA / LEDGER_FOLDER).exists()


async def test_a_node_that_runs_is_left_alone(tmp_path: Path) -> None:
    life = Life(tmp_path)

    with pytest.raises(DirectoryLocked):
        _refetch(tmp_path)

    life.stop()
