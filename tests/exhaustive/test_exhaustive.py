"""The search finds no broken law in the core, and finds it where a mistake is planted."""

from collections.abc import Iterable

import pytest

from consensus import new_view, validation, view_change
from consensus.effects import Timer
from consensus.messages import Commit, Prepare, PreparedCertificate
from consensus.slot import Slot
from consensus.types import Membership, ReplicaId, SequenceNumber, View
from tests.exhaustive.copies import Uncopyable, copy_of
from tests.exhaustive.fingerprint import fingerprint
from tests.exhaustive.plan import Order, Part, run
from tests.exhaustive.search import Search
from tests.exhaustive.world import Bounds


def part(
    liar: int,
    *,
    slots: int = 1,
    views: int = 2,
    is_eager: bool = False,
    order: Order = Order.ROUNDS,
    fine: type[Prepare | Commit] | None = None,
) -> Part:
    bounds = Bounds(liar=ReplicaId(liar), slots=slots, views=views, is_eager=is_eager, fine=fine)
    return Part(order=order, bounds=bounds)


@pytest.mark.slow
@pytest.mark.parametrize("liar", range(4))
def test_no_schedule_of_two_slots_in_two_views_breaks_a_law(liar: int) -> None:
    result = run(part(liar, slots=2, is_eager=True))

    assert result.violation is None
    assert result.states > 500


def test_no_order_of_the_steps_of_one_view_breaks_a_law() -> None:
    result = run(part(1, views=1, order=Order.INTERLEAVINGS, fine=Commit))

    assert result.violation is None
    assert result.states > 500


@pytest.mark.parametrize("liar", [0, 3])
def test_members_that_say_all_they_can_reach_whatever_others_reach(liar: int) -> None:
    every = Search(part(liar).bounds)
    every.rounds()
    eager = Search(part(liar, views=3, is_eager=True).bounds)
    eager.rounds()

    for chosen, provable in every.outcomes[View(1)]:
        assert any(
            chosen == other and provable <= more for other, more in eager.outcomes[View(1)]
        ), (chosen, provable)


def test_equal_local_states_react_equally() -> None:
    search = Search(part(0).bounds)
    search.rounds()
    machine = search.machine

    reactions = tuple(machine.known_reactions.items())
    compared = 0
    for (local, stimulus), known in reactions:
        double = machine.doubles.get(local)
        if double is not None:
            assert machine.compute(double, stimulus, unmoved=local) == known
            compared += 1
    assert compared > 100


def test_copy_shares_nothing_that_can_change() -> None:
    machine = Search(part(0).bounds).machine
    original = machine.members[machine.start[0]]
    before = fingerprint(original, view=View(0))

    copied = copy_of(original)
    copied.expire(Timer.REQUEST)

    assert fingerprint(original, view=View(0)) == before
    assert fingerprint(copied, view=View(1)) != before


def test_what_cannot_be_copied_is_refused() -> None:
    with pytest.raises(Uncopyable):
        copy_of({1: {2}})


# Planted mistakes: general laws must find each.


def _oldest_prepared(
    of: Iterable[PreparedCertificate],
) -> dict[SequenceNumber, PreparedCertificate]:
    oldest: dict[SequenceNumber, PreparedCertificate] = {}
    for one in of:
        held = oldest.get(one.sequence)
        if held is None or held.view > one.view:
            oldest[one.sequence] = one
    return oldest


def _no_certificates(_of: object) -> dict[SequenceNumber, PreparedCertificate]:
    return {}


def _found(liar: int, *, views: int = 3, slots: int = 1) -> tuple[str, ...]:
    result = run(part(liar, views=views, slots=slots, is_eager=True))
    assert result.violation is not None, "no law was broken"
    return result.schedule


def test_search_finds_a_quorum_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Membership, "quorum", property(lambda _: 2))

    assert _found(0)


def test_search_finds_a_new_view_that_ignores_what_was_prepared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(new_view, "_latest_prepared", _no_certificates)

    schedule = _found(1)

    assert any("NewView" in line for line in schedule)


def test_search_finds_that_the_oldest_certificate_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_view, "_latest_prepared", _oldest_prepared)

    assert _found(0)


def test_search_finds_a_view_change_that_hides_what_is_prepared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(view_change, "_prepared_set", lambda _state: ())

    assert _found(3)


def test_search_finds_a_new_view_that_is_believed_without_computing_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(validation, "validate_new_view", lambda *_, **__: None)

    assert _found(1)


def test_search_finds_that_votes_for_another_batch_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        Slot,
        "matching_commits",
        lambda self, view, _digest: (one for one in self.commits.values() if one.view == view),
    )

    result = run(part(1, views=1, order=Order.INTERLEAVINGS, fine=Commit))

    assert result.violation is not None
    assert any("Commit" in line for line in result.schedule)
