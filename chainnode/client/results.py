"""What a client returns: only what was verified against the pinned trust, and what is unknown."""

from dataclasses import dataclass, field
from typing import TypeAlias

from chainnode.client.reports import NodeReport
from chainnode.ledger.types import Receipt
from chainnode.submission import Submission
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import RecordFacts
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trail import TrailFacts, TrailRow
from chainnode.verify.verdict import Verdict
from contracts.schemas.index_kinds import IndexKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What became of one call: code 0 and its log position, or why it was refused."""

    code: int
    code_name: str
    details: tuple[int, ...]
    position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """The receipt is proven by a quorum; `evidence` shows it to anybody."""

    digest: bytes
    height: int
    code: int
    code_name: str
    calls: tuple[CallResult, ...]
    receipt: Receipt = field(repr=False)
    evidence: JsonObject = field(repr=False)
    reports: tuple[NodeReport, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether the submission ran and every call in it was accepted."""
        return self.code == 0 and all(one.code == 0 for one in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No proof came in time; it may have been executed or may yet be. Ask again with it."""

    submission: Submission = field(repr=False)
    reports: tuple[NodeReport, ...]

    @property
    def digest(self) -> bytes:
        """Digest of the submission, by which any node can be asked."""
        return self.submission.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The nodes refused it at the door; `reports` says with which codes. Nothing was ordered."""

    digest: bytes
    reports: tuple[NodeReport, ...]


Outcome: TypeAlias = Final | Unknown | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A verdict, the evidence it rests on (None when there is none), and who was no help."""

    verdict: Verdict
    evidence: JsonObject | None = field(repr=False)
    reports: tuple[NodeReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAsked:
    """What an answer is held against; `to_ms` 0 = no end."""

    kind: IndexKind
    keys: frozenset[bytes]
    from_ms: int
    to_ms: int

    def require(self, found: RecordFacts, *, as_of_height: int) -> None:
        """Refuse a genuine record that was not asked for.

        Raises:
            InvalidEvidence: no asked key, outside the period, or above the answer's height.

        """
        entry = found.entry
        has_key = any(
            key in self.keys if self.keys else key[0] == self.kind for key in entry.index_keys
        )
        is_in_period = self.from_ms <= entry.time_ms and (
            self.to_ms == 0 or entry.time_ms < self.to_ms
        )
        if not has_key or not is_in_period or entry.height > as_of_height:
            raise InvalidEvidence(
                check="question",
                expected="records of the asked values and period",
                actual=f"the record at position {found.position}, which was not asked for",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer:
    """Records found for a recorded question, each proven; `complete` when they are all.

    `complete` is a conclusion from `trails`, the proofs of all pages so far, and never a node's
    word; `incomplete_because` says why it is False. Before `complete_to_ms` no record of the
    period is missing (None: not proven). `pages` are the answers as they came, for export.
    """

    question: Final
    asked: AuditAsked
    items: tuple[RecordFacts | TrailRow, ...]
    header: CertifiedHeader = field(repr=False)
    complete: bool
    complete_to_ms: int | None
    incomplete_because: str
    next_cursor: str | None
    trails: tuple[TrailFacts, ...] = field(repr=False)
    pages: tuple[JsonObject, ...] = field(repr=False)
    reports: tuple[NodeReport, ...]

    @property
    def as_of_height(self) -> int:
        """Height of the block under which the first page was proven."""
        return self.header.height


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """What one node says of itself (not verified), or why it said nothing."""

    node: str
    document: JsonObject | None
    report: NodeReport | None
