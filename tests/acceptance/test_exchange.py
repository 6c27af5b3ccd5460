"""What the trusted exchange must show; `make accept NAME=exchange` prints the figures.

One devnet with four nodes, a custodian, a population register behind the gateway and housing's
program that calls it: all of them processes, but for the caller, which is a library.
"""

import difflib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.client import Client
from contracts.schemas.access import Finding
from contracts.schemas.access_gaps import GapOutcome
from contracts.schemas.call_words import AccessOutcome, Decision, Side
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.match_states import Match
from devnet.departments import HOUSING, POLICE
from tests.acceptance.commands import ROOT, Kun
from tests.acceptance.exchange_calls import Called, HousingOffice, intent_for, invent_half
from tests.acceptance.exchange_foreign import ENTRY, FOREIGN, SUBJECT, SUBJECT_HEADER, Foreign
from tests.acceptance.exchange_processes import Server
from tests.acceptance.exchange_records import (
    call_row,
    gaps_at,
    recorded_half,
    trail_of,
    until_all,
)
from tests.acceptance.exchange_run import CALLS as CALLS_OF_RUN
from tests.acceptance.exchange_run import NAME, OFFICE, Run, dead_in
from tests.acceptance.exchange_scan import missed_plants, scan_all, scanner_of, write_evidence
from tests.acceptance.exchange_site import (
    FIELDS,
    GRANTED,
    ITEM,
    STANDING_GRANT,
    Exchange,
    made_ready,
)
from tests.acceptance.exchange_tally import open_among, tally_of, tally_of_planted
from tests.acceptance.exchange_watch import NodeWatch, watching
from tests.acceptance.main_job import NAMES, report
from tests.acceptance.targets import output_of
from tests.acceptance.waiting import until
from tests.privacy.test_scanner import PLANTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SERVICES = ROOT / "tests" / "acceptance" / "services"
SERVICE_LINES_MAX = 30
DIFF_LINES_MAX = 5
CALLS = 20
MATCHED_S = 30.0
# What a gateway believes of a grant without asking again, and a block.
REVOKED_S = 15.0
QUOTA = 3
# Deadline of the devnet, one idle block, and the time a client takes to ask and check.
DEADLINE_S, IDLE_BLOCK_S, ASK_S = 20.0, 5.0, 2.0
FOUND_S = DEADLINE_S + IDLE_BLOCK_S + ASK_S
# Counts by role follow the index, which follows a second of block time later.
COUNTED_S = 2 * IDLE_BLOCK_S
BLOCKS_AFTER = 2
OPENED, GAPS = "unmatched_opened_total", "gaps_total"
PROVEN_AT_HOUSING = {
    "department": HOUSING.organisation,
    "role": "requester",
    "gap": "one_sided_proven",
}
CLAIMED_AT_POLICE = {
    "department": POLICE.organisation,
    "role": "provider",
    "gap": "one_sided_claimed",
}


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    folder = tmp_path_factory.mktemp("exchange")
    kun = Kun(folder / "devnet")
    began = time.monotonic()
    site: Exchange | None = None
    try:
        kun("devnet", "up", "--detach", "--no-demo", "--suite", "intl")
        site = made_ready(kun, folder, up_seconds=time.monotonic() - began)
        yield site
    finally:
        if site is not None:
            site.close()
        kun("devnet", "down", ok=False)


@pytest.fixture(scope="module")
def registry(exchange: Exchange) -> Server:
    return exchange.start_registry("registry-service")


@pytest.fixture(scope="module")
def housing(exchange: Exchange) -> Iterator[HousingOffice]:
    office = HousingOffice(exchange, "housing-office")
    yield office
    office.close()


@pytest.fixture(scope="module")
def visitor(exchange: Exchange) -> Iterator[HousingOffice]:
    office = HousingOffice(exchange, "visiting-office", subject=SUBJECT)
    yield office
    office.close()


@pytest.fixture
def auditor(exchange: Exchange) -> Iterator[Client]:
    with exchange.job.client(key="auditor") as client:
        yield client


def test_a_small_service_gets_the_middleware_with_at_most_five_lines() -> None:
    before, after = (
        (SERVICES / f"registry_{name}.py").read_text("utf-8").splitlines()
        for name in ("before", "after")
    )
    changed = [
        line
        for line in difflib.unified_diff(before, after, n=0, lineterm="")
        if line[0] in "+-" and not line.startswith(("+++", "---"))
    ]
    report(f"service of {len(before)} lines, diff of {len(changed)} lines")
    assert len(before) <= SERVICE_LINES_MAX
    assert 0 < len(changed) <= DIFF_LINES_MAX


def test_calls_to_the_service_are_matched_pairs_with_proofs(
    exchange: Exchange, registry: Server, housing: HousingOffice
) -> None:
    intent = intent_for(STANDING_GRANT)
    began = time.monotonic()
    calls = [housing.call(registry.url, intent) for _ in range(CALLS)]
    spent = time.monotonic() - began

    assert {one.status for one in calls} == {200}
    assert all(one.is_proven for one in calls)
    until_all(exchange, [one.call_id for one in calls], Match.MATCHED, timeout_s=MATCHED_S)
    matched = time.monotonic() - began
    report(
        f"{CALLS} calls in {spent:.2f} s, all answers proven by reply tokens;"
        f" {CALLS} matched pairs proven {matched:.1f} s after the first call"
    )
    logged = exchange.access_log("registry-service").read_text("ascii").split()
    assert logged == [one.call_id.hex() for one in calls]


def test_after_the_service_was_killed_the_next_call_is_recorded_as_failed(
    registry: Server, housing: HousingOffice, auditor: Client
) -> None:
    registry.kill()
    call = housing.call(registry.url, intent_for(STANDING_GRANT))
    half = recorded_half(auditor, call.call_id, Side.REQUESTER)
    registry.start()

    report(f"service killed: call recorded as {AccessOutcome(half.half.kind).name}")
    assert call.status == 0
    assert half.half.kind == AccessOutcome.FAILED
    assert (half.half.status, half.half.other) == (0, b"")


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda one: one.name)
def test_a_server_in_other_hands_gets_the_same_from_the_proxy(
    exchange: Exchange, visitor: HousingOffice, auditor: Client, foreign: Foreign
) -> None:
    server = foreign.start(exchange)
    proxy = exchange.start_proxy(f"{foreign.name}-proxy", server.url, subject=SUBJECT)
    intent, url = intent_for(STANDING_GRANT), proxy.url + ENTRY

    calls = [visitor.get(url, intent, subject_header=SUBJECT_HEADER) for _ in range(CALLS)]
    server.kill()
    failed = visitor.get(url, intent, subject_header=SUBJECT_HEADER)

    assert {one.status for one in calls} == {200}
    assert all(one.is_proven and set(one.body) == set(GRANTED) for one in calls)
    until_all(exchange, [one.call_id for one in calls], Match.MATCHED, timeout_s=MATCHED_S)
    halves = [recorded_half(auditor, failed.call_id, side) for side in Side]
    report(
        f"proxy before {foreign.name}: {CALLS} matched pairs; server killed: HTTP"
        f" {failed.status}, recorded as {AccessOutcome(halves[1].half.kind).name} by both sides"
    )
    assert failed.status == 502
    assert {one.half.kind for one in halves} == {AccessOutcome.FAILED}


def test_a_field_outside_the_grant_is_not_released_and_asking_for_it_is_refused(
    exchange: Exchange, registry: Server, housing: HousingOffice, auditor: Client
) -> None:
    given = housing.call(registry.url, intent_for(STANDING_GRANT))
    refused = housing.call(registry.url, intent_for(STANDING_GRANT, fields=FIELDS))
    half = recorded_half(auditor, refused.call_id, Side.PROVIDER)

    report(f"service answers {len(FIELDS)} fields, released: {', '.join(given.body)}")
    report(f"asked for an ungranted field: HTTP {refused.status} {refused.body['code']}, recorded")
    assert (given.status, set(given.body)) == (200, set(GRANTED))
    assert (refused.status, refused.body["code"]) == (403, "FIELDS_NOT_GRANTED")
    assert half.half.kind == AccessOutcome.DENIED
    calls = [given.call_id, refused.call_id]
    until_all(exchange, calls, Match.MATCHED, timeout_s=MATCHED_S)


def test_a_quota_that_is_used_up_is_429_and_recorded(
    exchange: Exchange, registry: Server, housing: HousingOffice, auditor: Client
) -> None:
    intent = intent_for(exchange.grant("H-quota", quota=QUOTA))
    calls = [housing.call(registry.url, intent) for _ in range(QUOTA + 1)]
    over = recorded_half(auditor, calls[-1].call_id, Side.PROVIDER)

    report(f"quota of {QUOTA} a day: HTTP {[one.status for one in calls]}, the last recorded")
    assert [one.status for one in calls] == [200] * QUOTA + [429]
    assert calls[-1].body["code"] == "QUOTA_EXCEEDED"
    assert over.half.kind == AccessOutcome.DENIED
    assert over.findings == ()
    until_all(exchange, [one.call_id for one in calls], Match.MATCHED, timeout_s=MATCHED_S)


def test_a_revoked_grant_is_refused_and_recorded(
    exchange: Exchange, registry: Server, housing: HousingOffice, auditor: Client
) -> None:
    intent = intent_for(exchange.grant("H-revoked"))
    assert housing.call(registry.url, intent).status == 200
    exchange.revoke("H-revoked")
    began = time.monotonic()
    late = []

    def refused() -> Called | None:
        call = housing.call(registry.url, intent)
        late.append(call)
        return call if call.status != 200 else None

    call = until(refused, timeout_s=REVOKED_S, what="a refusal")
    half = recorded_half(auditor, call.call_id, Side.PROVIDER)

    report(
        f"grant revoked: HTTP {call.status} {call.body['code']} after"
        f" {time.monotonic() - began:.1f} s and {len(late) - 1} more answers; recorded as denied"
    )
    assert (call.status, call.body["code"]) == (403, "GRANT_NOT_ACTIVE")
    assert half.half.decision == Decision.DENY
    for earlier in late[:-1]:
        found = recorded_half(auditor, earlier.call_id, Side.PROVIDER)
        assert found.findings == (Finding.GRANT_NOT_ACTIVE,)


def test_a_spooled_call_whose_grant_ended_meanwhile_is_recorded_with_its_finding(
    exchange: Exchange, housing: HousingOffice, auditor: Client
) -> None:
    lonely = exchange.start_registry("lonely-service", node=exchange.kun.apis[0])
    intent = intent_for(exchange.grant("H-meanwhile"))
    assert housing.call(lonely.url, intent).status == 200
    exchange.kun("devnet", "pause", NAMES[0])
    try:
        call = housing.call(lonely.url, intent)
        own = recorded_half(auditor, call.call_id, Side.REQUESTER)
        exchange.revoke("H-meanwhile")
    finally:
        exchange.kun("devnet", "resume", NAMES[0])
    spooled = recorded_half(auditor, call.call_id, Side.PROVIDER)

    report(f"spooled while the grant ended: recorded, findings {_names(spooled.findings)}")
    assert call.status == 200
    assert own.findings == ()
    assert Finding.GRANT_NOT_ACTIVE in spooled.findings
    until_all(exchange, [call.call_id], Match.MATCHED, timeout_s=MATCHED_S)
    by_finding = trail_of(auditor, IndexKind.FINDING, bytes((Finding.GRANT_NOT_ACTIVE,)))
    assert by_finding.is_whole
    assert call.call_id in by_finding.halves


def test_a_dropped_half_is_provably_unmatched_within_its_deadline(
    exchange: Exchange, registry: Server, auditor: Client
) -> None:
    with watching(exchange) as nodes:
        before = gaps_at(auditor, HOUSING.organisation)
        opened = [one.figure(OPENED, department=HOUSING.organisation) for one in nodes]
        counted = [one.figure(GAPS, **PROVEN_AT_HOUSING) for one in nodes]
        silent = HousingOffice(exchange, "silent-office", drops_halves=True)
        call = silent.call(registry.url, intent_for(STANDING_GRANT))
        silent.close()
        recorded_half(auditor, call.call_id, Side.PROVIDER)
        began = time.monotonic()

        until_all(exchange, [call.call_id], Match.ONE_SIDED_PROVEN, timeout_s=FOUND_S)
        spent = time.monotonic() - began
        until(
            lambda: all(one.gaps(call.call_id) for one in nodes),
            timeout_s=began + FOUND_S - time.monotonic(),
            what="an event on the stream of every node",
        )
        told = time.monotonic() - began
        shown = [one.figure(OPENED, department=HOUSING.organisation) for one in nodes]
        told_and_shown = time.monotonic() - began
        until(
            lambda: (
                [one.figure(GAPS, **PROVEN_AT_HOUSING) for one in nodes]
                == [one + 1 for one in counted]
            ),
            timeout_s=COUNTED_S,
            what="the gap in the counts of every node",
        )
        events = [(node, node.only_gap(call.call_id)) for node in nodes]

    gaps = trail_of(auditor, IndexKind.UNMATCHED, HOUSING.organisation)
    after = gaps_at(auditor, HOUSING.organisation)
    report(
        f"requester's half dropped: one-sided-proven {spent:.1f} s after the provider's half"
        f" (deadline {DEADLINE_S:g} s, idle block {IDLE_BLOCK_S:g} s), told by {len(nodes)} streams"
        f" after {told:.1f} s, on {len(nodes)} pages of /metrics after {told_and_shown:.1f} s; gaps"
        f" of the requester {before.opened} → {after.opened}, trail of key 8 whole: {gaps.is_whole}"
    )
    assert call.is_proven
    assert after.opened == before.opened + 1
    assert gaps.is_whole
    assert call.call_id in gaps.own
    assert shown == [one + 1 for one in opened]
    assert told_and_shown <= FOUND_S
    assert len({str(event.data) for _, event in events}) == 1
    for node, event in events:
        assert (event.name, event.data["outcome"]) == ("unmatched", "one_sided_proven")
        assert (event.data["side"], event.data["item"]) == ("provider", ITEM)
        assert event.data["held_against"] == event.data["requester"] == HOUSING.organisation
        assert node.proven(event).entry.outcome == GapOutcome.ONE_SIDED_PROVEN


def test_a_half_that_a_provider_invents_stays_its_claim(
    exchange: Exchange, auditor: Client
) -> None:
    with watching(exchange) as nodes:
        before = gaps_at(auditor, HOUSING.organisation)
        pages = [_gap_figures(one, HOUSING.organisation) for one in nodes]
        own = [one.figure(OPENED, department=POLICE.organisation) for one in nodes]
        counted = [one.figure(GAPS, **CLAIMED_AT_POLICE) for one in nodes]
        call_id = invent_half(exchange)

        until_all(exchange, [call_id], Match.ONE_SIDED_CLAIMED, timeout_s=FOUND_S)
        until(
            lambda: all(one.gaps(call_id) for one in nodes),
            timeout_s=ASK_S,
            what="an event on the stream of every node",
        )
        height = nodes[0].gaps(call_id)[0].height
        until(
            lambda: all(one.height >= height + BLOCKS_AFTER for one in nodes),
            timeout_s=BLOCKS_AFTER * 2 * IDLE_BLOCK_S,
            what="blocks after it",
        )
        events = [(node, node.only_gap(call_id)) for node in nodes]
        shown = [one.figure(OPENED, department=POLICE.organisation) for one in nodes]
        claims = [one.figure(GAPS, **CLAIMED_AT_POLICE) for one in nodes]
        after = [_gap_figures(one, HOUSING.organisation) for one in nodes]

    claimed = trail_of(auditor, IndexKind.UNMATCHED, POLICE.organisation)
    report(
        "provider's invented half: one-sided-claimed, held against the provider itself, on"
        f" {len(nodes)} streams and pages of /metrics, and still {BLOCKS_AFTER} blocks later"
    )
    assert call_id in claimed.own
    assert gaps_at(auditor, HOUSING.organisation) == before
    assert after == pages
    assert shown == [one + 1 for one in own]
    assert claims == [one + 1 for one in counted]
    for node, event in events:
        assert (event.name, event.data["outcome"]) == ("unmatched", "one_sided_claimed")
        assert event.data["held_against"] == event.data["provider"] == POLICE.organisation
        assert node.proven(event).entry.outcome == GapOutcome.ONE_SIDED_CLAIMED
    row = call_row(auditor, call_id)
    assert row is not None
    assert row.match == Match.ONE_SIDED_CLAIMED


def _gap_figures(node: NodeWatch, department: str) -> dict[str, float]:
    """Return all that a node's page holds against a department."""
    figures = node.figures().items()
    words = ("unmatched", "gaps", "mismatched")
    return {name: value for name, value in figures if department in name and name.startswith(words)}


def test_no_call_is_lost_or_doubled_while_nodes_and_gateways_are_killed(
    exchange: Exchange, auditor: Client
) -> None:
    grant = exchange.grant("H-busy")
    ran = Run(exchange, grant).run()
    exchange.job.settle()
    numbers = sorted(ran.begun)
    until(
        lambda: not open_among(auditor, grant, ran.begun.values()),
        timeout_s=2 * (DEADLINE_S + IDLE_BLOCK_S),
        what="no call that still waits for its deadline",
    )

    trail = trail_of(auditor, IndexKind.GRANT, grant)
    tally = tally_of(auditor, trail, ran)
    lost, twice = tally_of_planted(auditor, trail, ran)

    report(f"{len(numbers)} calls in {ran.seconds:.0f} s, {len(ran.kills)} kills and starts")
    report(f"program saw: {dict(sorted(Counter(ran.ended.values()).items()))}")
    report(f"service's access log: {ran.served.total()} lines, {len(ran.served)} calls")
    report(f"ledger: {tally.document()}")
    assert numbers == list(range(CALLS_OF_RUN))
    assert max(ran.served.values()) == 1
    assert (len(lost.lost), len(twice.doubled)) == (1, 1), "a planted fault was not found"
    assert tally.doubled == []
    assert tally.lost == []
    assert tally.mismatched == []
    assert [dead_in(exchange, name) for name in (NAME, OFFICE)] == [0, 0]
    assert tally.matched >= sum(status == 200 for status in ran.ended.values())


def test_the_cost_of_a_gateway_is_told_beside_a_bare_fdatasync() -> None:
    """Times of a machine that does other things are told; a test of them would lie."""
    for line in output_of(sys.executable, "-m", "benchmarks.bench_gateway", timeout_s=600):
        report(line)


def test_nothing_on_any_disk_holds_a_number_a_name_or_an_address(
    exchange: Exchange, auditor: Client, tmp_path: Path
) -> None:
    """Last of all: stores are read when nobody has them open."""
    write_evidence(auditor, exchange.folder / "evidence")
    exchange.close()
    exchange.kun("devnet", "down")
    scanner = scanner_of(exchange)

    missed = missed_plants(scanner, tmp_path)
    scan = scan_all(scanner, exchange)

    opened = ", ".join(f"{name} {count}" for name, count in sorted(scan.opened.items()))
    report(f"planted number found in {len(PLANTS) - len(missed)} of {len(PLANTS)} kinds of place")
    report(f"opened {opened}; hits: {len(scan.hits)}")
    assert missed == []
    assert scan.opened["leveldb"] == len(NAMES)
    assert {"sqlite", "zip", "json", "msgpack"} <= set(scan.opened)
    assert scan.hits == ()


def _names(findings: tuple[Finding, ...]) -> str:
    return ", ".join(one.name for one in findings)
