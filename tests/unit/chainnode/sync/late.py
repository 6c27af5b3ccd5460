"""A replica at height 0, honest blocks, and peers that answer as a test says."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chainnode.codec import Limits, decode
from chainnode.driver.execution import BlockExecution, CheckpointSigner
from chainnode.driver.kinds import FrameKind
from chainnode.driver.ports import ExecutedBatch, TransferredState
from chainnode.errors import InvalidInput
from chainnode.genesis import Genesis
from chainnode.ledger.codec import encode_header
from chainnode.ledger.snapshots import SnapshotEnd
from chainnode.ledger.stored_map import MapBits
from chainnode.p2p import Transport
from chainnode.p2p.errors import FailureCode, PeerUnavailable, RequestFailed
from chainnode.submission import Submission
from chainnode.sync.fetching import BlockFetcher
from chainnode.sync.frames import (
    Standing,
    TransferredBlock,
    decode_blocks_request,
    encode_blocks,
)
from chainnode.sync.pace import PeerPace
from chainnode.sync.peers import PeerBook
from chainnode.sync.serving import BlockServer
from chainnode.sync.snapshot_fetching import SnapshotFetcher
from chainnode.sync.snapshot_serving import SnapshotServer
from chainnode.voting import LearnerVotes
from consensus.codec import certificate_from_plain
from consensus.effects import FetchState
from consensus.messages import StableCheckpoint
from consensus.types import SequenceNumber
from tests.builders import ORGANISATIONS, submission_of
from tests.sites import Site, calls_of
from tests.unit.contracts.builders import ACCESS_RECORD, changed

Answer = Callable[[int, bytes], bytes | Awaitable[bytes]]
HEIGHT = 4


@dataclass
class ManualTime:
    """A monotonic clock that a test moves."""

    seconds: float = 1_000.0

    def now_s(self) -> float:
        return self.seconds


class ScriptedTransport(Transport):
    """Peers that answer as the test says."""

    def __init__(self) -> None:
        self.answers: dict[int, Answer] = {}
        self.asked: list[int] = []

    @property
    def connected(self) -> tuple[int, ...]:
        return tuple(sorted(self.answers))

    async def request(self, peer: int, kind: int, payload: bytes, timeout_s: float) -> bytes:
        assert timeout_s > 0
        self.asked.append(peer)
        answer = self.answers[peer](kind, payload)
        return answer if isinstance(answer, bytes) else await answer


def records_of(genesis: Genesis, *, nonce: int) -> Submission:
    """Return a submission whose calls are accepted and stand under several index keys."""
    parts = [
        changed(
            ACCESS_RECORD,
            call_id=bytes([nonce, one]) * 8,
            requester=ORGANISATIONS[0],
            item=f"item {one}",
            subjects=(bytes([nonce % 4, one]) * 16,),
        )
        for one in range(3)
    ]
    contract, calls = calls_of(*parts)
    return submission_of(genesis, nonce=nonce, contract=contract, calls=calls)


class NoVotes:
    """A learner's vote log."""

    def mark(self) -> bytes:
        return b""


class Late:
    """A replica at height 0, and a source of honest blocks up to `HEIGHT`."""

    def __init__(self, folder: Path, *, genesis: Genesis | None = None) -> None:
        self.folder = folder
        self.here = Site(folder / "here", genesis=genesis)
        self.source = Site(folder / "source", genesis=genesis)
        self.time = ManualTime()
        for nonce in range(HEIGHT):
            self.source.grow(records_of(self.source.genesis, nonce=nonce))
        self.transport = ScriptedTransport()
        self.execution = BlockExecution(
            genesis=self.here.genesis,
            executor=self.here.executor,
            ledger=self.here.ledger,
            batches=self.here.batches,
            checkpoints=CheckpointSigner(
                replica_id=0,
                chain_id=self.here.genesis.chain_id,
                signer=LearnerVotes(),
                may_vote=lambda: False,
            ),
            votes=NoVotes(),
            digest=self.here.suite.digest,
        )
        self.peers = PeerBook(connected=lambda: self.transport.connected, now_s=self.time.now_s)
        self.snapshots = SnapshotFetcher(
            transport=self.transport,
            ledger=self.here.ledger,
            peers=self.peers,
            suite=self.here.suite,
            members_at=lambda _height: self.vote_keys,
            bits=MapBits.of_chain(self.here.genesis.parameters),
            install=self.execution.stand_on,
            threads=self.here.threads,
        )
        self.fetcher = BlockFetcher(
            transport=self.transport,
            ledger=self.here.ledger,
            batches=self.here.batches,
            suite=self.here.suite,
            peers=self.peers,
            members_at=lambda _height: self.vote_keys,
            install=self.execution.install,
            snapshots=self.snapshots,
            threads=self.here.threads,
        )
        self.installed: list[ExecutedBatch] = []

    @property
    def vote_keys(self) -> dict[int, bytes]:
        return {one.replica_id: one.vote_key for one in self.here.genesis.replicas}

    def close(self) -> None:
        self.execution.close()
        self.here.close()
        self.source.close()

    def blocks(
        self, first: int = 1, last: int = HEIGHT, *, of: Site | None = None
    ) -> list[TransferredBlock]:
        site = of or self.source
        return [
            TransferredBlock(
                header=encode_header(site.ledger.header(one)),
                batch=site.ledger.batch_bytes(one) or b"",
                certificate=site.ledger.certificate(one) or b"",
            )
            for one in range(first, last + 1)
        ]

    def honest(self, kind: int, payload: bytes) -> bytes:
        assert kind == FrameKind.BLOCKS_REQUEST
        first, last = decode_blocks_request(payload)
        return answer_of(self.blocks(first, min(last, HEIGHT)))

    def server(self, site: Site | None = None) -> Answer:
        """Return a peer that answers as a real node does."""
        return served(server_of(site or self.source, now_s=self.time.now_s))

    async def fetch(self, height: int = HEIGHT) -> TransferredState | None:
        return await self.fetcher.fetch_state(
            FetchState(target=self.target(height)), self.installed.append
        )

    def target(self, height: int) -> StableCheckpoint:
        stored = self.source.ledger.certificate(height)
        assert stored is not None
        return certificate_from_plain(decode(stored, Limits(bytes_max=65_536)))


def says(data: bytes) -> Answer:
    return lambda _kind, _payload: data


def unavailable(_kind: int, _payload: bytes) -> bytes:
    raise PeerUnavailable(1, "gone")


def answer_of(
    blocks: Sequence[TransferredBlock], *, oldest: int = 1, certified: int = HEIGHT
) -> bytes:
    """Return the answer of a peer that says it has the whole chain."""
    return encode_blocks(blocks, standing=Standing(oldest=oldest, certified=certified))


def server_of(
    site: Site,
    proposed: dict[tuple[int, bytes], bytes] | None = None,
    *,
    now_s: Callable[[], float] = lambda: 0.0,
) -> BlockServer:
    known = proposed or {}
    return BlockServer(
        ledger=site.ledger,
        batches=site.batches,
        proposed=lambda height, digest: known.get((height, digest)),
        snapshots=SnapshotServer(ledger=site.ledger, h=site.suite.digest, now_s=now_s),
        pace=PeerPace(now_s=now_s),
        threads=site.threads,
    )


def served(server: BlockServer, *, asker: int = 0) -> Answer:
    """Return a peer whose refusals come as the transport brings them."""

    async def answer(kind: int, payload: bytes) -> bytes:
        try:
            return await server.answer(asker, kind, payload)
        except InvalidInput as error:
            raise RequestFailed(1, kind=kind, code=FailureCode.HANDLER_FAILED) from error

    return answer


async def stand_on_snapshot(here: Site, source: Site) -> None:
    """Let a site stand on the newest certified height of another one."""
    late = BarePeers(here, source)
    assert await late.snapshots.fetch(voices=1) is not None


class BarePeers:
    """A site that fetches snapshots, and one honest peer."""

    def __init__(self, here: Site, source: Site) -> None:
        self.here = here
        transport = ScriptedTransport()
        transport.answers = {1: served(server_of(source))}
        keys = {one.replica_id: one.vote_key for one in here.genesis.replicas}
        self.snapshots = SnapshotFetcher(
            transport=transport,
            ledger=here.ledger,
            peers=PeerBook(connected=lambda: transport.connected, now_s=lambda: 0.0),
            suite=here.suite,
            members_at=lambda _height: keys,
            bits=MapBits.of_chain(here.genesis.parameters),
            install=self._install,
            threads=here.threads,
        )

    async def _install(self, end: SnapshotEnd) -> ExecutedBatch:
        self.here.ledger.install(end)
        return ExecutedBatch(
            sequence=SequenceNumber(end.header.height),
            header_digest=self.here.ledger.tip_digest,
            time_ms=end.header.head.time_ms,
            checkpoint=None,
            submissions=(),
        )
