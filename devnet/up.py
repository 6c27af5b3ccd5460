"""`kun devnet up`: from nothing, or from a stopped devnet, to running nodes and the demo.

Work that needs no node (documents, database, signatures) is done while the nodes start.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chainnode.errors import ConfigurationError
from devnet.errors import NodeState
from devnet.launcher import (
    START_TIMEOUT_S,
    exclusive,
    start_node,
    stop_everything,
    wait_until_ready,
)
from devnet.observe import SERVICES, record_file
from devnet.processes import running_record
from devnet.site import SiteRequest, make_site, write_settings
from devnet.stopwatch import Stopwatch
from devnet.topology import (
    DevnetFolder,
    Topology,
    is_port_free,
    load_topology,
    ports_of,
    with_free_ports,
    write_topology,
)

# Makes the demo of a new devnet, or restarts that of an old one; ends when all of it is final.
DemoRunner = Callable[[DevnetFolder, Topology, Stopwatch], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpRequest:
    """What the command line asks for; None leaves an existing devnet as it is."""

    suite: str | None = None
    nodes: int | None = None
    has_demo: bool = True
    clock_offset_ms: int | None = None


def bring_up(
    folder: DevnetFolder,
    request: UpRequest,
    *,
    watch: Stopwatch,
    load_demo: Callable[[], DemoRunner],
) -> Topology:
    """Make or restart a devnet and wait until all of it runs.

    `load_demo` is called for a devnet with a demo only: it needs libraries that others do not.

    When it fails, whatever was started is ended again; an existing devnet keeps its data.

    Raises:
        DevnetError: the folder is something else, or a node did not become ready.

    """
    with watch.phase("keys, certificates, genesis"):
        topology = _site(folder, request)
    with exclusive(folder):
        running = [one for one in topology.nodes if running_record(record_file(folder, one.name))]
        if len(running) == len(topology.nodes) and not _lacks_service(folder, topology):
            return topology
        try:
            return _start(folder, topology, watch=watch, is_whole=not running, load_demo=load_demo)
        except BaseException:
            if not running:
                stop_everything(folder, topology)
            raise


def _site(folder: DevnetFolder, request: UpRequest) -> Topology:
    if not folder.topology.exists():
        return make_site(
            folder.path,
            SiteRequest(
                suite=request.suite or "sm",
                nodes=request.nodes or 4,
                has_demo=request.has_demo,
                clock_offset_ms=request.clock_offset_ms or 0,
            ),
        )
    topology = load_topology(folder)
    _refuse_other(folder, "suite", request.suite, topology.suite)
    _refuse_other(folder, "nodes", request.nodes, len(topology.nodes))
    return _with_clock(folder, topology, request.clock_offset_ms)


def _refuse_other(
    folder: DevnetFolder, name: str, wanted: str | int | None, actual: str | int
) -> None:
    if wanted is not None and wanted != actual:
        raise ConfigurationError(
            f"--{name}: {folder.path} was made with {actual}, got {wanted};"
            " take another --dir, or reset it"
        )


def _with_clock(folder: DevnetFolder, topology: Topology, offset_ms: int | None) -> Topology:
    if offset_ms is None or offset_ms == topology.clock_offset_ms:
        return topology
    for place in topology.nodes:
        running = running_record(record_file(folder, place.name))
        if running is not None:
            raise NodeState(
                place.name,
                expected="stopped, to get another clock with all others",
                actual=f"running as process {running.pid}",
            )
    moved = replace(topology, clock_offset_ms=offset_ms)
    write_topology(folder, moved)
    return moved


def _start(
    folder: DevnetFolder,
    topology: Topology,
    *,
    watch: Stopwatch,
    is_whole: bool,
    load_demo: Callable[[], DemoRunner],
) -> Topology:
    if is_whole:
        # Services whose nodes were killed hold ports, and have the clock of before.
        stop_everything(folder, topology)
        if not _are_ports_free(topology):
            topology = with_free_ports(topology)
            write_settings(folder, topology)
            write_topology(folder, topology)
    for place in topology.nodes:
        if running_record(record_file(folder, place.name)) is None:
            start_node(folder, topology, place)
    if topology.has_demo:
        load_demo()(folder, topology, watch)
    else:
        with watch.phase("nodes ready"):
            wait_until_ready(folder, topology.nodes, timeout_s=START_TIMEOUT_S)
    return topology


def _lacks_service(folder: DevnetFolder, topology: Topology) -> bool:
    return topology.has_demo and any(
        running_record(record_file(folder, name)) is None for name in SERVICES
    )


def _are_ports_free(topology: Topology) -> bool:
    return all(is_port_free(port) for port in ports_of(topology))
