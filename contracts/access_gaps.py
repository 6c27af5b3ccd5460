"""Records that the ledger makes of calls whose halves did not come together (wire format §14).

A gap is held against the organisation that is silent only where its own token proves the call;
else against the one that speaks: its word alone is never held against the other.
"""

import msgspec

from contracts.index_rule import gap_keys
from contracts.schemas.access import OPEN, AccessRecord, CallRow, Finding, OpenRow
from contracts.schemas.access_gaps import GapOutcome, GapPart, Matched, Mismatched, Unmatched
from contracts.schemas.call_words import Side
from contracts.schemas.match_states import GAPS, Match
from contracts.schemas.shape import encode_part
from contracts.sdk import Context, OwnRecord, StateView

Places = tuple[tuple[bytes, int], tuple[bytes, int]]


def open_gap(
    state: StateView,
    context: Context,
    half: AccessRecord,
    *,
    call: CallRow,
    due_ms: int,
) -> OwnRecord:
    """Record that this half of a call, found unmatched, stands alone; count the gap."""
    organisation = _charged(half, call.match)
    row = state.find(OPEN, organisation) or OpenRow()
    state.put(OPEN, OpenRow(row.opened + 1, row.closed), organisation)
    is_proven = call.match == Match.ONE_SIDED_PROVEN
    part = Unmatched(
        requester=half.requester,
        provider=half.provider,
        call_id=half.call_id,
        side=half.side,
        place=_place(call, half.side),
        due_ms=due_ms,
    )
    outcome = GapOutcome.ONE_SIDED_PROVEN if is_proven else GapOutcome.ONE_SIDED_CLAIMED
    keys = gap_keys(context.crypto.digest, half, gap_at=organisation)
    return _own("unmatched", part, outcome, keys)


def close_gap(
    state: StateView,
    context: Context,
    first: AccessRecord,
    *,
    places: Places,
    before: Match,
    differs: int,
) -> tuple[OwnRecord, ...]:
    """Record that the later half contradicts the first, or closes a gap; mostly nothing."""
    organisation = _charged(first, before) if before in GAPS else None
    if organisation is not None:
        row = state.find(OPEN, organisation) or OpenRow()
        state.put(OPEN, OpenRow(row.opened, row.closed + 1), organisation)
    elif not differs:
        return ()
    finding = Finding.HALVES_DIFFER if differs else None
    keys = gap_keys(context.crypto.digest, first, finding=finding, gap_at=organisation)
    return (_closing(first, places, differs, keys),)


def _closing(
    first: AccessRecord, places: Places, differs: int, keys: tuple[bytes, ...]
) -> OwnRecord:
    """Return the record about both halves; `side` is that of the later one."""
    matched = Matched(
        requester=first.requester,
        provider=first.provider,
        call_id=first.call_id,
        side=1 - first.side,
        first=places[0],
        later=places[1],
    )
    if not differs:
        return _own("matched", matched, GapOutcome.MATCHED, keys)
    part = Mismatched(**msgspec.structs.asdict(matched), differs=differs)
    return _own("mismatched", part, GapOutcome.MISMATCHED, keys)


def places_of(call: CallRow, later_side: int) -> Places:
    """Return where the first half stands, and where the later one does."""
    return _place(call, 1 - later_side), _place(call, later_side)


def _charged(half: AccessRecord, match: Match) -> str:
    """Return whose gap it is: the silent side's when proven, else the speaker's."""
    return half.listener if match == Match.ONE_SIDED_PROVEN else half.speaker


def _place(call: CallRow, side: int) -> tuple[bytes, int]:
    place = call.place_of(side)
    if place is None:
        raise LookupError(f"no half of side {Side(side).name}")
    return place.submission_digest, place.call_index


def _own(action: str, part: GapPart, outcome: GapOutcome, keys: tuple[bytes, ...]) -> OwnRecord:
    return OwnRecord(action=action, public=encode_part(part), outcome=outcome, index_keys=keys)
