"""Makes the demo while the nodes start, and brings it onto the chain when they are ready.

Phases are measured, because all of it must be final everywhere within 15 s on two cores: what
needs no node (documents, database, planned calls) is done while the nodes load their libraries.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chainnode.cli.probe import fetch_all
from chainnode.submission import Call
from chainnode.suites import suite_named
from devnet.demo.certificates import (
    DemoCertificate,
    named_files,
    registration,
    render_certificates,
    write_certificates,
)
from devnet.demo.clients import DemoRefused, demo_now_ms, submitters
from devnet.demo.establishing import establish
from devnet.demo.exchange import exchange
from devnet.demo.people import Person, invent_people, write_registry
from devnet.demo.plan import BULK_CALLS, HTTP_CALLS, Part, plan_http
from devnet.demo.pseudonyms import DemoTokens, make_root
from devnet.demo.requester import Made
from devnet.demo.services import start_services, wait_for_services
from devnet.demo.settings import DATABASE_FILE
from devnet.departments import POLICE
from devnet.launcher import START_TIMEOUT_S, wait_until_ready
from devnet.observe import DEMO_FILE, load_demo
from devnet.stopwatch import Stopwatch
from devnet.topology import DevnetFolder, Topology

_POLL_S = 0.05
_FINAL_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """What is ready before the nodes are."""

    people: tuple[Person, ...]
    certificates: tuple[DemoCertificate, ...]
    issuing: tuple[Call, ...]


def run_demo(folder: DevnetFolder, topology: Topology, watch: Stopwatch) -> None:
    """Make the demo of a new devnet; of an old one only its services are started again."""
    if load_demo(folder) is not None:
        start_services(folder, topology)
        _wait_until_ready(folder, topology, watch)
        return
    # An earlier attempt that was interrupted leaves nothing behind.
    shutil.rmtree(folder.demo, ignore_errors=True)
    folder.demo.mkdir()
    with watch.phase("demo prepared"):
        prepared = _prepare(folder, topology)
    _wait_until_ready(folder, topology, watch)
    with submitters(folder, topology) as submitting:
        with watch.phase("catalogue, grants, tokens, 50 certificates"):
            tokens = establish(submitting, prepared.people, prepared.certificates, prepared.issuing)
        with watch.phase(f"{BULK_CALLS} calls in batches, {HTTP_CALLS} over HTTP"):
            made = exchange(submitting, prepared.people, tokens, plan_http(prepared.people))
    with watch.phase("all nodes at the last height"):
        height = max(_heights(topology))
        _wait_for_height(topology, height)
    _write_facts(folder, _facts(prepared, tokens, made, height))


def _prepare(folder: DevnetFolder, topology: Topology) -> _Prepared:
    suite = suite_named(topology.suite)
    people = invent_people()
    write_registry(folder.demo / DATABASE_FILE, people)
    make_root(folder, topology)
    start_services(folder, topology)
    rendered = render_certificates(people)
    write_certificates(folder.demo, rendered)
    now_ms = demo_now_ms(topology)
    return _Prepared(
        people=people,
        certificates=rendered,
        issuing=tuple(registration(suite, one, now_ms=now_ms) for one in rendered),
    )


def _wait_until_ready(folder: DevnetFolder, topology: Topology, watch: Stopwatch) -> None:
    with watch.phase("nodes ready"):
        wait_until_ready(folder, topology.nodes, timeout_s=START_TIMEOUT_S)
        wait_for_services(folder, topology)


def _heights(topology: Topology) -> list[int]:
    """Return the height of every node, 0 of one that does not say it."""
    bases = [one.api for one in topology.nodes]
    told = [reply.document.get("height") for reply in fetch_all(bases, "/v1/consensus")]
    return [one if isinstance(one, int) else 0 for one in told]


def _wait_for_height(topology: Topology, height: int) -> None:
    deadline = time.monotonic() + _FINAL_TIMEOUT_S
    while min(heights := _heights(topology)) < height:
        if time.monotonic() > deadline:
            raise DemoRefused("the demo", reason=f"heights {heights}, expected {height}")
        time.sleep(_POLL_S)


def _facts(
    prepared: _Prepared, tokens: DemoTokens, made: Sequence[Made], height: int
) -> Mapping[str, object]:
    """Return what scripts are told; people only by their pseudonyms."""
    first = prepared.people[0].person_id
    return {
        "subject": tokens.token(provider=POLICE.organisation, person_id=first).hex(),
        "certificates": named_files(prepared.certificates),
        "http_calls": len(made),
        "bulk_calls": BULK_CALLS,
        "calls": {
            one.call.part.value: one.call_id.hex()
            for one in made
            if one.call.part is not Part.MATCHED
        },
        "height": height,
    }


def _write_facts(folder: DevnetFolder, facts: Mapping[str, object]) -> None:
    """Write `demo.json` last: it says that the demo is whole."""
    draft = folder.demo / f"{DEMO_FILE}.draft"
    draft.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    draft.replace(folder.demo / DEMO_FILE)
