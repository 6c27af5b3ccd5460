"""Contract `access`, version 3: chains of calls are found, and disputes know what a call says."""

import pytest

from contracts.schemas.access import CALLS, DISPUTABLE_CALLS, DisputableCallRow, about_content
from contracts.schemas.call_words import Side
from contracts.schemas.match_states import Match
from contracts.schemas.state import InvalidRow
from contracts.schemas.versions import calls_of
from tests.unit.contracts.builders import CRYPTO, Caller, changed
from tests.unit.contracts.halves import DEADLINE_MS, HALF, Exchange

ABOUT = CRYPTO.digest(about_content(HALF.subjects, HALF.item, HALF.grant))
TRACE = b"\x09" + HALF.trace_id


def exchange() -> Exchange:
    return Exchange(caller=Caller(rules=3, match_deadline_ms=DEADLINE_MS))


def row_of(exchange: Exchange) -> DisputableCallRow:
    row = exchange.caller.state.find(DISPUTABLE_CALLS, *HALF.call)
    assert row is not None
    return row


@pytest.mark.parametrize("side", Side)
def test_a_call_that_another_one_caused_is_found_by_its_trace(side: Side) -> None:
    called = changed(HALF, side=int(side), parent_call_id=b"p" * 16)
    keys = exchange().record(called).index_keys
    assert TRACE in keys
    assert list(keys) == sorted(keys)
    assert set(keys) - {TRACE} == set(exchange().record(changed(HALF, side=int(side))).index_keys)


def test_a_chained_half_with_findings_keeps_its_keys_ascending() -> None:
    made = exchange()
    made.caller.now_ms += DEADLINE_MS + 1
    keys = made.record(changed(HALF, parent_call_id=b"p" * 16, grant="")).index_keys
    assert [key[0] for key in keys] == [1, 2, 3, 4, 7, 7, 9]


def test_the_first_half_says_what_a_call_is_about() -> None:
    made = exchange()
    made.record(HALF)
    assert row_of(made).about == ABOUT

    made.record(changed(HALF, side=int(Side.PROVIDER), subjects=(), grant=""))
    row = row_of(made)
    assert (row.match, row.about, row.waiting) == (Match.MISMATCHED, ABOUT, b"")


def test_what_a_call_is_about_outlives_its_deadline() -> None:
    made = exchange()
    made.record(HALF)
    made.wake()
    row = row_of(made)
    assert (row.match, row.about) == (Match.ONE_SIDED_CLAIMED, ABOUT)


@pytest.mark.parametrize("rules", [2, 3])
def test_the_rules_say_how_the_row_of_a_call_is_read(rules: int) -> None:
    made = Exchange(caller=Caller(rules=rules, match_deadline_ms=DEADLINE_MS))
    made.record(HALF)
    value = made.caller.state.rows[CALLS.key(*HALF.call)]
    assert calls_of(rules).decode(value).match == Match.OPEN
    with pytest.raises(InvalidRow):
        calls_of(5 - rules).decode(value)
