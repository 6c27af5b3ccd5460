"""Schemas of the contract `audit`, version 1, of chains with rules 1 and 2.

A question does not say on what it rests, and only one about subjects stands in their trails.
"""

from typing import Annotated

from msgspec import Meta

from contracts.schemas.audit import VALUE_BYTES_MAX, require_subjects
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.shape import Natural, PublicPart, require_ascending, require_period

VERSION = 1
# Kinds of rules 1 and 2: what later rules add is not known to them, for ever.
KIND_MAX = IndexKind.UNMATCHED
VALUES_MAX = 16
# Each subject of a question is an index key of its record, and so is the asking organisation.
SUBJECTS_MAX = 9


class Question(PublicPart, frozen=True):
    """Which records are asked for: index kind, values of it, period (`to_ms` 0 = no end)."""

    kind: Annotated[int, Meta(ge=int(IndexKind.SUBJECT), le=int(KIND_MAX))]
    values: Annotated[
        tuple[Annotated[bytes, Meta(min_length=1, max_length=VALUE_BYTES_MAX)], ...],
        Meta(max_length=VALUES_MAX),
    ]
    from_ms: Natural
    to_ms: Natural

    def check(self) -> None:
        """Refuse values out of order, a reversed period, and subjects that are no tokens."""
        require_ascending(self, "values", self.values)
        require_period(self.from_ms, self.to_ms)
        if self.kind == IndexKind.SUBJECT:
            require_subjects(self, self.values, count_max=SUBJECTS_MAX)
