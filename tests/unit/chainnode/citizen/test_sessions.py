"""What a session keeps: nothing older than what was dropped, nothing of who went away."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from chainnode.citizen.config import NumberClaims
from chainnode.citizen.sessions import UNUSED_S_MAX, Visits
from chainnode.citizen.views import View
from chainnode.login import Person, Role, Session
from tests.builders_identity import citizen_number

KEPT_S = 300.0


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(eq=False)
class Answer:
    """Stands for a view, of which nothing but its size is looked at here."""

    size: int = 1


@dataclass
class Site:
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        claims = NumberClaims(number="id_number", id_type=None, id_type_default="111")
        self.visits = Visits(claims, kept_s=KEPT_S, now_s=self.clock)


def session(name: str) -> Session:
    person = Person(
        pseudonym=name,
        roles=frozenset({Role.CITIZEN}),
        claims={"id_number": citizen_number(serial=451)},
    )
    return Session(person=person, csrf=name, begun_s=0.0)


def test_an_answer_that_was_begun_before_it_was_dropped_is_not_kept() -> None:
    async def run() -> tuple[View | None, View, View]:
        visits = Site().visits
        visit = visits.of(session("a"))
        begun, dropped = asyncio.Event(), asyncio.Event()
        old, new = (cast("View", Answer()) for _ in range(2))

        async def make_old() -> View:
            begun.set()
            await dropped.wait()
            return old

        async def make_new() -> View:
            return new

        first = asyncio.create_task(visits.view(visit, visit.subjects.own, make_old))
        await begun.wait()
        visits.forget(visit, visit.subjects.own)
        dropped.set()
        await first
        kept = visits.kept(visit, visit.subjects.own)
        return kept, await visits.view(visit, visit.subjects.own, make_new), new

    kept, shown, new = asyncio.run(run())

    assert kept is None
    assert shown is new


def test_an_answer_that_nobody_dropped_is_kept() -> None:
    async def run() -> bool:
        visits = Site().visits
        visit = visits.of(session("a"))

        async def make() -> View:
            return cast("View", Answer())

        made = await visits.view(visit, visit.subjects.own, make)
        return visits.kept(visit, visit.subjects.own) is made

    assert asyncio.run(run())


def test_of_who_went_away_without_a_logout_nothing_is_kept() -> None:
    site = Site()
    gone, there = session("a"), session("b")
    first = site.visits.of(gone)
    site.clock.now_s = UNUSED_S_MAX - 1
    second = site.visits.of(there)

    site.clock.now_s = UNUSED_S_MAX
    kept = site.visits.of(there)

    assert kept is second
    assert site.visits.of(gone) is not first
