"""The demo's people, calls, pseudonyms and documents: invented, countable, and what they claim."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from chainnode.exchange import call_id_ms
from chainnode.identity.numbers import is_citizen_number
from chainnode.submission import Call
from chainnode.suites import suite_named
from chainnode.verify.discovery import pdf_identifier
from contracts.schemas.access import AccessOutcome, AccessRecord, Side
from contracts.schemas.catalog import Publish, names_of
from contracts.schemas.certificates import Import, Issue
from contracts.schemas.grants import Apply, Review
from contracts.schemas.identifiers import parse_identifier
from contracts.schemas.shape import PublicPart, Schema
from devnet.demo.catalogue import (
    ENDED_GRANT,
    applications,
    grant_name,
    granted_fields,
    publication,
    reviews,
)
from devnet.demo.certificates import (
    CERTIFICATES,
    named_files,
    registration,
    render_certificates,
    revocations,
    write_certificates,
)
from devnet.demo.documents import DocumentText, render
from devnet.demo.people import (
    PEOPLE,
    Registry,
    invent_people,
    unknown_person,
    write_registry,
)
from devnet.demo.plan import BULK_CALLS, HTTP_CALLS, Part, plan_bulk, plan_http
from devnet.demo.pseudonyms import DemoTokens
from devnet.departments import DATA, HOUSING, POLICE, first_departments

_NOW_MS = 1_772_416_800_000
_SUITE = suite_named("sm")
_TOKENS = DemoTokens(
    tokens={
        (department.organisation, person.person_id): _SUITE.digest(
            f"{department.name} {person.person_id}".encode()
        )
        for department in first_departments(10)
        for person in invent_people()
    }
)
_RECORD = Schema(AccessRecord)
# What the devnet gives for a half.
_DEADLINE_MS = 20_000
PartT = TypeVar("PartT", bound=PublicPart)


def _parts(kind: type[PartT], calls: Sequence[Call]) -> list[PartT]:
    return [Schema(kind).decode(one.public) for one in calls]


def test_people_are_two_hundred_and_look_invented() -> None:
    people = invent_people()

    assert len({one.person_id for one in people}) == PEOPLE == 200
    assert all(one.name.startswith("样例人") for one in people)
    assert people == invent_people()


def test_their_numbers_are_whole_and_of_a_region_that_does_not_exist() -> None:
    numbers = [*(one.person_id for one in invent_people()), unknown_person()]

    assert all(is_citizen_number(one) for one in numbers)
    assert {one[:6] for one in numbers} == {"999900"}


def test_the_registry_finds_whom_it_has(tmp_path: Path) -> None:
    people = invent_people()
    write_registry(tmp_path / "r.sqlite", people)
    registry = Registry(tmp_path / "r.sqlite")

    assert registry.find(people[39].person_id) == people[39]
    assert people[39].is_protected
    assert registry.find(unknown_person()) is None
    assert registry.find("' OR 1=1 --") is None
    registry.close()


def test_everybody_is_asked_for_once_but_for_the_unknown() -> None:
    asked = Counter(one.person_id for one in plan_http(invent_people()))

    assert sum(asked.values()) == HTTP_CALLS
    assert asked.pop(unknown_person()) == 4
    assert set(asked.values()) == {1}


def test_calls_over_http_are_granted_but_for_those_that_shall_be_refused() -> None:
    planned = plan_http(invent_people())
    parts = Counter(one.part for one in planned)

    assert parts.pop(Part.MATCHED) == HTTP_CALLS - 4
    assert parts == dict.fromkeys(set(Part) - {Part.MATCHED}, 1)
    grants = {one.part: one.grant for one in planned}
    assert grants.pop(Part.UNGRANTED) == ""
    assert grants.pop(Part.REVOKED) == ENDED_GRANT
    assert set(grants.values()) == {grant_name(HOUSING, POLICE)}


@pytest.mark.parametrize("count", [4, 10])
def test_every_grant_that_a_call_names_is_applied_for_and_granted(count: int) -> None:
    departments = first_departments(count)
    applied = {
        part.grant: part
        for one in departments
        for part in _parts(Apply, applications(one, departments, today=20260302))
    }
    granted = {
        part.grant: part
        for one in departments
        for part in _parts(Review, reviews(one, departments))
    }
    published = {
        part.item: part for one in departments for part in _parts(Publish, [publication(one)])
    }

    called = {one.grant for one in plan_bulk(departments, invent_people(), _TOKENS, now_ms=_NOW_MS)}
    assert called <= set(applied) == set(granted)
    assert len(applied) == count * (count - 1) + 1
    for grant, part in applied.items():
        assert granted[grant].fields == part.fields > 0
        assert part.fields < 1 << len(published[part.item].fields)


def test_housing_is_granted_no_address() -> None:
    (part,) = _parts(Publish, [publication(POLICE)])

    assert names_of(granted_fields(POLICE), part.fields) == ("person_id", "name", "born")
    assert "address" in part.fields


@pytest.mark.parametrize("count", [4, 10])
def test_what_happened_over_http_is_not_also_planned(count: int) -> None:
    planned = plan_bulk(first_departments(count), invent_people(), _TOKENS, now_ms=_NOW_MS)

    assert len({one.call_id for one in planned}) == len(planned) == BULK_CALLS
    pairs = {(one.requester, one.provider) for one in planned}
    assert (HOUSING.organisation, POLICE.organisation) not in pairs
    assert len(pairs) == count * (count - 1) - 1
    assert not any(requester == provider for requester, provider in pairs)


def test_each_half_is_one_that_the_contract_takes_and_both_tell_the_same() -> None:
    planned = plan_bulk(first_departments(4), invent_people(), _TOKENS, now_ms=_NOW_MS)
    outcomes = Counter[AccessOutcome]()
    for one in planned[:200]:
        mine, other = (_RECORD.decode(one.half(side).public) for side in Side)
        outcomes[mine.kind] += 1
        assert (mine.speaker, other.speaker) == (one.requester, one.provider)
        assert (mine.subjects, mine.grant) == (other.subjects, one.grant)
        assert call_id_ms(one.call_id) == mine.requested_ms < mine.answered_ms < _NOW_MS

    assert outcomes[AccessOutcome.PERMITTED] > 150
    assert outcomes[AccessOutcome.DENIED] >= 8
    assert outcomes[AccessOutcome.FAILED] >= 8


def test_no_half_is_late_even_on_a_machine_that_is_twice_as_slow() -> None:
    planned = plan_bulk(first_departments(4), invent_people(), _TOKENS, now_ms=_NOW_MS)

    assert _NOW_MS - min(one.requested_ms for one in planned) < _DEADLINE_MS / 2


def test_a_document_carries_its_identifier_and_is_the_same_every_time() -> None:
    text = DocumentText(
        identifier="1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
        title_zh="不动产权证书",
        title_en="Real estate title",
        holder="样例人001",
        issuer=DATA.title,
        number=1,
    )

    assert pdf_identifier(render(text)) == text.identifier
    assert render(text) == render(text)


def test_fifty_certificates_say_what_they_are_by_their_names(tmp_path: Path) -> None:
    rendered = render_certificates(invent_people())
    write_certificates(tmp_path, rendered)

    files = named_files(rendered)
    assert len(list((tmp_path / "certificates").iterdir())) == CERTIFICATES == 50
    assert all(kind in Path(name).name for kind, name in files.items())
    assert Counter(one.kind for one in rendered) == {
        "valid": 47,
        "revoked": 1,
        "expired": 1,
        "tampered": 1,
    }
    assert {parse_identifier(one.text.identifier).issuer for one in rendered} == {DATA.organisation}


def test_only_the_tampered_file_differs_from_what_is_registered(tmp_path: Path) -> None:
    rendered = render_certificates(invent_people())
    write_certificates(tmp_path, rendered)

    changed = [one for one in rendered if (tmp_path / one.name).read_bytes() != one.data]
    assert [one.kind for one in changed] == ["tampered"]
    assert pdf_identifier((tmp_path / changed[0].name).read_bytes()) == changed[0].text.identifier


def test_certificates_are_issued_and_the_expired_one_is_imported() -> None:
    rendered = render_certificates(invent_people())
    calls = {one.kind: registration(_SUITE, one, now_ms=_NOW_MS) for one in rendered[:4]}

    issued = Schema(Issue).decode(calls["valid"].public)
    imported = Schema(Import).decode(calls["expired"].public)
    assert [one.action for one in calls.values()] == ["issue", "issue", "import", "issue"]
    assert issued.file_digest == _SUITE.digest(rendered[0].data)
    assert (issued.valid_from, issued.valid_to) == (20260302, 0)
    assert imported.valid_to == 20260131
    assert [one.action for one in revocations(rendered)] == ["revoke"]
