"""Records of disputes for people and programs: which dispute, what was done, who answers now.

docs/wire-format.md §18. Made from a verified entry alone: its outcome says the action, its index
keys the dispute, its target and who has to answer. Subjects stay out: they are index keys too, and
whoever asked for them has the entry.
"""

from chainnode.ledger.types import Entry
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.dispute_states import DisputeState
from contracts.schemas.disputes import NAME, DisputeOutcome
from contracts.schemas.index_kinds import IndexKind

# What an event about such a record is called.
DISPUTE_EVENT = "dispute"
_OPEN = DisputeState.OPEN
_DONE = {
    DisputeOutcome.OBJECTED: ("object", _OPEN),
    DisputeOutcome.FORWARDED: ("forward", _OPEN),
    DisputeOutcome.EXTENDED: ("extend", _OPEN),
    DisputeOutcome.CORRECTED: ("correct", DisputeState.CORRECTED),
    DisputeOutcome.REFUSED: ("refuse", DisputeState.REFUSED),
    DisputeOutcome.WITHDRAWN: ("withdraw", DisputeState.WITHDRAWN),
    DisputeOutcome.CORRECTED_LATE: ("correct", DisputeState.CORRECTED),
    DisputeOutcome.REFUSED_LATE: ("refuse", DisputeState.REFUSED),
    DisputeOutcome.OVERDUE: ("overdue", _OPEN),
}
_NAMED = {
    "requester": IndexKind.REQUESTER,
    "provider": IndexKind.PROVIDER,
    "item": IndexKind.ITEM,
    "certificate": IndexKind.CERTIFICATE,
}


def dispute_of(entry: Entry) -> bytes | None:
    """Return the id of the dispute that a record is about; None: it is another record."""
    ids = _values(entry, IndexKind.DISPUTE)
    return ids[0] if entry.contract == NAME and len(ids) == 1 else None


def is_open_after(outcome: int) -> bool:
    """Tell whether an answer is waited for after a record of a dispute with this outcome."""
    return outcome in _DONE and _DONE[DisputeOutcome(outcome)][1] is _OPEN


def dispute_facts(entry: Entry) -> JsonObject | None:
    """Say what a record of a dispute says; None: it is another record.

    `state` is that after it, `responsible` who has to answer after it. A name too long to stand
    in an index key is null.
    """
    dispute_id = dispute_of(entry)
    if dispute_id is None or entry.outcome not in _DONE:
        return None
    outcome = DisputeOutcome(entry.outcome)
    action, state = _DONE[outcome]
    facts: JsonObject = {
        "dispute": dispute_id.hex(),
        "action": action,
        "outcome": outcome.name.lower(),
        "state": state.name.lower(),
        "responsible": _responsible(entry),
    }
    return facts | {name: _text(entry, kind) for name, kind in _NAMED.items()}


def _responsible(entry: Entry) -> str | None:
    """Return who has to answer: of the two that a forward names, the one that did not send it."""
    named = _values(entry, IndexKind.RESPONSIBLE)
    others = [one for one in named if one != entry.organisation.encode()]
    chosen = others if len(named) > 1 else named
    return chosen[0].decode(errors="replace") if chosen else None


def _text(entry: Entry, kind: IndexKind) -> str | None:
    try:
        return next((one.decode() for one in _values(entry, kind)), None)
    except UnicodeDecodeError:
        return None


def _values(entry: Entry, kind: IndexKind) -> list[bytes]:
    return [key[1:] for key in entry.index_keys if key[0] == kind]
