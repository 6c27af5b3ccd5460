"""Write the vectors of filters, facets, anomalies: run `python -m tests.vectors.make_analysis`.

Format: tests/vectors/analysis/README.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chainnode.analysis.anomalies import Anomaly, anomalies, choose
from chainnode.analysis.facets import facets
from chainnode.analysis.filters import Condition, RangeCondition, TextCondition, TextTest, filtered
from chainnode.analysis.rows import AuditRow
from chainnode.verify.strict_json import JsonObject
from tests.vectors.analysis_lists import lists
from tests.vectors.analysis_rows import HOUR_MS, MONDAY_MS, token
from tests.vectors.documents import write_folder

FOLDER = Path(__file__).parent / "analysis"


def text(name: str, *values: str, test: TextTest = TextTest.IS) -> TextCondition:
    return TextCondition(name=name, test=test, values=values)


def span(name: str, start: int | None = None, end: int | None = None) -> RangeCondition:
    return RangeCondition(name=name, start=start, end=end)


ASKED: tuple[tuple[Condition, ...], ...] = (
    (),
    (text("officer", "zhang"),),
    (text("officer", "zhang", test=TextTest.IS_NOT),),
    (text("officer", "ZHANG", "li", test=TextTest.CONTAINS),),
    (text("officer", ""),),
    (text("role", "clerk"), text("item", "household")),
    (text("case", ""),),
    (text("case", "", test=TextTest.IS_NOT), text("kind", "half")),
    (text("purpose", "enforcement"), text("side", "requester")),
    (text("reason", "审计", "户籍", test=TextTest.CONTAINS),),
    (text("reason", "审计", test=TextTest.CONTAINS_NOT),),
    (text("outcome", "denied", "failed"),),
    (text("department", "tax", "audit"),),
    (text("provider", "civil", test=TextTest.IS_NOT),),
    (text("finding", "late"),),
    (text("finding", ""),),
    (text("halves", "matched", "both"),),
    (text("halves", "matched", test=TextTest.IS_NOT),),
    (text("kind", "question"),),
    (text("kind", "question", test=TextTest.IS_NOT), text("officer", "zhang")),
    (text("subject", token(2)),),
    (text("weekday", "6", "7"),),
    (text("month", "2026-03"),),
    (text("officer", "<SCRIPT>", "__PROTO__", "i", test=TextTest.CONTAINS),),
    (span("time_of_day", 8 * 60, 18 * 60),),
    (span("time_of_day", 18 * 60, 8 * 60),),
    (span("time", MONDAY_MS + 9 * HOUR_MS, MONDAY_MS + 10 * HOUR_MS + 180_000),),
    (span("requested", MONDAY_MS, None),),
    (span("count", 100, None),),
    (span("people", 2, None),),
    (span("status", None, 400), text("officer", "zhang")),
    (span("position", 4, 12),),
)
RULES: tuple[tuple[str, dict[str, str]], ...] = (
    ("night", {}),
    ("night", {"clock": "ledger", "weekends": "yes"}),
    ("night", {"clock": "call", "start": "07:30", "end": "00:00"}),
    ("night", {"start": "22:00", "end": "06:00"}),
    ("bulk", {}),
    ("bulk", {"": "4"}),
    ("no-case", {}),
    ("spikes", {}),
    ("spikes", {"": "2", "factor": "1"}),
    ("spikes", {"least": "5", "by": "department", "per": "day", "factor": "2"}),
    ("repeated", {}),
    ("repeated", {"": "5", "per": "list"}),
    ("denied", {}),
    ("denied", {"": "2", "per": "list"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCase:
    """One list, and what is to be said of it."""

    name: str
    rows: tuple[AuditRow, ...]

    def document(self) -> JsonObject:
        chosen = [choose(name, given) for name, given in RULES]
        found = anomalies(self.rows, chosen)
        return {
            "rows": msgspec.to_builtins(self.rows),
            "facets": msgspec.to_builtins(facets(self.rows)),
            "filters": [_filter(self.rows, one) for one in ASKED],
            "anomalies": [
                _anomaly(given, one) for (_, given), one in zip(RULES, found, strict=True)
            ],
        }


def _filter(rows: Sequence[AuditRow], conditions: tuple[Condition, ...]) -> JsonObject:
    found = filtered(rows, conditions)
    return {
        "conditions": msgspec.to_builtins(conditions),
        "matched": [one.position for one in found.matched],
        "cannot_tell": [one.position for one in found.cannot_tell],
        "left_out": found.left_out,
    }


def _anomaly(given: dict[str, str], found: Anomaly) -> JsonObject:
    told: JsonObject = msgspec.to_builtins(found)
    return {"given": {**given}, **told}


def cases() -> Iterator[ListCase]:
    """Yield every list."""
    for name, rows in lists().items():
        yield ListCase(name=name, rows=rows)


def main() -> None:
    """Write all files anew."""
    write_folder(FOLDER, cases())


if __name__ == "__main__":
    main()
