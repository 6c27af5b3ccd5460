"""Four whole nodes in one process: real TLS links, real LevelDB, real HTTP, ports of the system.

A node is what `chainnode.node` builds; only the peers' addresses are told after the start,
because nobody knows a port before.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx

from chainnode.config import Address, AuditUrl, NodeConfig
from chainnode.genesis import Genesis, Parameters
from chainnode.node import Node
from chainnode.node_base import Base, open_base
from chainnode.p2p import PeerAddress
from chainnode.submission import Submission
from chainnode.suites import suite_named
from chainnode.verify.strict_json import JsonObject, as_object
from chainnode.verify.trust import Trust
from tests.builders import NOW_MS, genesis_of, vote_key
from tests.integration.p2p.harness import Consortium, until

DEADLINE_S = 30.0
SIZE = 4
START_MS = NOW_MS + 1_000
MEDIA_TYPE = "application/vnd.kunlian.submission+msgpack"


def quick_genesis(
    *,
    idle_block_ms: int = 1_000,
    match_deadline_ms: int = 86_400_000,
    dispute_deadline_ms: int = 86_400_000,
) -> Genesis:
    """Return a chain whose time moves quickly."""
    return genesis_of(
        "intl",
        parameters=Parameters(
            devnet=1,
            state_map_bits=8,
            index_map_bits=8,
            idle_block_ms=idle_block_ms,
            match_deadline_ms=match_deadline_ms,
            dispute_deadline_ms=dispute_deadline_ms,
        ),
    )


@dataclass(kw_only=True)
class Member:
    """A running node."""

    base: Base
    node: Node
    stack: AsyncExitStack
    tasks: set[asyncio.Task[None]]

    @property
    def url(self) -> str:
        host, port = self.base.listener.getsockname()[:2]
        return f"http://{host}:{port}"

    @property
    def driver(self) -> "asyncio.Task[None]":
        return next(task for task in self.tasks if task.get_name() == "driver")


@dataclass
class Cluster:
    """The nodes of one chain, by replica id; those that do not run are missing."""

    folder: Path
    genesis: Genesis = field(default_factory=quick_genesis)
    request_timeout_ms: int = 1_000
    members: dict[int, Member] = field(default_factory=dict)
    # How far the wall clock of a node is ahead of the others'.
    ahead_ms: dict[int, int] = field(default_factory=dict)
    # By replica id; who is not named keeps all.
    keep_blocks: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.consortium = Consortium(self.folder / "tls")
        self.trust = Trust.from_genesis(self.genesis)
        self._digest = suite_named(self.genesis.suite_name).digest
        self._http = httpx.AsyncClient(timeout=DEADLINE_S, trust_env=False)

    def data_dir(self, replica_id: int) -> Path:
        return self.folder / f"node{replica_id}"

    async def start(self, *ids: int) -> None:
        for replica_id in ids:
            self.members[replica_id] = await self._started(replica_id)
        self.introduce()

    def introduce(self) -> None:
        """Tell all who run where all are."""
        addresses = {
            id_: PeerAddress(host=host, port=port)
            for id_, member in self.members.items()
            for host, port in [member.node.transport.listen_address]
        }
        for id_, member in self.members.items():
            member.node.transport.set_peers(
                {one: address for one, address in addresses.items() if one != id_}
            )

    async def stop(self, *ids: int) -> None:
        for replica_id in ids:
            await self.members.pop(replica_id).stack.aclose()

    async def close(self) -> None:
        await self.stop(*self.members)
        await self._http.aclose()

    @contextmanager
    def opened(self, replica_id: int) -> Iterator[Base]:
        """Open what a node that does not run has on disk."""
        with ExitStack() as stack:
            yield open_base(
                self.config(replica_id), self.genesis, vote_key("intl", replica_id), stack
            )

    async def ask(
        self, replica_id: int, method: str, path: str, **options: object
    ) -> httpx.Response:
        url = self.members[replica_id].url + path
        return await self._http.request(method, url, **options)  # type: ignore[arg-type]  # options of httpx

    async def read(self, replica_id: int, path: str) -> JsonObject:
        """GET a document that must be there."""
        response = await self.ask(replica_id, "GET", path)
        assert response.status_code == 200, response.text
        return as_object(response.json(), path)

    async def submit(
        self, replica_id: int, *submissions: Submission, wait_s: int = 0
    ) -> httpx.Response:
        return await self.ask(
            replica_id,
            "POST",
            "/v1/submissions",
            content=b"".join(one.encoded for one in submissions),
            headers={"Content-Type": MEDIA_TYPE, "Prefer": f"wait={wait_s}"},
        )

    def height(self, replica_id: int) -> int:
        return self.members[replica_id].base.ledger.height

    def certified(self, replica_id: int) -> int:
        return self.members[replica_id].base.ledger.certified_height

    def header_digests(self, height: int) -> set[bytes]:
        """Return the header digests of a height over all who run."""
        return {
            member.base.ledger.header(height).digest(self._digest)
            for member in self.members.values()
        }

    async def until_height(self, height: int, ids: Sequence[int] | None = None) -> None:
        chosen = tuple(self.members) if ids is None else ids
        await until(
            lambda: all(self.certified(one) >= height for one in chosen),
            what=f"certified height {height} at {chosen}",
        )

    async def until_indexed(self) -> None:
        """Wait until nothing waits for the index: no block is due any more."""
        ledgers = [one.base.ledger for one in self.members.values()]
        await until(
            lambda: (
                all(not one.waiting.count for one in ledgers)
                and len({one.certified_height for one in ledgers}) == 1
                and all(one.certified_height == one.height for one in ledgers)
            ),
            what="an index that covers the log",
        )

    def _now_ms(self) -> int:
        """Read the clock of those who run: who starts later must not be behind them."""
        clocks = (
            member.base.clock.now_ms() - self.ahead_ms.get(id_, 0)
            for id_, member in self.members.items()
        )
        return max(clocks, default=START_MS)

    async def _started(self, replica_id: int) -> Member:
        self.consortium.issue(replica_id)
        async with AsyncExitStack() as stack:
            sync_stack = stack.enter_context(ExitStack())
            base = open_base(
                self.config(replica_id), self.genesis, vote_key("intl", replica_id), sync_stack
            )
            node = Node(base)
            tasks = await stack.enter_async_context(node.running())
            return Member(base=base, node=node, stack=stack.pop_all(), tasks=tasks)
        raise AssertionError("not reached")

    def config(self, replica_id: int) -> NodeConfig:
        folder = self.data_dir(replica_id)
        tls = self.consortium.paths(f"node{replica_id}")
        return NodeConfig(
            name=f"node{replica_id}",
            replica_id=replica_id,
            genesis=folder / "genesis.json",
            data_dir=folder,
            log_dir=folder / "logs",
            vote_key=folder / "vote.key.json",
            passphrase_file=None,
            p2p_listen=Address(host="127.0.0.1", port=0),
            tls_ca=tls.ca,
            tls_cert=tls.certificate,
            tls_key=tls.key,
            peers={},
            api_listen=Address(host="127.0.0.1", port=0),
            request_timeout_ms=self.request_timeout_ms,
            timeout_cap_ms=10_000,
            clock_start_ms=self._now_ms() + self.ahead_ms.get(replica_id, 0),
            keep_blocks=self.keep_blocks.get(replica_id, 0),
            audit_url=AuditUrl("sqlite:"),
        )


@asynccontextmanager
async def running_cluster(
    folder: Path,
    *,
    genesis: Genesis | None = None,
    ids: Sequence[int] = range(SIZE),
    ahead_ms: Mapping[int, int] = MappingProxyType({}),
) -> AsyncIterator[Cluster]:
    cluster = Cluster(folder, genesis or quick_genesis(), ahead_ms=dict(ahead_ms))
    try:
        await cluster.start(*ids)
        yield cluster
    finally:
        await cluster.close()


async def until_document(
    read: Callable[[], Awaitable[JsonObject]], holds: Callable[[JsonObject], bool], *, what: str
) -> JsonObject:
    """Ask until the document is as expected."""
    document: JsonObject = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DEADLINE_S):
            while True:
                document = await read()
                if holds(document):
                    return document
                await asyncio.sleep(0.05)
    raise AssertionError(f"not within {DEADLINE_S} s: {what}; last {document}")
