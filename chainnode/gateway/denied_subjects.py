"""How many subjects of denied calls are tokenised for one requester a day.

Who tried to see a person's data stands in that person's trail, so denied calls cost tokens, and
a custodian makes so many a day for a department. Without a bound of its own, a department that
was granted nothing could use up those of the department that it calls.
"""

from collections import OrderedDict
from typing import Final

# A hundredth of what a custodian makes a day unless told otherwise; more than people try by hand.
SUBJECTS_A_DAY_MAX: Final = 2_000
# Requesters and days; the longest unused is forgotten first.
_COUNTS_MAX: Final = 4_096


class DeniedSubjects:
    """Counts subjects by requester and day; belongs to one event loop."""

    def __init__(self, *, subjects_max: int = SUBJECTS_A_DAY_MAX) -> None:
        self._subjects_max = subjects_max
        self._counts: OrderedDict[tuple[str, int], int] = OrderedDict()

    def take(self, requester: str, day: int, count: int) -> bool:
        """Count subjects of a denied call; False: no more are tokenised for it today."""
        taken = self._counts.pop((requester, day), 0)
        is_left = taken + count <= self._subjects_max
        self._counts[requester, day] = taken + count if is_left else taken
        if len(self._counts) > _COUNTS_MAX:
            self._counts.popitem(last=False)
        return is_left
