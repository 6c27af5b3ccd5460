"""Whose clock is wrong, judged from what every replica says of its own. Pure.

The reference is the median of all clocks: with at most f of 3f+1 wrong ones it lies between
two right ones, so no liar moves it far, and our own clock is judged like the others.
"""

from collections.abc import Mapping
from statistics import median_low


def clocks_off(
    offsets_ms: Mapping[int, int | None], *, own: int, drift_ms: int
) -> tuple[tuple[int, int], ...]:
    """Return (replica, milliseconds ahead of the median) of clocks off by more than `drift_ms`.

    `offsets_ms` says by how much each peer's clock is ahead of ours, None for a peer that has
    not said; `own` is our replica id. Ascending by replica. A proposal whose time is off by more
    than `drift_ms` is refused by all whose clocks are right.
    """
    known = {one: offset for one, offset in offsets_ms.items() if offset is not None} | {own: 0}
    reference = median_low(known.values())
    return tuple(
        (one, known[one] - reference)
        for one in sorted(known)
        if abs(known[one] - reference) > drift_ms
    )
