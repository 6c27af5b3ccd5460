"""The calls of which the rows of a list speak, each once, whatever sides have recorded it. Pure.

Two halves are two testimonies of one call. What they say is joined so that no side can make a
call look smaller or earlier than the other one says: the greater count, the earlier time, denied
where either says so; the officer and case that either names.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chainnode.analysis.rows import HALF, PEOPLE, AuditRow, Reasons

_REQUESTER = "requester"
_DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call; None is what cannot be told of it, "" what nobody said.

    `positions` are all its rows in the list, ascending; `time_ms` is the ledger time of its first
    half, `requested_ms` the instant that a side states (0: none does).
    """

    requester: str
    provider: str
    positions: tuple[int, ...]
    time_ms: int
    requested_ms: int
    count: int | None
    people: int | None
    subjects: tuple[str, ...]
    is_denied: bool
    officer: str | None
    case_number: str | None


def recorded_calls(rows: Iterable[AuditRow]) -> tuple[RecordedCall, ...]:
    """Return the calls of which the list holds a half, ascending by their first position.

    A half whose body is withheld names no call; it stands as one of its own.
    """
    groups: defaultdict[tuple[str, ...], list[AuditRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: one.position):
        if row.call is not None:
            groups[row.call].append(row)
        elif row.kind == HALF:
            groups["", f"{row.position}"].append(row)
    calls = [_joined(group) for group in groups.values() if any(one.kind == HALF for one in group)]
    return tuple(sorted(calls, key=lambda one: one.positions))


def _joined(rows: Sequence[AuditRow]) -> RecordedCall:
    halves = sorted(
        (one for one in rows if one.kind == HALF), key=lambda one: one.side != _REQUESTER
    )
    first = halves[0]
    people = [one for one in rows if one.kind in {HALF, PEOPLE}]
    return RecordedCall(
        requester=first.requester or "",
        provider=first.provider or "",
        positions=tuple(one.position for one in rows),
        time_ms=min(one.time_ms for one in halves),
        requested_ms=next((one.requested_ms for one in halves if one.requested_ms), 0),
        count=_greatest([one.count for one in halves]),
        people=_greatest([_people(one) for one in halves]),
        subjects=tuple(sorted({token for one in people for token in one.subjects})),
        is_denied=any(one.outcome == _DENIED for one in halves),
        officer=_said(halves, lambda why: why.operator),
        case_number=_said(halves, lambda why: why.case_number),
    )


def _people(half: AuditRow) -> int | None:
    return None if half.people is None else len(half.subjects) + half.people


def _greatest(numbers: Sequence[int | None]) -> int | None:
    known = [one for one in numbers if one is not None]
    return max(known) if known else None


def _said(halves: Sequence[AuditRow], text: Callable[[Reasons], str]) -> str | None:
    """Return what the first half that says it says; None: an unreadable one may say it."""
    told = [text(one.reasons) for one in halves if one.reasons is not None]
    for one in told:
        if one:
            return one
    return None if any(one.is_sealed for one in halves) else ""
