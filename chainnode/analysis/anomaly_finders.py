"""What each rule for anomalies finds among the calls of a list. Pure.

Integers alone: a median is compared as twice itself, so that no rounding decides.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chainnode.analysis.calls import RecordedCall
from chainnode.analysis.local_times import (
    day_text,
    hour_text,
    is_weekend,
    is_within_minutes,
    minute_of_day,
)
from chainnode.analysis.parameters import Chosen, minute_in, number_in

# What a hit is about: names and values, in their order.
About = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Rows to which a rule applies together, what they share, and the number that decided."""

    about: About
    number: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finds:
    """Hits of a rule, and the rows of calls of which it cannot tell."""

    hits: tuple[Hit, ...]
    cannot_tell: tuple[int, ...] = ()


def night(calls: Sequence[RecordedCall], chosen: Chosen) -> Finds:
    """Find calls outside of office hours; one hit a call, its number is the minute of its day."""
    hits = []
    for call in calls:
        at = next((one for one in _instants(call, chosen) if _is_outside(one, chosen)), None)
        if at is not None:
            hits.append(_hit_of(call, number=minute_of_day(at), day=day_text(at)))
    unknown = chosen["clock"] == "call"
    return Finds(
        hits=tuple(hits),
        cannot_tell=_positions(one for one in calls if unknown and not one.requested_ms),
    )


def _instants(call: RecordedCall, chosen: Chosen) -> tuple[int, ...]:
    stated = (call.requested_ms,) if call.requested_ms else ()
    match chosen["clock"]:
        case "ledger":
            return (call.time_ms,)
        case "call":
            return stated
        case _:
            return (call.time_ms, *stated)


def _is_outside(instant_ms: int, chosen: Chosen) -> bool:
    if chosen["weekends"] == "yes" and is_weekend(instant_ms):
        return True
    return not is_within_minutes(
        minute_of_day(instant_ms), start=minute_in(chosen, "start"), end=minute_in(chosen, "end")
    )


def bulk(calls: Sequence[RecordedCall], chosen: Chosen) -> Finds:
    """Find calls with many records or people; one hit a call, its number is the greater one."""
    least = number_in(chosen, "least")
    sizes = [(one, max(one.count or 0, one.people or 0)) for one in calls]
    return Finds(
        hits=tuple(_hit_of(one, number=size) for one, size in sizes if size >= least),
        cannot_tell=_positions(
            one for one, size in sizes if size < least and None in {one.count, one.people}
        ),
    )


def no_case(calls: Sequence[RecordedCall], _chosen: Chosen) -> Finds:
    """Find calls for which nobody named a case; one hit a call."""
    return Finds(
        hits=tuple(_hit_of(one, number=0) for one in calls if one.case_number == ""),
        cannot_tell=_positions(one for one in calls if one.case_number is None),
    )


def spikes(calls: Sequence[RecordedCall], chosen: Chosen) -> Finds:
    """Find who made far more calls in an hour or day than is usual in this list."""
    is_by_officer = chosen["by"] == "officer"
    when = hour_text if chosen["per"] == "hour" else day_text
    known = [one for one in calls if one.officer] if is_by_officer else list(calls)
    cells = _grouped(
        known, lambda call: [(*_who(call, is_by_officer=is_by_officer), ("in", when(call.time_ms)))]
    )
    ordered = sorted(len(one) for one in cells.values())
    hits = [
        Hit(about=about, number=len(cell), positions=_positions(cell))
        for about, cell in cells.items()
        if len(cell) >= number_in(chosen, "least")
        and 2 * len(cell) > number_in(chosen, "factor") * _median_doubled(ordered, len(cell))
    ]
    unknown = [one for one in calls if not one.officer] if is_by_officer else []
    return Finds(hits=tuple(hits), cannot_tell=_positions(unknown))


def repeated(calls: Sequence[RecordedCall], chosen: Chosen) -> Finds:
    """Find officers who looked at one subject again and again."""
    known = [one for one in calls if one.officer]
    groups = _grouped(
        known,
        lambda call: [
            (*_who(call, is_by_officer=True), ("subject", token), *_within(call, chosen))
            for token in call.subjects
        ],
    )
    return Finds(
        hits=_often(groups, number_in(chosen, "least")),
        cannot_tell=_positions(one for one in calls if not one.officer),
    )


def denied(calls: Sequence[RecordedCall], chosen: Chosen) -> Finds:
    """Find departments that were denied by another again and again."""
    groups = _grouped(
        [one for one in calls if one.is_denied],
        lambda call: [
            (
                ("requester", call.requester),
                ("provider", call.provider),
                *_within(call, chosen),
            )
        ],
    )
    return Finds(hits=_often(groups, number_in(chosen, "least")))


def _who(call: RecordedCall, *, is_by_officer: bool) -> About:
    requester = ("requester", call.requester)
    return (requester, ("officer", call.officer or "")) if is_by_officer else (requester,)


def _within(call: RecordedCall, chosen: Chosen) -> About:
    return (("in", day_text(call.time_ms)),) if chosen["per"] == "day" else ()


def _grouped(
    calls: Iterable[RecordedCall], keys: Callable[[RecordedCall], Iterable[About]]
) -> dict[About, list[RecordedCall]]:
    groups: defaultdict[About, list[RecordedCall]] = defaultdict(list)
    for call in calls:
        for key in keys(call):
            groups[key].append(call)
    return groups


def _often(groups: Mapping[About, Sequence[RecordedCall]], least: int) -> tuple[Hit, ...]:
    return tuple(
        Hit(about=about, number=len(group), positions=_positions(group))
        for about, group in groups.items()
        if len(group) >= least
    )


def _median_doubled(ordered: Sequence[int], without: int) -> int:
    """Return twice the median of the numbers but one `without`; 0 when no other is left."""
    others = len(ordered) - 1
    if not others:
        return 0
    taken = bisect_left(ordered, without)
    lower, upper = (others - 1) // 2, others // 2
    return ordered[lower + (lower >= taken)] + ordered[upper + (upper >= taken)]


def _hit_of(call: RecordedCall, *, number: int, day: str | None = None) -> Hit:
    about: About = (("requester", call.requester), ("provider", call.provider))
    when: About = () if day is None else (("in", day),)
    return Hit(about=(*about, *when), number=number, positions=call.positions)


def _positions(calls: Iterable[RecordedCall]) -> tuple[int, ...]:
    return tuple(sorted({position for one in calls for position in one.positions}))
