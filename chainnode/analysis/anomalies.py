"""Rules that point at calls worth a look, and say themselves what they look for. Pure.

A hit is no verdict: it is a sentence with its parameters, and the rows to which it applies. Of
which calls a rule cannot tell, because what it asks is encrypted or withheld, is part of the
answer. Equal rows give equal answers, in whatever order they come.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from chainnode.analysis.anomaly_finders import (
    Finds,
    Hit,
    bulk,
    denied,
    night,
    no_case,
    repeated,
    spikes,
)
from chainnode.analysis.anomaly_words import sentence
from chainnode.analysis.calls import RecordedCall, recorded_calls
from chainnode.analysis.parameters import (
    Chosen,
    ClockTime,
    InvalidRule,
    Number,
    Parameter,
    Value,
    Word,
    chosen_of,
)
from chainnode.analysis.rows import AuditRow

RULES_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule by name; a value given without a name is that of `parameters[0]`."""

    name: str
    parameters: tuple[Parameter, ...]
    find: Callable[[tuple[RecordedCall, ...], Chosen], Finds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """What one rule found: with its parameters, in its own words.

    `calls` were looked at; of those whose rows are `cannot_tell` the rule could not decide.
    """

    rule: str
    parameters: Mapping[str, Value]
    zh: str
    en: str
    calls: int
    hits: tuple[Hit, ...]
    cannot_tell: tuple[int, ...]


RULES = {
    one.name: one
    for one in (
        Rule(
            name="night",
            parameters=(
                ClockTime(name="start", default="08:00"),
                ClockTime(name="end", default="18:00"),
                Word(name="weekends", words=("no", "yes")),
                Word(name="clock", words=("either", "ledger", "call")),
            ),
            find=night,
        ),
        Rule(name="bulk", parameters=(Number(name="least", default=100),), find=bulk),
        Rule(name="no-case", parameters=(), find=no_case),
        Rule(
            name="spikes",
            parameters=(
                Number(name="least", default=10),
                Number(name="factor", default=3),
                Word(name="by", words=("officer", "department")),
                Word(name="per", words=("hour", "day")),
            ),
            find=spikes,
        ),
        Rule(
            name="repeated",
            parameters=(
                Number(name="least", default=3, least=2),
                Word(name="per", words=("day", "list")),
            ),
            find=repeated,
        ),
        Rule(
            name="denied",
            parameters=(
                Number(name="least", default=3, least=2),
                Word(name="per", words=("day", "list")),
            ),
            find=denied,
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRule:
    """A rule with all its parameters."""

    rule: Rule
    parameters: Chosen


def choose(name: str, given: Mapping[str, str]) -> ChosenRule:
    """Return a rule with what was given for its parameters, "" for the first one.

    Raises:
        InvalidRule: no such rule, or an illegal parameter.

    """
    rule = RULES.get(name)
    if rule is None:
        raise InvalidRule(rule=name[:20], expected=" or ".join(RULES), actual="another name")
    named = dict(given)
    if "" in named:
        first = rule.parameters[0].name if rule.parameters else ""
        if not first or first in named:
            raise InvalidRule(rule=name, expected="parameters by name", actual=named[""][:20])
        named[first] = named.pop("")
    return ChosenRule(rule=rule, parameters=chosen_of(name, rule.parameters, named))


def anomalies(rows: Iterable[AuditRow], rules: Iterable[ChosenRule]) -> tuple[Anomaly, ...]:
    """Hold the calls of a list against rules, in the order of the rules."""
    calls = recorded_calls(rows)
    return tuple(_applied(calls, one) for one in rules)


def _applied(calls: tuple[RecordedCall, ...], chosen: ChosenRule) -> Anomaly:
    found = chosen.rule.find(calls, chosen.parameters)
    words = sentence(chosen.rule.name, chosen.parameters)
    return Anomaly(
        rule=chosen.rule.name,
        parameters=chosen.parameters,
        zh=words.zh,
        en=words.en,
        calls=len(calls),
        hits=tuple(sorted(found.hits, key=lambda one: (one.positions, one.about))),
        cannot_tell=tuple(sorted(found.cannot_tell)),
    )
