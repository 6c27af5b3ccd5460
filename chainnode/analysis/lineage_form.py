"""The lineage of a call as JSON: one stable form (docs/audit.md). Pure."""

from chainnode.analysis.lineage import (
    CALLS_MAX,
    LEVELS_MAX,
    AskedTrail,
    CallName,
    Lineage,
    Link,
    LinkedCall,
    Missing,
)
from chainnode.analysis.rows import AuditRow
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.verdict import local_time

FORMAT = "kunlian-lineage"
VERSION = 1


def lineage_form(lineage: Lineage) -> JsonObject:
    """Return the document; equal lineages give equal documents."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "start": name_form(lineage.start),
        "as_of_height": lineage.as_of_height,
        "organisations": [*lineage.organisations],
        "calls": [_call(one) for one in lineage.calls],
        "links": [_link(one) for one in lineage.links],
        "missing": [_missing(one) for one in lineage.missing],
        "children_asked": lineage.are_children_asked,
        "questions": [_asked(one) for one in lineage.asked],
        "bounds": {
            "levels": LEVELS_MAX,
            "calls": CALLS_MAX,
            "reached": [*lineage.bounds],
        },
    }


def name_form(name: CallName) -> JsonObject:
    """Return what a call is known by."""
    return {"requester": name.requester, "provider": name.provider, "call_id": name.call_id}


def _call(call: LinkedCall) -> JsonObject:
    return {
        **name_form(call.name),
        "level": call.level,
        "match": call.match,
        "halves": [_half(one) for one in call.halves],
        "disagree": [*call.disagreements],
        "own_records": [
            {"position": one.position, "outcome": one.outcome, "time": local_time(one.time_ms)}
            for one in call.own
        ],
        "questions": [*call.questions],
        "certificates": [
            {"identifier": one.identifier, "state": one.state} for one in call.certificates
        ],
    }


def _half(half: AuditRow) -> JsonObject:
    return {
        "position": half.position,
        "side": half.side,
        "time": local_time(half.time_ms),
        "item": half.item,
        "grant": half.grant,
        "outcome": half.outcome,
        "status": half.status,
        "findings": [*half.findings],
        "trace_id": half.trace_id,
        "parent_call_id": half.parent_call_id or None,
        "derived_from": None if half.reasons is None else [*half.reasons.derived_from],
        "sealed": half.is_sealed,
    }


def _link(link: Link) -> JsonObject:
    return {
        "kind": link.kind.value,
        "from": name_form(link.source),
        "to": name_form(link.target),
        "said_by": [*link.said_by],
        "notes": [one.value for one in link.notes],
    }


def _missing(missing: Missing) -> JsonObject:
    return {
        "kind": missing.kind.value,
        "call_id": missing.call_id,
        "named_by": name_form(missing.named_by),
        "places": missing.places,
    }


def _asked(asked: AskedTrail) -> JsonObject:
    to_ms = asked.complete_to_ms
    return {
        "kind": asked.kind,
        "value": asked.value,
        "digest": asked.digest,
        "rows": asked.rows,
        "complete": asked.is_complete,
        "complete_to": None if to_ms is None else local_time(to_ms),
    }
