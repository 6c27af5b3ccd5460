"""`topology.json`: what a devnet consists of and where its parts listen.

Holds nothing secret. A folder is a devnet if and only if it has a readable topology.
"""

import contextlib
import json
import random
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import repeat
from pathlib import Path

from devnet.departments import DEPARTMENTS, Department
from devnet.errors import DevnetError, NotADevnet, OldDevnet, UnknownNode

TOPOLOGY_FILE = "topology.json"
FORMAT = "kunlian-devnet"
# 2: the demo has a custodian; 3: pages for people. Older ones can be removed and no more.
VERSION = 3
OLDEST = 1
DEFAULT_FOLDER = ".kun-devnet"
_FILE_BYTES_MAX = 1024 * 1024
_PORT_MAX = 65_535
HOST = "127.0.0.1"
_PORTS = range(20_000, 32_768)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlace:
    """One node: its name, its department and its two ports on 127.0.0.1."""

    name: str
    organisation: str
    replica_id: int
    api_port: int
    p2p_port: int

    @property
    def api(self) -> str:
        """Address of its HTTP API."""
        return f"http://{HOST}:{self.api_port}"

    @property
    def department(self) -> Department:
        """The department that runs it."""
        return next(one for one in DEPARTMENTS if one.organisation == self.organisation)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePorts:
    """Where what stands beside the nodes listens, on 127.0.0.1."""

    registry: int
    custodian: int
    console: int
    citizen: int
    logins: int

    @classmethod
    def take(cls, ports: Iterator[int]) -> "ServicePorts":
        """Give each service the next port."""
        return cls(**{one.name: next(ports) for one in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A devnet. `clock_offset_ms` is added to this machine's clock by every node."""

    suite: str
    chain_id: str
    has_demo: bool
    services: ServicePorts
    clock_offset_ms: int
    nodes: tuple[NodePlace, ...]

    def node(self, name: str) -> NodePlace:
        """Find a node by its name or by its number from 1.

        Raises:
            UnknownNode: neither.

        """
        for number, one in enumerate(self.nodes, start=1):
            if name in {one.name, str(number)}:
                return one
        raise UnknownNode(name, known=tuple(one.name for one in self.nodes))


@dataclass(frozen=True, slots=True)
class DevnetFolder:
    """The layout of a devnet's folder; every path of it is made here."""

    path: Path

    @property
    def topology(self) -> Path:
        """What the devnet consists of."""
        return self.path / TOPOLOGY_FILE

    @property
    def genesis(self) -> Path:
        """The chain's birth certificate; a trust file too."""
        return self.path / "genesis.json"

    @property
    def passphrase(self) -> Path:
        """The pass phrase of all its keys, mode 0600."""
        return self.path / "passphrase"

    @property
    def authority(self) -> Path:
        """The consortium's certificate authority."""
        return self.path / "ca"

    @property
    def demo(self) -> Path:
        """Everything of the demo."""
        return self.path / "demo"

    @property
    def run(self) -> Path:
        """Which processes run; empty when the devnet is down."""
        return self.path / "run"

    def node(self, name: str) -> Path:
        """Folder of one node."""
        return self.path / "nodes" / name

    def identity(self, name: str) -> Path:
        """Key file of one identity."""
        return self.path / "identities" / f"{name}.key.json"


def departments_of(topology: Topology) -> tuple[Department, ...]:
    """Return the departments of a devnet, in the order of their nodes."""
    return tuple(one.department for one in topology.nodes)


def write_topology(folder: DevnetFolder, topology: Topology) -> None:
    """Write the topology; readers see the old or the new file, never a part."""
    document = {"format": FORMAT, "version": VERSION, **asdict(topology)}
    draft = folder.topology.with_suffix(".draft")
    draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    draft.replace(folder.topology)


def load_topology(folder: DevnetFolder, *, oldest: int = VERSION) -> Topology:
    """Read the topology of a devnet; `oldest` is the first version that will do.

    Raises:
        NotADevnet: no such file, or not one of ours.
        OldDevnet: of a version before `oldest`.

    """
    if not folder.path.is_dir():
        raise NotADevnet(folder.path, reason="there is no such folder; make one: kun devnet up")
    try:
        raw = folder.topology.read_bytes()[: _FILE_BYTES_MAX + 1]
        document = json.loads(raw)
    except FileNotFoundError as error:
        raise NotADevnet(folder.path, reason=f"it has no {TOPOLOGY_FILE}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise NotADevnet(folder.path, reason=f"{TOPOLOGY_FILE}: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise NotADevnet(folder.path, reason=f'{TOPOLOGY_FILE}: expected "format": "{FORMAT}"')
    found = document.get("version")
    if type(found) is not int or not OLDEST <= found <= VERSION:
        raise NotADevnet(folder.path, reason=f"expected version {VERSION}, got {found!r:.20}")
    if found < oldest:
        raise OldDevnet(folder.path, expected=VERSION, actual=found)
    try:
        return _from_document(document)
    except (KeyError, TypeError, ValueError) as error:
        raise NotADevnet(folder.path, reason=f"{TOPOLOGY_FILE} is damaged: {error}") from error


def _from_document(document: Mapping[str, object]) -> Topology:
    rows = document["nodes"]
    if not isinstance(rows, list):
        raise TypeError("nodes: expected a list")
    return Topology(
        suite=_text(document, "suite"),
        chain_id=_text(document, "chain_id"),
        has_demo=document["has_demo"] is True,
        services=_services(document),
        clock_offset_ms=_integer(document, "clock_offset_ms"),
        nodes=tuple(_node(row) for row in rows),
    )


def _services(document: Mapping[str, object]) -> ServicePorts:
    if _integer(document, "version") < VERSION:
        # Of an older one they are never used: it is only removed.
        return ServicePorts.take(repeat(0))
    row = document["services"]
    if not isinstance(row, dict):
        raise TypeError("services: expected an object")
    return ServicePorts(**{one.name: _port(row, one.name) for one in fields(ServicePorts)})


def _node(row: object) -> NodePlace:
    if not isinstance(row, dict):
        raise TypeError("a node: expected an object")
    place = NodePlace(
        name=_text(row, "name"),
        organisation=_text(row, "organisation"),
        replica_id=_integer(row, "replica_id"),
        api_port=_port(row, "api_port"),
        p2p_port=_port(row, "p2p_port"),
    )
    known = {one.organisation: one.name for one in DEPARTMENTS}
    if known.get(place.organisation) != place.name:
        raise ValueError(f"node {place.name!r:.40}: unknown department")
    return place


def _text(row: Mapping[str, object], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected text")
    return value


def _integer(row: Mapping[str, object], name: str) -> int:
    value = row[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}: expected an integer")
    return value


def _port(row: Mapping[str, object], name: str) -> int:
    value = _integer(row, name)
    if not 0 < value <= _PORT_MAX:
        raise ValueError(f"{name}: expected a port, got {value}")
    return value


def free_ports(count: int) -> tuple[int, ...]:
    """Return `count` distinct ports that are free now.

    Below the range from which the system takes ports of outgoing connections, so that nobody
    is given one by chance while its node is down. All are held until the last is known.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        candidates = random.SystemRandom().sample(_PORTS, len(_PORTS))
        for port in candidates:
            sock = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            with contextlib.suppress(OSError):
                sock.bind((HOST, port))
                ports.append(port)
            if len(ports) == count:
                return tuple(ports)
    raise DevnetError(f"expected {count} free ports between {_PORTS[0]} and {_PORTS[-1]}")


def port_count(nodes: int) -> int:
    """Return how many ports a devnet with so many nodes needs."""
    return 2 * nodes + len(fields(ServicePorts))


def ports_of(topology: Topology) -> tuple[int, ...]:
    """Return all ports of a devnet."""
    services = asdict(topology.services).values()
    return (*services, *(port for one in topology.nodes for port in (one.api_port, one.p2p_port)))


def is_port_free(port: int) -> bool:
    """Tell whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        # What a server sets too: connections of a former process do not block the port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True


def with_free_ports(topology: Topology) -> Topology:
    """Return the same devnet on other ports."""
    ports = iter(free_ports(port_count(len(topology.nodes))))
    return replace(
        topology,
        services=ServicePorts.take(ports),
        nodes=tuple(
            replace(one, api_port=next(ports), p2p_port=next(ports)) for one in topology.nodes
        ),
    )
