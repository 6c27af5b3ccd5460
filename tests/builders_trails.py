"""A synthetic chain with an index: trails, consistency, and records with their submissions.

The index and the bytes of every trail proof come from `tests.naive_index`, which shares nothing
with the product, so that evidence made here also checks the product's verifier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from chainnode.codec import encode
from chainnode.ledger.codec import decode_entry, encode_entry
from chainnode.ledger.merkle import hash_leaf, inclusion_path, merkle_root
from chainnode.ledger.types import CallReceipt, Entry, Header, Receipt
from chainnode.submission import Call, Submission, key_id, sign_submission
from chainnode.verify.forms import (
    Anchor,
    AuthorshipItem,
    BlockRecordItem,
    TailItem,
    TrailItem,
    authored_record_evidence,
    consistency_evidence,
    trail_evidence,
)
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.index_kinds import IndexKind, index_key
from tests import naive_index
from tests.builders_evidence import GENESIS_MS, OTHER_SUBJECT, POLICE, SUBJECT, SyntheticChain

BLOCKS = 11
CALLS_PER_BLOCK = 4
ENTRIES = BLOCKS * CALLS_PER_BLOCK
# Log positions to which the index advances; one advance of one key is one chunk.
ADVANCES = (4, 8, 16, 20, 28, 32, 36, 40, 44)
# With the last advance outstanding four entries wait: the first of them is the tail.
INDEX_SIZE = 40
RARE_SUBJECT = b"\x53" * 32
ABSENT_SUBJECT = b"\x54" * 32
INDEX_BITS = 8

Chunks = list[list[bytes]]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is disclosed of one key: rows from `start` on and before `stop` (None: all)."""

    subject: bytes | None
    start: int = 0
    stop: int | None = None
    with_bodies: bool = False


# Every entry carries its requester: the trail without a subject.
ALL_OF_SUBJECT = Shown(subject=SUBJECT)
ALL_OF_REQUESTER = Shown(subject=None)


class IndexedChain(SyntheticChain):
    """Eleven blocks of four calls each, one submission a block; positions are from 0 to 43."""

    def __init__(self, suite_name: str, *, label: str = "synthetic") -> None:
        super().__init__(suite_name, label=label)
        self.calls = [self._call(index) for index in range(ENTRIES)]
        self.submissions = [self._submission(block) for block in range(BLOCKS)]
        self.entries = [self._indexed_entry(position) for position in range(ENTRIES)]
        self.keys = [decode_entry(one).index_keys for one in self.entries]
        self.rows = [
            naive_index.row(self.suite.digest, position, entry)
            for position, entry in enumerate(self.entries)
        ]

    def key(self, subject: bytes | None) -> bytes:
        """The index key of a subject, or of the requester who made all calls."""
        if subject is None:
            return index_key(self.suite.digest, IndexKind.REQUESTER, POLICE)
        return index_key(self.suite.digest, IndexKind.SUBJECT, subject)

    def chunks(self, key: bytes, index_size: int = INDEX_SIZE) -> Chunks:
        """The rows of a key, advance by advance."""
        found: Chunks = []
        before = 0
        for size in (one for one in ADVANCES if one <= index_size):
            rows = [self.rows[one] for one in range(before, size) if key in self.keys[one]]
            found += [rows] if rows else []
            before = size
        return found

    def index(
        self, index_size: int = INDEX_SIZE, replaced: Mapping[bytes, Chunks] | None = None
    ) -> naive_index.Map:
        """The index map; `replaced` makes it lie about some keys, as only a quorum can."""
        keys = {key for keys in self.keys for key in keys}
        chunks = {key: self.chunks(key, index_size) for key in keys} | dict(replaced or {})
        return naive_index.Map(
            self.suite.digest,
            INDEX_BITS,
            {
                key: naive_index.packed(naive_index.trail(self.suite.digest, rows))
                for key, rows in chunks.items()
                if rows
            },
        )

    def indexed_header(
        self,
        *,
        index_size: int = INDEX_SIZE,
        replaced: Mapping[bytes, Chunks] | None = None,
        index_rules: int = 1,
    ) -> Header:
        header = self.header()
        return replace(
            header,
            head=replace(header.head, index_size=index_size, index_rules=index_rules),
            rest=replace(header.rest, index_root=self.index(index_size, replaced).root),
        )

    def header_at(self, height: int) -> Header:
        """The header of block `height` itself, with its log and its own entries."""
        size = CALLS_PER_BLOCK * height
        header = self.header(height=height, time_ms=GENESIS_MS + height * 1000)
        h = self.suite.digest
        return replace(
            header,
            head=replace(header.head, log_size=size),
            rest=replace(
                header.rest,
                log_root=merkle_root(h, self.entries[:size]),
                records_root=merkle_root(h, self.entries[size - CALLS_PER_BLOCK : size]),
            ),
        )

    def trail_item(
        self,
        shown: Shown,
        *,
        index_size: int = INDEX_SIZE,
        replaced: Mapping[bytes, Chunks] | None = None,
    ) -> TrailItem:
        key = self.key(shown.subject)
        chunks = (replaced or {}).get(key, self.chunks(key, index_size))
        rows = [row for chunk in chunks for row in chunk]
        stop = len(rows) if shown.stop is None else shown.stop
        proof = naive_index.trail_proof(
            self.suite.digest,
            key,
            chunks,
            self.index(index_size, replaced),
            start=shown.start,
            stop=stop,
        )
        positions = [int.from_bytes(row[:8]) for row in rows[shown.start : stop]]
        calls = [self.calls[one] for one in positions]
        return TrailItem(
            proof=naive_index.packed(proof),
            entries=[self.entries[one] for one in positions],
            bodies=[
                (one.action, one.public, one.private) if shown.with_bodies else None
                for one in calls
            ],
        )

    def trail(
        self,
        *shown: Shown,
        period: tuple[int, int] = (0, 0),
        index_size: int = INDEX_SIZE,
        replaced: Mapping[bytes, Chunks] | None = None,
        anchor: Anchor | None = None,
    ) -> JsonObject:
        """Return what an honest node answers, or what `replaced` makes of it."""
        header = self.indexed_header(index_size=index_size, replaced=replaced)
        ordered = sorted(shown, key=lambda one: self.key(one.subject))
        return trail_evidence(
            anchor or self.anchor(header),
            [self.trail_item(one, index_size=index_size, replaced=replaced) for one in ordered],
            from_ms=period[0],
            to_ms=period[1],
            tail=self.tail(index_size),
        )

    def tail(self, position: int) -> TailItem | None:
        if position == len(self.entries):
            return None
        item = self.record_item(position)
        return TailItem(entry=item.entry, path=item.path)

    def consistency(self, height: int, *, newer: Anchor | None = None) -> JsonObject:
        """Prove that the log of the newest header continues that of block `height`."""
        size = CALLS_PER_BLOCK * height
        path = naive_index.consistency_path(self.suite.digest, self.entries, size)
        return consistency_evidence(
            newer or self.anchor(), self.anchor(self.header_at(height)), path
        )

    def authorship(self, position: int) -> AuthorshipItem:
        submission = self.submissions[position // CALLS_PER_BLOCK]
        h = self.suite.digest
        leaves = [hash_leaf(h, one) for one in submission.body_digests]
        return AuthorshipItem(
            header=submission.header,
            path=inclusion_path(h, leaves, position % CALLS_PER_BLOCK),
            signature=submission.signature,
        )

    def authored_record(
        self, position: int, *, in_block: bool = False, anchor: Anchor | None = None
    ) -> JsonObject:
        """Return `kind: "record"` of version 2 with everything that it can show."""
        item, author = self.record_item(position), self.authorship(position)
        if not in_block:
            return authored_record_evidence(anchor or self.anchor(), item, author)
        height = position // CALLS_PER_BLOCK + 1
        block = self.entries[(height - 1) * CALLS_PER_BLOCK : height * CALLS_PER_BLOCK]
        leaves = [hash_leaf(self.suite.digest, one) for one in block]
        index = position % CALLS_PER_BLOCK
        return authored_record_evidence(
            self.anchor(self.header_at(height)),
            BlockRecordItem(
                entry=item.entry,
                index=index,
                count=len(block),
                path=inclusion_path(self.suite.digest, leaves, index),
                body=item.body,
            ),
            author,
        )

    def rejected_receipt(self) -> Receipt:
        """A receipt of a submission whose only call was refused: it left no entry."""
        return Receipt(
            submission_digest=self.submissions[0].digest,
            code=0,
            first_position=0,
            calls=(CallReceipt(code=31, details=(3,)),),
        )

    def _submission(self, block: int) -> Submission:
        return sign_submission(
            self.suite,
            self.client_key,
            chain_id=self.genesis.chain_id,
            nonce=block,
            valid_until_ms=GENESIS_MS + (block + 20) * 1000,
            contract="access",
            contract_version=self.contract_version,
            calls=self.calls[block * CALLS_PER_BLOCK : (block + 1) * CALLS_PER_BLOCK],
        )

    def _indexed_entry(self, position: int) -> bytes:
        block, call_index = divmod(position, CALLS_PER_BLOCK)
        subjects = {SUBJECT if position % 2 else OTHER_SUBJECT}
        subjects |= {RARE_SUBJECT} if position in {17, 41} else set()
        keys = [self.key(one) for one in (*subjects, None)]
        return encode_entry(
            Entry(
                height=block + 1,
                time_ms=GENESIS_MS + (block + 1) * 1000,
                submission_digest=self.submissions[block].digest,
                call_index=call_index,
                organisation=POLICE,
                key_id=key_id(self.suite, self.client_key.public_key),
                contract="access",
                contract_version=self.contract_version,
                outcome=0,
                index_keys=tuple(sorted(keys)),
                body_digest=self.calls[position].body_digest(self.suite),
            )
        )

    def _call(self, index: int) -> Call:
        salt = bytes([index]) * 16
        return Call(action="record", public=encode((salt, f"call {index}")), private=b"")


@cache
def indexed_chain(suite_name: str, label: str = "synthetic") -> IndexedChain:
    """Return the chain of this suite and label; treat it as read-only."""
    return IndexedChain(suite_name, label=label)


def positions_of(chain: IndexedChain, subject: bytes | None) -> Sequence[int]:
    """The positions below the index size at which a key stands, found by looking."""
    return [one for one in range(INDEX_SIZE) if chain.key(subject) in chain.keys[one]]
