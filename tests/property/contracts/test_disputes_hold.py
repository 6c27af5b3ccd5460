"""Laws of disputes on a whole chain, whatever is done with them, by whom, when.

Mistakes planted into the product must be found by the same machine, with the second
implementation and by the laws alone.
"""

import msgspec
import pytest

import contracts.disputes
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.dispute_states import Party
from contracts.schemas.disputes import DisputeOutcome, DisputePart, DisputeRow
from contracts.sdk import Context, Effect, StateView
from tests.property.contracts.dispute_desk import Desk, LawsAlone
from tests.property.contracts.hunting import (
    Mistake,
    deadlines_wait_for_submissions,
    few,
    require_found,
)

FEW = few(30)
TestDesk = Desk.TestCase
TestDesk.settings = FEW
_ENTERED, _ACTING, _COUNT = (
    vars(contracts.disputes)[name] for name in ("_entered", "_acting", "_count")
)


def what_left_still_counts_as_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(
        state: StateView, organisation: str, *, opened: int = 0, closed: int = 0, overdue: int = 0
    ) -> None:
        del closed
        _COUNT(state, organisation, opened=opened, overdue=overdue)

    monkeypatch.setattr(contracts.disputes, "_count", count)


def an_objection_wanders_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts.disputes, "FORWARDS_MAX", 99)


def what_is_passed_on_is_never_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost dispute: nobody finds that it waits."""

    def entered(
        state: StateView,
        context: Context,
        part: DisputePart,
        row: DisputeRow,
        outcome: DisputeOutcome,
        *,
        before: str = "",
    ) -> Effect:
        found: Effect = _ENTERED(state, context, part, row, outcome, before=before)
        return Effect(outcome=found.outcome, index_keys=found.index_keys) if before else found

    monkeypatch.setattr(contracts.disputes, "_entered", entered)


def a_deadline_is_extended_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def acting(state: StateView, context: Context, name: str, part: DisputePart) -> DisputeRow:
        row: DisputeRow = _ACTING(state, context, name, part)
        return msgspec.structs.replace(row, is_extended=0)

    monkeypatch.setattr(contracts.disputes, "_acting", acting)


def no_answer_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts.disputes, "LATE", 0)


def what_is_closed_becomes_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DisputeRow, "is_open", True)


def the_responsible_withdraws_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts.disputes, "party_to", lambda _: Party.RESPONSIBLE)


def an_overdue_dispute_is_answered_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def acting(state: StateView, context: Context, name: str, part: DisputePart) -> DisputeRow:
        row: DisputeRow = _ACTING(state, context, name, part)
        if row.is_overdue:
            raise Rejection(Code.DISPUTES_STATE_FORBIDS, (row.state,))
        return row

    monkeypatch.setattr(contracts.disputes, "_acting", acting)


MISTAKES: tuple[Mistake, ...] = (
    what_left_still_counts_as_waiting,
    an_objection_wanders_for_ever,
    what_is_passed_on_is_never_due,
    a_deadline_is_extended_again_and_again,
    no_answer_is_late,
    what_is_closed_becomes_overdue,
    the_responsible_withdraws_it,
    an_overdue_dispute_is_answered_no_more,
    deadlines_wait_for_submissions,
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("machine", [Desk, LawsAlone], ids=["twice", "by the laws"])
def test_a_planted_mistake_is_found(
    mistake: Mistake, machine: type[Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    require_found(mistake, machine, monkeypatch, search=FEW)
