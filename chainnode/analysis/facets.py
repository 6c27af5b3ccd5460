"""Counts of a list by one dimension after the other, in one order on every machine. Pure.

For each dimension every row is counted once: under its values, as absent (a record of its kind
has no such thing), or as not to be told. Only `finding` can give a row several values.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chainnode.analysis.fields import TEXTS
from chainnode.analysis.halves import HalvesStates, halves_states
from chainnode.analysis.rows import AuditRow

DIMENSIONS = (
    "kind",
    "requester",
    "provider",
    "item",
    "grant",
    "side",
    "outcome",
    "finding",
    "halves",
    "officer",
    "role",
    "case",
    "purpose",
    "month",
    "day",
    "weekday",
    "hour",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """How many rows have each value, most first, then by code points of the value.

    `rows` have at least one value; `rows + absent + cannot_tell` is the length of the list.
    The value "" counts records that could have said something and did not.
    """

    dimension: str
    values: tuple[tuple[str, int], ...]
    rows: int
    absent: int
    cannot_tell: int


def facets(
    rows: Sequence[AuditRow],
    states: HalvesStates | None = None,
    dimensions: Sequence[str] = DIMENSIONS,
) -> tuple[Facet, ...]:
    """Count the rows by each dimension; `states` are those of the list they were taken from."""
    known = halves_states(rows) if states is None else states
    return tuple(_facet(rows, known, one) for one in dimensions)


def _facet(rows: Sequence[AuditRow], states: HalvesStates, dimension: str) -> Facet:
    told = [TEXTS[dimension](row, states) for row in rows]
    counted = Counter(value for values in told if values is not None for value in values)
    return Facet(
        dimension=dimension,
        values=tuple(sorted(counted.items(), key=lambda one: (-one[1], one[0]))),
        rows=sum(bool(values) for values in told),
        absent=sum(values == () for values in told),
        cannot_tell=sum(values is None for values in told),
    )
