"""Filters over a list that is proven complete, so that what they leave out is known as well. Pure.

Conditions are joined by *and*. A row of which a condition cannot tell, because what it asks is
encrypted and was not opened, is neither matched nor dropped: it is counted apart, unless another
condition leaves it out anyway.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import TypeAlias

from chainnode.analysis.fields import NUMBERS, TEXTS
from chainnode.analysis.halves import HalvesStates, halves_states
from chainnode.analysis.local_times import is_within_minutes
from chainnode.analysis.rows import AuditRow
from chainnode.errors import InvalidInput

CONDITIONS_MAX = 32
VALUES_MAX = 64
TEXT_CHARACTERS_MAX = 512
_TIME_OF_DAY = "time_of_day"
# Letters of ASCII alone: what else is one letter in two cases differs from library to library.
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


class InvalidCondition(InvalidInput):
    """A filter that asks for what no row has; `expected` names what could be asked."""

    def __init__(self, *, name: str, expected: str, actual: str) -> None:
        self.name = name
        self.expected = expected
        self.actual = actual
        super().__init__(f"filter {name}: expected {expected}, got {actual}")


@unique
class TextTest(Enum):
    """How a text is compared; `CONTAINS` looks at letters of ASCII in either case."""

    IS = "is"
    IS_NOT = "is_not"
    CONTAINS = "contains"
    CONTAINS_NOT = "contains_not"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCondition:
    """One of the values is (or is in) a text of the row; with a NOT, none is.

    The empty text asks for rows that could have said something and did not.
    """

    name: str
    test: TextTest
    values: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a field that no row has, and values without bound."""
        _require_field(self.name, TEXTS)
        if not 1 <= len(self.values) <= VALUES_MAX:
            raise InvalidCondition(
                name=self.name, expected=f"1 to {VALUES_MAX} values", actual=f"{len(self.values)}"
            )
        longest = max(len(one) for one in self.values)
        if longest > TEXT_CHARACTERS_MAX:
            raise InvalidCondition(
                name=self.name,
                expected=f"at most {TEXT_CHARACTERS_MAX} characters",
                actual=f"{longest}",
            )

    def tells(self, row: AuditRow, states: HalvesStates) -> bool | None:
        """Tell whether the row matches; None: that cannot be told."""
        texts = TEXTS[self.name](row, states)
        if texts is None:
            return None
        if self.test in {TextTest.IS, TextTest.IS_NOT}:
            is_found = any(one in self.values for one in texts)
        else:
            wanted = [one.translate(_LOWER) for one in self.values]
            is_found = any(one in text.translate(_LOWER) for text in texts for one in wanted)
        return is_found is (self.test in {TextTest.IS, TextTest.CONTAINS})


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeCondition:
    """A number of the row lies in start ≤ number < end; None is no bound.

    `time` and `requested` are milliseconds, `time_of_day` minutes (+08:00), where a span whose
    end is not after its start goes over midnight.
    """

    name: str
    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        """Refuse a field that no row has, and a span without any bound."""
        _require_field(self.name, NUMBERS)
        if self.start is None and self.end is None:
            raise InvalidCondition(name=self.name, expected="a bound", actual="none")
        if self.name == _TIME_OF_DAY and None in {self.start, self.end}:
            raise InvalidCondition(name=self.name, expected="both ends", actual="one")

    def tells(self, row: AuditRow, _states: HalvesStates) -> bool | None:
        """Tell whether the row matches; None: that cannot be told."""
        numbers = NUMBERS[self.name](row)
        return None if numbers is None else any(self._holds(one) for one in numbers)

    def _holds(self, number: int) -> bool:
        start, end = self.start, self.end
        if self.name == _TIME_OF_DAY and start is not None and end is not None:
            return is_within_minutes(number, start=start, end=end)
        return (start is None or start <= number) and (end is None or number < end)


Condition: TypeAlias = TextCondition | RangeCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Filtered:
    """What the conditions say of each row; the three parts are the whole list."""

    matched: tuple[AuditRow, ...]
    cannot_tell: tuple[AuditRow, ...]
    left_out: int


def filtered(
    rows: Sequence[AuditRow],
    conditions: Sequence[Condition],
    states: HalvesStates | None = None,
) -> Filtered:
    """Part the rows; `states` are those of the list that they were taken from.

    Raises:
        InvalidCondition: more conditions than anybody means.

    """
    if len(conditions) > CONDITIONS_MAX:
        raise InvalidCondition(
            name="all",
            expected=f"at most {CONDITIONS_MAX} conditions",
            actual=f"{len(conditions)}",
        )
    known = halves_states(rows) if states is None else states
    told = [(row, _tells(row, conditions, known)) for row in rows]
    return Filtered(
        matched=tuple(row for row, is_matched in told if is_matched),
        cannot_tell=tuple(row for row, is_matched in told if is_matched is None),
        left_out=sum(is_matched is False for _, is_matched in told),
    )


def _tells(row: AuditRow, conditions: Sequence[Condition], states: HalvesStates) -> bool | None:
    told = [one.tells(row, states) for one in conditions]
    if False in told:
        return False
    return None if None in told else True


def _require_field(name: str, known: Iterable[str]) -> None:
    names = sorted(known)
    if name not in names:
        raise InvalidCondition(name=name[:40], expected=", ".join(names), actual="another")
