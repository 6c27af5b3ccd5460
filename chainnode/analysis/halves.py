"""How the halves of each call stand, as far as a list shows. Pure.

A list has the records of one index key and period: a half outside of it is not seen here, so
"one half" says nothing of the other; the state of the ledger does (`chainnode.analysis.lineage`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from chainnode.analysis.rows import GAP, HALF, AuditRow
from contracts.schemas import access_1

MATCHED = "matched"
MISMATCHED = "mismatched"
# Both halves are here, and rules 1 of a chain do not compare them.
BOTH = "both"
ONE_HALF = "one_half"
_DIFFER = "halves_differ"

CallKey = tuple[str, str, str]
HalvesStates = Mapping[CallKey, str]


def halves_states(rows: Iterable[AuditRow]) -> dict[CallKey, str]:
    """Return the state of each call of which a row of the list speaks."""
    calls: defaultdict[CallKey, list[AuditRow]] = defaultdict(list)
    for row in rows:
        if row.call is not None and row.kind in {HALF, GAP}:
            calls[row.call].append(row)
    return {call: _state(calls[call]) for call in calls}


def _state(rows: list[AuditRow]) -> str:
    gaps = [one.outcome for one in rows if one.kind == GAP and one.outcome is not None]
    halves = [one for one in rows if one.kind == HALF]
    if MISMATCHED in gaps or any(_DIFFER in one.findings for one in halves):
        return MISMATCHED
    if MATCHED in gaps:
        return MATCHED
    if len({one.side for one in halves}) > 1:
        is_compared = all(one.version != access_1.VERSION for one in halves)
        return MATCHED if is_compared else BOTH
    return gaps[0] if gaps else ONE_HALF
