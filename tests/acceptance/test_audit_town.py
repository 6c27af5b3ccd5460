"""Audit questions whose answers are known before: `make accept NAME=audit` prints the figures.

Four nodes, gateways, a custodian, console and citizens' view cross the end of March 2026; then
`kun audit query`, an auditor's browser and a citizen's are asked what happened.
"""

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from contracts.schemas.access import NAME, Finding, findings_in
from contracts.schemas.access_sealed import SealOutcome
from devnet.departments import HOUSING, POLICE
from tests.acceptance.audit_town import (
    APRIL,
    BULK,
    CALLS_EACH,
    LOGIN,
    MARCH,
    MAY,
    Town,
    made_town,
)
from tests.acceptance.main_job import report
from tests.acceptance.visitor import DESK, PHONE, ask_subject, logged_in
from tests.browser.opening import opened_browser
from tests.browser.proof_lies import PROOF_LIES, Forge
from tests.data_tracker import faults

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PURPOSE = "月度核对"
BEFORE_ALL = "2026-02"
SIDES = ("provider", "requester")
# Both halves of each call, each with the person's token or a list that has it.
HALVES = 2
MARCH_PERIOD = {"periodStart": "2026-03-01T00:00:00", "periodEnd": "2026-04-01T00:00:00+08:00"}
APRIL_PERIOD = {"periodStart": "2026-04-01T00:00:00", "periodEnd": "2026-05-01T00:00:00+08:00"}
AUDITOR = "auditor-01"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town") / "devnet"
    try:
        yield made_town(folder)
    finally:
        Town.down(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


@pytest.fixture
def number(town: Town, tmp_path: Path) -> Path:
    """A file with the person's number, as `--person` wants it."""
    path = tmp_path / "number"
    path.touch(mode=0o600)
    path.write_text(town.person.person_id)
    return path


def asked(town: Town, *words: str) -> dict[str, Any]:
    """Return the answer of `kun audit query`."""
    document: dict[str, Any] = town.kun(
        *("audit", "query", *words, "--purpose", PURPOSE, "--json")
    ).json
    return document


def month(name: str) -> tuple[str, ...]:
    return ("--from", name, "--to", name)


def of_calls(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the records of calls; questions stand in the trails of whom they are about too."""
    return [one for one in answer["items"] if one["contract"] == NAME]


def sides_of(rows: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """Count the halves by call and side."""
    halves = [one["call"] for one in rows if one["call"] is not None]
    return Counter((one["call_id"], one["side"]) for one in halves)


def is_late(row: Mapping[str, Any]) -> bool:
    return Finding.LATE in findings_in(row["outcome"])


def require_provable(town: Town, folder: Path, *words: str) -> dict[str, Any]:
    """Export the answer to a question and verify the file; return the facts of it."""
    out, trust = folder / f"{secrets.token_hex(4)}.kunproof", str(town.folder.genesis)
    town.kun("audit", "export", *words, "--purpose", PURPOSE, "--out", str(out))
    done = town.kun.bare("audit", "verify", str(out), "--trust", trust, "--json")
    assert done.code == 0, done.out + done.err
    facts: dict[str, Any] = done.json
    return facts


def test_each_month_has_what_was_recorded_before_its_midnight(town: Town, tmp_path: Path) -> None:
    subject, known = town.subject.hex(), town.known
    march, april = (asked(town, "--subject", subject, *month(one)) for one in (MARCH, APRIL))
    in_march, in_april = of_calls(march), of_calls(april)
    planned = HALVES * (town.demo_calls()[POLICE.organisation] + CALLS_EACH + 1) + 1

    report(f"March: {len(in_march)} records, {planned} expected; April: {len(in_april)}")
    assert march["complete"] is True
    assert len(in_march) == planned
    assert {(one, side) for one in known.before for side in SIDES} <= set(sides_of(in_march))
    made_in_april = [*known.late, *known.after]
    assert sides_of(in_april) == Counter((one, side) for one in made_in_april for side in SIDES)
    assert all(one["time"] < "2026-04-01" for one in march["items"])
    assert all(one["time"] >= "2026-04-01" for one in april["items"])
    for name in (MARCH, APRIL):
        require_provable(town, tmp_path, "--subject", subject, *month(name))


def test_a_month_that_has_not_ended_is_proven_as_far_as_it_goes(town: Town) -> None:
    answers = {
        one: asked(town, "--subject", town.subject.hex(), *month(one)) for one in (APRIL, MAY)
    }

    told = {name: (one["complete"], one["incomplete_because"]) for name, one in answers.items()}
    report(f"(complete, why not): {told}")
    assert not answers[APRIL]["complete"]
    assert answers[APRIL]["complete_to"] >= "2026-04-01"
    assert not answers[MAY]["complete"]
    assert answers[MAY]["items"] == []


def test_a_call_that_waited_for_the_chain_stands_in_the_next_month_and_is_late(
    town: Town, tmp_path: Path
) -> None:
    (call_id,) = town.known.late
    april = of_calls(asked(town, "--subject", town.subject.hex(), *month(APRIL)))
    halves = [one for one in april if one["call"] and one["call"]["call_id"] == call_id]
    found = of_calls(asked(town, "--finding", "late"))

    made, recorded = halves[0]["call"]["requested"], halves[0]["time"]
    report(f"late call: made {made}, recorded {recorded}, findings of {len(found)} halves")
    assert made.startswith("2026-03-31T23:59")
    assert recorded.startswith("2026-04-01T00:00")
    assert len(halves) == HALVES
    assert all(map(is_late, halves))
    assert {one["position"] for one in halves} == {one["position"] for one in found}
    require_provable(town, tmp_path, "--finding", "late")


def test_a_person_in_the_registers_of_several_departments_is_found_in_all(
    town: Town, number: Path, tmp_path: Path
) -> None:
    words = ("--person", str(number), "--custodian", town.custodian, *month(MARCH))
    answer = asked(town, *words)
    rows = of_calls(answer)
    halves = Counter(one["call"]["provider"] for one in rows if one["call"] is not None)
    demo = town.demo_calls()
    expected = Counter({name: HALVES * count for name, count in demo.items() if count})
    expected[POLICE.organisation] += HALVES * CALLS_EACH
    # What a list of people says of the bulk call, and the seal, have no parties in clear.
    listed = len(rows) - halves.total()

    report(f"one person, {len(halves)} departments, {dict(halves)} halves, {listed} others")
    assert answer["complete"] is True
    assert set(answer["person"]["departments"]) >= set(expected)
    in_bulk = halves[POLICE.organisation] - expected[POLICE.organisation]
    assert halves - Counter({POLICE.organisation: in_bulk}) == expected
    assert in_bulk + listed == HALVES + 1
    assert len(expected) > 1
    require_provable(town, tmp_path, *words)


def test_that_nothing_was_recorded_is_proven_too(town: Town, tmp_path: Path) -> None:
    nobody = secrets.token_hex(32)
    answers = [
        asked(town, "--subject", nobody, *month(MARCH)),
        asked(town, "--subject", town.subject.hex(), *month(BEFORE_ALL)),
    ]

    report(f"zero rows: complete {[one['complete'] for one in answers]}")
    assert [one["items"] for one in answers] == [[], []]
    assert all(one["complete"] for one in answers)
    facts = require_provable(town, tmp_path, "--subject", nobody, *month(MARCH))
    assert facts["complete"] is True


def test_a_call_under_seal_is_a_record_that_names_nobody(town: Town) -> None:
    rows = of_calls(asked(town, "--subject", town.subject.hex(), *month(MARCH)))
    (sealed,) = [one for one in rows if one["action"] == "sealed"]

    report(f"sealed: {sealed['action']} by {sealed['organisation']}, call {sealed['call']}")
    assert sealed["outcome"] == SealOutcome.CALL_SEALED
    assert sealed["organisation"] == POLICE.organisation
    assert sealed["call"] is None
    assert HOUSING.organisation not in json.dumps(sealed)


def test_each_of_a_thousand_people_of_one_call_finds_it(town: Town, tmp_path: Path) -> None:
    tokens = [hashlib.sha256(b"%d" % one).hexdigest() for one in (0, BULK // 2, BULK - 2)]
    answers = [asked(town, "--subject", one, *month(MARCH)) for one in tokens]
    of_item = of_calls(asked(town, "--item", POLICE.serves, *month(MARCH)))
    counts = [one["call"]["count"] for one in of_item if _is(one, town.known.bulk)]

    report(f"one of {counts} people: {[len(of_calls(one)) for one in answers]} records each")
    assert all(one["complete"] for one in answers)
    assert all(len(of_calls(one)) == HALVES for one in answers)
    assert counts == [BULK, BULK]
    require_provable(town, tmp_path, "--subject", tokens[0], *month(MARCH))


def _is(row: Mapping[str, Any], call_id: str) -> bool:
    return row["call"] is not None and row["call"]["call_id"] == call_id


def test_the_console_shows_the_month_as_it_was(
    browser: Browser, town: Town, tmp_path: Path
) -> None:
    rows = len(asked(town, "--subject", town.subject.hex(), *month(MARCH))["items"])
    address = str(town.kun.status["demo"]["pages"]["console"])
    with logged_in(browser, address, AUDITOR, size=DESK) as page:
        page.goto(f"{address}/search")
        ask_subject(page, town.subject.hex(), purpose=PURPOSE)
        page.fill("#ask-month", MARCH)
        page.click("form.question-form button[type=submit]")
        banner = page.locator("#completeness")
        expect(banner).to_contain_class("green")
        told = banner.inner_text()
        with page.expect_download() as download:
            page.click("#download")
        download.value.save_as(kept := tmp_path / "march.kunproof")
    done = town.kun.bare("audit", "verify", str(kept), "--trust", str(town.folder.genesis))

    report(f"console, {MARCH}: {told!r}; kun audit verify: exit {done.code}")
    # What was asked since has become records of the trail as well, but in April.
    assert f"{rows} / {rows}" in told
    assert done.code == 0


@pytest.fixture
def citizen(browser: Browser, town: Town) -> Iterator[Page]:
    address = str(town.kun.status["demo"]["pages"]["citizen"])
    with logged_in(browser, address, LOGIN, size=PHONE) as page:
        expect(page.locator("#banner .seal")).to_contain_class("green")
        yield page


def usages(page: Page, path: str = "/v2/findUsage", **query: str) -> dict[str, Any]:
    """Ask the Data Tracker's door with the page's own session; the form is the published one."""
    origin = page.evaluate("location.origin")
    answer = page.request.get(f"{origin}{path}", params={"userCode": "me", **query})
    document: dict[str, Any] = answer.json()
    assert answer.ok, document
    return document


def test_the_citizen_is_shown_all_of_it_and_what_is_sealed(citizen: Page, town: Town) -> None:
    made = town.known
    calls = sum(town.demo_calls().values()) + len(made.before) + len(made.late) + len(made.after)
    shown, seals = citizen.locator("li.use").count(), citizen.locator("#seals li").count()
    # One can object to a call, not to a question of an auditor.
    of_calls = citizen.locator("li.use").filter(has=citizen.locator("button")).count()
    text = citizen.inner_text("#list")

    report(f"citizen: {shown} uses; {of_calls} calls, {calls} + 1 expected; {seals} under seal")
    assert of_calls == calls + 1
    assert text.count("年度批量核对") == 1
    assert text.count("2026-04-01 00:00") >= len(made.late) + len(made.after)
    assert seals == 1


def test_the_door_of_the_data_tracker_answers_in_its_published_form(
    citizen: Page, town: Town
) -> None:
    origin = citizen.evaluate("location.origin")
    paths = ("/v2/heartbeat", "/v2/usagePeriod")
    documents = {one: citizen.request.get(f"{origin}{one}").json() for one in paths}
    documents["/v2/findUsage"] = usages(citizen, limit="100")
    wrong = {path: faults(path, one) for path, one in documents.items()}
    march, april = (
        usages(citizen, **period)["totalUsages"] for period in (MARCH_PERIOD, APRIL_PERIOD)
    )
    total, made = documents["/v2/findUsage"]["totalUsages"], town.known

    report(f"Data Tracker v2: faults {wrong}; uses {total}, March {march}, April {april}")
    assert not any(wrong.values())
    # A late call is found in the month in which it was made, and in which it was recorded.
    assert march + april == total + len(made.late)


@pytest.mark.parametrize("forge", PROOF_LIES, ids=lambda one: one.__name__)
def test_a_proxy_before_the_service_that_lies_is_caught_in_the_browser(
    citizen: Page, forge: Forge
) -> None:
    def lie(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=forge(answer.body()))

    citizen.route("**/proof.kunproof*", lie)
    citizen.reload()
    seal = citizen.locator("#banner .seal")
    expect(seal).to_contain_class("red")

    report(f"a proxy, {forge.__name__}: {seal.inner_text().split()[1]}")
    assert citizen.locator("li.use").count() == 0
