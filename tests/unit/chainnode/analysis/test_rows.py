"""Rows from proven records: what is sealed, what is withheld, what was not said."""

from dataclasses import dataclass

import pytest

from chainnode.analysis.rows import AuditRow, audit_row, audit_rows
from chainnode.ledger.types import NO_SUBMISSION, Entry
from chainnode.submission import Call
from contracts.schemas import access, access_gaps
from contracts.schemas.access import AccessPrivate
from contracts.schemas.audit import QuestionPrivate
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.shape import encode_part
from tests.unit.contracts.builders import changed
from tests.unit.contracts.halves import HALF

KEYS = (
    bytes((IndexKind.SUBJECT,)) + bytes(32),
    bytes((IndexKind.REQUESTER,)) + b"ASKING",
    bytes((IndexKind.PROVIDER,)) + b"GIVING",
    bytes((IndexKind.ITEM,)) + b"household",
)
WHY = AccessPrivate(
    salt=bytes(16),
    purpose_code="p",
    reason_text="核查",
    case_number="A-1",
    operator="zhang",
    operator_role="clerk",
    system="s",
    represented_party="",
    legal_basis="",
    derived_from=(bytes(16),),
)


@dataclass(frozen=True)
class Found:
    position: int
    entry: Entry
    call: Call | None


def entry(contract: str = "access", *, outcome: int = 0, own: bool = False) -> Entry:
    return Entry(
        height=5,
        time_ms=1_772_380_800_000,
        submission_digest=NO_SUBMISSION if own else b"\x01" * 32,
        call_index=0,
        organisation="" if own else "ASKING",
        key_id=bytes(20),
        contract=contract,
        contract_version=3 if contract == "access" else 1,
        outcome=outcome,
        index_keys=KEYS,
        body_digest=bytes(32),
    )


def half_row(private: bytes, clear: bytes | None = None) -> AuditRow:
    public = encode_part(changed(HALF, requester="ASKING", provider="GIVING"))
    call = Call(action="record", public=public, private=private)
    return audit_row(Found(7, entry(), call), clear)


def test_a_half_says_why_where_its_private_part_is_in_clear_or_opened() -> None:
    clear = encode_part(WHY)
    for row in (half_row(clear), half_row(b"\x93encrypted", clear)):
        assert row.reasons is not None
        assert (row.reasons.operator, row.reasons.case_number) == ("zhang", "A-1")
        assert row.reasons.derived_from == ("00" * 16,)
        assert not row.is_sealed


@pytest.mark.parametrize("private", [b"\x93encrypted", b"\xff", b"\x00", encode_part(WHY)[:-1]])
def test_a_private_part_that_cannot_be_read_is_sealed_and_nothing_is_made_of_it(
    private: bytes,
) -> None:
    row = half_row(private)
    assert (row.reasons, row.is_sealed) == (None, True)


def test_an_empty_private_part_says_nothing_and_hides_nothing() -> None:
    row = half_row(b"")
    assert (row.reasons, row.is_sealed, row.is_withheld) == (None, False, False)


def test_of_a_withheld_half_the_envelope_is_known() -> None:
    row = audit_row(Found(7, entry(outcome=1 + 8 * 16), None))
    assert (row.kind, row.outcome, row.findings) == ("half", "denied", ("late",))
    assert (row.requester, row.provider, row.item) == ("ASKING", "GIVING", "household")
    assert (row.is_withheld, row.is_sealed, row.call_id, row.count) == (True, True, None, None)


def test_a_record_of_the_ledger_itself_names_its_call() -> None:
    gap = access_gaps.Unmatched(
        requester="ASKING",
        provider="GIVING",
        call_id=bytes(16),
        side=0,
        place=(bytes(32), 0),
        due_ms=1,
    )
    call = Call(action="unmatched", public=encode_part(gap))
    row = audit_row(Found(7, entry(outcome=64, own=True), call))
    assert (row.kind, row.outcome, row.call) == (
        "gap",
        "one_sided_claimed",
        ("ASKING", "GIVING", "00" * 16),
    )


def test_people_of_a_call_name_it_and_bytes_that_are_none_do_not() -> None:
    part = access.People(
        salt=bytes(16),
        call_id=bytes(16),
        side=1,
        requester="ASKING",
        provider="GIVING",
        first=4,
        tokens=(bytes(32),),
    )
    found = entry(outcome=access.PEOPLE_RECORDED)
    row = audit_row(Found(7, found, Call(action="people", public=encode_part(part))))
    assert (row.kind, row.side, row.call_id) == ("people", "provider", "00" * 16)
    other = audit_row(Found(7, found, Call(action="people", public=b"\xc1")))
    assert (other.kind, other.call_id) == ("people", None)


def test_a_question_has_its_purpose_and_the_one_who_asked() -> None:
    private = encode_part(QuestionPrivate(salt=bytes(16), purpose="年度监督"))
    row = audit_row(Found(7, entry("audit"), Call(action="question", public=b"", private=private)))
    assert row.reasons is not None
    assert (row.kind, row.requester, row.reasons.reason_text) == ("question", "ASKING", "年度监督")


def test_a_list_has_each_position_once_in_order() -> None:
    found = [Found(one, entry("grants"), None) for one in (9, 3, 9, 5)]
    assert [one.position for one in audit_rows(found)] == [3, 5, 9]
