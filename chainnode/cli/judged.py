"""A verdict with what it rests on, however it came about; loads nothing of the network."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainnode.client import NodeReport, Verification
    from chainnode.verify import Verdict
    from chainnode.verify.strict_json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict, its evidence (None when there is none), and which nodes were no help."""

    verdict: "Verdict"
    evidence: "JsonObject | None" = field(default=None, repr=False)
    reports: "tuple[NodeReport, ...]" = ()


def judged_by_client(found: "Verification") -> Judged:
    """Return what a client found."""
    return Judged(verdict=found.verdict, evidence=found.evidence, reports=found.reports)
