"""A person objects to a use of their data: once, on the ledger, and sees what became of it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chainnode.client import AccessCall, Client, access_people
from chainnode.client.dispute_calls import (
    Objection,
    new_dispute_id,
    object_to,
    withdraw_dispute,
)
from contracts.schemas.access import Side
from contracts.schemas.disputes import DISPUTES, NAME, DisputeOutcome, Ground, Target
from tests.builders import ORGANISATIONS
from tests.citizen_site import (
    ITEM,
    OPERATOR,
    PROVIDER,
    REQUESTER,
    CitizenSite,
    Visitor,
    citizen_site,
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CitizenSite]:
    with citizen_site(tmp_path) as made:
        yield made


def use_of(visitor: Visitor) -> dict[str, Any]:
    (found,) = visitor.get("/view").json()["uses"]
    assert isinstance(found, dict)
    return found


def test_an_objection_stands_on_the_ledger_with_who_must_answer_and_until_when(
    site: CitizenSite,
) -> None:
    site.record(1, site.token(PROVIDER))
    visitor = site.visitor()
    use = use_of(visitor)

    sent = visitor.post("/objections", json={"use": use["id"], "ground": Ground.UNAUTHORISED})

    told = sent.json()
    assert sent.status_code == 201, told
    with Client((site.served.url,), site.trust) as client:
        row = client.state(DISPUTES, bytes.fromhex(told["dispute"])).row
    assert row is not None
    assert row.filer == ORGANISATIONS[REQUESTER]
    assert told["responsible"] == row.responsible == ORGANISATIONS[OPERATOR]
    assert row.subjects == (site.token(PROVIDER),)
    after = use_of(visitor)
    assert [one["outcome"] for one in after["objections"]] == [1]
    assert after["id"] == use["id"]


def test_one_of_many_people_objects_under_their_own_token(site: CitizenSite) -> None:
    mine = site.token(PROVIDER)
    others = [hashlib.sha256(bytes((one,))).digest() for one in range(9)]
    call = AccessCall(
        call_id=(9).to_bytes(16, "big"),
        side=Side.PROVIDER,
        requester=ORGANISATIONS[OPERATOR],
        provider=ORGANISATIONS[PROVIDER],
        item=ITEM,
        trace_id=bytes(16),
    )
    site.submit(PROVIDER, [access_people(call, first=0, tokens=sorted([mine, *others]))])
    site.record(9, sides=(Side.PROVIDER,), people=10)
    visitor = site.visitor()

    use = use_of(visitor)
    sent = visitor.post("/objections", json={"use": use["id"], "ground": Ground.ANOTHER_PERSON})

    assert sent.status_code == 201, sent.text
    with Client((site.served.url,), site.trust) as client:
        row = client.state(DISPUTES, bytes.fromhex(sent.json()["dispute"])).row
    assert row is not None
    assert (row.subjects, row.person) == ((), mine)
    assert [one["outcome"] for one in use_of(visitor)["objections"]] == [1]


def test_nobody_objects_twice_to_one_use(site: CitizenSite) -> None:
    site.record(1, site.token(PROVIDER))
    visitor = site.visitor()
    body = {"use": use_of(visitor)["id"], "ground": 1}

    answers = [visitor.post("/objections", json=body) for _ in range(2)]
    elsewhere = site.visitor()
    again = elsewhere.post("/objections", json={"use": use_of(elsewhere)["id"], "ground": 1})

    assert [one.status_code for one in answers] == [201, 409]
    assert again.json()["code"] == "OBJECTED_ALREADY"


def test_an_objection_of_another_department_takes_none_away_from_the_person(
    site: CitizenSite,
) -> None:
    site.record(1, site.token(PROVIDER))
    objection = Objection(
        ground=Ground.OTHER,
        target=Target.CALL,
        requester=ORGANISATIONS[OPERATOR],
        provider=ORGANISATIONS[PROVIDER],
        call_id=(1).to_bytes(16, "big"),
        subjects=(site.token(PROVIDER),),
        item=ITEM,
    )
    theirs = new_dispute_id()
    site.submit(OPERATOR, [object_to(theirs, objection)], contract=NAME)
    site.submit(OPERATOR, [withdraw_dispute(theirs)], contract=NAME)
    visitor = site.visitor()
    use = use_of(visitor)

    sent = visitor.post("/objections", json={"use": use["id"], "ground": Ground.UNAUTHORISED})

    assert [one["outcome"] for one in use["objections"]] == [DisputeOutcome.WITHDRAWN]
    assert sent.status_code == 201, sent.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"use": "0" * 32, "ground": 1}, "NO_SUCH_USE"),
        ({"use": "0" * 32, "ground": 6}, "BAD_BODY"),
        ({"use": "0" * 32}, "BAD_BODY"),
        ({"use": "0" * 32, "ground": 1, "text": "x"}, "BAD_BODY"),
        ([], "BAD_BODY"),
        ("x" * 2_000, "BAD_BODY"),
    ],
)
def test_what_is_no_objection_is_refused(site: CitizenSite, body: object, code: str) -> None:
    assert site.visitor().post("/objections", json=body).json()["code"] == code


def test_an_objection_needs_the_pages_own_token(site: CitizenSite) -> None:
    assert site.visitor().http.post("/objections", json={}).status_code == 403
