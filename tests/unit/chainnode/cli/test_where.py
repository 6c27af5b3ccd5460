"""`--where` and `--anomalies` as they are typed, those of the documents among them."""

import re
import shlex
from pathlib import Path

import pytest

from chainnode.analysis.anomalies import RULES, RULES_MAX
from chainnode.analysis.fields import NUMBERS, TEXTS
from chainnode.analysis.filters import InvalidCondition, RangeCondition, TextCondition, TextTest
from chainnode.cli.exits import UsageProblem
from chainnode.cli.where import conditions_of, rules_of

PAGE = Path(__file__).parents[4] / "docs" / "audit.md"
COMMANDS = [
    shlex.split(line)
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]


def typed(option: str) -> list[str]:
    return [words[words.index(option) + 1] for words in COMMANDS if option in words]


@pytest.mark.parametrize("where", typed("--where"))
def test_every_condition_in_the_documents_is_understood(where: str) -> None:
    assert len(conditions_of([where])) == where.count(",") + 1


@pytest.mark.parametrize("anomalies", typed("--anomalies"))
def test_every_rule_in_the_documents_is_understood(anomalies: str) -> None:
    assert len(rules_of([anomalies])) == anomalies.count(",") + 1


def test_the_documents_name_every_field_and_every_rule() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [one for one in (*TEXTS, *NUMBERS) if f"`{one}" not in text] == []
    assert [one for one in RULES if f"| `{one}` |" not in text] == []


def test_a_backslash_takes_a_comma_a_bar_and_itself() -> None:
    assert conditions_of([r"officer=a\,b|c\|d|e\\,case!="]) == (
        TextCondition(name="officer", test=TextTest.IS, values=("a,b", "c|d", "e\\")),
        TextCondition(name="case", test=TextTest.IS_NOT, values=("",)),
    )


def test_a_day_is_the_whole_day_of_ledger_time() -> None:
    (day,) = conditions_of(["time=2026-03-02"])
    assert day == RangeCondition(name="time", start=1_772_380_800_000, end=1_772_467_200_000)


@pytest.mark.parametrize(
    "where",
    [
        "",
        "=x",
        "officer",
        "OFFICER=x",
        "count>5",
        "count=-1",
        "count=1e3",
        "count=٣",
        "time=yesterday",
        "time_of_day=8-18",
        "time_of_day>=08:00",
        "time_of_day=24:00-25:00",
        "officer<x",
        "x" * 5000,
    ],
)
def test_what_has_not_this_form_is_refused(where: str) -> None:
    with pytest.raises((UsageProblem, InvalidCondition)):
        conditions_of([where])


def test_more_values_conditions_or_rules_than_anybody_means_are_refused() -> None:
    with pytest.raises(InvalidCondition):
        conditions_of(["officer=" + "|".join("x" * 65)])
    with pytest.raises(InvalidCondition):
        conditions_of(["officer=" + "x" * 513])
    with pytest.raises(UsageProblem):
        rules_of([",".join(["night"] * (RULES_MAX + 1))])
