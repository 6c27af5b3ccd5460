"""Contract `pseudonyms`: key epochs of a department, and what was made with them."""

import pytest

from contracts.schemas.codes import Code
from contracts.schemas.pseudonyms import EPOCHS, USED, EpochRow, UsedRow
from contracts.schemas.shape import PublicPart
from tests.unit.contracts.builders import (
    NOW_MS,
    OPEN_EPOCH,
    PROVIDER,
    REQUESTER,
    USAGE,
    Caller,
    changed,
)

NEXT = changed(OPEN_EPOCH, epoch=2, key_check=b"l" * 32)
INTEGER_MAX = 2**53 - 1


def opened() -> Caller:
    caller = Caller()
    caller.send(OPEN_EPOCH)
    return caller


def test_an_epoch_binds_the_key_of_a_department_to_its_custodian() -> None:
    caller = Caller()
    accepted = caller.send(OPEN_EPOCH)
    assert accepted.outcome == 1
    assert accepted.index_keys == (b"\x02" + PROVIDER.encode(), b"\x03" + REQUESTER.encode())
    assert caller.state.find(EPOCHS, PROVIDER) == EpochRow(REQUESTER, 1, NOW_MS, b"k" * 32)


def test_epochs_count_up_by_one_under_one_custodian() -> None:
    caller = Caller()
    assert caller.refused(NEXT) == (Code.PSEUDONYMS_EPOCH_NOT_NEXT, 1, 2)
    caller.send(OPEN_EPOCH)
    assert caller.refused(OPEN_EPOCH) == (Code.PSEUDONYMS_EPOCH_NOT_NEXT, 2, 1)
    other = Caller(state=caller.state, organisation=PROVIDER)
    assert other.refused(NEXT) == (Code.FOREIGN_ORGANISATION,)
    caller.send(NEXT)
    row = caller.state.find(EPOCHS, PROVIDER)
    assert row is not None
    assert (row.epoch, row.key_check) == (2, b"l" * 32)


def test_use_adds_up_over_periods_without_a_gap() -> None:
    caller = opened()
    accepted = caller.send(USAGE)
    assert accepted.outcome == 2
    assert accepted.index_keys == (b"\x02" + PROVIDER.encode(), b"\x03" + REQUESTER.encode())
    assert caller.refused(USAGE) == (Code.PSEUDONYMS_PERIOD_NOT_NEXT, NOW_MS, NOW_MS - 1000)
    gap = changed(USAGE, from_ms=NOW_MS + 1, to_ms=NOW_MS + 1)
    assert caller.refused(gap) == (Code.PSEUDONYMS_PERIOD_NOT_NEXT, NOW_MS, NOW_MS + 1)
    caller.now_ms += 5
    caller.send(changed(USAGE, from_ms=NOW_MS, to_ms=NOW_MS + 5, made=3, refused=4))
    assert caller.state.find(USED, PROVIDER) == UsedRow(NOW_MS + 5, 15, 5)


def test_the_use_of_an_earlier_epoch_is_told_too_and_of_a_later_one_not() -> None:
    caller = opened()
    caller.send(NEXT)
    assert caller.refused(changed(USAGE, epoch=3)) == (Code.PSEUDONYMS_UNKNOWN_EPOCH, 2, 3)
    caller.send(USAGE)


def test_use_is_told_by_the_custodian_of_the_department_alone() -> None:
    assert Caller().refused(USAGE) == (Code.PSEUDONYMS_NO_EPOCH,)
    other = Caller(state=opened().state, organisation=PROVIDER)
    assert other.refused(USAGE) == (Code.FOREIGN_ORGANISATION,)


def test_a_total_stays_an_integer_of_the_ledger() -> None:
    caller = opened()
    caller.send(changed(USAGE, made=INTEGER_MAX - 1, refused=0))
    more = changed(USAGE, from_ms=NOW_MS, made=1, refused=INTEGER_MAX)
    caller.send(more)
    assert caller.refused(more) == (Code.PSEUDONYMS_TOTAL_TOO_LARGE, 0, 1)
    refused = changed(more, made=0, refused=1)
    assert caller.refused(refused) == (Code.PSEUDONYMS_TOTAL_TOO_LARGE, 0, 1)


@pytest.mark.parametrize("part", [OPEN_EPOCH, USAGE])
def test_pseudonyms_need_the_role_custodian(part: PublicPart) -> None:
    assert Caller(roles=(1, 2, 3, 4)).refused(part) == (Code.ROLE_MISSING, 5)


@pytest.mark.parametrize(
    ("part", "refused"),
    [
        (changed(OPEN_EPOCH, department="lower"), (Code.ILLEGAL_TEXT, 1, 0, ord("l"))),
        (changed(OPEN_EPOCH, department="A"), (Code.WRONG_LENGTH, 1, 2, 32, 1)),
        (changed(OPEN_EPOCH, epoch=0), (Code.OUT_OF_RANGE, 2, 1, INTEGER_MAX, 0)),
        (changed(OPEN_EPOCH, key_check=b"k" * 31), (Code.WRONG_LENGTH, 3, 32, 32, 31)),
        (changed(USAGE, department="lower"), (Code.ILLEGAL_TEXT, 1, 0, ord("l"))),
        (changed(USAGE, epoch=0), (Code.OUT_OF_RANGE, 2, 1, INTEGER_MAX, 0)),
        (changed(USAGE, to_ms=NOW_MS - 1001), (Code.PERIOD_REVERSED, NOW_MS - 1000, NOW_MS - 1001)),
        (changed(USAGE, to_ms=0), (Code.PERIOD_REVERSED, NOW_MS - 1000, 0)),
        (changed(USAGE, to_ms=NOW_MS + 1), (Code.PSEUDONYMS_PERIOD_IN_FUTURE, NOW_MS, NOW_MS + 1)),
    ],
)
def test_malformed_parts_are_refused_naming_field_and_bound(
    part: PublicPart, refused: tuple[int, ...]
) -> None:
    caller = opened()
    before = dict(caller.state.rows)
    assert caller.refused(part) == refused
    assert caller.state.rows == before
