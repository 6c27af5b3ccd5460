"""Trail proofs against an index built word by word: every size, every kind of run."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.ledger.bucket_map import MapProof
from chainnode.ledger.merkle import InvalidProof
from chainnode.ledger.trail_building import (
    NO_ROWS,
    Listing,
    RowRange,
    build_trail_proof,
)
from chainnode.ledger.trail_proofs import (
    ProvenTrail,
    TrailProof,
    covered_until_ms,
    decode_trail_proof,
    encode_trail_proof,
    verify_continuation,
    verify_trail_proof,
)
from chainnode.ledger.trails import EMPTY_TRAIL, Trail, encode_row
from tests import naive_index
from tests.listed_trail import ListedTrail, extended, rows_of_period

BITS = 8
SIZE_MAX = 130
KEY = b"\x01" + b"k" * 32


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One key with `chunks` among some other keys."""

    chunks: list[list[bytes]]
    index: naive_index.Map

    @property
    def rows(self) -> list[bytes]:
        return [row for chunk in self.chunks for row in chunk]

    @property
    def index_size(self) -> int:
        return int.from_bytes(self.rows[-1][:8]) + 1 if self.chunks else 0

    def trail(self, chunks: int | None = None) -> Trail:
        trail = EMPTY_TRAIL
        for rows in self.chunks[:chunks]:
            trail, _ = extended(h, trail, rows)
        return trail

    def proof(self, shown: RowRange = NO_ROWS) -> TrailProof:
        listing = Listing(
            index_key=KEY,
            trail=self.trail() if self.chunks else None,
            map_proof=MapProof(rows=self.index.rows(KEY), siblings=tuple(self.index.siblings(KEY))),
        )
        return build_trail_proof(h, listing, shown=shown, source=ListedTrail(h, self.chunks))

    def verify(self, proof: TrailProof) -> ProvenTrail:
        return verify_trail_proof(
            h, bits=BITS, index_root=self.index.root, index_size=self.index_size, proof=proof
        )


def kept(sizes: list[int]) -> Kept:
    """A key whose chunks have these numbers of rows; positions leave gaps of other entries."""
    chunks, position = [], 0
    for size in sizes:
        rows = []
        for _ in range(size):
            rows.append(encode_row(position, h(b"%d" % position)))
            position += 1 + position % 3
        chunks.append(rows)
    values = {b"\x02other %d" % one: b"%d" % one for one in range(60)}
    if chunks:
        values[KEY] = naive_index.packed(naive_index.trail(h, chunks))
    return Kept(chunks=chunks, index=naive_index.Map(h, BITS, values))


def runs_of(rows: int) -> Iterator[RowRange]:
    yield NO_ROWS
    for start in sorted({0, 1, rows // 3, rows - 2, rows - 1} & set(range(rows))):
        for stop in sorted({start + 1, (start + rows) // 2, rows - 1, rows}):
            if start < stop <= rows:
                yield RowRange(start=start, stop=stop)


def single_rows(size: int) -> list[int]:
    return [1] * size


def one_chunk(size: int) -> list[int]:
    return [size] if size else []


def mixed_chunks(size: int) -> list[int]:
    return [1 + one % 5 for one in range(size // 3)] + [1] * (size % 3)


SHAPES = {one.__name__: one for one in (single_rows, one_chunk, mixed_chunks)}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", range(SIZE_MAX + 1))
def test_every_run_of_every_size_is_proven_as_the_format_words_it(size: int, shape: str) -> None:
    one = kept(SHAPES[shape](size))
    rows = one.rows
    for shown in runs_of(len(rows)):
        proof = one.proof(shown)
        data = encode_trail_proof(proof)
        proven = one.verify(decode_trail_proof(data))

        assert data == naive_index.packed(
            naive_index.trail_proof(
                h, KEY, one.chunks, one.index, start=shown.start, stop=shown.stop
            )
        )
        assert proven.trail == one.trail()
        expected = rows[shown.start : shown.stop]
        assert [position.to_bytes(8) + leaf for position, leaf in proven.rows] == expected
        assert proven.first_row == shown.start
        assert proven.is_to_end == (shown.stop == len(rows))


def test_a_client_goes_on_from_every_trail_it_may_hold() -> None:
    one = kept([1 + number % 4 for number in range(40)])
    total = len(one.rows)
    for chunks in range(len(one.chunks) + 1):
        held = one.trail(chunks)
        proof = one.proof(RowRange(start=held.rows, stop=total) if held.rows < total else NO_ROWS)
        one.verify(proof)
        verify_continuation(held, proof)
        for other in (one.trail(max(chunks - 1, 0)), replace(held, rows=held.rows + 1)):
            if other != held:
                with pytest.raises(InvalidProof, match="held trail"):
                    verify_continuation(other, proof)
        if 0 < held.rows < total:
            forged = replace(held, peaks=(h(b"forged"), *held.peaks[1:]))
            with pytest.raises(InvalidProof, match="peaks"):
                verify_continuation(forged, proof)


def test_a_key_without_rows_is_proven_absent_and_held_as_nothing() -> None:
    one = kept([])
    proof = one.proof()

    proven = one.verify(proof)

    assert (proven.trail, proven.rows) == (EMPTY_TRAIL, ())
    assert proven.first_row == 0
    assert proven.is_to_end
    verify_continuation(EMPTY_TRAIL, proof)
    with pytest.raises(InvalidProof, match="held trail"):
        verify_continuation(kept([1]).trail(), proof)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), max_size=12),
    period=st.tuples(st.integers(0, 80), st.integers(0, 80)),
    as_of=st.integers(0, 80),
    pace=st.integers(1, 4),
)
def test_a_period_is_covered_exactly_when_no_row_of_it_can_be_missing(
    sizes: list[int], period: tuple[int, int], as_of: int, pace: int
) -> None:
    one = kept(sizes)
    # Several entries share a block time.
    times = [number // pace for number in range(len(one.rows))]
    as_of = max([as_of, *times])
    from_ms, to_ms = sorted(period)
    shown = rows_of_period(len(times), times.__getitem__, from_ms=from_ms, to_ms=to_ms)
    proven = one.verify(one.proof(shown))
    shown_times = times[shown.start : shown.stop]

    covered = covered_until_ms(
        proven.trail,
        first_row=proven.first_row,
        times_ms=shown_times,
        from_ms=from_ms,
        as_of_ms=as_of,
    )

    assert covered is not None
    assert covered >= min(to_ms, as_of)
    everything = [number for number, time in enumerate(times) if from_ms <= time < covered]
    assert set(everything) <= set(range(shown.start, shown.stop))


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=12),
    bounds=st.tuples(st.integers(0, 71), st.integers(0, 71)),
    from_ms=st.integers(0, 30),
    pace=st.integers(1, 4),
)
def test_what_any_run_covers_holds_no_row_that_is_not_shown(
    sizes: list[int], bounds: tuple[int, int], from_ms: int, pace: int
) -> None:
    one = kept(sizes)
    total = len(one.rows)
    start, stop = min(*bounds, total), min(max(bounds), total)
    times = [number // pace for number in range(total)]
    proven = one.verify(one.proof(RowRange(start=start, stop=stop)))

    covered = covered_until_ms(
        proven.trail,
        first_row=proven.first_row,
        times_ms=times[start:stop],
        from_ms=from_ms,
        as_of_ms=times[-1],
    )

    if covered is not None:
        inside = {number for number, time in enumerate(times) if from_ms <= time < covered}
        assert inside <= set(range(start, stop))
