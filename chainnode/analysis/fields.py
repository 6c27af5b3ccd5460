"""What can be asked of a row, by name: texts and numbers, known, absent or not to be told. Pure.

A value is a tuple: empty where a record of this kind has no such thing, `("",)` where it could
have said something and did not. None means that it cannot be told: the private part is encrypted
and nobody opened it, or the body is withheld.
"""

from collections.abc import Callable, Mapping

from chainnode.analysis.halves import HalvesStates
from chainnode.analysis.local_times import day_text, minute_of_day, weekday
from chainnode.analysis.rows import GAP, HALF, PEOPLE, QUESTION, AuditRow, Reasons

Texts = tuple[str, ...] | None
Numbers = tuple[int, ...] | None
TextOf = Callable[[AuditRow, HalvesStates], Texts]
NumberOf = Callable[[AuditRow], Numbers]

_ABOUT_CALLS = frozenset({HALF, GAP, PEOPLE})
_MONTH_CHARACTERS = len("2026-03")


def _named(value: str | None, row: AuditRow) -> Texts:
    """Return a text of the public part; every record about a call has one, seen or not."""
    if value is not None:
        return (value,)
    return None if row.is_withheld and row.kind in _ABOUT_CALLS else ()


def _reason(name: str, *, is_of_questions: bool = False) -> TextOf:
    """Return how a text of the private part is read."""

    def read(row: AuditRow, _states: HalvesStates) -> Texts:
        if row.kind != HALF and not (is_of_questions and row.kind == QUESTION):
            return ()
        if row.is_sealed:
            return None
        text: str = getattr(row.reasons or Reasons(), name)
        return (text,)

    return read


def _departments(row: AuditRow, _states: HalvesStates) -> Texts:
    named = (row.organisation, row.requester, row.provider)
    return tuple(sorted({one for one in named if one}))


def _halves(row: AuditRow, states: HalvesStates) -> Texts:
    if row.kind not in {HALF, GAP}:
        return ()
    state = None if row.call is None else states.get(row.call)
    return None if state is None else (state,)


def _findings(row: AuditRow, _states: HalvesStates) -> Texts:
    if row.kind != HALF:
        return ()
    return row.findings or ("",)


def _subjects(row: AuditRow, _states: HalvesStates) -> Texts:
    return row.subjects


def _half_number(name: str) -> NumberOf:
    def read(row: AuditRow) -> Numbers:
        if row.kind != HALF:
            return ()
        value: int | None = getattr(row, name)
        return None if value is None else (value,)

    return read


def _people(row: AuditRow) -> Numbers:
    if row.kind != HALF:
        return ()
    return None if row.people is None else (len(row.subjects) + row.people,)


TEXTS: Mapping[str, TextOf] = {
    "kind": lambda row, _: (row.kind,),
    "contract": lambda row, _: (row.contract,),
    "organisation": lambda row, _: (row.organisation,),
    "department": _departments,
    "requester": lambda row, _: _named(row.requester, row),
    "provider": lambda row, _: _named(row.provider, row),
    "item": lambda row, _: _named(row.item, row),
    "grant": lambda row, _: _named(row.grant, row),
    "subject": _subjects,
    "call": lambda row, _: _named(row.call_id, row),
    "trace": lambda row, _: _named(row.trace_id, row),
    "side": lambda row, _: _named(row.side, row),
    "outcome": lambda row, _: _named(row.outcome, row),
    "finding": _findings,
    "halves": _halves,
    "officer": _reason("operator"),
    "role": _reason("operator_role"),
    "case": _reason("case_number"),
    "purpose": _reason("purpose_code"),
    "reason": _reason("reason_text", is_of_questions=True),
    "system": _reason("system"),
    "represented": _reason("represented_party"),
    "basis": _reason("legal_basis"),
    "month": lambda row, _: (day_text(row.time_ms)[:_MONTH_CHARACTERS],),
    "day": lambda row, _: (day_text(row.time_ms),),
    "weekday": lambda row, _: (f"{weekday(row.time_ms)}",),
    "hour": lambda row, _: (f"{minute_of_day(row.time_ms) // 60:02}",),
}
NUMBERS: Mapping[str, NumberOf] = {
    "time": lambda row: (row.time_ms,),
    "time_of_day": lambda row: (minute_of_day(row.time_ms),),
    "requested": _half_number("requested_ms"),
    "status": _half_number("status"),
    "count": _half_number("count"),
    "people": _people,
    "position": lambda row: (row.position,),
}
