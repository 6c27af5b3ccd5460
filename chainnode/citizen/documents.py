"""The JSON beside the proofs: what the page shows that no quorum signed, and where the rest is.

The browser makes its list of uses from the verified bytes; from here it takes names and the reasons
that our keys opened. Each is marked there as our word.
"""

from chainnode.citizen.objections import Filed
from chainnode.citizen.reasons import Openness
from chainnode.citizen.subjects import Handle
from chainnode.citizen.tracker import usage_document
from chainnode.citizen.usages import Usage
from chainnode.citizen.views import View
from chainnode.verify.strict_json import JsonObject, JsonValue
from chainnode.verify.verdict import local_time


def view_document(view: View, *, since_ms: int) -> JsonObject:
    """Return what the page needs beside the exports of a view."""
    return {
        "covered": covered_document(view, since_ms=since_ms),
        "departments": _departments(view),
        "without_tokens": [*view.without],
        "uses": [
            _use(name, usage, view.reasons[name].openness, view)
            for name, usage in view.identifiers.items()
        ],
        "listed": [*view.proof.listed],
        "sealed": sealed_document(view),
        "own_questions": view.uses.own_questions,
        "other_records": view.uses.others,
        "names": {"organisations": {**view.names.organisations}, "items": {**view.names.items}},
        "extra": [*view.extra],
        "can_object": view.has_disputes,
        "own_objections": [
            one.dispute_id.hex()
            for usage in view.uses.usages
            for one in usage.objections
            if one.is_own
        ],
    }


def covered_document(view: View, *, since_ms: int) -> JsonObject:
    """Say from when to when nothing is missing, by proof."""
    until_ms = view.proof.complete_to_ms
    return {
        "since": local_time(since_ms),
        "until": None if until_ms is None else local_time(until_ms),
        "complete": until_ms is not None,
        "height": view.proof.height,
    }


def sealed_document(view: View) -> JsonObject:
    """Say how many calls are under seal, when, and how much was answered: no more is public."""
    return {
        "calls": len(view.uses.sealed),
        "items": [
            {
                "recorded": local_time(one.recorded_ms),
                "department": one.department,
                "count": one.count,
                "position": one.position,
            }
            for one in view.uses.sealed
        ],
    }


def tracked(view: View, name: str, usage: Usage) -> JsonObject:
    """Return one use in the Data Tracker's form, with its reason where that can be read."""
    reason = view.reasons[name]
    return usage_document(
        usage, identifier=name, system=reason.system, why=reason.why, names=view.names
    )


def represented_document(handle: Handle) -> JsonObject:
    """Return a handle, and for whom it stands, as their page is told."""
    return {
        "userCode": handle.code,
        "relation": handle.subject.relation,
        "label": handle.subject.label,
    }


def _departments(view: View) -> list[JsonValue]:
    epochs: dict[str, int] = {}
    for department, epoch in view.departments:
        epochs[department] = max(epoch, epochs.get(department, 0))
    return [{"code": code, "epochs": count} for code, count in epochs.items()]


def _use(name: str, usage: Usage, openness: Openness, view: View) -> JsonObject:
    reason = view.reasons[name]
    return {
        "id": name,
        "positions": [*usage.positions],
        "openness": openness.value,
        "why": reason.why,
        "system": reason.system,
        "objections": [
            {
                "outcome": one.outcome,
                "recorded": local_time(one.recorded_ms),
                "is_own": one.is_own,
                "is_open": one.is_open,
            }
            for one in usage.objections
        ],
    }


def filed_document(filed: Filed) -> JsonObject:
    """Return what is known of an objection that was filed."""
    row = filed.row
    return {
        "dispute": filed.dispute_id.hex(),
        "responsible": None if row is None else row.responsible,
        "due": None if row is None else local_time(row.due_ms),
    }
