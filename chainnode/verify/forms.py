"""How evidence is written: the JSON objects of docs/wire-format.md §11, from bytes already made.

The one place that writes what `evidence` reads; the HTTP API and the exporters call it. Pure
data in, plain JSON objects out; nothing is computed or verified here.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, unique

from chainnode.verify.strict_json import JsonObject, JsonValue

EVIDENCE_FORMAT = "kunlian-evidence"
EVIDENCE_VERSION = 1
# Trails, consistency, and records with their place and authorship.
EVIDENCE_VERSION_2 = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A header and its certificate as bytes: what every kind of evidence hangs on.

    `links` lead to its epoch, one for each before it.
    """

    chain_id: bytes
    suite_name: str
    head: bytes
    rest: Sequence[bytes] = field(repr=False)
    epoch: int
    height: int
    header_digest: bytes
    signatures: Sequence[tuple[int, bytes]] = field(repr=False)
    links: Sequence[JsonObject] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapItem:
    """One key of the state with its value (None: absent) and its map proof."""

    key: bytes
    value: bytes | None
    rows: bytes = field(repr=False)
    siblings: Sequence[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordItem:
    """One log entry, its path to the log root, and its body when it is shown."""

    position: int
    entry: bytes
    path: Sequence[bytes] = field(repr=False)
    body: tuple[str, bytes, bytes] | None = field(default=None, repr=False)


@unique
class RecordPlace(Enum):
    """Under which root a record is shown: that of the whole log, or that of its own block."""

    LOG = "log"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorshipItem:
    """The signed header of a submission, the path of a call's body digest, the signature."""

    header: bytes
    path: Sequence[bytes] = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRecordItem:
    """One log entry as leaf `index` of `count` entries of its block."""

    entry: bytes
    index: int
    count: int
    path: Sequence[bytes] = field(repr=False)
    body: tuple[str, bytes, bytes] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailItem:
    """One encoded trail proof, and for each row that it discloses the entry and its body."""

    proof: bytes = field(repr=False)
    entries: Sequence[bytes] = field(repr=False)
    bodies: Sequence[tuple[str, bytes, bytes] | None] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TailItem:
    """The entry at position `index size`, and its path to the log root."""

    entry: bytes
    path: Sequence[bytes] = field(repr=False)


def base64_text(data: bytes) -> str:
    """Return padded base64 (RFC 4648 §4)."""
    return base64.b64encode(data).decode("ascii")


def placed_form(anchor: Anchor) -> JsonObject:
    """Return `{"header", "certificate", "epochs"}`, as all evidence under a header carries it."""
    return {
        "header": header_form(anchor),
        "certificate": certificate_form(anchor),
        "epochs": list(anchor.links),
    }


def header_form(anchor: Anchor) -> JsonObject:
    """Return the header object."""
    return {"head": base64_text(anchor.head), "rest": [one.hex() for one in anchor.rest]}


def certificate_form(anchor: Anchor) -> JsonObject:
    """Return the certificate object."""
    return {
        "epoch": anchor.epoch,
        "height": anchor.height,
        "header_digest": anchor.header_digest.hex(),
        "signatures": signatures_form(anchor.signatures),
    }


def signatures_form(signatures: Sequence[tuple[int, bytes]]) -> list[JsonValue]:
    """Return `[[replica id, base64], …]`."""
    return [[replica, base64_text(one)] for replica, one in signatures]


def record_form(item: RecordItem) -> JsonObject:
    """Return the part of a record that an audit answer repeats for each item."""
    return {
        "position": item.position,
        "entry": base64_text(item.entry),
        "path": _hex_list(item.path),
        "body": _body_form(item.body),
    }


def record_evidence(anchor: Anchor, item: RecordItem) -> JsonObject:
    """Return `kind: "record"`."""
    return {**_envelope(anchor, "record"), **record_form(item), "block_path": []}


def authored_record_evidence(
    anchor: Anchor, item: RecordItem | BlockRecordItem, authorship: AuthorshipItem | None
) -> JsonObject:
    """Return `kind: "record"` of version 2: in the log or the block, with the sender's word."""
    place: JsonObject = (
        {"position": item.position}
        if isinstance(item, RecordItem)
        else {"index": item.index, "count": item.count}
    )
    return {
        **_envelope(anchor, "record", EVIDENCE_VERSION_2),
        "entry": base64_text(item.entry),
        "place": {**place, "path": _hex_list(item.path)},
        "body": _body_form(item.body),
        "authorship": []
        if authorship is None
        else [
            {
                "header": base64_text(authorship.header),
                "path": _hex_list(authorship.path),
                "signature": base64_text(authorship.signature),
            }
        ],
    }


def receipt_evidence(
    anchor: Anchor, *, receipt: bytes, index: int, count: int, path: Sequence[bytes]
) -> JsonObject:
    """Return `kind: "receipt"`."""
    return {
        **_envelope(anchor, "receipt"),
        "receipt": base64_text(receipt),
        "index": index,
        "count": count,
        "path": _hex_list(path),
    }


def state_evidence(anchor: Anchor, items: Sequence[MapItem]) -> JsonObject:
    """Return `kind: "state"`."""
    return {**_envelope(anchor, "state"), "items": [_state_form(one) for one in items]}


def certificate_evidence(
    anchor: Anchor,
    items: Sequence[MapItem],
    *,
    digest: bytes | None,
    identifier: str | None,
    history: Sequence[bytes],
) -> JsonObject:
    """Return `kind: "certificate"`."""
    return {
        **_envelope(anchor, "certificate"),
        "items": [_state_form(one) for one in items],
        "query": {"digest": None if digest is None else digest.hex(), "identifier": identifier},
        "history": [base64_text(one) for one in history],
    }


def trail_evidence(
    anchor: Anchor,
    trails: Sequence[TrailItem],
    *,
    from_ms: int,
    to_ms: int,
    tail: TailItem | None,
) -> JsonObject:
    """Return `kind: "trail"`; `trails` ascend by index key, `to_ms` 0 means to `as of`."""
    return {
        **_envelope(anchor, "trail", EVIDENCE_VERSION_2),
        "from_ms": from_ms,
        "to_ms": to_ms,
        "tail": []
        if tail is None
        else [{"entry": base64_text(tail.entry), "path": _hex_list(tail.path)}],
        "trails": [
            {
                "proof": base64_text(one.proof),
                "entries": [base64_text(entry) for entry in one.entries],
                "bodies": [_body_form(body) for body in one.bodies],
            }
            for one in trails
        ],
    }


def consistency_evidence(anchor: Anchor, older: Anchor, path: Sequence[bytes]) -> JsonObject:
    """Return `kind: "consistency"`: the log of `anchor` continues that of `older`."""
    return {
        **_envelope(anchor, "consistency", EVIDENCE_VERSION_2),
        "older": placed_form(older),
        "path": _hex_list(path),
    }


def _body_form(body: tuple[str, bytes, bytes] | None) -> list[JsonValue]:
    if body is None:
        return []
    action, public, private = body
    return [action, base64_text(public), base64_text(private)]


def _envelope(anchor: Anchor, kind: str, version: int = EVIDENCE_VERSION) -> JsonObject:
    return {
        "format": EVIDENCE_FORMAT,
        "version": version,
        "kind": kind,
        "chain_id": anchor.chain_id.hex(),
        "suite": anchor.suite_name,
        **placed_form(anchor),
    }


def _state_form(item: MapItem) -> JsonObject:
    return {
        "key": base64_text(item.key),
        "value": None if item.value is None else base64_text(item.value),
        "rows": base64_text(item.rows),
        "siblings": [base64_text(one) for one in item.siblings],
    }


def _hex_list(values: Sequence[bytes]) -> list[JsonValue]:
    return [one.hex() for one in values]
