"""Contract `access`: a record is refused only when unauthenticated, malformed or double."""

import pytest

from contracts.schemas.access_1 import HALVES, HalfRow
from contracts.schemas.codes import Code, digest_of_words
from contracts.schemas.index_kinds import IndexKind
from tests.unit.contracts.builders import (
    ACCESS_RECORD,
    PROVIDER,
    REQUESTER,
    Caller,
    changed,
)

OTHER = "11100000000013338W"
PROVIDER_HALF = changed(ACCESS_RECORD, side=1)


def test_record_leaves_where_it_stands_under_both_departments_call_and_side() -> None:
    caller = Caller()
    caller.send(ACCESS_RECORD)
    row = caller.state.find(HALVES, REQUESTER, PROVIDER, ACCESS_RECORD.call_id, 0)
    assert row == HalfRow(b"D" * 32, 0)
    assert len(caller.state.rows) == 1


@pytest.mark.parametrize(
    ("decision", "status", "outcome"),
    [
        (0, 200, 0),
        (0, 399, 0),
        (0, 400, 2),
        (0, 404, 2),
        (0, 503, 2),
        (0, 0, 2),
        (1, 403, 1),
        (1, 0, 1),
        (1, 200, 1),
    ],
)
def test_denied_and_failed_calls_are_records_with_their_outcome(
    decision: int, status: int, outcome: int
) -> None:
    accepted = Caller().send(changed(ACCESS_RECORD, decision=decision, status=status))
    assert accepted.outcome == outcome


def test_both_sides_record_the_same_call() -> None:
    requester = Caller()
    requester.send(ACCESS_RECORD)
    Caller(state=requester.state, organisation=PROVIDER).send(PROVIDER_HALF)
    assert len(requester.state.rows) == 2


def test_second_record_of_the_same_side_is_refused_naming_where_the_first_stands() -> None:
    caller = Caller()
    caller.send(ACCESS_RECORD)
    code, call_index, *words = caller.refused(changed(ACCESS_RECORD, status=500, salt=b"x" * 16))
    assert code == Code.ACCESS_DOUBLE_RECORD
    assert call_index == 0
    assert digest_of_words(tuple(words)) == b"D" * 32


@pytest.mark.parametrize("organisation", [PROVIDER, OTHER])
def test_requester_half_is_refused_from_any_other_organisation(organisation: str) -> None:
    refused = Caller(organisation=organisation).refused(ACCESS_RECORD)
    assert refused == (Code.FOREIGN_ORGANISATION,)


def test_provider_half_is_refused_from_the_requester() -> None:
    assert Caller().refused(PROVIDER_HALF) == (Code.FOREIGN_ORGANISATION,)


def test_record_needs_the_role_service() -> None:
    assert Caller(roles=(1, 2, 4, 5)).refused(ACCESS_RECORD) == (Code.ROLE_MISSING, 3)


def test_record_without_grant_subjects_or_private_part_is_still_testimony() -> None:
    part = changed(ACCESS_RECORD, grant="", subjects=(), answered_ms=0, request_commitment=b"")
    accepted = Caller().send(part, private=b"")
    assert [key[0] for key in accepted.index_keys] == [
        IndexKind.REQUESTER,
        IndexKind.PROVIDER,
        IndexKind.ITEM,
    ]


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"subjects": (b"b" * 32, b"a" * 32)}, (Code.NOT_ASCENDING, 7, 1)),
        ({"subjects": (b"a" * 32, b"a" * 32)}, (Code.NOT_ASCENDING, 7, 1)),
        ({"subjects": tuple(bytes((i,)) * 32 for i in range(5))}, (Code.WRONG_LENGTH, 7, 0, 4, 5)),
        ({"subjects": (b"a" * 31,)}, (Code.WRONG_LENGTH, 7, 32, 32, 31)),
        ({"requester": "lower-case"}, (Code.ILLEGAL_TEXT, 3, 0, ord("l"))),
        ({"provider": "A B"}, (Code.ILLEGAL_TEXT, 4, 1, ord(" "))),
        ({"provider": "A"}, (Code.WRONG_LENGTH, 4, 2, 32, 1)),
        ({"provider": "A" * 33}, (Code.WRONG_LENGTH, 4, 2, 32, 33)),
        ({"item": ""}, (Code.WRONG_LENGTH, 5, 1, 60, 0)),
        ({"item": "x" * 61}, (Code.WRONG_LENGTH, 5, 1, 60, 61)),
        ({"item": "𠮷" * 61}, (Code.WRONG_LENGTH, 5, 1, 60, 61)),
        ({"item": "a\nb"}, (Code.ILLEGAL_TEXT, 5, 1, 10)),
        ({"grant": "e\u0301"}, (Code.ILLEGAL_TEXT, 15, 0, ord("e"))),
        ({"side": 2}, (Code.OUT_OF_RANGE, 2, 0, 1, 2)),
        ({"decision": 2}, (Code.OUT_OF_RANGE, 8, 0, 1, 2)),
        ({"status": 1000}, (Code.OUT_OF_RANGE, 9, 0, 999, 1000)),
        ({"count": 2**53}, (Code.OUT_OF_RANGE, 10, 0, 2**53 - 1, 2**53 - 1)),
        ({"call_id": b"c" * 15}, (Code.WRONG_LENGTH, 1, 16, 16, 15)),
        ({"trace_id": b""}, (Code.WRONG_LENGTH, 13, 16, 16, 0)),
        ({"parent_call_id": b"p" * 15}, (Code.WRONG_LENGTH, 14, 16, 16, 15)),
        ({"other_token": bytes(513)}, (Code.WRONG_LENGTH, 16, 0, 512, 513)),
        ({"request_commitment": b"q" * 31}, (Code.WRONG_LENGTH, 17, 32, 32, 31)),
        ({"response_commitment": b"q" * 31}, (Code.WRONG_LENGTH, 18, 32, 32, 31)),
        ({"response_commitment": b"q" * 33}, (Code.WRONG_LENGTH, 18, 0, 32, 33)),
        ({"salt": b"s" * 15}, (Code.WRONG_LENGTH, 0, 16, 16, 15)),
    ],
)
def test_malformed_record_is_refused_naming_field_and_bound(
    fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    caller = Caller()
    assert caller.refused(changed(ACCESS_RECORD, **fields)) == refused
    assert caller.state.rows == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"item": "人口基本信息 第2版"},
        {"item": "𠮷" * 60, "grant": "𠮷" * 60, "other_token": bytes(512)},
        {"subjects": tuple(bytes((i,)) * 32 for i in range(4))},
        {"parent_call_id": b"p" * 16, "response_commitment": b"r" * 32},
        {"count": 2**53 - 1, "status": 999, "item_version": 0},
    ],
)
def test_record_at_its_bounds_is_accepted(fields: dict[str, object]) -> None:
    Caller().send(changed(ACCESS_RECORD, **fields))
