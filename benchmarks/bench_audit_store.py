"""Cost of the audit read model: following the log, and one page of a long trail.

`python -m benchmarks.bench_audit_store [--records N] [--advance N] [--url URL]` follows N records
of four departments, each with a subject of its own among N / 5, into SQLite (or the database of
URL), then builds and verifies pages of 100 rows from the middle of the trail of the department
that all records carry. Entries come from memory. CPU time of this process; one JSON line.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from chainnode.audit.growth import grow, read_advance
from chainnode.audit.opening import open_audit_database
from chainnode.audit.port import AuditDatabase
from chainnode.audit.trail_rows import TrailRows
from chainnode.config import AuditUrl
from chainnode.ledger.bucket_map import MapProof
from chainnode.ledger.codec import encode_entry
from chainnode.ledger.merkle import Hash, hash_leaf
from chainnode.ledger.trail_building import Listing, RowRange, build_trail_proof
from chainnode.ledger.trail_proofs import encode_trail_proof
from chainnode.ledger.trails import Trail
from chainnode.ledger.types import Entry
from chainnode.suites import suite_named

PAGE_ROWS = 100
PAGES = 50
EVERYWHERE = b"\x03CITY-DATA"
_STEP = 4


def entries_of(count: int) -> Iterator[bytes]:
    """Yield the entries of a log, the same ones every time."""
    chance = random.Random(1)  # noqa: S311 - a fixed log, not a secret
    for position in range(count):
        subject = b"\x01" + chance.randrange(max(count // 5, 1)).to_bytes(32, "big")
        keys = sorted({subject, b"\x02DEPT-%d" % chance.randrange(4), EVERYWHERE, b"\x04ITEM"})
        yield encode_entry(
            Entry(
                height=position // 100 + 1,
                time_ms=position,
                submission_digest=bytes(32),
                call_index=0,
                organisation="ORG",
                key_id=bytes(20),
                contract="access",
                contract_version=1,
                outcome=0,
                index_keys=tuple(keys),
                body_digest=bytes(32),
            )
        )


def follow(h: Hash, database: AuditDatabase, log: list[bytes], advance: int) -> float:
    """Follow the whole log; return the CPU time in seconds."""
    began = time.process_time()
    for start in range(0, len(log), advance * _STEP):
        stops = range(start, min(start + advance * _STEP, len(log)), advance)
        advances = [read_advance(h, one, log[one : one + advance]) for one in stops]
        known = database.states({key: None for one in advances for key in one.keyed})
        identity = database.next_identity()
        database.append(grow(h, advances, known=known, next_identity=identity))
    return time.process_time() - began


def pages(h: Hash, database: AuditDatabase, log: list[bytes]) -> tuple[float, int]:
    """Build pages of the longest trail; return CPU time of one in seconds, and its bytes."""
    (state,) = database.states((EVERYWHERE,)).values()
    peaks = [state.peaks[at : at + 32] for at in range(0, len(state.peaks), 32)]
    trail = Trail(rows=state.rows, chunks=state.chunks, peaks=tuple(peaks))
    listing = Listing(index_key=EVERYWHERE, trail=trail, map_proof=MapProof(rows=b"", siblings=()))
    size = 0
    began = time.process_time()
    for page in range(PAGES):
        start = (state.rows - PAGE_ROWS) * page // PAGES
        run = database.rows_from(state.identity, start, limit=PAGE_ROWS)
        source = TrailRows(
            h, database, trail=state.identity, run=run, leaf=lambda at: hash_leaf(h, log[at])
        )
        shown = RowRange(start=run[0].row, stop=run[-1].row + 1)
        proof = build_trail_proof(h, listing, shown=shown, source=source)
        size = max(size, len(encode_trail_proof(proof)))
    return (time.process_time() - began) / PAGES, size


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--advance", type=int, default=1_000)
    parser.add_argument("--suite", default="intl")
    parser.add_argument("--url", default="sqlite:")
    options = parser.parse_args()
    h = suite_named(options.suite).digest
    log = list(entries_of(options.records))
    with tempfile.TemporaryDirectory() as folder:
        url = AuditUrl(options.url)
        database = open_audit_database(url, folder=Path(folder), chain_id=bytes(32))
        database.progress()
        followed = follow(h, database, log, options.advance)
        page, size = pages(h, database, log)
        database.close()
        stored = sum(one.stat().st_size for one in Path(folder).iterdir())
    figures = {
        "records": options.records,
        "advance": options.advance,
        "suite": options.suite,
        "database": str(url),
        "follow_us_per_record": round(followed / options.records * 1e6, 1),
        "page_ms": round(page * 1e3, 2),
        "page_proof_bytes": size,
        "bytes_per_record": round(stored / options.records),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
