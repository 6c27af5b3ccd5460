"""What a proven list shows beyond its rows: filters, facets, anomalies, for people and as JSON.

The list is asked for and proven whole first; here, on this machine, it is parted and counted. The
ledger has no index by officer or case, and what is encrypted is read with the reader's own keys.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.audit_words import rows_of
from chainnode.cli.opened import keyring_of, keyring_options
from chainnode.cli.output import Output

if TYPE_CHECKING:
    from chainnode.analysis.anomalies import Anomaly, ChosenRule
    from chainnode.analysis.facets import Facet
    from chainnode.analysis.filters import Condition
    from chainnode.client import Client
    from chainnode.verify.rows import ProvenRecord

# Of each facet so many values, and of each rule so many hits, are printed; JSON has them all.
_VALUES_SHOWN = 8
_HITS_SHOWN = 20
_POSITIONS_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysing:
    """What is to be shown of a list, as it was typed."""

    where: tuple[str, ...]
    facets: bool
    anomalies: tuple[str, ...]
    wrapping_keys: Path | None
    organisation: str

    def chosen(self) -> "Chosen | None":
        """Read what was typed, before a question is recorded; None: nothing of it was.

        Raises:
            UsageProblem, InvalidCondition, InvalidRule: it asks for nothing that is.

        """
        from chainnode.cli.where import conditions_of, rules_of

        if not (self.where or self.facets or self.anomalies):
            return None
        conditions, rules = conditions_of(self.where), rules_of(self.anomalies)
        return Chosen(asked=self, conditions=conditions, rules=rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is to be shown, read."""

    asked: Analysing
    conditions: "tuple[Condition, ...]"
    rules: "tuple[ChosenRule, ...]"


_OPTIONS = (
    click.option(
        "--where",
        "where",
        multiple=True,
        metavar="NAME=VALUE,…",
        help="筛选 · conditions, as officer=…,outcome=denied; docs/audit.md",
    ),
    click.option("--facets", is_flag=True, help="按各维度计数 · counts by each dimension"),
    click.option(
        "--anomalies",
        "anomalies",
        multiple=True,
        metavar="RULE,…",
        help="异常规则 · night, bulk=100, no-case, spikes, repeated, denied",
    ),
)


def analysis_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options to a command, which gets them as one `analysing`."""

    @functools.wraps(function)
    def collected(**given: object) -> int:
        asked = {one.name: given.pop(one.name) for one in fields(Analysing)}
        return function(analysing=Analysing(**asked), **given)  # type: ignore[arg-type]  # as click read them

    collected = keyring_options(collected)
    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


def analysed(
    client: "Client",
    document: Mapping[str, object],
    found: "Sequence[ProvenRecord]",
    chosen: Chosen,
) -> dict[str, object]:
    """Return the document of an answer with its analysis; `items` are then the rows that match."""
    from chainnode.analysis.anomalies import anomalies
    from chainnode.analysis.facets import facets
    from chainnode.analysis.filters import filtered
    from chainnode.analysis.halves import halves_states
    from chainnode.analysis.rows import audit_rows

    asked = chosen.asked
    keyring = keyring_of(asked.wrapping_keys, asked.organisation)
    opened = {} if keyring is None else client.opened_parts(found, keyring)
    rows = audit_rows(found, opened)
    states = halves_states(rows)
    parted = filtered(rows, chosen.conditions, states)
    matched = {one.position for one in parted.matched}
    told: dict[str, object] = {
        "rows": len(rows),
        "of_all_rows": document["complete"],
        "opened": len(opened),
        "matched": len(matched),
        "cannot_tell": [one.position for one in parted.cannot_tell],
        "left_out": parted.left_out,
    }
    if asked.facets:
        told["facets"] = [_facet_document(one) for one in facets(parted.matched, states)]
    if chosen.rules:
        told["anomalies"] = [
            _anomaly_document(one) for one in anomalies(parted.matched, chosen.rules)
        ]
    items = [one for one in rows_of(document, "items") if one["position"] in matched]
    return {**document, "items": items, "analysis": told}


def _facet_document(facet: "Facet") -> dict[str, object]:
    return {
        "dimension": facet.dimension,
        "values": [list(one) for one in facet.values],
        "rows": facet.rows,
        "absent": facet.absent,
        "cannot_tell": facet.cannot_tell,
    }


def _anomaly_document(found: "Anomaly") -> dict[str, object]:
    return {
        "rule": found.rule,
        "parameters": dict(found.parameters),
        "zh": found.zh,
        "en": found.en,
        "calls": found.calls,
        "hits": [
            {"about": dict(one.about), "number": one.number, "positions": list(one.positions)}
            for one in found.hits
        ],
        "cannot_tell": list(found.cannot_tell),
    }


def print_analysis(output: Output, document: Mapping[str, object]) -> None:
    """Say what was left out and what cannot be told, then counts and hits."""
    told = document.get("analysis")
    if not isinstance(told, dict):
        return
    unknown = told["cannot_tell"]
    output.line(
        output.words(
            f"{told['rows']} 条中：符合 {told['matched']} 条，不符合 {told['left_out']} 条，"
            f"无法判断 {len(unknown)} 条",
            f"of {told['rows']} records: {told['matched']} match, {told['left_out']} do not,"
            f" of {len(unknown)} it cannot be told",
        )
    )
    if unknown:
        output.line(
            output.words(
                f"  无法判断（事由已加密或已删除）：{_listed(unknown)}",
                f"  cannot be told (reasons encrypted or deleted): {_listed(unknown)}",
            ),
            colour="yellow",
        )
    for facet in rows_of(told, "facets"):
        _print_facet(output, facet)
    for found in rows_of(told, "anomalies"):
        _print_anomaly(output, found)


def _print_facet(output: Output, facet: Mapping[str, object]) -> None:
    values = facet["values"]
    if not isinstance(values, list) or not (values or facet["cannot_tell"]):
        return
    shown = [f"{_visible(f'{value}')} {count}" for value, count in values[:_VALUES_SHOWN]]
    more = len(values) - _VALUES_SHOWN
    if more > 0:
        shown.append(output.words(f"另有 {more} 个值", f"{more} more values"))
    if facet["cannot_tell"]:
        unknown = facet["cannot_tell"]
        shown.append(output.words(f"无法判断 {unknown}", f"cannot be told {unknown}"))
    output.line(f"{facet['dimension']}: {' · '.join(shown)}")


def _print_anomaly(output: Output, found: Mapping[str, object]) -> None:
    hits = rows_of(found, "hits")
    sentence = output.words(f"{found['zh']}", f"{found['en']}")
    count = output.words(f"{len(hits)} 处", f"{len(hits)}")
    output.line(f"{found['rule']}: {count} · {sentence}", colour="yellow" if hits else None)
    for hit in hits[:_HITS_SHOWN]:
        about = hit["about"]
        named = about.items() if isinstance(about, dict) else ()
        told = " ".join(_visible(f"{value}") for _, value in named)
        output.line(f"  {told} · {hit['number']} · {_listed(hit['positions'])}")
    if len(hits) > _HITS_SHOWN:
        more = len(hits) - _HITS_SHOWN
        output.line(output.words(f"  另有 {more} 处", f"  {more} more"))
    unknown = found["cannot_tell"]
    if isinstance(unknown, list) and unknown:
        output.line(
            output.words(f"  无法判断：{_listed(unknown)}", f"  cannot tell: {_listed(unknown)}")
        )


def _listed(positions: object) -> str:
    told = [f"{one}" for one in positions] if isinstance(positions, list) else []
    more = ["…"] if len(told) > _POSITIONS_SHOWN else []
    return ", ".join(told[:_POSITIONS_SHOWN] + more)


def _visible(text: str) -> str:
    """Return a text that others wrote without what would move a terminal's cursor."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text) or "—"
