"""Who used my data, asked over real sockets: a chain, a custodian, the application."""

import hashlib
import io
import secrets
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chainnode.client import AccessCall, Client, access_people
from chainnode.client.calls import seal_department, sealed_call, unseal_call
from chainnode.verify.evidence import verify_record_evidence
from chainnode.verify.export import verify_export
from contracts.schemas.access import Side
from contracts.schemas.access_sealed import commitment_content
from contracts.schemas.index_kinds import IndexKind
from tests.builders import ORGANISATIONS, submission_key
from tests.citizen_site import (
    ITEM,
    OPERATOR,
    OTHER,
    PERSON,
    PROVIDER,
    REQUESTER,
    CitizenSite,
    Visitor,
    citizen_site,
)
from tests.data_tracker import SCHEMAS, faults

# 2026-04-01 00:00, +08:00.
APRIL_MS = 1_774_972_800_000
DAY_MS = 86_400_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CitizenSite]:
    with citizen_site(tmp_path) as made:
        yield made


def usages_of(visitor: Visitor, **query: str | int) -> list[dict[str, Any]]:
    told = visitor.usages(**query)
    assert faults("/v2/findUsage", told) == []
    usages = told["usages"]
    assert isinstance(usages, list)
    return usages


def view_of(visitor: Visitor) -> dict[str, Any]:
    found = visitor.get("/view").json()
    assert isinstance(found, dict)
    return found


def test_calls_at_two_departments_are_each_one_use_with_who_what_and_why(
    site: CitizenSite,
) -> None:
    site.record(1, site.token(PROVIDER))
    site.record(2, site.token(PROVIDER, 2))
    site.record(3, site.token(REQUESTER), provider=REQUESTER)
    site.record(4, site.token(PROVIDER, 1, OTHER))

    visitor = site.visitor()
    usages = usages_of(visitor)

    assert visitor.usages()["totalUsages"] == len(usages) == 3
    assert {one["receiverCode"] for one in usages} == {ORGANISATIONS[OPERATOR]}
    assert {one["receiverName"] for one in usages} == {"部门 2"}
    assert {one["receiverSystem"] for one in usages} == {"公租房系统"}
    assert all("公租房资格审核" in one["action"] for one in usages)


def test_nothing_recorded_is_an_answer_with_a_proof(site: CitizenSite) -> None:
    visitor = site.visitor()

    assert visitor.usages() == {"totalUsages": 0, "usages": []}

    proof = visitor.get("/proof.kunproof")
    facts = verify_export(proof.content, site.trust)
    assert facts.answer.is_complete
    assert facts.answer.rows == ()
    assert zipfile.ZipFile(io.BytesIO(proof.content)).testzip() is None


@pytest.mark.parametrize(
    ("used_ms", "in_march"),
    [(APRIL_MS - 1, 1), (APRIL_MS, 0)],
    ids=["last moment of March", "first moment of April"],
)
def test_a_month_ends_at_midnight_of_the_city(
    site: CitizenSite, used_ms: int, in_march: int
) -> None:
    site.record(1, site.token(PROVIDER), requested_ms=used_ms)
    visitor = site.visitor()

    march = {"periodStart": "2026-03-01T00:00:00", "periodEnd": "2026-04-01T00:00:00+08:00"}
    april = {"periodStart": "2026-03-31T16:00:00Z", "periodEnd": "2026-05-01"}

    assert len(usages_of(visitor, **march)) == in_march
    assert len(usages_of(visitor, **april)) == 1 - in_march


def test_a_late_spooled_call_is_found_when_it_was_made_and_when_it_was_recorded(
    site: CitizenSite,
) -> None:
    now_ms = time.time_ns() // 1_000_000
    site.record(1, site.token(PROVIDER), requested_ms=now_ms - 30 * DAY_MS)
    visitor = site.visitor()

    def between(first_ms: int, last_ms: int) -> int:
        days = [time.strftime("%Y-%m-%d", time.gmtime(one / 1_000)) for one in (first_ms, last_ms)]
        return len(usages_of(visitor, periodStart=days[0], periodEnd=days[1]))

    assert between(now_ms - 32 * DAY_MS, now_ms - 28 * DAY_MS) == 1
    assert between(now_ms - 2 * DAY_MS, now_ms + 2 * DAY_MS) == 1
    assert between(now_ms - 20 * DAY_MS, now_ms - 10 * DAY_MS) == 0


def test_a_call_under_seal_is_counted_and_nothing_else_until_it_is_opened(
    site: CitizenSite,
) -> None:
    now_ms = time.time_ns() // 1_000_000
    seal_id, secret = bytes(range(16)), secrets.token_bytes(32)
    said = {"secret": secret, "requester": ORGANISATIONS[OPERATOR], "item": ITEM}
    content = commitment_content(**said, purpose="案件调查")  # type: ignore[arg-type]  # as named
    commitment = hashlib.sha256(content).digest()
    allowed = seal_department(
        seal_id=seal_id,
        department=ORGANISATIONS[PROVIDER],
        from_ms=now_ms - DAY_MS,
        until_ms=now_ms + DAY_MS,
        basis=bytes(32),
    )
    call = sealed_call(
        seal_id=seal_id,
        subjects=[site.token(PROVIDER)],
        count=1,
        requested_ms=now_ms,
        commitment=commitment,
    )
    site.submit(REQUESTER, [allowed])
    site.submit(PROVIDER, [call])
    visitor = site.visitor()

    sealed = visitor.get("/v2/sealed").json()

    assert usages_of(visitor) == []
    assert sealed["calls"] == 1
    assert sealed["items"][0]["department"] == ORGANISATIONS[PROVIDER]
    assert sealed["covered"]["complete"]
    assert ORGANISATIONS[OPERATOR] not in visitor.get("/v2/sealed").text

    opened = unseal_call(commitment=commitment, purpose="案件调查", **said)  # type: ignore[arg-type]  # as named
    site.submit(REQUESTER, [opened])
    assert visitor.post("/refresh").status_code == 204
    (usage,) = usages_of(visitor)
    assert usage["receiverCode"] == ORGANISATIONS[OPERATOR]
    assert visitor.get("/v2/sealed").json()["calls"] == 0


def test_one_of_a_thousand_people_of_one_call_sees_it_with_what_was_asked_for(
    site: CitizenSite,
) -> None:
    mine = site.token(PROVIDER)
    people = sorted(
        [mine, *(hashlib.sha256(bytes((one % 256, one // 256))).digest() for one in range(999))]
    )
    call = AccessCall(
        call_id=(9).to_bytes(16, "big"),
        side=Side.PROVIDER,
        requester=ORGANISATIONS[OPERATOR],
        provider=ORGANISATIONS[PROVIDER],
        item=ITEM,
        trace_id=bytes(16),
    )
    lists = [
        access_people(call, first=first, tokens=people[first : first + 10])
        for first in range(0, len(people), 10)
    ]
    site.submit(PROVIDER, lists)
    site.record(9, sides=(Side.PROVIDER,), people=len(people))
    visitor = site.visitor()

    (usage,) = usages_of(visitor)
    beside = view_of(visitor)

    assert usage["receiverCode"] == ORGANISATIONS[OPERATOR]
    assert ITEM in usage["action"]
    facts = verify_export(visitor.get("/proof.kunproof").content, site.trust)
    assert facts.answer.is_complete
    assert len(facts.answer.rows) == len(beside["listed"]) == 1
    (half,) = [verify_record_evidence(one, site.trust) for one in beside["extra"]]
    assert half.position not in beside["listed"]


def test_pages_of_one_answer_ask_the_ledger_once_and_a_new_answer_once_more(
    site: CitizenSite,
) -> None:
    for number in range(1, 6):
        site.record(number, site.token(PROVIDER), sides=(Side.PROVIDER,))
    visitor = site.visitor()

    pages = [usages_of(visitor, offset=one, limit=2) for one in (0, 2, 4, 6)]
    before = view_of(visitor)["own_questions"]
    site.record(6, site.token(PROVIDER), sides=(Side.PROVIDER,))
    pinned = visitor.usages()["totalUsages"]
    visitor.post("/refresh")

    assert [len(one) for one in pages] == [2, 2, 1, 0]
    assert len({one["id"] for page in pages for one in page}) == 5
    assert pinned == 5
    assert visitor.usages()["totalUsages"] == 6
    assert view_of(visitor)["own_questions"] == before + 1


def test_a_question_of_the_departments_own_is_shown_as_one_though_the_key_is_the_same(
    site: CitizenSite,
) -> None:
    key = submission_key(site.served.genesis.suite_name, REQUESTER)
    with Client((site.served.url,), site.trust, key) as client:
        client.question(IndexKind.SUBJECT, [site.token(PROVIDER)], purpose="监督检查")

    (use,) = view_of(site.visitor())["uses"]

    assert use["why"] == "监督检查"


def test_the_proof_of_one_use_is_evidence_that_anybody_checks(site: CitizenSite) -> None:
    site.record(1, site.token(PROVIDER))
    visitor = site.visitor()
    (usage,) = usages_of(visitor)

    proof = visitor.get(f"/v2/usages/{usage['id']}/proof").json()

    halves = [verify_record_evidence(one, site.trust) for one in proof["evidence"]]
    assert len(halves) == 2
    assert proof["usage"] == usage
    assert visitor.get(f"/v2/usages/{'0' * 32}/proof").json()["code"] == "NO_SUCH_USE"


def test_ids_of_uses_say_nothing_in_another_session(site: CitizenSite) -> None:
    site.record(1, site.token(PROVIDER))

    ids = {usages_of(site.visitor())[0]["id"] for _ in range(2)}

    assert len(ids) == 2


@pytest.mark.parametrize("path", sorted(SCHEMAS))
def test_answers_have_the_published_form_of_the_data_tracker(site: CitizenSite, path: str) -> None:
    site.record(1, site.token(PROVIDER))

    answer = site.visitor().get(path, **({"userCode": "me"} if "find" in path else {}))

    assert answer.status_code == 200
    assert faults(path, answer.json()) == []


@pytest.mark.parametrize("path", sorted(SCHEMAS))
def test_the_published_form_refuses_what_it_does_not_allow(path: str) -> None:
    assert faults(path, {}) != []
    assert faults(path, []) != []


def test_the_published_form_asks_for_an_offset_and_a_receiver() -> None:
    usage = {"logtime": "2026-03-01T00:00:00", "action": "x", "receiverCode": ""}
    assert len(faults("/v2/findUsage", {"totalUsages": 1, "usages": [usage]})) == 3


def test_the_record_of_the_own_view_names_no_number(site: CitizenSite) -> None:
    visitor = site.visitor()
    visitor.usages()

    exported = visitor.get("/proof.kunproof").content

    assert PERSON.encode() not in exported
