"""Halves of calls in version 2: what is refused, what is found, and what becomes of a call."""

import itertools

import msgspec
import pytest

from contracts.schemas.access import (
    USED,
    Differs,
    Finding,
    OpenRow,
    UsedRow,
    findings_in,
    kind_in,
)
from contracts.schemas.access_gaps import GapOutcome, Matched, Mismatched, Unmatched, decode_gap
from contracts.schemas.call_words import AccessOutcome, Decision, Side
from contracts.schemas.catalog import ITEMS
from contracts.schemas.codes import Code
from contracts.schemas.days import local_day
from contracts.schemas.grant_states import GrantState
from contracts.schemas.index_kinds import IndexKind, index_key
from contracts.schemas.match_states import TRANSITIONS, Match
from tests.unit.contracts.builders import CRYPTO, NOW_MS, PROVIDER, REQUESTER, changed
from tests.unit.contracts.halves import (
    DEADLINE_MS,
    GRANT,
    HALF,
    Exchange,
    item_row,
    service_key,
)


@pytest.mark.parametrize("side", list(Side))
def test_a_first_half_waits_and_asks_to_be_woken_at_its_deadline(side: Side) -> None:
    exchange = Exchange()
    accepted = exchange.record(exchange.half(side))
    row = exchange.row()
    assert (row.match, bool(row.waiting)) == (Match.OPEN, True)
    assert row.place_of(side) is not None
    assert row.place_of(1 - side) is None
    assert [one.due_ms for one in accepted.due] == [NOW_MS + DEADLINE_MS]
    assert accepted.own == ()


@pytest.mark.parametrize("side", list(Side))
def test_halves_commute_in_state_and_findings(side: Side) -> None:
    states, findings = [], []
    other = Side(1 - side)
    for order in ((side, other), (other, side)):
        exchange = Exchange()
        outcomes = {one: exchange.record(exchange.half(one)).outcome for one in order}
        states.append(dict(exchange.caller.state.rows))
        findings.append(outcomes)
    assert states[0] == states[1]
    assert findings[0] == findings[1]
    assert exchange.row().match == Match.MATCHED
    assert exchange.row().waiting == b""


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"item_version": 2}, Differs.ITEM),
        ({"fields": 1}, Differs.FIELDS),
        ({"grant": ""}, Differs.GRANT),
        ({"subjects": ()}, Differs.PEOPLE),
        ({"decision": Decision.DENY}, Differs.DECISION),
        ({"status": 500}, Differs.ANSWER),
        ({"count": 9}, Differs.ANSWER),
        ({"request_commitment": b"x" * 32}, Differs.REQUEST),
        ({"response_commitment": b""}, Differs.RESPONSE),
    ],
)
def test_each_difference_is_named_and_the_later_half_bears_the_finding(
    side: Side, change: dict[str, object], differs: Differs
) -> None:
    exchange = Exchange()
    exchange.record(exchange.half(side))
    later = exchange.record(changed(exchange.half(Side(1 - side)), **change))
    assert Finding.HALVES_DIFFER in findings_in(later.outcome)
    (own,) = later.own
    part = decode_gap("access", own.action, own.public)
    assert isinstance(part, Mismatched)
    assert (part.differs, part.side) == (differs, 1 - side)
    assert own.outcome == GapOutcome.MISMATCHED
    assert exchange.row().match == Match.MISMATCHED
    # Within the deadline nothing was open, so nothing is closed.
    assert exchange.open(REQUESTER) == exchange.open(PROVIDER) == OpenRow()
    assert not [key for key in own.index_keys if key[0] == IndexKind.UNMATCHED]


def test_a_requester_without_an_answer_is_not_held_to_what_it_cannot_know() -> None:
    exchange = Exchange()
    exchange.record(changed(exchange.half(Side.REQUESTER), status=0, response_commitment=b""))
    assert exchange.record(exchange.half(Side.PROVIDER)).own == ()
    assert exchange.row().match == Match.MATCHED


@pytest.mark.parametrize("side", list(Side))
def test_a_double_half_is_refused_whatever_it_says_and_names_the_first(side: Side) -> None:
    exchange = Exchange()
    exchange.record(exchange.half(side))
    again = changed(exchange.half(side), status=403)
    assert exchange.refused(again)[0] == Code.ACCESS_DOUBLE_RECORD
    exchange.record(exchange.half(Side(1 - side)))
    assert exchange.refused(again)[0] == Code.ACCESS_DOUBLE_RECORD


def test_a_half_for_somebody_else_is_refused() -> None:
    exchange = Exchange()
    half = exchange.half(Side.REQUESTER)
    assert exchange.refused(half, sender=PROVIDER) == (Code.FOREIGN_ORGANISATION,)


@pytest.mark.parametrize(
    ("change", "grant", "finding"),
    [
        ({}, {}, None),
        ({"grant": ""}, {}, Finding.NO_GRANT),
        ({"grant": "unknown"}, {}, Finding.NO_GRANT),
        ({}, {"state": GrantState.SUSPENDED}, Finding.GRANT_NOT_ACTIVE),
        ({}, {"state": GrantState.APPLIED}, Finding.GRANT_NOT_ACTIVE),
        ({}, {"valid_to": 20200101}, Finding.GRANT_NOT_ACTIVE),
        ({}, {"valid_from": 20990101}, Finding.GRANT_NOT_ACTIVE),
        ({}, {"item": "other.item"}, Finding.OUTSIDE_GRANT),
        ({}, {"requester": "SOMEBODY"}, Finding.OUTSIDE_GRANT),
        ({}, {"provider": "SOMEBODY"}, Finding.OUTSIDE_GRANT),
        ({"item_version": 2}, {}, Finding.OUTSIDE_GRANT),
        ({"fields": 8}, {}, Finding.OUTSIDE_GRANT),
        ({"fields": 8, "decision": Decision.DENY}, {}, None),
        ({"grant": "", "decision": Decision.DENY}, {}, None),
        ({"grant": "", "status": 500}, {}, Finding.NO_GRANT),
    ],
)
@pytest.mark.parametrize("side", list(Side))
def test_misuse_is_a_finding_with_its_index_key_and_never_a_refusal(
    side: Side, change: dict[str, object], grant: dict[str, object], finding: Finding | None
) -> None:
    exchange = Exchange()
    exchange.put_grant(**grant)
    accepted = exchange.record(changed(exchange.half(side), **change))
    expected = () if finding is None else (finding,)
    assert findings_in(accepted.outcome) == expected
    found = [key[1:] for key in accepted.index_keys if key[0] == IndexKind.FINDING]
    assert found == [bytes((one,)) for one in expected]


@pytest.mark.parametrize(
    ("change", "is_free"),
    [
        ({}, 1),
        ({"share": 2}, 0),
        ({"owner": "SOMEBODY"}, 0),
        ({"is_withdrawn": 1}, 0),
    ],
)
def test_only_what_the_provider_itself_shares_with_everybody_needs_no_grant(
    change: dict[str, object], is_free: int
) -> None:
    exchange = Exchange()
    exchange.caller.state.put(ITEMS, item_row(**{"share": 1, **change}), HALF.item)
    accepted = exchange.record(changed(exchange.half(Side.PROVIDER), grant=""))
    assert findings_in(accepted.outcome) == (() if is_free else (Finding.NO_GRANT,))


def test_the_quota_counts_permitted_halves_of_the_provider_day_by_day() -> None:
    exchange = Exchange()
    exchange.put_grant(quota=2)
    for number, expected in enumerate([(), (), (Finding.QUOTA_EXCEEDED,)]):
        half = changed(exchange.half(Side.PROVIDER), call_id=bytes([number]) * 16)
        assert findings_in(exchange.record(half).outcome) == expected
        asked = changed(exchange.half(Side.REQUESTER), call_id=bytes([number]) * 16)
        assert findings_in(exchange.record(asked).outcome) == ()
    failed = changed(exchange.half(Side.PROVIDER), call_id=b"f" * 16, status=500)
    assert findings_in(exchange.record(failed).outcome) == ()
    used = exchange.caller.state.find(USED, GRANT, local_day(NOW_MS))
    assert used == UsedRow(3)
    exchange.caller.now_ms += 86_400_000
    tomorrow = changed(
        exchange.half(Side.PROVIDER), call_id=b"t" * 16, requested_ms=exchange.caller.now_ms
    )
    assert findings_in(exchange.record(tomorrow).outcome) == ()


def test_halves_outside_of_a_grant_do_not_use_up_its_quota() -> None:
    exchange = Exchange()
    exchange.put_grant(quota=1, provider="SOMEBODY")
    exchange.record(exchange.half(Side.PROVIDER))
    assert exchange.caller.state.find(USED, GRANT, local_day(NOW_MS)) is None


def test_a_half_after_its_time_is_late_by_its_own_clock() -> None:
    for delay, expected in ((0, ()), (DEADLINE_MS, ()), (DEADLINE_MS + 1, (Finding.LATE,))):
        exchange = Exchange()
        half = changed(exchange.half(Side.PROVIDER), requested_ms=NOW_MS - delay)
        assert findings_in(exchange.record(half).outcome) == expected


def test_outcome_joins_kind_and_findings() -> None:
    exchange = Exchange()
    half = changed(exchange.half(Side.PROVIDER), grant="", status=500, requested_ms=0)
    outcome = exchange.record(half).outcome
    assert outcome == AccessOutcome.FAILED + 8 * (1 + 16)
    assert kind_in(outcome) == AccessOutcome.FAILED
    assert findings_in(outcome) == (Finding.NO_GRANT, Finding.LATE)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("is_proven", [0, 1])
@pytest.mark.parametrize("differs", [0, 1])
def test_a_gap_is_opened_and_closed_at_the_same_organisation(
    side: Side, is_proven: int, differs: int
) -> None:
    exchange = Exchange()
    first = exchange.half(side)
    if is_proven:
        first = exchange.with_token(first)
    exchange.record(first)
    own = exchange.wake()
    charged = first.listener if is_proven else first.speaker
    assert own.outcome == GapOutcome.ONE_SIDED_CLAIMED + is_proven
    assert index_key(CRYPTO.digest, IndexKind.UNMATCHED, charged) in own.index_keys
    part = decode_gap("access", own.action, own.public)
    assert isinstance(part, Unmatched)
    assert (part.side, part.due_ms) == (side, NOW_MS + DEADLINE_MS)
    assert exchange.open(charged) == OpenRow(1, 0)

    later = exchange.half(Side(1 - side))
    if differs:
        later = changed(later, fields=1)
    accepted = exchange.record(later)
    assert Finding.LATE in findings_in(accepted.outcome)
    assert (Finding.HALVES_DIFFER in findings_in(accepted.outcome)) == bool(differs)
    (closing,) = accepted.own
    read = decode_gap("access", closing.action, closing.public)
    assert isinstance(read, Mismatched if differs else Matched)
    assert index_key(CRYPTO.digest, IndexKind.UNMATCHED, charged) in closing.index_keys
    assert exchange.open(charged) == OpenRow(1, 1)
    assert exchange.open(first.listener if charged == first.speaker else first.speaker) == OpenRow()


def test_a_matched_call_is_not_found_at_its_deadline() -> None:
    exchange = Exchange()
    for side in Side:
        exchange.record(exchange.half(side))
    assert exchange.woken() == ()


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    "fault",
    ["another call", "another signature", "foreign key", "revoked key", "no service", "no key"],
)
def test_what_does_not_bear_the_other_sides_word_stays_claimed(side: Side, fault: str) -> None:
    exchange = Exchange()
    half = exchange.half(side)
    row = service_key(half.listener)
    match fault:
        case "another call":
            token = exchange.token(changed(half, call_id=b"z" * 16))
        case "another signature":
            token = exchange.token(half)
            token = token[:-1] + bytes([token[-1] ^ 1])
        case _:
            token = exchange.token(half)
    changes: dict[str, dict[str, object]] = {
        "foreign key": {"organisation": half.speaker},
        "revoked key": {"valid_to_ms": NOW_MS - 1},
        "no service": {"roles": (1,)},
    }
    if fault != "no key":
        exchange.put_key(msgspec.structs.replace(row, **changes.get(fault, {})))
    else:
        exchange.drop_key(row)
    exchange.record(changed(half, other=token))
    assert exchange.wake().outcome == GapOutcome.ONE_SIDED_CLAIMED


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    ("late_ms", "outcome"),
    [
        (DEADLINE_MS, GapOutcome.ONE_SIDED_PROVEN),
        (DEADLINE_MS + 1, GapOutcome.ONE_SIDED_CLAIMED),
    ],
)
def test_a_token_of_long_ago_proves_nothing(side: Side, late_ms: int, outcome: GapOutcome) -> None:
    """Whoever holds a key that has ended can date a token back to when it was good."""
    exchange = Exchange()
    half = exchange.half(side)
    exchange.put_key(service_key(half.listener))
    exchange.caller.now_ms = NOW_MS + late_ms
    exchange.record(changed(half, other=exchange.token(half)))
    assert exchange.wake(recorded_ms=NOW_MS + late_ms).outcome == outcome


def test_the_table_of_match_states_allows_what_happens_and_nothing_else() -> None:
    seen = set()
    for side, wakes, differs, is_proven in itertools.product(Side, (0, 1), (0, 1), (0, 1)):
        exchange = Exchange()
        half = exchange.half(side)
        before: Match | None = None
        exchange.record(exchange.with_token(half) if is_proven else half)
        seen.add((before, exchange.row().match))
        if wakes:
            before = exchange.row().match
            exchange.wake()
            seen.add((before, exchange.row().match))
        before = exchange.row().match
        exchange.record(changed(exchange.half(Side(1 - side)), fields=3 - differs))
        seen.add((before, exchange.row().match))
        assert exchange.woken() == ()
    assert seen == {(one.before, one.after) for one in TRANSITIONS}
