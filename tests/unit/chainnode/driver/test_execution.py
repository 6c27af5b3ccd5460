"""The execution thread: own blocks are signed and stored in one write, others' only when equal."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chainnode.batch import build_batch
from chainnode.codec import Limits, decode
from chainnode.driver.certified import CertifiedBlocks
from chainnode.driver.execution import (
    BlockExecution,
    CheckpointSigner,
    ExecutionDiverged,
    ProvenBlock,
)
from chainnode.ledger.types import checkpoint_content
from chainnode.submission import SubmissionDigest
from chainnode.voting import decode_checkpoint
from consensus.codec import certificate_from_plain, message_from_plain
from consensus.effects import Record
from consensus.errors import ConflictingVote, ForgottenVote
from consensus.messages import NULL_BATCH, Batch
from consensus.types import SequenceNumber, Signature
from tests.builders import NOW_MS, submission_of, vote_key
from tests.sites import Site

_LIMITS = Limits(bytes_max=65_536)


class KeyOfReplica:
    """A signer without a guard, and a vote log without a file."""

    def __init__(self, replica_id: int = 0) -> None:
        self.key = vote_key("intl", replica_id)
        self.contents: list[bytes] = []
        self.refused: dict[int, ConflictingVote] = {}

    def sign(self, *, slot: tuple[str | int, ...], content: bytes) -> Signature:
        if (refusal := self.refused.get(int(slot[-1]))) is not None:
            raise refusal
        self.contents.append(content)
        return Signature(self.key.sign(content))

    def is_missing(self, *, slot: tuple[str | int, ...], content: bytes) -> bool:
        raise AssertionError(slot, content)

    def append(self, records: tuple[Record, ...]) -> None:
        raise AssertionError(records)

    def mark(self) -> bytes:
        return b"mark"


class Bench:
    """Execution over the ledger of a site."""

    def __init__(self, site: Site, *, may_vote: bool = True) -> None:
        self.site = site
        self.may_vote = may_vote
        self.key = KeyOfReplica()
        self.signer = CheckpointSigner(
            replica_id=0,
            chain_id=site.genesis.chain_id,
            signer=self.key,
            may_vote=lambda: self.may_vote,
        )
        self.execution = BlockExecution(
            genesis=site.genesis,
            executor=site.executor,
            ledger=site.ledger,
            batches=site.batches,
            checkpoints=self.signer,
            votes=self.key,
            digest=site.suite.digest,
        )

    def batch(self, height: int = 1) -> Batch:
        return self.site.batches.keep(
            build_batch(
                self.site.suite,
                chain_id=self.site.genesis.chain_id,
                time_ms=NOW_MS + height,
                submissions=[submission_of(self.site.genesis, nonce=height)],
            )
        )


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


async def test_an_executed_block_is_stored_with_our_checkpoint_and_the_vote_mark(
    site: Site,
) -> None:
    bench = Bench(site)
    batch = bench.batch()

    done = await bench.execution.execute(SequenceNumber(1), batch)
    bench.execution.close()

    assert site.ledger.height == 1
    assert site.ledger.vote_mark() == b"mark"
    assert done.header_digest == site.ledger.tip_digest
    assert done.submissions == tuple(one.digest for one in site.batches.decoded(batch).submissions)
    stored = site.ledger.own_checkpoint(1)
    assert stored is not None
    assert (
        message_from_plain(decode(stored, _LIMITS), open_batch=lambda _: NULL_BATCH)
        == done.checkpoint
    )
    content = checkpoint_content(
        chain_id=site.genesis.chain_id,
        epoch=0,
        height=1,
        header_digest=site.ledger.tip_digest,
    )
    assert bench.key.contents == [content]


async def test_a_learner_executes_and_signs_nothing(site: Site) -> None:
    bench = Bench(site, may_vote=False)
    done = await bench.execution.execute(SequenceNumber(1), bench.batch())
    bench.execution.close()
    assert done.checkpoint is None
    assert site.ledger.own_checkpoint(1) is None
    assert bench.key.contents == []


@pytest.mark.parametrize(
    "refusal",
    [ConflictingVote(slot="checkpoint 0 2"), ForgottenVote(slot="checkpoint 0 2", floor=3)],
    ids=["another header was signed", "another header may have been signed"],
)
async def test_a_block_that_the_guard_refuses_stands_unsigned_and_the_next_one_is_signed(
    site: Site, refusal: ConflictingVote
) -> None:
    bench = Bench(site)
    bench.key.refused[2] = refusal

    done = [
        await bench.execution.execute(SequenceNumber(one), bench.batch(one)) for one in (1, 2, 3)
    ]
    bench.execution.close()

    assert [one.checkpoint is None for one in done] == [False, True, False]
    assert [site.ledger.own_checkpoint(one) is None for one in (1, 2, 3)] == [False, True, False]
    assert bench.signer.refusals == 1


async def test_blocks_that_came_before_we_might_vote_are_signed_with_the_next_one(
    site: Site,
) -> None:
    bench = Bench(site, may_vote=False)
    for height in (1, 2):
        await bench.execution.execute(SequenceNumber(height), bench.batch(height))
    assert site.ledger.newest_own_checkpoint() is None

    bench.may_vote = True
    done = await bench.execution.execute(SequenceNumber(3), bench.batch(3))
    bench.execution.close()

    assert done.checkpoint is not None
    assert done.checkpoint.height == 3
    assert [site.ledger.own_checkpoint(one) is None for one in (1, 2, 3)] == [False] * 3
    assert bench.key.contents == [
        checkpoint_content(
            chain_id=site.genesis.chain_id,
            epoch=0,
            height=one,
            header_digest=site.ledger.header(one).digest(site.suite.digest),
        )
        for one in (1, 2, 3)
    ]


async def test_an_installed_block_is_stored_with_its_certificate_and_signed_but_not_sent(
    site: Site, tmp_path: Path
) -> None:
    source = Site(tmp_path / "source")
    bench = Bench(site)
    batch = bench.batch()
    header = source.execute(*site.batches.decoded(batch).submissions, time_ms=batch.time_ms)
    certificate = source.certificate(header)
    source.close()

    proven = ProvenBlock(
        sequence=SequenceNumber(1),
        batch=batch,
        header_digest=header.digest(site.suite.digest),
        certificate=certificate,
    )
    done = await bench.execution.install(proven)
    bench.execution.close()

    assert done.checkpoint is None
    assert len(bench.key.contents) == 1
    assert site.ledger.certified_height == 1
    assert site.ledger.certificate(1) == certificate
    stored = site.ledger.own_checkpoint(1)
    assert stored is not None
    assert decode_checkpoint(stored).header_digest == proven.header_digest


async def test_a_block_that_executes_to_another_header_stops_the_node_and_is_not_stored(
    site: Site,
) -> None:
    bench = Bench(site)
    elsewhere = site.certificate(site.ledger.header(0), digest=b"another header".ljust(32))
    before = site.ledger.tip

    with pytest.raises(ExecutionDiverged) as diverged:
        await bench.execution.install(
            ProvenBlock(
                sequence=SequenceNumber(1),
                batch=bench.batch(),
                header_digest=b"another header".ljust(32),
                certificate=elsewhere,
            )
        )
    bench.execution.close()

    assert diverged.value.expected == b"another header".ljust(32)
    assert diverged.value.actual != diverged.value.expected
    assert site.ledger.tip == before
    assert site.ledger.vote_mark() is None


async def test_a_certificate_is_stored_when_both_it_and_its_block_are_here(site: Site) -> None:
    grown: list[int] = []
    finals: list[bytes] = []
    blocks = CertifiedBlocks(
        ledger=site.ledger,
        grown=lambda: grown.append(site.ledger.certified_height),
        final=finals.extend,
    )
    header = site.execute()
    stable = certificate_from_plain(decode(site.certificate(header), _LIMITS))
    second = site.execute()
    later = certificate_from_plain(decode(site.certificate(second), _LIMITS))

    blocks.on_stable(stable)
    assert grown == [1]
    blocks.on_stable(stable)
    assert site.ledger.certified_height == 1
    blocks.on_executed(2)
    assert site.ledger.certified_height == 1
    blocks.on_stable(later)
    blocks.on_final([SubmissionDigest(b"d")])
    assert site.ledger.certified_height == 2
    assert finals == [b"d"]


async def test_a_certificate_that_comes_before_its_block_waits_for_it(
    site: Site, tmp_path: Path
) -> None:
    ahead = Site(tmp_path / "ahead")
    headers = [ahead.execute() for _ in range(2)]
    certificates = [
        certificate_from_plain(decode(ahead.certificate(one), _LIMITS)) for one in headers
    ]
    ahead.close()
    blocks = CertifiedBlocks(ledger=site.ledger, grown=lambda: None, final=lambda _: None)
    for one in certificates:
        blocks.on_stable(one)
    assert site.ledger.certified_height == 0

    site.execute()
    blocks.on_executed(1)
    assert site.ledger.certified_height == 1
    site.execute()
    blocks.on_executed(2)
    assert site.ledger.certified_height == 2
