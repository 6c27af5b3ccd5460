"""Real transports over real TLS sockets on ports that the system chooses."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chainnode.p2p import PeerAddress, TlsPaths, Transport, TransportSettings
from chainnode.pki import Credentials, create_authority, issue_node_certificate, write_credentials

CHAIN_ID = bytes(range(32))
DEADLINE_S = 20.0
# Silence is noticed quickly, yet a busy test machine does not look silent.
SETTINGS = TransportSettings(
    heartbeat_s=0.1, silent_heartbeats_max=20, reconnect_first_s=0.01, reconnect_max_s=0.1
)
RequestHandler = Callable[[int, int, bytes], Awaitable[bytes]]


async def until(condition: Callable[[], bool], *, what: str) -> None:
    """Poll until `condition` holds; the deadline makes a hanging test a failing one."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - the state polled has no event
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE_S} s: {what}") from None


@dataclass
class Consortium:
    """An authority and the files of its nodes in one folder."""

    folder: Path
    authority: Credentials = field(
        default_factory=lambda: create_authority(name="test CA", now=datetime.now(UTC), days=30)
    )

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca_path.write_bytes(self.authority.certificate_pem)

    @property
    def ca_path(self) -> Path:
        return self.folder / "ca.pem"

    def paths(self, name: str) -> TlsPaths:
        return TlsPaths(
            ca=self.ca_path,
            certificate=self.folder / f"{name}.cert.pem",
            key=self.folder / f"{name}.key.pem",
        )

    def issue(
        self, replica_id: int, *, age: timedelta = timedelta(0), days: int = 30, name: str = ""
    ) -> TlsPaths:
        paths = self.paths(name or f"node{replica_id}")
        credentials = issue_node_certificate(
            self.authority,
            replica_id=replica_id,
            hosts=(),
            now=datetime.now(UTC) - age,
            days=days,
        )
        write_credentials(credentials, certificate=paths.certificate, key=paths.key)
        return paths


async def echo(_peer: int, _kind: int, payload: bytes) -> bytes:
    return payload


@dataclass
class Node:
    """A transport and all the messages it received, in order."""

    transport: Transport
    received: list[tuple[int, int, bytes]]

    @property
    def address(self) -> PeerAddress:
        host, port = self.transport.listen_address
        return PeerAddress(host=host, port=port)


def make_node(
    own_id: int,
    tls: TlsPaths,
    *,
    peers: Mapping[int, PeerAddress] | None = None,
    chain_id: bytes = CHAIN_ID,
    port: int = 0,
    on_request: RequestHandler = echo,
    on_message: Callable[[int, int, bytes], None] | None = None,
    settings: TransportSettings = SETTINGS,
    clock_ms: Callable[[], int] = lambda: 0,
) -> Node:
    received: list[tuple[int, int, bytes]] = []
    transport = Transport(
        own_id=own_id,
        chain_id=chain_id,
        peers=peers or {},
        tls=tls,
        listen=("127.0.0.1", port),
        on_message=on_message or (lambda *message: received.append(message)),
        on_request=on_request,
        clock_ms=clock_ms,
        software_version="0.1.0+test",
        settings=settings,
        jitter=lambda: 0.5,
    )
    return Node(transport=transport, received=received)


def introduce(nodes: Sequence[Node], ids: Sequence[int] | None = None) -> None:
    """Tell every node the addresses of all the others; ids are 0, 1, … unless given."""
    numbered = list(zip(ids or range(len(nodes)), nodes, strict=True))
    for own_id, node in numbered:
        node.transport.set_peers({id_: peer.address for id_, peer in numbered if id_ != own_id})


@asynccontextmanager
async def running(*nodes: Node) -> AsyncIterator[None]:
    try:
        for node in nodes:
            await node.transport.start()
        yield
    finally:
        for node in nodes:
            await node.transport.close()


@asynccontextmanager
async def linked(
    consortium: Consortium,
    count: int,
    *,
    on_request: RequestHandler = echo,
    settings: TransportSettings = SETTINGS,
) -> AsyncIterator[list[Node]]:
    """Yield `count` nodes, all linked to all."""
    nodes = [
        make_node(id_, consortium.issue(id_), on_request=on_request, settings=settings)
        for id_ in range(count)
    ]
    async with running(*nodes):
        introduce(nodes)
        await until(
            lambda: all(len(node.transport.connected) == count - 1 for node in nodes),
            what="all linked",
        )
        yield nodes


def process_memory_bytes() -> int:
    """Return the resident memory of this process (Linux)."""
    resident_pages = int(Path("/proc/self/statm").read_text().split()[1])
    return resident_pages * os.sysconf("SC_PAGE_SIZE")
