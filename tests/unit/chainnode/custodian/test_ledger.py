"""Rows of the ledger as the custodian remembers them: fresh, stale for a while, then nothing."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from chainnode.client import CannotDecide, Client
from chainnode.custodian.desk import LedgerUnavailable
from chainnode.custodian.ledger import FRESH_S, NEW_ROWS, STALE_S, LedgerRows
from contracts.schemas.members import KeyRow
from contracts.schemas.pseudonyms import EpochRow
from contracts.schemas.state import Part, Row, Table
from tests.builders_custodian import DATA, POLICE

KEY = KeyRow(public_key=b"p" * 33, organisation=POLICE, roles=(3,), valid_from_ms=0, valid_to_ms=0)


@dataclass
class StateInMemory:
    """The part of a client that reads rows."""

    rows: dict[Part, Row] = field(default_factory=dict)
    asked: int = 0
    is_reachable: bool = True

    def state(self, table: Table[Row], part: Part) -> SimpleNamespace:
        self.asked += 1
        assert table.contract
        if not self.is_reachable:
            raise CannotDecide(reports=())
        return SimpleNamespace(row=self.rows.get(part))


class Moment:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


def rows_over(state: StateInMemory, moment: Moment) -> LedgerRows:
    return LedgerRows(cast("Client", state), monotonic_s=moment)


def test_a_row_is_asked_for_once_while_it_is_fresh_also_when_there_is_none() -> None:
    state, moment = StateInMemory({b"k": KEY}), Moment()
    rows = rows_over(state, moment)
    for _ in range(3):
        assert rows.key(b"k", claimed=POLICE) == KEY
        assert rows.key(b"stranger", claimed=POLICE) is None
    assert state.asked == 2
    state.rows.clear()
    moment.s += FRESH_S
    assert rows.key(b"k", claimed=POLICE) == KEY
    moment.s += 0.001
    assert rows.key(b"k", claimed=POLICE) is None


def test_without_a_ledger_a_row_is_used_until_it_is_stale_and_a_new_one_never() -> None:
    state, moment = StateInMemory({b"k": KEY}), Moment()
    rows = rows_over(state, moment)
    rows.key(b"k", claimed=POLICE)
    state.is_reachable = False
    moment.s += STALE_S
    assert rows.key(b"k", claimed=POLICE) == KEY
    with pytest.raises(LedgerUnavailable):
        rows.key(b"other", claimed=POLICE)
    moment.s += 0.001
    with pytest.raises(LedgerUnavailable):
        rows.key(b"k", claimed=POLICE)


def test_a_department_that_names_many_takes_no_look_up_from_another() -> None:
    state, moment = StateInMemory(), Moment()
    rows = rows_over(state, moment)
    for number in range(NEW_ROWS.burst):
        assert not rows.permits(requester=POLICE, provider=DATA, grant=f"G-{number}", now_ms=1)
    with pytest.raises(LedgerUnavailable):
        rows.is_free(provider=DATA, item="one more", asker=POLICE)
    assert not rows.is_free(provider=POLICE, item="one more", asker=DATA)


def test_row_that_no_node_proves_is_not_asked_for_again_at_once() -> None:
    state, moment = StateInMemory({b"k": KEY}), Moment()
    rows = rows_over(state, moment)
    rows.key(b"k", claimed=POLICE)
    state.is_reachable = False
    moment.s += FRESH_S + 1
    for _ in range(3):
        assert rows.key(b"k", claimed=POLICE) == KEY
    assert state.asked == 2
    state.is_reachable = True
    moment.s += 1
    rows.key(b"k", claimed=POLICE)
    assert state.asked == 3


def test_an_epoch_that_was_just_opened_is_known_at_once() -> None:
    state, moment = StateInMemory(), Moment()
    rows = rows_over(state, moment)
    assert rows.epoch(POLICE, asker=POLICE) is None
    state.rows[POLICE] = EpochRow(DATA, 1, 5, b"c" * 32)
    assert rows.epoch(POLICE, asker=POLICE) is None
    assert rows.epoch_now(POLICE) == rows.epoch(POLICE, asker=POLICE)
    found = rows.epoch(POLICE, asker=POLICE)
    assert found is not None
    assert (found.epoch, found.since_ms) == (1, 5)


def test_strangers_cannot_make_it_ask_without_end() -> None:
    state, moment = StateInMemory({b"k": KEY}), Moment()
    rows = rows_over(state, moment)
    rows.key(b"k", claimed=POLICE)
    for number in range(49):
        assert rows.key(b"stranger%d" % number, claimed=f"STRANGER {number}") is None
    with pytest.raises(LedgerUnavailable):
        rows.key(b"one more", claimed="STRANGER")
    assert state.asked == 50
    assert rows.key(b"k", claimed=POLICE) == KEY
    # Who is of a department that has asked is no stranger, and takes of its own.
    assert rows.key(b"new key", claimed=POLICE) is None
    assert rows.epoch("SOMEBODY", asker=POLICE) is None
    moment.s += 0.1
    assert rows.key(b"later", claimed=POLICE) is None
