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
from contracts.schemas import access, access_1, audit
from contracts.schemas.codes import Rejection
from contracts.schemas.shape import Schema

# What one side said of a data call, in either version of the contract.
Half = access_1.AccessRecord | access.AccessRecord


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
    record = None if call is None else read_half(entry, call)
    if record is None:
        return None
    return {
        "call_id": record.call_id.hex(),
        "side": access.Side(record.side).name.lower(),
        "requester": record.requester,
        "provider": record.provider,
        "item": record.item,
        "subjects": [one.hex() for one in record.subjects],
        "outcome": record.kind.name.lower(),
        "status": record.status,
        "count": record.count,
        "requested": local_time(record.requested_ms),
    }


def read_half(entry: Entry, call: Call) -> Half | None:
    """Read what one side said of a data call; None: it is another record, or unreadable."""
    is_known = entry.contract_version in {access_1.VERSION, *access.VERSIONS}
    if entry.contract != access.NAME or call.action != "record" or not is_known:
        return None
    try:
        return _schema(entry.contract_version).decode(call.public)
    except Rejection:
        return None


def read_why(entry: Entry, private: bytes) -> access_1.AccessPrivate | access.AccessPrivate | None:
    """Read why a call was made; None: it is encrypted, or there is nothing to read."""
    try:
        if entry.contract_version == access_1.VERSION:
            return msgspec.msgpack.decode(private, type=access_1.AccessPrivate)
        return msgspec.msgpack.decode(private, type=access.AccessPrivate)
    except (msgspec.MsgspecError, ValueError):
        return None


def _purpose(entry: Entry, call: Call | None) -> str | None:
    """Return why a call was made or a question asked; None where that is withheld or sealed."""
    if call is None or not call.private:
        return None
    if entry.contract == audit.NAME:
        return question_purpose(call.private)
    if entry.contract != access.NAME:
        return None
    why = read_why(entry, call.private)
    if why is None:
        return None
    return " ".join(one for one in (why.purpose_code, why.reason_text) if one)


@cache
def _schema(version: int) -> Schema[access_1.AccessRecord] | Schema[access.AccessRecord]:
    if version == access_1.VERSION:
        return Schema(access_1.AccessRecord)
    return Schema(access.AccessRecord)
