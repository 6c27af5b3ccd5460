"""One node's rooms without its peers: real ledger, execution, proofs and API, decided by hand.

`Site` plays consensus: it orders what waits and signs its blocks with the vote keys of three
replicas, when the test says so or as soon as something waits.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from fastapi import FastAPI

from chainnode.api.addresses import Addresses
from chainnode.api.app import create_app
from chainnode.audit import AuditStore, open_audit_database
from chainnode.batch import build_batch
from chainnode.config import ApiLimits, AuditUrl
from chainnode.driver.admission import Admission
from chainnode.driver.batches import Batches
from chainnode.driver.equivocations import EquivocationStore
from chainnode.driver.finality import Finality
from chainnode.execution import Executor, genesis_state
from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import encode_certificate
from chainnode.ledger.genesis_block import members_of
from chainnode.ledger.types import Certificate, Header, checkpoint_content
from chainnode.mempool import Mempool
from chainnode.proving.evidence import Proofs
from chainnode.registry import LedgerRegistry
from chainnode.service import (
    AuditAnswers,
    Exports,
    Identity,
    NodeService,
    Outcomes,
    Questions,
    StatusReader,
    Voice,
)
from chainnode.submission import Call, Submission
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey
from chainnode.sync.snapshot_fetching import SnapshotProgress
from chainnode.verify.trust import Trust
from consensus.description import Description, PeerDescription
from contracts.schemas.shape import PublicPart, encode_part
from tests.builders import NOW_MS, ManualClock, genesis_of, submission_of, vote_key
from tests.unit.contracts.builders import ACTIONS, PURPOSE

BLOCK_MS = 1_000
SQLITE = AuditUrl("sqlite:")


def calls_of(*parts: PublicPart, private: bytes = PURPOSE) -> tuple[str, tuple[Call, ...]]:
    """Return the contract and the calls that carry these parts."""
    contract = ACTIONS[type(parts[0])][0]
    return contract, tuple(
        Call(action=ACTIONS[type(one)][1], public=encode_part(one), private=private)
        for one in parts
    )


@dataclass(frozen=True)
class PlainSigner:
    """A vote key without a guard: it signs nothing here that binds to a slot."""

    key: PrivateKey

    def sign(self, *, slot: tuple[str | int, ...], content: bytes) -> bytes:
        assert slot == ()
        return self.key.sign(content)


class FakeReplica:
    """A replica that says of itself what the test wants."""

    def __init__(self, size: int = 4) -> None:
        self.is_primary = False
        self.description = Description(
            replica_id=0,
            may_vote=True,
            epoch=0,
            epoch_last=None,
            split_at=None,
            view=0,
            active_view=0,
            status="normal",
            primary=0,
            quorum=3,
            low_watermark=0,
            high_watermark=16,
            executed=0,
            committed=0,
            state_target=None,
            slots=(),
            missing_checkpoints=(),
            checkpoint_digests=(),
            missing_view_changes=(),
            awaits_new_view_of=None,
            peers=tuple(
                PeerDescription(
                    replica_id=one, view=0, wanted_view=None, executed=0, heard_ms=NOW_MS
                )
                for one in range(1, size)
            ),
        )

    def describe(self) -> Description:
        return self.description

    def set(self, **fields: object) -> None:
        self.description = replace(self.description, **fields)  # type: ignore[arg-type]  # fields of a description


@dataclass
class FakeTransfer:
    """State transfer that is at rest until a test says otherwise."""

    target: int | None = None
    progress: SnapshotProgress | None = None


class Site:
    """See the module. Close it."""

    def __init__(
        self,
        folder: Path,
        *,
        genesis: Genesis | None = None,
        pool: Mempool | None = None,
        audit_url: AuditUrl = SQLITE,
    ) -> None:
        self.genesis = genesis or genesis_of()
        self.suite = suite_named(self.genesis.suite_name)
        self.clock = ManualClock(NOW_MS)
        self.stack = ExitStack()
        self.threads = ThreadPoolExecutor(2)
        self.ledger = Ledger.open(
            folder / "data",
            genesis=self.genesis,
            suite=self.suite,
            initial_state=genesis_state(self.genesis, self.suite),
        )
        self.executor = Executor(self.genesis, self.suite, self.ledger)
        self.batches = Batches(genesis=self.genesis, suite=self.suite)
        self.pool = Mempool() if pool is None else pool
        self.finality = Finality()
        self.forwarded: list[bytes] = []
        self.replica = FakeReplica(len(self.genesis.replicas))
        self.connected: Sequence[int] = (1, 2, 3)
        self.software_versions: dict[int, str] = {}
        self.clock_offsets_ms: dict[int, int] = {}
        self.transfer = FakeTransfer()
        self.orders_at_once = False
        self.api_limits = ApiLimits()
        self.status_reader = self.status()
        self.trust = Trust.from_genesis(self.genesis)
        self.audit = AuditStore(
            open_audit_database(audit_url, folder=folder, chain_id=self.genesis.chain_id),
            self.ledger,
            h=self.suite.digest,
        )
        self.equivocations = EquivocationStore(
            folder / "equivocations",
            chain_id=self.genesis.chain_id,
            suite_name=self.suite.name,
        )
        self.proofs = Proofs(self.ledger, suite_name=self.suite.name)
        self.admission = self._admission()
        self.outcomes = Outcomes(
            ledger=self.ledger,
            pool=self.pool,
            proofs=self.proofs,
            finality=self.finality,
            suite=self.suite,
        )
        self.questions = self._questions()

    def close(self) -> None:
        self.audit.close()
        self.threads.shutdown()
        self.ledger.close()

    def clock_offset_ms(self, peer: int) -> int | None:
        return self.clock_offsets_ms.get(peer)

    def status(self, *, stopped_because: str | None = None) -> StatusReader:
        return StatusReader(
            identity=Identity(
                name="node0",
                organisation=self.genesis.replicas[0].organisation,
                replica_id=0,
                software_version="0.1.0",
            ),
            genesis=self.genesis,
            clock=self.clock,
            ledger=self.ledger,
            replica=self.replica,
            links=self,
            transfer=self.transfer,
            voting_stopped_because=lambda: stopped_because,
            headers_not_signed=lambda: 0,
            audit_differences=lambda: self.audit.differences,
        )

    def service(
        self,
        metrics: Callable[[], tuple[bytes, str]] = lambda: (b"kunlian_height 1\n", "text/plain"),
    ) -> NodeService:
        return NodeService(
            genesis=self.genesis,
            suite=self.suite,
            clock=self.clock,
            ledger=self.ledger,
            proofs=self.proofs,
            admission=self.admission,
            outcomes=self.outcomes,
            questions=self.questions,
            exports=self.exports(),
            status=self.status(),
            equivocations=self.equivocations.read,
            metrics=metrics,
            wait_grown=self.audit.wait_grown,
        )

    def exports(self, *, may_sign: bool = True) -> Exports:
        return Exports(
            genesis=self.genesis,
            suite=self.suite,
            ledger=self.ledger,
            proofs=self.proofs,
            voice=Voice(
                replica_id=0,
                epoch=0,
                signer=PlainSigner(vote_key(self.suite.name, 0)),
                may_sign=lambda: may_sign,
            ),
        )

    def now_s(self) -> float:
        return self.clock.now_ms() / 1000

    def app(self) -> FastAPI:
        return create_app(self.service(), Addresses(self.api_limits, now_s=self.now_s))

    def submission(
        self, *parts: PublicPart, private: bytes = PURPOSE, **fields: object
    ) -> Submission:
        """Return a signed submission of these parts; `fields` as in `submission_of`."""
        contract, calls = calls_of(*parts, private=private)
        return submission_of(self.genesis, contract=contract, calls=calls, **fields)  # type: ignore[arg-type]  # fields of a submission

    def execute(self, *submissions: Submission, time_ms: int | None = None) -> Header:
        """Append a block that nobody has signed yet."""
        batch = build_batch(
            self.suite,
            chain_id=self.genesis.chain_id,
            time_ms=time_ms or self.ledger.tip.head.time_ms + BLOCK_MS,
            submissions=submissions,
        )
        block = self.executor.execute(
            self.ledger.height + 1, batch, epoch=0, members=members_of(self.genesis)
        )
        self.ledger.append(block)
        self.pool.executed([one.digest for one in submissions], block_time_ms=batch.time_ms)
        self.finality.executed(block.header.height, tuple(one.digest for one in submissions))
        return block.header

    def certificate(
        self, header: Header, *, signers: Sequence[int] = (0, 1, 2), digest: bytes | None = None
    ) -> bytes:
        """Return a certificate with real signatures."""
        digest = digest or header.digest(self.suite.digest)
        content = checkpoint_content(
            chain_id=self.genesis.chain_id, epoch=0, height=header.height, header_digest=digest
        )
        return encode_certificate(
            Certificate(
                epoch=0,
                height=header.height,
                header_digest=digest,
                signatures=tuple(
                    (one, vote_key(self.suite.name, one).sign(content)) for one in signers
                ),
            )
        )

    def certify(self, header: Header) -> None:
        self.ledger.store_certificate(self.certificate(header))
        self.pool.remove(self.finality.certified(header.height))
        self.audit.notify()

    def grow(self, *submissions: Submission, time_ms: int | None = None) -> Header:
        """Append a block and certify it."""
        header = self.execute(*submissions, time_ms=time_ms)
        self.certify(header)
        return header

    def _questions(self) -> Questions:
        answers = AuditAnswers(
            genesis=self.genesis,
            suite=self.suite,
            ledger=self.ledger,
            proofs=self.proofs,
            store=self.audit,
            # Nobody but the test makes a next block that could cover a question.
            coverage_timeout_s=0.01,
        )
        return Questions(
            genesis=self.genesis,
            suite=self.suite,
            ledger=self.ledger,
            answers=answers,
            admission=self.admission,
            outcomes=self.outcomes,
        )

    def _admission(self) -> Admission:
        return Admission(
            genesis=self.genesis,
            suite=self.suite,
            clock=self.clock,
            pool=self.pool,
            batches=self.batches,
            registry=LedgerRegistry(self.ledger),
            threads=self.threads,
            forward=self.forwarded.extend,
            pool_changed=self._on_pool_changed,
        )

    def _on_pool_changed(self) -> None:
        if self.orders_at_once:
            asyncio.get_running_loop().call_soon(self._order)

    def _order(self) -> None:
        taken = self.pool.take(bytes_max=1_000_000)
        if taken:
            self.grow(*taken)
