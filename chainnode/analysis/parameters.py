"""Parameters of the rules for anomalies, each with a default and bounds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from chainnode.analysis.local_times import MINUTES_OF_DAY, minute_text
from chainnode.errors import InvalidInput

Value: TypeAlias = int | str
NUMBER_MAX = 1_000_000_000
_DIGITS_MAX = len(f"{NUMBER_MAX}")
_CLOCK_CHARACTERS = len("08:00")


class InvalidRule(InvalidInput):
    """A rule that does not exist, or a parameter of it that is not legal."""

    def __init__(self, *, rule: str, expected: str, actual: str) -> None:
        self.rule = rule
        self.expected = expected
        self.actual = actual
        super().__init__(f"rule {rule}: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A whole number, `least` or more."""

    name: str
    default: int
    least: int = 1

    def read(self, rule: str, given: str) -> Value:
        """Read what was typed."""
        is_number = given.isascii() and given.isdigit() and len(given) <= _DIGITS_MAX
        number = int(given) if is_number else -1
        if not self.least <= number <= NUMBER_MAX:
            raise InvalidRule(
                rule=rule,
                expected=f"{self.name} of {self.least} to {NUMBER_MAX}",
                actual=given[:20],
            )
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One of few words."""

    name: str
    words: tuple[str, ...]

    @property
    def default(self) -> str:
        """The word that is meant when none is given."""
        return self.words[0]

    def read(self, rule: str, given: str) -> Value:
        """Read what was typed."""
        if given not in self.words:
            raise InvalidRule(
                rule=rule, expected=f"{self.name}: {', '.join(self.words)}", actual=given[:20]
            )
        return given


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTime:
    """A time of day, 00:00 to 23:59 (+08:00)."""

    name: str
    default: str

    def read(self, rule: str, given: str) -> Value:
        """Read what was typed."""
        if not is_clock_time(given):
            raise InvalidRule(rule=rule, expected=f"{self.name} as 08:30", actual=given[:20])
        return given


Parameter: TypeAlias = Number | Word | ClockTime
Chosen: TypeAlias = Mapping[str, Value]


def is_clock_time(text: str) -> bool:
    """Tell whether a text is a time of day in the one form."""
    hours, minutes = text[:2], text[3:]
    if len(text) != _CLOCK_CHARACTERS or not (hours + minutes).isascii():
        return False
    if not (hours + minutes).isdigit():
        return False
    minute = int(hours) * 60 + int(minutes)
    return minute < MINUTES_OF_DAY and minute_text(minute) == text


def minute_in(chosen: Chosen, name: str) -> int:
    """Return a parameter that is a time of day, in minutes."""
    return minutes_of(f"{chosen[name]}")


def minutes_of(text: str) -> int:
    """Return a time of day in its one form in minutes."""
    return int(text[:2]) * 60 + int(text[3:])


def number_in(chosen: Chosen, name: str) -> int:
    """Return a parameter that is a number."""
    return int(chosen[name])


def chosen_of(rule: str, parameters: Sequence[Parameter], given: Mapping[str, str]) -> Chosen:
    """Return every parameter of a rule: what was given, else its default.

    Raises:
        InvalidRule: a parameter that the rule does not have, or outside its bounds.

    """
    names = [one.name for one in parameters]
    for name in given:
        if name not in names:
            raise InvalidRule(
                rule=rule, expected=" or ".join(names) or "no parameter", actual=name[:20]
            )
    return {
        one.name: one.read(rule, given[one.name]) if one.name in given else one.default
        for one in parameters
    }
