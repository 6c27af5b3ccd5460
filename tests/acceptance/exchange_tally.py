"""What became of every call of a run: the ledger's proven trail against what others know."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from chainnode.client import Client
from contracts.schemas.access import Finding
from contracts.schemas.call_words import Side
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.match_states import GAPS, Match
from tests.acceptance.exchange_records import RecordedHalf, Trail, call_row, trail_of
from tests.acceptance.exchange_run import Ran

_SAMPLE = 100


@dataclass(slots=True, kw_only=True)
class Tally:
    """Calls by what became of them; lists are of numbers and should be empty."""

    matched: int = 0
    unmatched: Counter[str] = field(default_factory=Counter)
    not_made: int = 0
    mismatched: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)

    def document(self) -> str:
        """Say the figures."""
        gaps = ", ".join(f"{name} {count}" for name, count in sorted(self.unmatched.items()))
        return (
            f"matched pairs {self.matched}, unmatched [{gaps}], killed before they were made"
            f" {self.not_made}, mismatched {len(self.mismatched)}, doubled {len(self.doubled)},"
            f" lost {len(self.lost)}"
        )


def open_among(client: Client, grant: str, call_ids: Iterable[bytes]) -> list[bytes]:
    """Return the calls of which one half stands and whose deadline has not passed."""
    halves = trail_of(client, IndexKind.GRANT, grant).halves
    alone = [one for one in call_ids if len(halves.get(one, {})) == 1]
    rows = ((one, call_row(client, one)) for one in alone)
    return [one for one, row in rows if row is None or row.match == Match.OPEN]


def tally_of(client: Client, trail: Trail, ran: Ran) -> Tally:
    """Judge every call by the whole trail of its grant, single ones by their proven rows too."""
    assert trail.is_whole
    tally = Tally()
    step = max(1, len(ran.begun) // _SAMPLE)
    for number, call_id in sorted(ran.begun.items()):
        sides = trail.sides(call_id)
        _judge(tally, client, number, sides, ran)
        if len(sides) == len(Side) and number % step == 0:
            row = call_row(client, call_id)
            assert row is not None
            assert row.match == Match.MATCHED
    return tally


def tally_of_planted(client: Client, trail: Trail, ran: Ran) -> tuple[Tally, Tally]:
    """Judge one matched call as if the ledger had lost it, and as if it had a half twice."""
    number, call_id = next(
        one for one in sorted(ran.begun.items()) if len(trail.sides(one[1])) == len(Side)
    )
    alone = replace(ran, begun={number: call_id})
    halves = dict(trail.halves)
    sides = halves.pop(call_id)
    twice = {side: [*found, *found] for side, found in sides.items()}
    return (
        tally_of(client, replace(trail, halves=halves), alone),
        tally_of(client, replace(trail, halves={**halves, call_id: twice}), alone),
    )


def _judge(
    tally: Tally,
    client: Client,
    number: int,
    sides: dict[Side, list[RecordedHalf]],
    ran: Ran,
) -> None:
    if any(len(halves) > 1 for halves in sides.values()):
        tally.doubled.append(number)
    elif len(sides) == len(Side):
        found = {one for halves in sides.values() for half in halves for one in half.findings}
        if Finding.HALVES_DIFFER in found:
            tally.mismatched.append(number)
        else:
            tally.matched += 1
    elif len(sides) == 1:
        _judge_single(tally, client, number, ran.begun[number])
    elif number in ran.ended or ran.begun[number].hex() in ran.served:
        tally.lost.append(number)
    else:
        tally.not_made += 1


def _judge_single(tally: Tally, client: Client, number: int, call_id: bytes) -> None:
    row = call_row(client, call_id)
    if row is None or row.match not in GAPS:
        tally.lost.append(number)
    else:
        tally.unmatched[Match(row.match).name] += 1
