"""Makes the demo while the nodes start, and brings it onto the chain when they are ready.

Phases are measured, because all of it must be final everywhere within 15 s on two cores: what
needs no node (documents, database, planned calls) is done while the nodes load their libraries.
"""

import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chainnode.cli.probe import fetch_all, fetch_json
from chainnode.client import Client, Final
from chainnode.submission import Call
from chainnode.suites import suite_named
from chainnode.suites.port import Suite
from contracts.schemas import access, certificates
from contracts.schemas.access import Side
from devnet.demo.certificates import (
    DemoCertificate,
    named_files,
    registration,
    render_certificates,
    revocations,
    write_certificates,
)
from devnet.demo.clients import open_client
from devnet.demo.custodian import SECRET_FILE, Custodian, create_secret, load_custodian
from devnet.demo.people import Person, invent_people, write_registry
from devnet.demo.plan import BULK_CALLS, HTTP_CALLS, asked_people, plan_bulk
from devnet.demo.recorder import count_refused, in_portions
from devnet.demo.registry_paths import DATABASE_FILE
from devnet.demo.requester import call_everybody
from devnet.departments import DATA, HOUSING, POLICE, Department
from devnet.errors import NotReady
from devnet.launcher import (
    START_TIMEOUT_S,
    child_environment,
    wait_until_ready,
)
from devnet.observe import DEMO_FILE, REGISTRY, load_demo, record_file
from devnet.processes import last_lines, running_record, spawn, write_record
from devnet.stopwatch import Stopwatch
from devnet.topology import HOST, DevnetFolder, Topology

_POLL_S = 0.05
_FINAL_TIMEOUT_S = 60.0
_SUBMITTERS = 8
_LOG_FILE = "registry.log"


class DemoRefused(NotReady):
    """The chain did not take the demo's data: our fault, or a chain that is not its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """What is ready before the nodes are."""

    suite: Suite
    custodian: Custodian
    people: tuple[Person, ...]
    certificates: tuple[DemoCertificate, ...]
    issuing: tuple[Call, ...]
    bulk: Mapping[str, tuple[Call, ...]]


def run_demo(folder: DevnetFolder, topology: Topology, watch: Stopwatch) -> None:
    """Make the demo of a new devnet; of an old one only its registry is started again."""
    if load_demo(folder) is not None:
        start_registry(folder)
        with watch.phase("nodes ready"):
            wait_until_ready(folder, topology.nodes, timeout_s=START_TIMEOUT_S)
        wait_for_registry(folder, topology)
        return
    _make(folder, topology, watch)


def _make(folder: DevnetFolder, topology: Topology, watch: Stopwatch) -> None:
    # An earlier attempt that was interrupted leaves nothing behind.
    shutil.rmtree(folder.demo, ignore_errors=True)
    folder.demo.mkdir()
    with watch.phase("demo prepared"):
        prepared = _prepare(folder, topology)
    with watch.phase("nodes ready"):
        wait_until_ready(folder, topology.nodes, timeout_s=START_TIMEOUT_S)
        wait_for_registry(folder, topology)
    with watch.phase(f"{BULK_CALLS} calls in batches, 50 certificates, {HTTP_CALLS} over HTTP"):
        height = _submit(folder, topology, prepared)
    with watch.phase("all nodes at the last height"):
        _wait_for_height(topology, height)
    _write_facts(folder, prepared, height)


def _prepare(folder: DevnetFolder, topology: Topology) -> _Prepared:
    suite = suite_named(topology.suite)
    now_ms = time.time_ns() // 1_000_000 + topology.clock_offset_ms
    people = invent_people()
    write_registry(folder.demo / DATABASE_FILE, people)
    create_secret(folder.demo / SECRET_FILE)
    start_registry(folder)
    custodian = load_custodian(folder.demo / SECRET_FILE, hash_name=suite.hash_name)
    rendered = render_certificates(people)
    write_certificates(folder.demo, rendered)
    departments = [one.department for one in topology.nodes]
    return _Prepared(
        suite=suite,
        custodian=custodian,
        people=people,
        certificates=rendered,
        issuing=tuple(registration(suite, one, now_ms=now_ms) for one in rendered),
        bulk=_halves_by_speaker(departments, people, custodian, now_ms=now_ms),
    )


def _halves_by_speaker(
    departments: Sequence[Department],
    people: Sequence[Person],
    custodian: Custodian,
    *,
    now_ms: int,
) -> dict[str, tuple[Call, ...]]:
    halves: dict[str, list[Call]] = {one.organisation: [] for one in departments}
    for planned in plan_bulk(departments, people, custodian, now_ms=now_ms):
        for side in planned.sides:
            call = planned.call
            speaker = call.requester if side is Side.REQUESTER else call.provider
            halves[speaker].append(call.half(side))
    return {speaker: tuple(own) for speaker, own in halves.items()}


def _submit(folder: DevnetFolder, topology: Topology, prepared: _Prepared) -> int:
    """Submit everything at once from every department, and return the last height."""
    # One client per key: it counts the nonces of all its submissions.
    issuer = open_client(folder, topology, "issuer", first=DATA.name)
    services = {
        one.organisation: open_client(folder, topology, f"service-{one.name}", first=one.name)
        for one in topology.nodes
    }
    with ThreadPoolExecutor(max_workers=_SUBMITTERS) as pool:
        housing = services[HOUSING.organisation]
        jobs = [
            pool.submit(_register_certificates, issuer, prepared),
            pool.submit(_call_over_http, housing, topology, prepared),
        ]
        jobs += [
            pool.submit(_submit_all, services[speaker], access.NAME, portion)
            for speaker, halves in prepared.bulk.items()
            for portion in in_portions(halves)
        ]
        return max(job.result() for job in jobs)


def _register_certificates(client: Client, prepared: _Prepared) -> int:
    _submit_all(client, certificates.NAME, prepared.issuing)
    return _submit_all(client, certificates.NAME, revocations(prepared.certificates))


def _call_over_http(client: Client, topology: Topology, prepared: _Prepared) -> int:
    calls = call_everybody(
        asked_people(prepared.people),
        topology.registry_port,
        suite=prepared.suite,
        custodian=prepared.custodian,
        clock_offset_ms=topology.clock_offset_ms,
    )
    height = _submit_all(client, access.NAME, [one.half(Side.REQUESTER) for one in calls])
    return max(height, _wait_for_halves(topology, len(calls)))


def _submit_all(client: Client, contract: str, calls: Sequence[Call]) -> int:
    """Submit and return the height; every call must be accepted.

    Raises:
        DemoRefused: something was not.

    """
    outcome = client.submit(contract, calls)
    if not isinstance(outcome, Final):
        reports = "; ".join(f"{one.node}: {one.detail}" for one in outcome.reports[-4:])
        raise DemoRefused("the demo", reason=f"{contract}: no finality ({reports})")
    if outcome.code != 0 or count_refused(outcome):
        codes = sorted({one.code_name for one in outcome.calls if one.code})
        raise DemoRefused("the demo", reason=f"{contract}: {outcome.code_name} {codes}")
    return outcome.height


def _wait_for_halves(topology: Topology, count: int) -> int:
    """Wait until the registry's halves are final too, and return their height."""
    deadline = time.monotonic() + _FINAL_TIMEOUT_S
    while time.monotonic() < deadline:
        said = _registry_says(topology)
        if said.get("recorded") == count:
            height = said.get("height")
            return height if isinstance(height, int) else 0
        time.sleep(_POLL_S)
    raise DemoRefused("the demo", reason="the registry's halves are not final")


def start_registry(folder: DevnetFolder) -> None:
    """Start the registry's process."""
    file = record_file(folder, REGISTRY)
    if running_record(file) is not None:
        return
    record = spawn(
        [sys.executable, "-m", "devnet.demo", "--dir", str(folder.path.resolve())],
        folder=folder.demo.resolve(),
        log=folder.demo / _LOG_FILE,
        environment=child_environment(),
    )
    write_record(file, record)


def wait_for_registry(folder: DevnetFolder, topology: Topology) -> None:
    """Wait until the registry answers.

    Raises:
        NotReady: it ended, or the time is over.

    """
    deadline = time.monotonic() + START_TIMEOUT_S
    log = folder.demo / _LOG_FILE
    while "recorded" not in _registry_says(topology):
        ended = running_record(record_file(folder, REGISTRY)) is None
        if ended or time.monotonic() > deadline:
            reason = "its process ended" if ended else "no answer"
            raise NotReady("the registry", reason=reason, last_lines=last_lines(log))
        time.sleep(_POLL_S)


def _registry_says(topology: Topology) -> Mapping[str, object]:
    return fetch_json(f"http://{HOST}:{topology.registry_port}", "/healthz").document


def _wait_for_height(topology: Topology, height: int) -> None:
    deadline = time.monotonic() + _FINAL_TIMEOUT_S
    bases = [one.api for one in topology.nodes]
    while True:
        heights = [reply.document.get("height") for reply in fetch_all(bases, "/v1/consensus")]
        if all(isinstance(one, int) and one >= height for one in heights):
            return
        if time.monotonic() > deadline:
            raise DemoRefused("the demo", reason=f"heights {heights}, expected {height}")
        time.sleep(_POLL_S)


def _write_facts(folder: DevnetFolder, prepared: _Prepared, height: int) -> None:
    """Write `demo.json` last: it says that the demo is whole."""
    token = prepared.custodian.token(
        provider=POLICE.organisation, person_id=prepared.people[0].person_id
    )
    facts = {
        "subject": token.hex(),
        "certificates": named_files(prepared.certificates),
        "http_calls": HTTP_CALLS,
        "bulk_calls": BULK_CALLS,
        "height": height,
    }
    draft = folder.demo / f"{DEMO_FILE}.draft"
    draft.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    draft.replace(folder.demo / DEMO_FILE)
