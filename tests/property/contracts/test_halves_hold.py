"""What holds for halves whatever they say, in whatever order and with whatever time between."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.schemas.access import AccessRecord, Finding, findings_in
from contracts.schemas.call_words import Decision, Side
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.grant_states import GrantState
from contracts.schemas.match_states import TRANSITIONS, Match
from tests.unit.contracts.builders import NOW_MS, changed
from tests.unit.contracts.halves import DEADLINE_MS, GRANT, Exchange

# Findings that depend on which half came first.
BOUND_TO_ORDER = {Finding.LATE, Finding.HALVES_DIFFER}
STEPS = {(one.before, one.after) for one in TRANSITIONS}

TOKEN = b"token"
changes = st.fixed_dictionaries(
    {
        "item_version": st.sampled_from([1, 2]),
        "fields": st.sampled_from([0, 3, 8]),
        "decision": st.sampled_from([0, 1]),
        "status": st.sampled_from([0, 200, 403, 500]),
        "count": st.sampled_from([0, 1]),
        "grant": st.sampled_from(["", GRANT, "unknown"]),
        "request_commitment": st.sampled_from([b"", b"q" * 32]),
        "requested_ms": st.sampled_from([0, NOW_MS - DEADLINE_MS - 1, NOW_MS]),
        # The last stands for the other side's token of this very half.
        "other": st.sampled_from([b"", b"no token", TOKEN]),
    }
)
grants = st.fixed_dictionaries(
    {
        "state": st.sampled_from(list(GrantState)),
        "fields": st.sampled_from([3, 7]),
        "valid_to": st.sampled_from([0, 20200101]),
        "quota": st.sampled_from([0, 1]),
    }
)


def _said(exchange: Exchange, half: AccessRecord) -> AccessRecord:
    """Return the half with the other side's true word in it, where that is asked for."""
    return exchange.with_token(half) if half.other == TOKEN else half


def _run(
    order: list[AccessRecord], grant: dict[str, Any], *, wakes: int
) -> tuple[Exchange, dict[int, set[Finding]]]:
    """Record the halves in this order, the deadline between them or not; check every step."""
    exchange = Exchange()
    exchange.put_grant(**grant)
    found: dict[int, set[Finding]] = {}
    before: Match | None = None
    for half in order:
        found[half.side] = set(findings_in(exchange.record(half).outcome))
        assert (before, exchange.row().match) in STEPS
        before = exchange.row().match
        with pytest.raises(Rejection) as double:
            exchange.record(half)
        assert double.value.code == Code.ACCESS_DOUBLE_RECORD
        if wakes and exchange.woken():
            assert (before, exchange.row().match) in STEPS
            before = exchange.row().match
    assert exchange.row().match in {Match.MATCHED, Match.MISMATCHED}
    return exchange, found


@given(asked=changes, answered=changes, grant=grants, wakes=st.sampled_from([0, 1]))
@settings(max_examples=150, deadline=None)
def test_two_halves_lead_to_one_state_whichever_comes_first(
    asked: dict[str, Any], answered: dict[str, Any], grant: dict[str, Any], wakes: int
) -> None:
    base = Exchange()
    halves = [
        _said(base, changed(base.half(Side.REQUESTER), **asked)),
        _said(base, changed(base.half(Side.PROVIDER), **answered)),
    ]
    first, found = _run(halves, grant, wakes=wakes)
    second, other = _run(halves[::-1], grant, wakes=wakes)
    assert first.row() == second.row()
    if not wakes:
        assert first.caller.state.rows == second.caller.state.rows
    for side in (0, 1):
        assert found[side] - BOUND_TO_ORDER == other[side] - BOUND_TO_ORDER


@given(said=changes, grant=grants, side=st.sampled_from(list(Side)))
@settings(max_examples=300, deadline=None)
def test_no_permitted_call_without_a_grant_in_force_is_recorded_without_a_finding(
    said: dict[str, Any], grant: dict[str, Any], side: Side
) -> None:
    exchange = Exchange()
    exchange.put_grant(**grant)
    half = _said(exchange, changed(exchange.half(side), **said))
    found = findings_in(exchange.record(half).outcome)
    is_granted = (
        half.grant == GRANT
        and grant["state"] == GrantState.ACTIVE
        and not grant["valid_to"]
        and half.item_version == 1
        and not half.fields & ~grant["fields"]
    )
    misuse = set(found) - BOUND_TO_ORDER
    assert bool(misuse) == (half.decision == Decision.PERMIT and not is_granted)
    assert len(misuse) <= 1
