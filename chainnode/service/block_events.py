"""What a certified block has to tell to its followers: itself, gaps, findings and disputes.

Everybody may read a block (`/v1/blocks/{height}`); an event shows less of it: which call or
dispute, between whom, about which item, and where the proof is. Pseudonyms of people, tokens,
purposes and whatever is encrypted stay out. Events of a block are a function of the block alone, so
every node that has its bodies tells the same, in the same order, under the same ids.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from chainnode.codec import Plain
from chainnode.event_ids import Place
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import (
    calls_of_submission,
    decode_entry,
    public_of,
    submissions_of_batch,
)
from chainnode.ledger.errors import DamagedLedger, Pruned
from chainnode.ledger.types import Entry, Header, OwnBody
from chainnode.verify.disputed import DISPUTE_EVENT, dispute_facts
from chainnode.verify.found import gap_facts
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.access import VERSIONS, AccessRecord, Finding, findings_in
from contracts.schemas.access_gaps import decode_gap
from contracts.schemas.call_words import NAME, Side
from contracts.schemas.shape import Schema

_HALF = Schema(AccessRecord)
_FINDING_NAMES = {one: one.name.lower() for one in Finding}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEvent:
    """Something that a block says; number 0 is the block itself, the others count its records."""

    height: int
    number: int
    name: str
    data: JsonObject = field(repr=False)

    @property
    def frame(self) -> bytes:
        """How it stands in an event stream (WHATWG HTML §9.2)."""
        place = str(Place(self.height, self.number))
        data = msgspec.json.encode(self.data)
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (place.encode(), self.name.encode(), data)


def oldest_told(ledger: Ledger) -> int:
    """Return the lowest height whose events are all here."""
    return max(ledger.floor, ledger.base_height + 1)


def events_of(ledger: Ledger, height: int, *, h: Callable[[bytes], bytes]) -> Iterator[BlockEvent]:
    """Yield what a block says, the block itself first, then its records as they stand in the log.

    Raises:
        Pruned: not all bodies of the block are here.
        UnknownHeight: there is no such block yet.

    """
    bodies = _Bodies(ledger, height)
    header = ledger.header(height)
    positions = ledger.positions(height)
    entries = [decode_entry(one) for one in ledger.entries(positions.start, positions.stop)]
    yield BlockEvent(height=height, number=0, name="block", data=_block(header, entries, h))
    number = 0
    for position, entry in enumerate(entries, positions.start):
        told = _told(entry, bodies)
        if told is not None:
            name, data = told
            number += 1
            place: JsonObject = {
                "height": height,
                "time_ms": header.head.time_ms,
                "position": position,
                "record": f"/v1/records/{position}",
            }
            yield BlockEvent(height=height, number=number, name=name, data=place | data)


class _Bodies:
    """What the records of one block say, read once, and only when one of them is told of."""

    def __init__(self, ledger: Ledger, height: int) -> None:
        if height < oldest_told(ledger):
            raise Pruned(what="height", asked=height, oldest=oldest_told(ledger))
        self._ledger = ledger
        self._height = height
        self._own: tuple[OwnBody, ...] | None = None
        self._batch: tuple[bytes, ...] | None = None
        self._calls: dict[bytes, tuple[Plain, ...]] = {}

    def own(self, entry: Entry) -> OwnBody:
        """Return the body of a record of the ledger itself."""
        if self._own is None:
            self._own = self._ledger.own_bodies(self._height) or ()
        if entry.call_index >= len(self._own):
            raise self._missing()
        return self._own[entry.call_index]

    def public(self, entry: Entry) -> bytes:
        """Return the public part of a call that somebody sent."""
        calls = self._calls.get(entry.submission_digest)
        if calls is None:
            calls = self._calls[entry.submission_digest] = self._read(entry.submission_digest)
        return public_of(calls, entry.call_index)

    def _read(self, submission_digest: bytes) -> tuple[Plain, ...]:
        if self._batch is None:
            self._batch = submissions_of_batch(self._ledger.batch_bytes(self._height) or b"")
        place = self._ledger.place_of(submission_digest)
        if place is None or place.height != self._height or place.index >= len(self._batch):
            raise self._missing()
        return calls_of_submission(self._batch[place.index])

    def _missing(self) -> Exception:
        """Say why a body is not here: it was pruned meanwhile, or the ledger is damaged."""
        oldest = oldest_told(self._ledger)
        if self._height < oldest:
            return Pruned(what="height", asked=self._height, oldest=oldest)
        return DamagedLedger(
            what=f"bodies of block {self._height}", expected="all of them", actual="fewer"
        )


def _block(header: Header, entries: list[Entry], h: Callable[[bytes], bytes]) -> JsonObject:
    head = header.head
    sent = Counter(one.contract for one in entries if not one.is_ledgers_own)
    return {
        "height": head.height,
        "time_ms": head.time_ms,
        "header_digest": header.digest(h).hex(),
        "log_size": head.log_size,
        "entries": dict(sorted(sent.items())),
        "own_records": len(entries) - sent.total(),
    }


def _told(entry: Entry, bodies: _Bodies) -> tuple[str, JsonObject] | None:
    dispute = dispute_facts(entry)
    if dispute is not None:
        return DISPUTE_EVENT, dispute
    if entry.contract != NAME:
        return None
    if entry.is_ledgers_own:
        body = bodies.own(entry)
        gap = decode_gap(entry.contract, body.action, body.public)
        return None if gap is None else (body.action, gap_facts(entry, gap))
    findings = findings_in(entry.outcome) if entry.contract_version in VERSIONS else ()
    return ("finding", _finding(bodies.public(entry), findings)) if findings else None


def _finding(public: bytes, findings: tuple[Finding, ...]) -> JsonObject:
    half = _HALF.decode(public)
    return {
        "call_id": half.call_id.hex(),
        "requester": half.requester,
        "provider": half.provider,
        "item": half.item,
        "side": Side(half.side).name.lower(),
        "findings": [_FINDING_NAMES[one] for one in findings],
    }
