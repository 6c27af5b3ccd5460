"""How a devnet is doing: what its processes and its nodes' HTTP APIs say.

The JSON of `kun devnet status` is a contract with users' scripts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chainnode.cli.answers import NodeAnswer
from chainnode.cli.health import Health, Judgement, judge
from chainnode.cli.probe import fetch_json, in_parallel
from devnet.processes import ProcessRecord, is_paused, running_record
from devnet.topology import HOST, DevnetFolder, NodePlace, Topology

ROLES = ("primary", "backup", "learner")
STATES = ("running", "syncing", "voting_stopped", "stopped")
DEMO_FILE = "demo.json"
REGISTRY = "registry"
CUSTODIAN = "custodian"
LOGINS = "logins"
CONSOLE = "console"
CITIZEN_VIEW = "citizen"
# Processes of the demo, in the order in which they start.
SERVICES = (CUSTODIAN, REGISTRY, LOGINS, CONSOLE, CITIZEN_VIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSight:
    """One node as seen from outside."""

    place: NodePlace
    record: ProcessRecord | None
    paused: bool
    answer: NodeAnswer

    @property
    def state(self) -> str:
        """One of `STATES`; a node that does not answer is stopped."""
        said = self.answer.words("state")
        return said if said in STATES else "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetSight:
    """All nodes, and the verdict on the network."""

    topology: Topology
    nodes: tuple[NodeSight, ...]
    judgement: Judgement
    demo: Mapping[str, object] | None

    @property
    def view(self) -> int:
        """The highest view that a node speaks of."""
        return max((one.answer.integer("view") or 0 for one in self.nodes), default=0)

    def role(self, sight: NodeSight) -> str:
        """Return what the node says it is, else what the view makes of its number."""
        said = sight.answer.words("role")
        if said in ROLES:
            return str(said)
        is_primary = sight.place.replica_id == self.view % len(self.nodes)
        return "primary" if is_primary else "backup"


def record_file(folder: DevnetFolder, name: str) -> Path:
    """Where the process of a node or service is remembered."""
    return folder.run / f"{name}.json"


def observe(folder: DevnetFolder, topology: Topology, *, timeout_s: float = 2.0) -> DevnetSight:
    """Look at every node, at all of them at once."""

    def look(place: NodePlace) -> NodeSight:
        return _look(folder, place, timeout_s=timeout_s)

    nodes = in_parallel(look, topology.nodes)
    judgement = judge([one.answer for one in nodes], size=len(nodes), is_devnet=True)
    return DevnetSight(topology=topology, nodes=nodes, judgement=judgement, demo=load_demo(folder))


def _look(folder: DevnetFolder, place: NodePlace, *, timeout_s: float) -> NodeSight:
    record = running_record(record_file(folder, place.name))
    paused = record is not None and is_paused(record)
    title = place.department.title
    if record is None or paused:
        problem = "its process is paused" if paused else "its process does not run"
        answer = NodeAnswer(name=place.name, title=title, api=place.api, problem=problem)
    else:
        reply = fetch_json(place.api, "/v1/consensus", timeout_s=timeout_s)
        problem = reply.problem or ("" if reply.status == 200 else f"HTTP {reply.status}")  # noqa: PLR2004 - HTTP
        answer = NodeAnswer(
            name=place.name,
            title=title,
            api=place.api,
            consensus={} if problem else reply.document,
            problem=problem,
        )
    return NodeSight(place=place, record=record, paused=paused, answer=answer)


def load_demo(folder: DevnetFolder) -> Mapping[str, object] | None:
    """Return the demo's facts for scripts, or None when there is no finished demo."""
    try:
        document = json.loads((folder.demo / DEMO_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def status_document(sight: DevnetSight, folder: DevnetFolder) -> dict[str, object]:
    """Return the JSON of `kun devnet status`."""
    return {
        "healthy": sight.judgement.health is Health.HEALTHY,
        "suite": sight.topology.suite,
        "chain_id": sight.topology.chain_id,
        "nodes": [_node_document(sight, one) for one in sight.nodes],
        "demo": None if sight.demo is None else _demo_document(sight, sight.demo, folder),
    }


def _node_document(sight: DevnetSight, node: NodeSight) -> dict[str, object]:
    return {
        "name": node.place.name,
        "org": node.place.organisation,
        "role": sight.role(node),
        "api": node.place.api,
        "height": node.answer.height,
        "view": node.answer.integer("view"),
        "state": node.state,
        "pid": None if node.record is None else node.record.pid,
    }


def _demo_document(
    sight: DevnetSight, demo: Mapping[str, object], folder: DevnetFolder
) -> dict[str, object]:
    """Name the demo's files by whole paths: the folder may have been moved since."""
    services = sight.topology.services
    names = demo.get("certificates")
    home = folder.demo.resolve()
    return {
        "subject": demo.get("subject"),
        "pages": {
            CONSOLE: f"http://{HOST}:{services.console}",
            CITIZEN_VIEW: f"http://{HOST}:{services.citizen}",
        },
        "certificates": {
            kind: str(home / str(name))
            for kind, name in (names.items() if isinstance(names, dict) else ())
        },
    }


def table_rows(sight: DevnetSight) -> Sequence[Sequence[str]]:
    """Return the rows department, role, state, API, height for people."""
    return [
        (
            f"{number} {one.place.name}",
            one.place.department.title,
            sight.role(one),
            "paused" if one.paused else one.state,
            one.place.api,
            "-" if one.answer.height is None else str(one.answer.height),
        )
        for number, one in enumerate(sight.nodes, start=1)
    ]
