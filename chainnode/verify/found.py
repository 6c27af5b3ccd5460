"""Records of the ledger itself for people and programs: which call, and what was found of it.

docs/wire-format.md §14. Nobody sent them, so they have no submission; the call, its parties and
the places of its halves stand in their body, the item in an index key. Made from a verified entry
and the body that was held against its digest. The lines of an export have a form of their own
(§12, `chainnode.verify.rows`), which this does not touch.
"""

from chainnode.ledger.types import Entry
from chainnode.submission import Call
from chainnode.verify.disputed import dispute_facts
from chainnode.verify.rows import ProvenRecord, envelope_document
from chainnode.verify.strict_json import JsonObject, JsonValue
from chainnode.verify.verdict import local_time
from contracts.schemas.access import Differs
from contracts.schemas.access_gaps import (
    GapOutcome,
    GapPart,
    Matched,
    Mismatched,
    Unmatched,
    decode_gap,
)
from contracts.schemas.call_words import NAME, Side
from contracts.schemas.index_kinds import IndexKind

MADE_BY = "ledger"
_OUTCOMES = frozenset(GapOutcome)


def shown_row(found: ProvenRecord) -> JsonObject:
    """Return one record with its place in the log, as `shown_record` says."""
    return {"position": found.position, **shown_record(found.entry, found.call)}


def shown_record(entry: Entry, call: Call | None) -> JsonObject:
    """Return a record with what the ledger found of a call, or what was done with a dispute.

    That stands under `found` and `dispute`, which are null in other records.
    """
    document = envelope_document(entry, call)
    if entry.is_ledgers_own:
        document["submission"] = None
    return document | {"found": _found(entry, call), "dispute": dispute_facts(entry)}


def gap_facts(entry: Entry, gap: GapPart) -> JsonObject:
    """Say how the halves stand; `side` is that of the half that stands alone, or came later."""
    data: JsonObject = {
        "call_id": gap.call_id.hex(),
        "requester": gap.requester,
        "provider": gap.provider,
        "item": _value(entry, IndexKind.ITEM),
        "side": Side(gap.side).name.lower(),
        "outcome": GapOutcome(entry.outcome).name.lower(),
        "held_against": _value(entry, IndexKind.UNMATCHED),
    }
    if isinstance(gap, Unmatched):
        data["due_ms"] = gap.due_ms
    if isinstance(gap, Mismatched):
        data["differs"] = [one.name.lower() for one in Differs if gap.differs & one]
    return data


def _found(entry: Entry, call: Call | None) -> JsonObject | None:
    is_gap = entry.is_ledgers_own and entry.contract == NAME and entry.outcome in _OUTCOMES
    if not is_gap:
        return None
    gap = None if call is None else decode_gap(entry.contract, call.action, call.public)
    made: JsonObject = {"made_by": MADE_BY, "made_at_height": entry.height}
    return made | (_without_body(entry) if gap is None else _told(entry, gap))


def _without_body(entry: Entry) -> JsonObject:
    """Return what the entry says by itself, where its body is withheld or unknown."""
    return {
        "call_id": None,
        "requester": _value(entry, IndexKind.REQUESTER),
        "provider": _value(entry, IndexKind.PROVIDER),
        "item": _value(entry, IndexKind.ITEM),
        "side": None,
        "outcome": GapOutcome(entry.outcome).name.lower(),
        "held_against": _value(entry, IndexKind.UNMATCHED),
    }


def _told(entry: Entry, gap: GapPart) -> JsonObject:
    facts = gap_facts(entry, gap)
    due_ms = facts.pop("due_ms", None)
    if isinstance(due_ms, int):
        facts["due"] = local_time(due_ms)
    return facts | {"halves": _halves(gap)}


def _halves(gap: GapPart) -> JsonValue:
    """Return where the halves stand, the first one first: [submission digest, call index]."""
    if isinstance(gap, Unmatched):
        places = [gap.place]
    else:
        places = [gap.first, gap.later] if isinstance(gap, Matched) else []
    return [[digest.hex(), index] for digest, index in places]


def _value(entry: Entry, kind: IndexKind) -> str | None:
    """Return the text under a kind of key; None where it was too long to stand there as it is."""
    for key in entry.index_keys:
        if key[0] == kind:
            try:
                return key[1:].decode()
            except UnicodeDecodeError:
                return None
    return None
