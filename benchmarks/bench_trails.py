"""Size and cost of trail proofs: the figures of docs/verification.md.

`python -m benchmarks.bench_trails [--keys N]` proves trails of one subject among N index keys, in
the production map of 2^20 buckets, verifies each of them, and prints one JSON line a suite.
Bytes are those of the proof alone, without entries, header and certificate. `verify` is the
proof with its entries and their checks, from bytes, as the best of several runs.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chainnode.ledger.bucket_map import BucketMap, MapProof, bucket_number
from chainnode.ledger.codec import decode_entry, encode_entry
from chainnode.ledger.merkle import Hash, hash_leaf
from chainnode.ledger.trail_building import (
    Listing,
    RowRange,
    build_trail_proof,
)
from chainnode.ledger.trail_proofs import (
    ProvenTrail,
    decode_trail_proof,
    encode_trail_proof,
    verify_trail_proof,
)
from chainnode.ledger.trails import EMPTY_TRAIL, Trail, encode_row, encode_trail
from chainnode.ledger.types import Entry
from chainnode.suites import suite_named
from tests.listed_trail import ListedTrail, extended

BITS = 20
RUNS = 7
SUBJECT = b"\x01" + b"s" * 32
# Rows of the subject, and how many stand in one chunk.
SHAPES = ((0, 1), (1, 1), (10, 1), (30, 1), (100, 1), (1000, 1), (1000, 8), (1000, 100))
_MS = 1000


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The rows of one key in chunks, the entries behind them, and its trail."""

    entries: Sequence[bytes]
    chunks: Sequence[Sequence[bytes]]
    trail: Trail


def subject_of(h: Hash, *, rows: int, chunk_rows: int) -> Subject:
    """Return a subject with so many rows, two hundred positions apart."""
    entries = [encode_entry(_entry(h, number)) for number in range(rows)]
    encoded = [encode_row(200 * at, hash_leaf(h, one)) for at, one in enumerate(entries)]
    chunks = [encoded[at : at + chunk_rows] for at in range(0, rows, chunk_rows)]
    trail = EMPTY_TRAIL
    for chunk in chunks:
        trail, _ = extended(h, trail, chunk)
    return Subject(entries=entries, chunks=chunks, trail=trail)


class Index:
    """A map of so many keys; the row of the subject is put in and taken out again."""

    def __init__(self, h: Hash, keys: int) -> None:
        self._h = h
        self._rows: dict[int, bytes] = {}
        for row in sorted(_other_rows(h, keys)):
            bucket = bucket_number(row, BITS)
            self._rows[bucket] = self._rows.get(bucket, b"") + row
        self._map = BucketMap(h, bits=BITS)
        self._map.load(self._rows.items())

    def prove(self, trail: Trail) -> tuple[bytes, MapProof]:
        """Return the root and the proof of the subject with this trail."""
        value = self._h(encode_trail(trail)) if trail.rows else None
        delta = self._map.update({self._h(SUBJECT): value}, self._rows_of)
        self._rows.update(delta.rows)
        self._map.stage(delta)
        self._map.commit()
        key = self._h(SUBJECT)
        rows = self._rows_of(bucket_number(key, BITS))
        return self._map.root, self._map.prove(key, rows, self._map.height)

    def _rows_of(self, bucket: int) -> bytes:
        return self._rows.get(bucket, b"")


def measure(h: Hash, index: Index, *, rows: int, chunk_rows: int) -> dict[str, float]:
    """Prove and verify one subject; return bytes and milliseconds."""
    subject = subject_of(h, rows=rows, chunk_rows=chunk_rows)
    root, map_proof = index.prove(subject.trail)
    listing = Listing(index_key=SUBJECT, trail=subject.trail if rows else None, map_proof=map_proof)
    source = ListedTrail(h, subject.chunks)
    started = time.perf_counter()
    proof = build_trail_proof(h, listing, shown=RowRange(start=0, stop=rows), source=source)
    built_ms = (time.perf_counter() - started) * _MS
    data = encode_trail_proof(proof)
    proof_ms = entries_ms = float("inf")
    for _ in range(RUNS):
        started = time.perf_counter()
        proven = verify_trail_proof(
            h,
            bits=BITS,
            index_root=root,
            index_size=200 * rows + 1,
            proof=decode_trail_proof(data),
        )
        verified = time.perf_counter()
        _check_entries(h, proven, subject.entries)
        done = time.perf_counter()
        proof_ms = min(proof_ms, (verified - started) * _MS)
        entries_ms = min(entries_ms, (done - verified) * _MS)
    return {
        "rows": rows,
        "chunks": len(subject.chunks),
        "bytes": len(data),
        "bytes_without_rows": len(data) - 40 * rows,
        "build_ms": round(built_ms, 2),
        "verify_proof_ms": round(proof_ms, 2),
        "verify_entries_ms": round(entries_ms, 2),
    }


def _check_entries(h: Hash, proven: ProvenTrail, entries: Sequence[bytes]) -> None:
    for (_, leaf), data in zip(proven.rows, entries, strict=True):
        if hash_leaf(h, data) != leaf or SUBJECT not in decode_entry(data).index_keys:
            raise SystemExit("an honest proof was refused")


def _other_rows(h: Hash, keys: int) -> Iterator[bytes]:
    for number in range(keys):
        yield h(b"key %d" % number) + h(b"trail %d" % number)


def _entry(h: Hash, number: int) -> Entry:
    return Entry(
        height=number + 1,
        time_ms=1_780_000_000_000 + number,
        submission_digest=h(b"submission %d" % number),
        call_index=number % 7,
        organisation="11440300000000011A",
        key_id=h(b"key")[:20],
        contract="access",
        contract_version=1,
        outcome=0,
        index_keys=(
            SUBJECT,
            b"\x0211440300000000011A",
            b"\x0311440300000000022B",
            b"\x04item-0001",
            b"\x05grant-0001",
        ),
        body_digest=h(b"body %d" % number),
    )


def main() -> None:
    """Measure both suites."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    arguments = parser.parse_args()
    for suite in ("sm", "intl"):
        h = suite_named(suite).digest
        index = Index(h, arguments.keys)
        for rows, chunk_rows in SHAPES:
            figures = measure(h, index, rows=rows, chunk_rows=chunk_rows)
            print(json.dumps({"suite": suite, "keys": arguments.keys, **figures}))


if __name__ == "__main__":
    main()
