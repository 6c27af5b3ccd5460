"""`--where` and `--anomalies` as they are typed: conditions and rules of `chainnode.analysis`.

Conditions are parted by commas, the values of one by bars; a backslash before a comma, bar or
backslash takes it as it is. `=` and `!=` compare whole texts, `~` and `!~` look within; numbers and
times take `>=` and `<` as well.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chainnode.cli.exits import UsageProblem
from chainnode.cli.instants import end_ms, start_ms
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.analysis.anomalies import ChosenRule
    from chainnode.analysis.filters import Condition

_CONDITION = re.compile(r"([a-z_]+)(!=|!~|>=|=|~|<)(.*)\Z", re.DOTALL)
_TIMES = frozenset({"time", "requested"})
_TIME_OF_DAY = "time_of_day"
_QUESTIONS = {"only": "=", "none": "!="}
_TAKEN = re.compile(r"\\([\\,|])")
_NUMBER = re.compile(r"[0-9]{1,15}\Z")
_TYPED_CHARACTERS_MAX = 4096


def conditions_of(typed: Sequence[str]) -> "tuple[Condition, ...]":
    """Read every `--where`; they are joined by *and*.

    Raises:
        UsageProblem: no condition in this form.
        InvalidCondition: one that no row can meet.

    """
    return tuple(
        _condition(part) for text in typed for part in _parts(_bounded(text, "--where"), ",")
    )


def rules_of(typed: Sequence[str]) -> "tuple[ChosenRule, ...]":
    """Read every `--anomalies`: rules by name, parted by commas; parameters follow behind `/`.

    Raises:
        UsageProblem: too many rules.
        InvalidRule: no such rule or parameter.

    """
    from chainnode.analysis.anomalies import RULES_MAX, choose

    chosen = []
    for text in typed:
        for part in _bounded(text, "--anomalies").split(","):
            head, *rest = part.strip().split("/")
            name, _, first = head.partition("=")
            given = {"": first} if first else {}
            for one in rest:
                parameter, _, value = one.partition("=")
                given[parameter] = value
            chosen.append(choose(name, given))
    if len(chosen) > RULES_MAX:
        raise _refused("--anomalies", f"1…{RULES_MAX}", f"{len(chosen)}")
    return tuple(chosen)


def _condition(part: str) -> "Condition":
    from chainnode.analysis.fields import NUMBERS

    match = _CONDITION.match(part.strip())
    if match is None:
        raise _refused("--where", "NAME=VALUE", part)
    name, sign, value = match.groups()
    if name == "questions" and sign == "=" and value in _QUESTIONS:
        return _text("kind", _QUESTIONS[value], "question")
    if name == _TIME_OF_DAY:
        return _time_of_day(sign, value)
    if name in NUMBERS:
        return _number(name, sign, value)
    return _text(name, sign, value)


def _text(name: str, sign: str, value: str) -> "Condition":
    from chainnode.analysis.filters import TextCondition, TextTest

    tests: dict[str, TextTest] = {
        "=": TextTest.IS,
        "!=": TextTest.IS_NOT,
        "~": TextTest.CONTAINS,
        "!~": TextTest.CONTAINS_NOT,
    }
    if sign not in tests:
        raise _refused(f"--where {name}", "= != ~ !~", sign)
    values = tuple(_bare(one) for one in _parts(value, "|"))
    return TextCondition(name=name, test=tests[sign], values=values)


def _number(name: str, sign: str, value: str) -> "Condition":
    from chainnode.analysis.filters import RangeCondition

    read = _instants if name in _TIMES else _numbers
    start, end = read(name, value)
    match sign:
        case ">=":
            return RangeCondition(name=name, start=start)
        case "<":
            return RangeCondition(name=name, end=start)
        case "=":
            return RangeCondition(name=name, start=start, end=end)
        case _:
            raise _refused(f"--where {name}", ">= < =", sign)


def _instants(name: str, value: str) -> tuple[int, int]:
    option = f"--where {name}"
    return start_ms(value, option=option), end_ms(value, option=option)


def _numbers(name: str, value: str) -> tuple[int, int]:
    if _NUMBER.match(value) is None:
        raise _refused(f"--where {name}", "0, 1, 2 …", value)
    return int(value), int(value) + 1


def _time_of_day(sign: str, value: str) -> "Condition":
    """Read `22:00-06:00`."""
    from chainnode.analysis.filters import RangeCondition
    from chainnode.analysis.parameters import is_clock_time, minutes_of

    begin, _, end = value.partition("-")
    if sign != "=" or not is_clock_time(begin) or not is_clock_time(end):
        raise _refused("--where time_of_day", "time_of_day=22:00-06:00", value)
    return RangeCondition(name=_TIME_OF_DAY, start=minutes_of(begin), end=minutes_of(end))


def _parts(text: str, separator: str) -> Iterator[str]:
    """Part a text where the separator stands without a backslash, which stays in the parts."""
    part, is_taken = "", False
    for one in text:
        if one == separator and not is_taken:
            yield part
            part = ""
            continue
        is_taken = one == "\\" and not is_taken
        part += one
    yield part


def _bare(text: str) -> str:
    return _TAKEN.sub(r"\1", text)


def _bounded(text: str, option: str) -> str:
    if len(text) > _TYPED_CHARACTERS_MAX:
        raise _refused(option, f"≤ {_TYPED_CHARACTERS_MAX}", f"{len(text)}")
    return text


def _refused(option: str, expected: str, actual: str) -> UsageProblem:
    shown = ascii(actual[:40])
    return UsageProblem(
        "WHERE",
        Text(
            f"{option}：应为 {expected}，收到 {shown}",
            f"{option}: expected {expected}, got {shown}",
        ),
    )
