"""How many calls of a day a grant still gives: what the ledger has, and what it will have.

The proven count lags behind this gateway's own permits by what waits in the spool. So the first
proven count of a day, with the permits that wait then, whichever life of the gateway made them,
is the base, and own permits are added to it; a later proven count that is larger wins. Counting
errs towards refusal (ADR-0023).
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

from chainnode.gateway.waiting_permits import WaitingPermits

GrantDay: TypeAlias = tuple[str, int]

# Grants of a day; the day before is forgotten first.
COUNTS_MAX: Final = 16_384


@dataclass(slots=True)
class _Count:
    base: int
    permitted: int = 0

    def give_back(self) -> None:
        """Take back one permit."""
        self.permitted -= bool(self.permitted)


class QuotaCounter:
    """Counts permits by grant and day; belongs to one event loop."""

    def __init__(
        self, permits: WaitingPermits | None = None, *, counts_max: int = COUNTS_MAX
    ) -> None:
        self.permits = permits or WaitingPermits()
        self._counts: OrderedDict[GrantDay, _Count] = OrderedDict()
        self._counts_max = counts_max

    def take(self, grant: str, day: int, *, quota: int, proven: int, height: int) -> bool:
        """Count one more permit unless it would exceed the quota; False when it would.

        `proven` is the ledger's own count at `height`.
        """
        count = self._counts.get((grant, day)) or self._first(
            (grant, day), proven=proven, height=height
        )
        if max(count.base + count.permitted, proven) >= quota:
            return False
        count.permitted += 1
        return True

    def give_back(self, grant: str, day: int) -> None:
        """Undo `take` for a call that did not become a permitted half."""
        count = self._counts.get((grant, day))
        if count is not None:
            count.give_back()

    def _first(self, key: GrantDay, *, proven: int, height: int) -> _Count:
        """Begin to count a day of a grant."""
        count = self._counts[key] = _Count(base=proven)
        count.permitted = self.permits.not_in(key[0], height, on_counted=count.give_back)
        while len(self._counts) > self._counts_max:
            self._counts.popitem(last=False)
        return count
