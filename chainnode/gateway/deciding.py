"""What a gateway finds out about an authentic call before it decides: rows, subjects, quota.

Subjects are tokenised for denied calls as well, so many a day: who tried to see a person's data
stands in that person's trail. A subject that cannot be tokenised ends the call, whatever else
would be said.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from chainnode.errors import InvalidInput
from chainnode.exchange import CallReason
from chainnode.gateway.authentication import AuthenticCall
from chainnode.gateway.denied_subjects import DeniedSubjects
from chainnode.gateway.judging import (
    AskedCall,
    Denial,
    DenialReason,
    Offer,
    Permit,
    day_of,
    judge,
)
from chainnode.gateway.messages import HttpRequest
from chainnode.gateway.ports import LedgerRows, RowsUnavailable, TextGuard, Tokeniser
from chainnode.gateway.pseudonyms import NotTokenised
from chainnode.gateway.quotas import QuotaCounter
from chainnode.gateway.selectors import (
    RequestParts,
    Selector,
    Source,
    UnreadableSelector,
    subjects_of,
)
from chainnode.gateway.service import SUBJECTS_MAX, Service
from chainnode.gateway.spool.entries import EntryId
from contracts.schemas.text import first_illegal

_INVALID_IDENTIFIER: Final = "INVALID_IDENTIFIER"
_PURPOSE_HEADER: Final = "kun-purpose"
_PURPOSE_CHARACTERS_MAX: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision with what the half says beside it; `height` is the lowest that was proven."""

    decision: Permit | Denial
    tokens: tuple[bytes, ...]
    reason: CallReason = field(repr=False)
    height: int
    day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Decides authentic calls to one service."""

    service: Service
    rows: LedgerRows
    quotas: QuotaCounter
    guard: TextGuard
    tokeniser: Tokeniser | None
    denied: DeniedSubjects = field(default_factory=DeniedSubjects)

    async def decide(self, call: AuthenticCall, request: HttpRequest) -> Decided:
        """Return the decision; a permit has been counted against its quota."""
        parts = _parts(request)
        reason, denial = self._reason(call, parts)
        day = day_of(call.received_ms)
        decision, height = await self._judged(call)
        if denial is not None:
            decision = Denial(denial)
        if isinstance(decision, Permit) and decision.quota:
            decision, height = await self._counted(call, decision, day=day, height=height)
        decided = Decided(decision=decision, tokens=(), reason=reason, height=height, day=day)
        try:
            tokens, untold = await self._tokens(parts, call, decided)
        except BaseException:
            self.give_back(call, decided)
            raise
        if untold is None:
            return replace(decided, tokens=tokens)
        self.give_back(call, decided)
        return replace(decided, decision=Denial(untold), tokens=tokens)

    def give_back(self, call: AuthenticCall, decided: Decided) -> None:
        """Undo the counting of a permit that did not become a permitted half."""
        if isinstance(decided.decision, Permit) and decided.decision.quota:
            self.quotas.give_back(call.header.grant, decided.day)

    def kept(self, call: AuthenticCall, decided: Decided, entry_id: EntryId) -> None:
        """Note that the half of a counted permit is durable; the ledger is to count it as well."""
        if isinstance(decided.decision, Permit) and decided.decision.quota:
            self.quotas.permits.kept(entry_id, call.header.grant)

    async def _judged(self, call: AuthenticCall) -> tuple[Permit | Denial, int]:
        header = call.header
        try:
            item = await self.rows.item(header.item)
            grant = await self.rows.grant(header.grant) if header.grant else None
        except RowsUnavailable:
            return Denial(DenialReason.RULES_UNAVAILABLE), call.height
        decision = judge(
            AskedCall(
                requester=header.requester,
                item=header.item,
                item_version=header.item_version,
                fields=header.fields,
                grant=header.grant,
            ),
            Offer(organisation=self.service.organisation, item=self.service.item),
            item=item.row,
            grant=grant.row if grant else None,
            now_ms=call.received_ms,
        )
        heights = (call.height, item.height, *((grant.height,) if grant else ()))
        return decision, min(heights)

    async def _counted(
        self, call: AuthenticCall, permit: Permit, *, day: int, height: int
    ) -> tuple[Permit | Denial, int]:
        """Count a permit against its quota, the ledger's own count included."""
        grant = call.header.grant
        try:
            proven = await self.rows.used(grant, day)
        except RowsUnavailable:
            return Denial(DenialReason.RULES_UNAVAILABLE), height
        is_left = self.quotas.take(
            grant, day, quota=permit.quota, proven=proven.row or 0, height=proven.height
        )
        decision = permit if is_left else Denial(DenialReason.QUOTA_EXCEEDED)
        return decision, min(height, proven.height)

    def _reason(
        self, call: AuthenticCall, parts: RequestParts
    ) -> tuple[CallReason, DenialReason | None]:
        """Return why the call is made, as far as it may be recorded."""
        reason, denial = call.reason, None
        if self.service.purpose is not None:
            purpose = self._purpose(reason, parts, self.service.purpose)
            reason = reason if purpose == reason.purpose else replace(reason, purpose=purpose)
            denial = None if purpose else DenialReason.PURPOSE_MISSING
        try:
            # Also what a denied call says is recorded.
            self.guard(reason.texts())
        except InvalidInput:
            return CallReason(), DenialReason.PERSONAL_DATA_IN_TEXT
        return reason, denial

    def _purpose(self, reason: CallReason, parts: RequestParts, selector: Selector) -> str:
        """Return the purpose where the service expects it; empty when it is none."""
        if selector.source is Source.HEADER and selector.place.lower() == _PURPOSE_HEADER:
            return reason.purpose
        try:
            found = selector.values(parts)
        except UnreadableSelector:
            return ""
        is_legal = (
            len(found) == 1
            and len(found[0]) <= _PURPOSE_CHARACTERS_MAX
            and first_illegal(found[0]) is None
        )
        return found[0] if is_legal else ""

    async def _tokens(
        self, parts: RequestParts, call: AuthenticCall, decided: Decided
    ) -> tuple[tuple[bytes, ...], DenialReason | None]:
        """Make tokens for the subjects; identifiers go no further than this.

        Who is named beside a place that cannot be read is recorded with the denial.
        """
        subjects = subjects_of(self.service.subjects, parts)
        unreadable = None if subjects.is_readable else DenialReason.SUBJECT_UNREADABLE
        if not subjects.values:
            missing = DenialReason.SUBJECT_MISSING if self.service.subjects else None
            return (), unreadable or missing
        if len(subjects.values) > SUBJECTS_MAX:
            return (), DenialReason.TOO_MANY_SUBJECTS
        is_denied = isinstance(decided.decision, Denial) or unreadable is not None
        count = len(subjects.values)
        if is_denied and not self.denied.take(call.header.requester, decided.day, count):
            return (), unreadable
        if self.tokeniser is None:
            return (), DenialReason.SUBJECT_NOT_TOKENISED
        try:
            tokens = await self.tokeniser.tokens(self.service.id_type, subjects.values)
        except NotTokenised as error:
            is_callers_fault = error.code == _INVALID_IDENTIFIER
            return (), (
                DenialReason.SUBJECT_INVALID
                if is_callers_fault
                else DenialReason.SUBJECT_NOT_TOKENISED
            )
        return tokens, unreadable


def _parts(request: HttpRequest) -> RequestParts:
    path, _, query = request.target.partition("?")
    return RequestParts(path=path, query=query, headers=request.headers, body=request.body)
