"""Twins: two correct processes with one identity and no common guard.

Together they say contradictory things, each half of them well-formed (an equivocating primary,
double votes). Each hears and reaches mostly its own side of the group. Sides may be drawn anew
every while, two or three of them, so that a twin meets everybody in the course of a run.
"""

from random import Random

# Sides that never change, or change this often.
_PERIODS_MS = (None, None, 150, 400, 1_000)


class TwinSides:
    """Says who is kept from whom; `index` names a process, also a twin."""

    def __init__(
        self, twins: frozenset[int], *, count: int, size: int, split: float, random: Random
    ) -> None:
        self._twins = twins
        self._count = count
        self._size = size
        self._split = split
        self._random = random
        self._period_ms = random.choice(_PERIODS_MS)
        self._sides = random.choice((2, 2, 3))
        self._round = -1
        self._side: dict[int, int] = {}

    @property
    def is_needed(self) -> bool:
        """Whether there are any."""
        return bool(self._twins)

    def heard_by(self, sender: int, receivers: list[int], *, now_ms: int) -> list[int]:
        """Leave out those whom `sender` does not reach."""
        return [one for one in receivers if not self.keeps_apart(sender, one, now_ms=now_ms)]

    def keeps_apart(self, sender: int, receiver: int, *, now_ms: int) -> bool:
        if sender not in self._twins and receiver not in self._twins:
            return False
        sides = self._sides_at(now_ms)
        return sides[sender] != sides[receiver] and self._random.random() < self._split

    def _sides_at(self, now_ms: int) -> dict[int, int]:
        number = 0 if self._period_ms is None else now_ms // self._period_ms
        if number != self._round:
            self._round = number
            self._side = self._draw(number)
        return self._side

    def _draw(self, number: int) -> dict[int, int]:
        """The first drawing is plain halves; a twin of the second life stands opposite."""
        if number == 0:
            return {
                one: int(one >= self._size) if one in self._twins else one % 2
                for one in range(self._count)
            }
        return {one: self._random.randrange(self._sides) for one in range(self._count)}
