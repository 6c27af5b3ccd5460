"""Contract `audit`: questions that are records."""

import pytest

from contracts.schemas.codes import Code
from contracts.schemas.index_kinds import IndexKind
from tests.unit.contracts.builders import GROUNDED_QUESTION, QUESTION, REQUESTER, Caller, changed

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


def test_a_question_of_version_2_stands_in_the_trails_of_what_it_asks_about() -> None:
    items = changed(GROUNDED_QUESTION, kind=IndexKind.ITEM, values=(b"item", b"other"))
    assert Caller(rules=3).send(items).index_keys == (
        b"\x02" + REQUESTER.encode(),
        b"\x04item",
        b"\x04other",
    )
    subject = Caller(rules=3).send(GROUNDED_QUESTION)
    assert subject.index_keys == (b"\x01" + b"a" * 32, b"\x02" + REQUESTER.encode())


def test_a_question_about_who_asks_itself_has_that_key_once() -> None:
    about_itself = changed(GROUNDED_QUESTION, kind=2, values=(REQUESTER.encode(),))
    assert Caller(rules=3).send(about_itself).index_keys == (b"\x02" + REQUESTER.encode(),)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"kind": 12}, (Code.OUT_OF_RANGE, 1, 1, 11, 12)),
        ({"basis": 0}, (Code.OUT_OF_RANGE, 5, 1, 4, 0)),
        ({"basis": 5}, (Code.OUT_OF_RANGE, 5, 1, 4, 5)),
        ({"kind": 4, "values": TOKENS[:10]}, (Code.WRONG_LENGTH, 2, 0, 9, 10)),
        ({"values": (b"short",)}, (Code.WRONG_LENGTH, 2, 32, 32, 5)),
        ({"kind": 9, "values": (bytes(17),)}, (Code.WRONG_LENGTH, 2, 16, 16, 17)),
        ({"kind": 10, "values": (bytes(15),)}, (Code.WRONG_LENGTH, 2, 16, 16, 15)),
        ({"values": (b"b", b"a"), "kind": 4}, (Code.NOT_ASCENDING, 2, 1)),
        ({"from_ms": 5, "to_ms": 4}, (Code.PERIOD_REVERSED, 5, 4)),
    ],
)
def test_a_malformed_question_of_version_2_is_refused(
    fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    assert Caller(rules=3).refused(changed(GROUNDED_QUESTION, **fields)) == refused


@pytest.mark.parametrize("kind", IndexKind)
def test_version_2_asks_by_every_kind(kind: IndexKind) -> None:
    size = {IndexKind.SUBJECT: 32, IndexKind.TRACE: 16, IndexKind.DISPUTE: 16}.get(kind, 4)
    values = tuple(bytes((one,)) * size for one in range(9))
    accepted = Caller(rules=3).send(changed(GROUNDED_QUESTION, kind=kind, values=values))
    # What the ledger found is counted by its trails: no question stands there.
    assert len(accepted.index_keys) == (1 if kind in {7, 8} else 10)
