"""The demo's people, calls, pseudonyms and documents: invented, countable, and what they claim."""

from collections import Counter
from pathlib import Path

import pytest

from chainnode.errors import ConfigurationError
from chainnode.identity.numbers import is_citizen_number
from chainnode.suites import suite_named
from chainnode.verify.discovery import pdf_identifier
from contracts.schemas.access import AccessOutcome, AccessRecord, Side
from contracts.schemas.certificates import Import, Issue
from contracts.schemas.identifiers import parse_identifier
from contracts.schemas.shape import Schema
from devnet.demo.certificates import (
    CERTIFICATES,
    named_files,
    registration,
    render_certificates,
    revocations,
    write_certificates,
)
from devnet.demo.custodian import Custodian, create_secret, load_custodian
from devnet.demo.documents import DocumentText, render
from devnet.demo.people import PEOPLE, Registry, invent_people, write_registry
from devnet.demo.plan import (
    BULK_CALLS,
    HTTP_CALLS,
    UNKNOWN_PERSON,
    asked_people,
    plan_bulk,
)
from devnet.demo.recorder import HALVES_PER_SUBMISSION, in_portions
from devnet.departments import DATA, HOUSING, POLICE, first_departments

_NOW_MS = 1_772_416_800_000
_CUSTODIAN = Custodian(bytes(32), hash_name="sm3")
_SUITE = suite_named("sm")
_RECORD = Schema(AccessRecord)


def test_people_are_two_hundred_and_look_invented() -> None:
    people = invent_people()

    assert len({one.person_id for one in people}) == PEOPLE == 200
    assert all(one.person_id.startswith("999900") for one in people)
    assert all(is_citizen_number(one.person_id) for one in people)
    assert all(one.name.startswith("样例人") for one in people)
    assert people == invent_people()


def test_the_registry_finds_whom_it_has(tmp_path: Path) -> None:
    people = invent_people()
    write_registry(tmp_path / "r.sqlite", people)
    registry = Registry(tmp_path / "r.sqlite")

    assert registry.find(people[39].person_id) == people[39]
    assert people[39].is_protected
    assert registry.find("DEMO-0201") is None
    assert registry.find("' OR 1=1 --") is None
    registry.close()


def test_everybody_is_asked_for_once_but_for_the_unknown() -> None:
    asked = Counter(asked_people(invent_people()))

    assert sum(asked.values()) == HTTP_CALLS
    assert asked.pop(UNKNOWN_PERSON) == 4
    assert set(asked.values()) == {1}


def test_planned_calls_have_two_sides_but_one() -> None:
    planned = plan_bulk(first_departments(4), invent_people(), _CUSTODIAN, now_ms=_NOW_MS)

    assert len(planned) == BULK_CALLS
    assert len({one.call.call_id for one in planned}) == BULK_CALLS
    assert Counter(one.sides for one in planned) == {
        (Side.REQUESTER, Side.PROVIDER): BULK_CALLS - 1,
        (Side.REQUESTER,): 1,
    }


@pytest.mark.parametrize("count", [4, 10])
def test_what_happened_over_http_is_not_also_planned(count: int) -> None:
    planned = plan_bulk(first_departments(count), invent_people(), _CUSTODIAN, now_ms=_NOW_MS)

    pairs = {(one.call.requester, one.call.provider) for one in planned}
    assert (HOUSING.organisation, POLICE.organisation) not in pairs
    assert len(pairs) == count * (count - 1) - 1
    assert not any(requester == provider for requester, provider in pairs)


def test_each_half_is_one_that_the_contract_takes_and_both_tell_the_same() -> None:
    planned = plan_bulk(first_departments(4), invent_people(), _CUSTODIAN, now_ms=_NOW_MS)
    outcomes = Counter[AccessOutcome]()
    for one in planned[:200]:
        mine, other = (_RECORD.decode(one.call.half(side).public) for side in Side)
        outcomes[mine.kind] += 1
        assert (mine.speaker, other.speaker) == (one.call.requester, one.call.provider)
        assert mine.subjects == other.subjects
        assert mine.answered_ms < _NOW_MS

    assert outcomes[AccessOutcome.PERMITTED] > 150
    assert outcomes[AccessOutcome.DENIED] >= 8
    assert outcomes[AccessOutcome.FAILED] >= 8


def test_a_person_has_another_pseudonym_at_each_department() -> None:
    tokens = {
        _CUSTODIAN.token(provider=one.organisation, person_id="999900195102020012")
        for one in first_departments(4)
    }

    assert len(tokens) == 4
    assert {len(one) for one in tokens} == {32}
    assert _CUSTODIAN.token(provider="a", person_id="b") == _CUSTODIAN.token(
        provider="a", person_id="b"
    )


def test_a_pseudonym_needs_the_secret(tmp_path: Path) -> None:
    for name in ("a", "b"):
        create_secret(tmp_path / name)
    one, other = (load_custodian(tmp_path / name, hash_name="sm3") for name in ("a", "b"))

    assert one.token(provider="x", person_id="y") != other.token(provider="x", person_id="y")
    assert "secret" not in repr(one).lower()


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    create_secret(tmp_path / "s")
    (tmp_path / "s").chmod(0o644)

    with pytest.raises(ConfigurationError, match="0644"):
        load_custodian(tmp_path / "s", hash_name="sm3")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_secret_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    (tmp_path / "s").write_bytes(bytes(size))
    (tmp_path / "s").chmod(0o600)

    with pytest.raises(ConfigurationError):
        load_custodian(tmp_path / "s", hash_name="sm3")


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


def test_many_halves_are_cut_into_what_a_submission_carries() -> None:
    call = registration(_SUITE, render_certificates(invent_people())[0], now_ms=_NOW_MS)

    portions = in_portions([call] * (2 * HALVES_PER_SUBMISSION + 1))

    assert [len(one) for one in portions] == [HALVES_PER_SUBMISSION, HALVES_PER_SUBMISSION, 1]
    assert in_portions([]) == ()
