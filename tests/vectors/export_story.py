"""The chain of the vectors of exports: who looked at a subject in two blocks, asked and exported.

Blocks hold four calls each. The question stands at position 5; the answer are the four records
of the subject in the third and fourth block, at positions 9, 11, 13 and 15, with the record
before and the one after the period. The calls at 9 and 11 are two sides of data calls.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chainnode.ledger.types import Header
from chainnode.submission import Call
from chainnode.suites.port import PrivateKey
from chainnode.verify.archive import MANIFEST, SIGNATURES, write_archive
from chainnode.verify.forms import Anchor, base64_text
from chainnode.verify.strict_json import JsonObject, JsonValue
from chainnode.verify.trust import Trust
from contracts.schemas.access_1 import AccessPrivate, AccessRecord
from contracts.schemas.call_words import Decision, Side
from contracts.schemas.shape import encode_part
from tests.builders_evidence import GENESIS_MS, ISSUER, POLICE, SUBJECT
from tests.builders_exports import PURPOSE, Members, QuestionedChain
from tests.builders_trails import CALLS_PER_BLOCK, Shown
from tests.vectors.signing import repeatable_keys
from tests.vectors.trail_cases import PERIOD

POSITIONS = (9, 11, 13, 15)
PINNED_HEIGHT = 1
SEALS = {MANIFEST, SIGNATURES}
TRAIL = "proofs/trail-0001.json"
# Stands for the page; a reader looks at its digest alone.
PAGE_BYTES = b"<!doctype html><title>page</title>\n"
# What was changed, the members of the export, verdict and check.
Corruption = tuple[str, Members, str]
WHOLE = Shown(subject=SUBJECT, start=3, stop=9, with_bodies=True)


class ExportStory(QuestionedChain):
    """The questioned chain for a period of two blocks; signatures repeat in every run."""

    period = PERIOD
    whole = (WHOLE,)

    def private_keys(self, numbers: Iterable[int]) -> list[PrivateKey]:
        return repeatable_keys(self.suite, numbers)

    def _call(self, index: int) -> Call:
        if index == POSITIONS[0]:
            return recorded_half(
                index, side=Side.PROVIDER, decision=Decision.PERMIT, private=_why(index)
            )
        if index == POSITIONS[1]:
            return recorded_half(
                index, side=Side.REQUESTER, decision=Decision.DENY, private=b"\xc1" * 40
            )
        return super()._call(index)

    def record(self, position: int, *, anchor: Anchor | None = None) -> JsonObject:
        return super().record(position, anchor=anchor or self.anchor(self.indexed_header()))

    def indexed_at(self, height: int) -> Header:
        """The header of block `height`, with an index that covers its whole log."""
        older, size = self.header_at(height), CALLS_PER_BLOCK * height
        return replace(
            older,
            head=replace(older.head, index_size=size),
            rest=replace(older.rest, index_root=self.index(size).root),
        )

    @property
    def pinned(self) -> Trust:
        """A trust file of block 1."""
        header = self.indexed_at(PINNED_HEIGHT)
        return self.trust.pinned_at(
            epoch=0,
            height=PINNED_HEIGHT,
            header_digest=header.digest(self.suite.digest),
            time_ms=header.head.time_ms,
        )

    def facts(self, **changes: JsonValue) -> JsonObject:
        """What the export of the whole answer proves, but for `changes`."""
        facts: JsonObject = {
            "question": self.submissions[1].digest.hex(),
            "purpose": PURPOSE,
            "as_of_height": 12,
            "from_ms": self.period[0],
            "to_ms": self.period[1],
            "complete": True,
            "complete_to_ms": self.period[1],
            "positions": list(POSITIONS),
            "replica_id": 2,
            "organisation": self.trust.epochs[0][2].organisation,
            "has_page": False,
        }
        return {**facts, **changes}

    def answered(self, *, node: int | None = 2, pages: list[JsonObject] | None = None) -> Members:
        """The members of an export of these pages (none: of the whole answer)."""
        return self.sealed(self.members(pages), pages=pages, node=node)

    def claimed(self, members: Members) -> Members:
        """Sign these members, whatever they hold, with the manifest of the whole answer."""
        return self.sealed({name: one for name, one in members.items() if name not in SEALS})


def rows_of(start: int, stop: int) -> Shown:
    """The rows of the subject from one on and before another; 3 to 9 are the whole answer."""
    return replace(WHOLE, start=start, stop=stop)


def recorded_half(index: int, *, side: Side, decision: Decision, private: bytes = b"") -> Call:
    """One side of a data call; what has no meaning here is empty."""
    part = AccessRecord(
        salt=bytes([index]) * 16,
        call_id=bytes([index]) * 16,
        side=side,
        requester=POLICE,
        provider=ISSUER,
        item="household register",
        item_version=1,
        subjects=(SUBJECT,),
        decision=decision,
        status=200 if decision is Decision.PERMIT else 0,
        count=1 if decision is Decision.PERMIT else 0,
        requested_ms=GENESIS_MS + 2500,
        answered_ms=GENESIS_MS + 2600,
        trace_id=bytes(16),
        parent_call_id=b"",
        grant="",
        other_token=b"",
        request_commitment=b"",
        response_commitment=b"",
    )
    return Call(action="record", public=encode_part(part), private=private)


def _why(index: int) -> bytes:
    return encode_part(
        AccessPrivate(
            salt=bytes([index]) * 16,
            purpose_code="户籍核查",
            reason_text="moving house",
            case_number="2026-17",
            operator="",
            system="",
            represented_party="",
        )
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    """One vector: an archive, the trust it is judged with, what must come out."""

    name: str
    trust: Trust
    archive: bytes
    expect: str = "accepted"
    facts: JsonObject | None = None

    def document(self) -> JsonObject:
        return {
            "name": self.name,
            "trust": self.trust.form(),
            "expect": self.expect,
            "facts": self.facts,
            "archive": base64_text(self.archive),
        }


def packed(story: ExportStory, name: str, members: Members, expect: str) -> Case:
    """One corruption that is judged with the trust file of block 1."""
    return Case(name=name, trust=story.pinned, archive=write_archive(members), expect=expect)
