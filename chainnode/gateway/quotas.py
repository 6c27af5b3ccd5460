"""How many calls of a day a grant still gives: what the ledger has, and what it will have.

The proven count lags behind this gateway's own permits by what waits in the spool. So the first
proven count of a day is the base and own permits are added to it; a later proven count that is
larger wins. Counting errs towards refusal, but for permits of a process before this one that
still waited in its spool when this one began to count (ADR-0023).
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

GrantDay: TypeAlias = tuple[str, int]

# Grants of a day; the day before is forgotten first.
COUNTS_MAX: Final = 16_384


@dataclass(slots=True)
class _Count:
    base: int
    permitted: int = 0


class QuotaCounter:
    """Counts permits by grant and day; belongs to one event loop."""

    def __init__(self, *, counts_max: int = COUNTS_MAX) -> None:
        self._counts: OrderedDict[GrantDay, _Count] = OrderedDict()
        self._counts_max = counts_max

    def take(self, grant: str, day: int, *, quota: int, proven: int) -> bool:
        """Count one more permit unless it would exceed the quota; False when it would."""
        key = (grant, day)
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = _Count(base=proven)
            while len(self._counts) > self._counts_max:
                self._counts.popitem(last=False)
        if max(count.base + count.permitted, proven) >= quota:
            return False
        count.permitted += 1
        return True

    def give_back(self, grant: str, day: int) -> None:
        """Undo `take` for a call that did not become a permitted half."""
        count = self._counts.get((grant, day))
        if count is not None and count.permitted:
            count.permitted -= 1
