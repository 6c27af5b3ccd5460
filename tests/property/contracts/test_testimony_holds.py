"""Laws of testimony on a whole chain, whatever is sent, by whom, when, and in whatever order.

Mistakes planted into the product, one for each law, must be found by the same machine.
"""

import pytest
from hypothesis.stateful import RuleBasedStateMachine

import contracts.access
import contracts.access_gaps
from contracts.access_findings import judged_use, late_finding
from contracts.schemas.access import (
    AccessRecord,
    Finding,
)
from contracts.schemas.call_words import Side
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.grants import GrantRow
from contracts.schemas.match_states import GAPS, Match, MatchEvent, state_after
from contracts.sdk import Context, StateView
from tests.property.contracts.hunting import (
    Mistake,
    deadlines_wait_for_submissions,
    few,
    require_found,
)
from tests.property.contracts.testimony import Exchange, LawsAlone

FEW = few(40)
TestExchange = Exchange.TestCase
TestExchange.settings = FEW


def every_later_half_is_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts.access, "_difference", lambda *_: 0)


def a_closed_gap_opens_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transition outside of the diagram: a late half leaves the call open."""

    def after(event: MatchEvent, match: Match | None) -> Match | None:
        return Match.OPEN if match in GAPS else state_after(event, match)

    monkeypatch.setattr(contracts.access, "state_after", after)


def the_first_half_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halves do not commute: what is compared depends on whose half came first."""

    def difference(state: object, first: AccessRecord, later: AccessRecord) -> int:
        del state
        return int(first.side == Side.REQUESTER and first.count != later.count)

    monkeypatch.setattr(contracts.access, "_difference", difference)


def an_old_grant_is_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GrantRow, "is_in_force_at", lambda *_: True)


def a_call_without_a_grant_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(state: StateView, context: Context, half: AccessRecord) -> Finding | None:
        return judged_use(state, context, half) if half.grant else None

    monkeypatch.setattr(contracts.access, "judged_use", judged)


def late_testimony_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(context: Context, half: AccessRecord, *, is_gap: bool) -> Finding | None:
        if is_gap:
            raise Rejection(Code.OUT_OF_RANGE)
        return late_finding(context, half, is_gap=is_gap)

    monkeypatch.setattr(contracts.access, "late_finding", late)


def a_second_half_replaces_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts.access, "_require_first", lambda *_: None)


def whoever_speaks_is_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts.access_gaps, "_charged", lambda half, _match: half.speaker)


MISTAKES: tuple[Mistake, ...] = (
    every_later_half_is_equal,
    a_closed_gap_opens_again,
    the_first_half_wins,
    an_old_grant_is_as_good,
    a_call_without_a_grant_is_not_judged,
    late_testimony_is_refused,
    a_second_half_replaces_the_first,
    deadlines_wait_for_submissions,
    whoever_speaks_is_charged,
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("machine", [Exchange, LawsAlone], ids=["twice", "by the laws"])
def test_a_planted_mistake_is_found(
    mistake: Mistake,
    machine: type[RuleBasedStateMachine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require_found(mistake, machine, monkeypatch, search=FEW)
