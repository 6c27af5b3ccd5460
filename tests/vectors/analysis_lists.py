"""The lists of the vectors of analysis: small ones with one point each, and one of many calls."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from chainnode.analysis.rows import AuditRow
from tests.vectors.analysis_rows import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    SIDES,
    call_id,
    gap,
    half,
    other,
    people,
    question,
    token,
    why,
    withheld,
)

MANY = 80


def lists() -> Mapping[str, tuple[AuditRow, ...]]:
    """Return the lists by name."""
    return {
        "nothing": (),
        "a morning": tuple(_morning()),
        "unreadable": tuple(_unreadable()),
        "office hours": tuple(_office_hours()),
        "again and again": tuple(_again()),
        "one busy hour": tuple(_busy_hour()),
        "strange texts": tuple(_strange()),
        "rules 1": tuple(replace(one, version=1) for one in _morning() if one.kind == "half"),
        "many calls": tuple(_many()),
    }


def _morning() -> Iterator[AuditRow]:
    """Every kind of record, and every way in which halves can stand."""
    nine = 9 * HOUR_MS
    yield other(2, at=nine)
    yield half(3, at=nine + MINUTE_MS, call=101, reasons=why())
    yield half(4, at=nine + 2 * MINUTE_MS, call=101, side="provider")
    yield half(5, at=nine + 3 * MINUTE_MS, call=102, reasons=why("li", ""), count=120, item="car")
    yield gap(9, at=nine + 9 * MINUTE_MS, call=102, outcome="one_sided_claimed")
    yield half(11, at=nine + 11 * MINUTE_MS, call=103, reasons=why("li", "case-2"))
    yield half(
        12,
        at=nine + 12 * MINUTE_MS,
        call=103,
        side="provider",
        findings=("late", "halves_differ"),
        status=404,
        outcome="failed",
    )
    yield gap(13, at=nine + 12 * MINUTE_MS, call=103, outcome="mismatched")
    yield people(14, at=nine + 13 * MINUTE_MS, call=104, tokens=(5, 6, 7))
    yield half(15, at=nine + 13 * MINUTE_MS, call=104, people=3, grant="", reasons=why())
    yield question(16, at=nine + 14 * MINUTE_MS, purpose="年度监督审计")
    yield half(
        17, at=nine + 15 * MINUTE_MS, call=105, side="provider", outcome="denied", status=403
    )
    yield gap(18, at=nine + 16 * MINUTE_MS, call=106, outcome="matched")
    yield gap(19, at=nine + 17 * MINUTE_MS, call=107, outcome="one_sided_proven")


def _unreadable() -> Iterator[AuditRow]:
    """Encrypted reasons, withheld bodies, a side that says nothing: three different things."""
    ten = 10 * HOUR_MS
    yield half(1, at=ten, call=1, is_sealed=True)
    yield half(2, at=ten + MINUTE_MS, call=2, is_sealed=True)
    yield half(3, at=ten + 2 * MINUTE_MS, call=2, side="provider", reasons=why())
    yield half(4, at=ten + 3 * MINUTE_MS, call=3, is_sealed=True)
    yield half(5, at=ten + 4 * MINUTE_MS, call=3, side="provider", reasons=why("", ""))
    yield half(6, at=ten + 5 * MINUTE_MS, call=4)
    yield withheld(7, at=ten + 6 * MINUTE_MS)
    yield withheld(8, at=22 * HOUR_MS, outcome="denied")
    yield question(9, at=ten + 8 * MINUTE_MS, purpose=None)
    yield half(10, at=ten + 9 * MINUTE_MS, call=5, reasons=why("zhang", "case-1"), requested_ms=0)


def _office_hours() -> Iterator[AuditRow]:
    """Instants beside the ends of the day, the week and the month, and a spooled call."""
    instants = {
        1: 8 * HOUR_MS - 1,
        2: 8 * HOUR_MS,
        3: 18 * HOUR_MS - 1,
        4: 18 * HOUR_MS,
        5: 24 * HOUR_MS - 1,
        6: 24 * HOUR_MS,
        7: 5 * DAY_MS + 12 * HOUR_MS,
        8: 6 * DAY_MS + 12 * HOUR_MS,
        9: 7 * DAY_MS + 12 * HOUR_MS,
        10: 30 * DAY_MS - 1,
        11: 30 * DAY_MS,
    }
    for position, at in instants.items():
        yield half(position, at=at, reasons=why(), requested_ms=MONDAY_MS + at)
    # Made at noon, recorded at night; made at night, recorded at noon; made at no known time.
    noon = 31 * DAY_MS + 12 * HOUR_MS
    night = 31 * DAY_MS + 23 * HOUR_MS
    yield half(20, at=night, reasons=why(), requested_ms=MONDAY_MS + noon)
    yield half(21, at=night + DAY_MS // 2, reasons=why(), requested_ms=MONDAY_MS + night)
    yield half(22, at=noon + 2 * DAY_MS, reasons=why(), requested_ms=0)


def _again() -> Iterator[AuditRow]:
    """One officer and one subject over two days, officers of one name, and denied calls."""
    nine = 9 * HOUR_MS
    for number in range(4):
        yield half(10 + number, at=nine + number * HOUR_MS, call=10 + number, reasons=why("zhang"))
    yield half(20, at=nine + DAY_MS, call=20, reasons=why("zhang"))
    yield half(21, at=nine + DAY_MS, call=20, side="provider", reasons=why("zhang"))
    for number in range(3):
        yield half(
            30 + number,
            at=nine + DAY_MS + number * HOUR_MS,
            call=10 + number,
            reasons=why("zhang"),
            requester="tax",
            organisation="tax",
            subjects=(token(1), token(2)),
        )
    for number in range(3):
        at = nine + 2 * DAY_MS + number * HOUR_MS
        yield half(40 + number, at=at, call=40 + number, outcome="denied", status=403)


def _busy_hour() -> Iterator[AuditRow]:
    """Officers with one to four calls an hour, one with thirteen, one alone at thirty."""
    position = 0
    plan = (("zhang", 9, 1), ("li", 9, 2), ("li", 10, 3), ("wang", 10, 4), ("wang", 11, 13))
    for officer, hour, calls in plan:
        for number in range(calls):
            position += 1
            at = hour * HOUR_MS + number * MINUTE_MS
            yield half(position, at=at, reasons=why(officer))
    for number in range(30):
        at = 2 * DAY_MS + 14 * HOUR_MS + number * MINUTE_MS
        yield half(200 + number, at=at, reasons=why("zhao"), requester="tax", organisation="tax")


def _strange() -> Iterator[AuditRow]:
    """Texts that a careless page, table or comparison would take for something else."""
    texts = (
        "<script>alert(1)</script>",
        "=HYPERLINK(1)",
        "\u202eabc",
        "ＺＨＡＮＧ",
        "Zhang",
        "ZHANG",
        "zhang ",
        "İstanbul",
        "\U0001f600",
        "\uffee",
        "a,b|c\\d",
        "",
        "__proto__",
        "constructor",
        "null",
    )
    for number, text in enumerate(texts):
        yield half(number, at=9 * HOUR_MS, call=500 + number, reasons=why(text, text))
    yield half(90, at=9 * HOUR_MS, requester="__proto__", provider="toString", item="")


def _many() -> Iterator[AuditRow]:
    """Calls of a week by a fixed generator, with both halves of most of them."""
    state = 20_260_302
    position = 0
    for number in range(MANY):
        drawn = []
        for _ in range(8):
            state = (1_103_515_245 * state + 12_345) % 2**31
            drawn.append(state >> 8)
        at = drawn[0] % (7 * DAY_MS // MINUTE_MS) * MINUTE_MS
        for side in SIDES[: 1 + (drawn[1] % 5 > 0)]:
            position += 1 + drawn[2] % 3
            yield half(
                position,
                at=at + 500 * position,
                call=10_000 + number,
                side=side,
                requester=("police", "tax", "health")[drawn[3] % 3],
                provider=("civil", "housing")[drawn[4] % 2],
                organisation="police",
                item=("household", "car", "income")[drawn[5] % 3],
                subjects=(token(1 + drawn[6] % 7),),
                count=drawn[7] % 150,
                outcome=("permitted", "permitted", "denied", "failed")[drawn[2] % 4],
                reasons=why(("zhang", "li", "wang", "")[drawn[3] % 4], ("", "case")[drawn[1] % 2])
                if drawn[6] % 6
                else None,
                is_sealed=drawn[6] % 6 == 0 and drawn[5] % 2 == 0,
                requested_ms=MONDAY_MS + at,
                trace_id=call_id(number),
            )
