"""A proven record as a line for people: what `rows.jsonl` of an export and tables show.

Made from verified facts alone, so whoever has the proofs can make the same line again, byte for
byte. Codes stay codes where only a contract knows their words.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Protocol

import msgspec

from chainnode.ledger.types import Entry
from chainnode.submission import Call
from chainnode.verify.question import question_purpose
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.verdict import local_time
from contracts.schemas import access, audit
from contracts.schemas.codes import Rejection
from contracts.schemas.shape import Schema


class ProvenRecord(Protocol):
    """A record whose entry, place and body were verified, however."""

    @property
    def position(self) -> int:
        """Its place in the log."""

    @property
    def entry(self) -> Entry:
        """Its public envelope."""

    @property
    def call(self) -> Call | None:
        """What it recorded, when that is shown."""


def row_document(found: ProvenRecord) -> JsonObject:
    """Return one record: its place, its envelope, and what a call record says."""
    return {"position": found.position, **envelope_document(found.entry, found.call)}


def envelope_document(entry: Entry, call: Call | None) -> JsonObject:
    """Return a record without its place in the log."""
    return {
        "height": entry.height,
        "time": local_time(entry.time_ms),
        "organisation": entry.organisation,
        "contract": entry.contract,
        "action": None if call is None else call.action,
        "outcome": entry.outcome,
        "submission": entry.submission_digest.hex(),
        "call": _access(entry, call),
        "purpose": _purpose(entry, call),
    }


def row_lines(records: Sequence[ProvenRecord]) -> bytes:
    """Return `rows.jsonl`: one canonical line a record."""
    return b"".join(canonical_line(row_document(one)) for one in records)


def canonical_line(document: JsonObject) -> bytes:
    """Return JSON in one form: names ascending, no blanks, UTF-8, a newline."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{text}\n".encode()


def _access(entry: Entry, call: Call | None) -> JsonObject | None:
    if call is None or entry.contract != access.NAME:
        return None
    try:
        record = _access_schema().decode(call.public)
    except Rejection:
        # A record of another version of the contract: its envelope is shown alone.
        return None
    return {
        "call_id": record.call_id.hex(),
        "side": access.Side(record.side).name.lower(),
        "requester": record.requester,
        "provider": record.provider,
        "item": record.item,
        "subjects": [one.hex() for one in record.subjects],
        "outcome": record.outcome.name.lower(),
        "status": record.status,
        "count": record.count,
        "requested": local_time(record.requested_ms),
    }


def _purpose(entry: Entry, call: Call | None) -> str | None:
    """Return why a call was made or a question asked; None where that is withheld or sealed."""
    if call is None or not call.private:
        return None
    if entry.contract == audit.NAME:
        return question_purpose(call.private)
    if entry.contract != access.NAME:
        return None
    try:
        why = msgspec.msgpack.decode(call.private, type=access.AccessPrivate)
    except (msgspec.MsgspecError, ValueError):
        # Encrypted, or of another version.
        return None
    return " ".join(one for one in (why.purpose_code, why.reason_text) if one)


@cache
def _access_schema() -> Schema[access.AccessRecord]:
    return Schema(access.AccessRecord)
