"""A person objects to a use of their data: once, on the ledger, and sees what became of it."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chainnode.citizen.objections import FiledHere
from chainnode.citizen.sorting import uses_in
from chainnode.client import AccessCall, Client, ItemDraft, access_people, publish_item
from chainnode.client.dispute_calls import (
    Objection,
    new_dispute_id,
    object_to,
    refuse_dispute,
    withdraw_dispute,
)
from chainnode.verify.export import verify_export
from contracts.schemas.access import Side
from contracts.schemas.disputes import DISPUTES, NAME, DisputeOutcome, Ground, Target
from contracts.schemas.index_kinds import IndexKind
from tests.builders import ORGANISATIONS
from tests.citizen_site import (
    ITEM,
    OPERATOR,
    OTHER,
    PROVIDER,
    REQUESTER,
    CitizenSite,
    Visitor,
    citizen_site,
)

DISPUTE = IndexKind.DISPUTE


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


def disputes_in(site: CitizenSite, visitor: Visitor) -> list[str]:
    """Return the ids of all disputes in the trails of the person, each once."""
    view = visitor.get("/proof.kunproof").content
    records = verify_export(view, site.trust).answer.rows
    found = {key[1:].hex() for one in records for key in one.entry.index_keys if key[0] == DISPUTE}
    return sorted(found)


def test_a_use_has_one_open_objection_in_every_session(site: CitizenSite) -> None:
    site.record(1, site.token(PROVIDER))
    visitor, elsewhere = site.visitor(), site.visitor()
    body = {"use": use_of(visitor)["id"], "ground": 1}
    # This one's kept answer is older than the objection, as after a restart or in another tab.
    stale = {"use": use_of(elsewhere)["id"], "ground": 2}

    answers = [visitor.post("/objections", json=body) for _ in range(2)]
    late = elsewhere.post("/objections", json=stale)
    again = elsewhere.post("/objections", json={"use": use_of(elsewhere)["id"], "ground": 1})

    assert [one.status_code for one in answers] == [201, 409]
    assert [one.json()["code"] for one in (answers[1], late, again)] == ["OBJECTED_ALREADY"] * 3
    assert disputes_in(site, elsewhere) == [answers[0].json()["dispute"]]
    (told,) = use_of(elsewhere)["objections"]
    assert (told["is_own"], told["is_open"]) == (True, True)


def test_of_two_tabs_that_object_at_once_one_is_taken(site: CitizenSite) -> None:
    site.record(1, site.token(PROVIDER))
    visitors = [site.visitor() for _ in range(2)]
    bodies = [{"use": use_of(one)["id"], "ground": 1} for one in visitors]

    with ThreadPoolExecutor() as tabs:
        sent = [
            tabs.submit(one.post, "/objections", json=body)
            for one, body in zip(visitors * 2, bodies * 2, strict=True)
        ]
        codes = sorted(one.result().status_code for one in sent)

    assert codes == [201, 409, 409, 409]
    assert len(disputes_in(site, visitors[0])) == 1


def test_after_the_answer_a_person_objects_again_and_the_ledger_says_what_it_follows(
    site: CitizenSite,
) -> None:
    site.record(1, site.token(PROVIDER))
    visitor = site.visitor()
    body = {"use": use_of(visitor)["id"], "ground": Ground.UNAUTHORISED}
    first = visitor.post("/objections", json=body).json()["dispute"]
    answer = refuse_dispute(bytes.fromhex(first), reason_code="lawful")
    site.submit(OPERATOR, [answer], contract=NAME)

    stale = visitor.post("/refresh", userCode="me")
    (told,) = use_of(visitor)["objections"]
    second = visitor.post("/objections", json=body)
    third = visitor.post("/objections", json=body)

    assert stale.status_code == 204
    assert (told["outcome"], told["is_open"]) == (DisputeOutcome.REFUSED, False)
    assert (second.status_code, third.status_code) == (201, 409), second.text
    with Client((site.served.url,), site.trust) as client:
        row = client.state(DISPUTES, bytes.fromhex(second.json()["dispute"])).row
    assert row is not None
    assert row.follows.hex() == first
    assert [one["is_open"] for one in use_of(visitor)["objections"]] == [False, True]


def test_an_objection_to_something_else_than_a_call_is_counted_as_another_record(
    site: CitizenSite,
) -> None:
    site.record(1, site.token(PROVIDER))
    draft = ItemDraft(item=ITEM, title="人口基本信息", fields=("name",))
    site.submit(PROVIDER, [publish_item(draft)], contract="catalog")
    objection = Objection(
        ground=Ground.DATA_WRONG, target=Target.ITEM, item=ITEM, subjects=(site.token(PROVIDER),)
    )
    theirs = new_dispute_id()
    site.submit(OPERATOR, [object_to(theirs, objection)], contract=NAME)
    site.submit(OPERATOR, [withdraw_dispute(theirs)], contract=NAME)

    view = site.visitor().get("/view").json()

    assert view["other_records"] == 2
    assert [one["objections"] for one in view["uses"]] == [[]]


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


def test_the_objection_of_one_person_takes_none_away_from_another_of_the_same_call(
    site: CitizenSite,
) -> None:
    both = (site.token(PROVIDER), site.token(PROVIDER, number=OTHER))
    site.record(1, *both)
    first, second = site.visitor(), site.visitor(OTHER, pseudonym="q" * 16)
    earlier = first.post("/objections", json={"use": use_of(first)["id"], "ground": 1})
    seen = use_of(second)
    body = {"use": seen["id"], "ground": Ground.ANOTHER_PERSON}

    sent = [second.post("/objections", json=body) for _ in range(2)]

    assert [one["is_own"] for one in seen["objections"]] == [False]
    assert [one.status_code for one in sent] == [201, 409], sent[0].text
    assert sent[0].json()["dispute"] != earlier.json()["dispute"]
    first.post("/refresh")
    assert [one["is_own"] for one in use_of(first)["objections"]] == [True, False]


def test_an_objection_signed_with_an_earlier_key_of_the_service_is_still_the_persons(
    site: CitizenSite,
) -> None:
    token = site.token(PROVIDER)
    site.record(1, token)
    visitor = site.visitor()
    body = {"use": use_of(visitor)["id"], "ground": Ground.UNAUTHORISED}
    visitor.post("/objections", json=body)
    records = verify_export(visitor.get("/proof.kunproof").content, site.trust).answer.rows
    here = FiledHere(tokens=frozenset({token}), secret=bytes(range(32)))

    uses = uses_in(records, own_key_id=bytes(32), filed_here=here)

    (call,) = (one for one in uses.usages if one.halves)
    assert [one.is_own for one in call.objections] == [True]


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


def test_who_is_named_by_the_later_half_alone_is_told_that_no_dispute_can_name_them(
    site: CitizenSite,
) -> None:
    site.record(1, site.token(PROVIDER, number=OTHER), sides=(Side.PROVIDER,))
    site.record(1, site.token(PROVIDER), sides=(Side.REQUESTER,))
    visitor = site.visitor()
    use = use_of(visitor)

    sent = visitor.post("/objections", json={"use": use["id"], "ground": Ground.ANOTHER_PERSON})

    assert (sent.status_code, sent.json()["code"]) == (409, "NOT_DISPUTABLE")
