"""Contract `access`, versions 2 and 3: halves of calls, and what they say together.

A half is testimony, not permission: it is refused only when it is unauthenticated, malformed or
double. What is wrong with the call itself is a finding on an accepted record. The ledger compares
the two halves, and finds by a deadline that one is missing (docs/wire-format.md §14).
Version 3 finds a chain of calls by its trace, and keeps what a call is about, for disputes (§18).

State: `access/call`, key requester, provider, call id → how the halves stand to each other;
`access/people` → the people of a side; `access/used` → calls of a grant and day; `access/open` →
gaps by organisation, opened and closed; `access/seal` and `access/sealed` → calls under seal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from contracts.access_findings import judged_use, late_finding
from contracts.access_gaps import close_gap, open_gap, places_of
from contracts.access_sealed import seal, seal_call, unseal, unsealed_keys
from contracts.access_tokens import is_proven
from contracts.index_rule import chained_half_keys, half_keys
from contracts.schemas.access import (
    PEOPLE,
    PEOPLE_RECORDED,
    VERSION,
    AccessRecord,
    CallRow,
    Differs,
    DisputableCallRow,
    Finding,
    OptionalPlace,
    People,
    PeopleRow,
    about_content,
    outcome_of,
)
from contracts.schemas.access_sealed import Seal, Sealed, Unseal
from contracts.schemas.call_words import NAME, Side
from contracts.schemas.codes import Code, Rejection, digest_words
from contracts.schemas.index_kinds import Digester
from contracts.schemas.match_states import GAPS, Match, MatchEvent, state_after
from contracts.schemas.members import Role
from contracts.schemas.shape import Schema, encode_part
from contracts.schemas.state import Table
from contracts.sdk import ActionTable, Context, Due, Effect, OwnRecord, StateView, action

_HALF = Schema(AccessRecord)
_WakeKey = tuple[str, str, bytes, int]
_Keys = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Halves:
    """Rules about halves of one version of the contract, which see the row of a call alike."""

    version: int
    calls: Table[CallRow]
    opened: Callable[[Context, AccessRecord], CallRow]
    keys: Callable[[Digester, AccessRecord, Sequence[int]], _Keys]

    def record(self, state: StateView, context: Context, part: AccessRecord) -> Effect:
        """Accept one half; the two may come in any order."""
        if context.organisation != part.speaker:
            raise Rejection(Code.FOREIGN_ORGANISATION)
        call = state.find(self.calls, *part.call)
        if call is not None:
            _require_first(call, part.side)
        _require_people(state, part)
        misuse = judged_use(state, context, part)
        late = late_finding(context, part, is_gap=call is not None and call.match in GAPS)
        findings = [one for one in (misuse, late) if one is not None]
        if call is None:
            return self._first_half(state, context, part, findings)
        return self._later_half(state, context, part, call, findings)

    def _first_half(
        self, state: StateView, context: Context, part: AccessRecord, findings: list[Finding]
    ) -> Effect:
        """Let the half wait for the other one, until its deadline."""
        row = _placed(self.opened(context, part), context, part.side)
        state.put(self.calls, msgspec.structs.replace(row, waiting=encode_part(part)), *part.call)
        due_ms = context.now_ms + context.match_deadline_ms
        return Effect(
            outcome=outcome_of(part.kind, tuple(findings)),
            index_keys=self.keys(context.crypto.digest, part, findings),
            due=(Due(due_ms=due_ms, key=(*part.call, due_ms)),),
        )

    def _later_half(
        self,
        state: StateView,
        context: Context,
        part: AccessRecord,
        call: CallRow,
        findings: list[Finding],
    ) -> Effect:
        """Compare the half with the first one; close the gap that was found, if there is one."""
        first = _HALF.decode(call.waiting)
        differs = _difference(state, first, part)
        event = MatchEvent.DIFFERENT_HALF if differs else MatchEvent.EQUAL_HALF
        row = _placed(call, context, part.side)
        state.put(
            self.calls,
            msgspec.structs.replace(row, match=_after(event, call.match), waiting=b""),
            *part.call,
        )
        keys = self.keys(context.crypto.digest, part, findings)
        if differs:
            findings = [*findings, Finding.HALVES_DIFFER]
        return Effect(
            outcome=outcome_of(part.kind, tuple(findings)),
            index_keys=keys,
            own=close_gap(
                state,
                context,
                first,
                places=places_of(row, part.side),
                before=call.match,
                differs=differs,
            ),
        )

    def add_people(self, state: StateView, context: Context, part: People) -> int:
        """Record further people of a side, before its half."""
        if context.organisation != part.speaker:
            raise Rejection(Code.FOREIGN_ORGANISATION)
        call = state.find(self.calls, *part.call)
        if call is not None and call.place_of(part.side) is not None:
            raise Rejection(Code.ACCESS_PEOPLE_AFTER_HALF)
        return _add_people(state, context, part)

    def wake(
        self, state: StateView, context: Context, key: tuple[object, ...]
    ) -> tuple[OwnRecord, ...]:
        """Find that a half stands alone at its deadline, unless the other one came."""
        requester, provider, call_id, due_ms = msgspec.convert(key, type=_WakeKey)
        call = state.find(self.calls, requester, provider, call_id)
        if call is None or call.match != Match.OPEN:
            return ()
        half = _HALF.decode(call.waiting)
        recorded_ms = due_ms - context.match_deadline_ms
        proven = is_proven(state, context, half, recorded_ms=recorded_ms)
        event = MatchEvent.DUE_PROVEN if proven else MatchEvent.DUE_CLAIMED
        found = msgspec.structs.replace(call, match=_after(event, call.match))
        state.put(self.calls, found, *half.call)
        return (open_gap(state, context, half, call=found, due_ms=due_ms),)


def _require_first(call: CallRow, side: int) -> None:
    """Refuse a half of a side that has spoken; the refusal names where it did."""
    first = call.place_of(side)
    if first is not None:
        words = digest_words(first.submission_digest)
        raise Rejection(Code.ACCESS_DOUBLE_RECORD, (first.call_index, *words))


def _require_people(state: StateView, part: AccessRecord) -> None:
    """Refuse a half that does not stand for the people recorded before it."""
    recorded = state.find(PEOPLE, *part.call, part.side)
    count = 0 if recorded is None else recorded.count
    if part.people != count:
        raise Rejection(Code.ACCESS_PEOPLE_DIFFER, (count, part.people))


def _placed(call: CallRow, context: Context, side: int) -> CallRow:
    place: OptionalPlace = (context.submission_digest, context.call_index)
    if side == Side.REQUESTER:
        return msgspec.structs.replace(call, requesters=place)
    return msgspec.structs.replace(call, providers=place)


def _after(event: MatchEvent, before: Match | None) -> Match:
    """Return the state after an event that the table of match states allows."""
    after = state_after(event, before)
    if after is None:
        raise LookupError(f"no transition from {before} by {event.value}")
    return after


def _difference(state: StateView, first: AccessRecord, later: AccessRecord) -> int:
    """Return in what the halves differ, as bits, whichever came first."""
    asked = first if first.side == Side.REQUESTER else later
    differs = 0
    if (first.item, first.item_version) != (later.item, later.item_version):
        differs |= Differs.ITEM
    if first.fields != later.fields:
        differs |= Differs.FIELDS
    if first.grant != later.grant:
        differs |= Differs.GRANT
    if _people(state, first) != _people(state, later):
        differs |= Differs.PEOPLE
    if first.request_commitment != later.request_commitment:
        differs |= Differs.REQUEST
    if asked.status:
        differs |= _answers_difference(first, later)
    return int(differs)


def _answers_difference(first: AccessRecord, later: AccessRecord) -> int:
    """Compare what only a side that got an answer can know."""
    differs = 0
    if first.decision != later.decision:
        differs |= Differs.DECISION
    if (first.status, first.count) != (later.status, later.count):
        differs |= Differs.ANSWER
    if first.response_commitment != later.response_commitment:
        differs |= Differs.RESPONSE
    return int(differs)


def _people(state: StateView, half: AccessRecord) -> tuple[tuple[bytes, ...], PeopleRow]:
    return half.subjects, state.find(PEOPLE, *half.call, half.side) or PeopleRow()


def _add_people(state: StateView, context: Context, part: People) -> int:
    key = (*part.call, part.side)
    row = state.find(PEOPLE, *key) or PeopleRow()
    if part.first != row.count:
        raise Rejection(Code.ACCESS_PEOPLE_NOT_NEXT, (row.count, part.first))
    if part.tokens[0] <= row.last:
        raise Rejection(Code.ACCESS_PEOPLE_NOT_ASCENDING)
    digest = context.crypto.digest(row.digest + b"".join(part.tokens))
    grown = PeopleRow(row.count + len(part.tokens), part.tokens[-1], digest)
    state.put(PEOPLE, grown, *key)
    return PEOPLE_RECORDED


def _opened(_context: Context, _part: AccessRecord) -> CallRow:
    return CallRow(_after(MatchEvent.FIRST_HALF, None), (), (), b"")


def _opened_with_about(context: Context, part: AccessRecord) -> CallRow:
    about = context.crypto.digest(about_content(part.subjects, part.item, part.grant))
    return DisputableCallRow(_after(MatchEvent.FIRST_HALF, None), (), (), b"", about)


def _contract(halves: _Halves) -> ActionTable:
    """Return the contract; what is sealed is alike in both versions."""
    return ActionTable(
        name=NAME,
        version=halves.version,
        actions={
            "record": action(AccessRecord, role=Role.SERVICE, run=halves.record),
            "people": action(People, role=Role.SERVICE, run=halves.add_people),
            "seal": action(Seal, role=Role.AUDITOR, run=seal),
            "sealed": action(Sealed, role=Role.SERVICE, run=seal_call),
            "unseal": action(
                Unseal, role=(Role.SERVICE, Role.AUDITOR), run=unseal, keys=unsealed_keys
            ),
        },
        on_due=halves.wake,
    )


_CALLS_2: Table[CallRow] = Table(NAME, "call", CallRow)
_CALLS_3: Table[CallRow] = Table(NAME, "call", DisputableCallRow)
CONTRACT_2 = _contract(_Halves(2, _CALLS_2, _opened, half_keys))
CONTRACT = _contract(_Halves(VERSION, _CALLS_3, _opened_with_about, chained_half_keys))
