"""Contract `audit`: questions that are records."""

import pytest

from contracts.schemas.codes import Code
from contracts.schemas.index_kinds import IndexKind
from tests.unit.contracts.builders import QUESTION, REQUESTER, Caller, changed

TOKENS = tuple(bytes((number,)) * 32 for number in range(16))


def test_question_is_found_by_its_subjects_and_by_who_asked() -> None:
    accepted = Caller().send(changed(QUESTION, values=TOKENS[:2]))
    assert accepted.outcome == 1
    assert accepted.index_keys == (
        b"\x01" + TOKENS[0],
        b"\x01" + TOKENS[1],
        b"\x02" + REQUESTER.encode(),
    )


def test_question_by_another_kind_is_found_by_who_asked_alone() -> None:
    accepted = Caller().send(changed(QUESTION, kind=IndexKind.ITEM, values=(b"item",)))
    assert accepted.index_keys == (b"\x02" + REQUESTER.encode(),)


def test_question_leaves_no_state() -> None:
    caller = Caller()
    caller.send(QUESTION)
    assert caller.state.rows == {}


@pytest.mark.parametrize(("size", "minimum"), [(0, 21), (20, 21)])
def test_question_without_a_purpose_is_refused(size: int, minimum: int) -> None:
    refused = Caller().refused(QUESTION, private=bytes(size))
    assert refused == (Code.PRIVATE_PART_TOO_SHORT, minimum, size)


def test_shortest_purpose_in_clear_is_enough() -> None:
    Caller().send(QUESTION, private=b"\x92\xc4\x10" + bytes(16) + b"\xa1x")


def test_question_needs_the_role_auditor() -> None:
    assert Caller(roles=(1, 2, 3, 5)).refused(QUESTION) == (Code.ROLE_MISSING, 4)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"kind": 0}, (Code.OUT_OF_RANGE, 1, 1, 8, 0)),
        ({"kind": 9}, (Code.OUT_OF_RANGE, 1, 1, 8, 9)),
        ({"values": TOKENS[:10]}, (Code.WRONG_LENGTH, 2, 0, 9, 10)),
        ({"values": (b"short",)}, (Code.WRONG_LENGTH, 2, 32, 32, 5)),
        ({"values": (*TOKENS, b"\xff" * 32)}, (Code.WRONG_LENGTH, 2, 0, 16, 17)),
        ({"values": (b"",), "kind": 4}, (Code.WRONG_LENGTH, 2, 1, 240, 0)),
        ({"values": (bytes(241),), "kind": 4}, (Code.WRONG_LENGTH, 2, 1, 240, 241)),
        ({"values": (b"b", b"a"), "kind": 4}, (Code.NOT_ASCENDING, 2, 1)),
        ({"values": (b"a", b"a"), "kind": 4}, (Code.NOT_ASCENDING, 2, 1)),
        ({"from_ms": 5, "to_ms": 4}, (Code.PERIOD_REVERSED, 5, 4)),
    ],
)
def test_malformed_question_is_refused_naming_field_and_bound(
    fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    assert Caller().refused(changed(QUESTION, **fields)) == refused


@pytest.mark.parametrize(
    "fields",
    [
        {"values": TOKENS[:9]},
        {"values": ()},
        {"values": TOKENS, "kind": 6},
        {"values": (bytes(240),), "kind": 8},
        {"from_ms": 5, "to_ms": 0},
        {"from_ms": 5, "to_ms": 5},
    ],
)
def test_question_at_its_bounds_is_accepted(fields: dict[str, object]) -> None:
    Caller().send(changed(QUESTION, **fields))
