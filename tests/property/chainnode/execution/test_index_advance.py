"""The index that execution keeps is the one that the wire format describes, at every block."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.batch import NULL_DECODED_BATCH
from chainnode.execution import Executor, genesis_state
from chainnode.ledger import waiting
from chainnode.ledger.bucket_map import verify_map_proof
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_entry
from chainnode.ledger.genesis_block import members_of
from chainnode.ledger.merkle import verify_consistency
from contracts.schemas.shape import PublicPart
from tests import naive_index as naive
from tests.unit.chainnode.execution.chains import Chain
from tests.unit.contracts.builders import ACCESS_RECORD, NOW_MS, changed

BITS = 8


@dataclass
class Oracle:
    """All entries so far, and the chunks that the rule of §10 makes of them."""

    h: Callable[[bytes], bytes]
    waiting_max: int
    entries: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    chunks: dict[bytes, list[list[bytes]]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.ends[-1] if self.ends else 0

    @property
    def index(self) -> naive.Map:
        trails = {key: naive.packed(naive.trail(self.h, one)) for key, one in self.chunks.items()}
        return naive.Map(self.h, BITS, trails)

    def block(self, entries: tuple[bytes, ...], time_ms: int) -> None:
        self.entries += entries
        self.times += [time_ms] * len(entries)
        start, stop = self.size, len(self.entries)
        if stop == start:
            return
        if stop - start < self.waiting_max and time_ms < self.times[start] + 1000:
            return
        added: dict[bytes, list[bytes]] = {}
        for position in range(start, stop):
            entry = self.entries[position]
            for key in decode_entry(entry).index_keys:
                added.setdefault(key, []).append(naive.row(self.h, position, entry))
        for key, rows in added.items():
            self.chunks.setdefault(key, []).append(rows)
        self.ends.append(stop)


class DiskChain:
    """Execution over a real ledger that is closed and opened again at will."""

    def __init__(self, folder: Path, suite_name: str) -> None:
        self.maker = Chain(suite_name)
        self.folder = folder
        self.call = 0
        self._open()

    def _open(self) -> None:
        genesis, suite = self.maker.genesis, self.maker.suite
        self.ledger = Ledger.open(
            self.folder, genesis=genesis, suite=suite, initial_state=genesis_state(genesis, suite)
        )
        self.executor = Executor(genesis, suite, self.ledger)

    def restart(self) -> None:
        self.ledger.close()
        self._open()

    def record(self, item: int, subjects: set[int]) -> PublicPart:
        self.call += 1
        return changed(
            ACCESS_RECORD,
            call_id=self.call.to_bytes(16),
            item=f"item {item}",
            subjects=tuple(sorted(bytes((one,)) * 32 for one in subjects)),
        )

    def execute(self, records: list[tuple[int, set[int]]], time_ms: int) -> tuple[bytes, ...]:
        parts = [self.record(*one) for one in records]
        batch = NULL_DECODED_BATCH
        if parts:
            batch = self.maker.batch(self.maker.submission(*parts), time_ms=time_ms)
        block = self.executor.execute(
            self.ledger.height + 1, batch, epoch=0, members=members_of(self.maker.genesis)
        )
        self.ledger.append(block)
        return block.entries


def require_same(ledger: Ledger, oracle: Oracle) -> None:
    """Root, size, every trail with its proof, absence, and where chunks end."""
    index, tip = oracle.index, ledger.tip
    assert (tip.head.index_size, tip.rest.index_root) == (oracle.size, index.root)
    keys = [*index.values, b"\x01 absent"]
    for item in ledger.index_proof(keys, ledger.height):
        assert item.value == index.values.get(item.key)
        verify_map_proof(
            oracle.h,
            bits=BITS,
            root=tip.rest.index_root,
            key=item.key,
            value=item.value,
            proof=item.proof,
        )
    assert list(ledger.advance_ends(0, ledger.log_size)) == oracle.ends
    assert ledger.waiting.count == len(oracle.entries) - oracle.size


records = st.lists(st.tuples(st.integers(0, 2), st.sets(st.integers(0, 9), max_size=3)), max_size=4)
steps = st.lists(
    st.tuples(records, st.sampled_from((0, 1, 400, 999, 1000, 1001, 5000)), st.booleans()),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("suite_name", ["intl", "sm"])
@settings(max_examples=25, deadline=None)
@given(steps=steps)
def test_index_is_that_of_the_wire_format_at_every_block_and_after_every_restart(
    suite_name: str, steps: list[tuple[list[tuple[int, set[int]]], int, bool]]
) -> None:
    waiting_max = 9
    with (
        pytest.MonkeyPatch.context() as patched,
        tempfile.TemporaryDirectory() as folder,
    ):
        patched.setattr(waiting, "WAITING_MAX", waiting_max)
        chain = DiskChain(Path(folder) / "data", suite_name)
        oracle = Oracle(chain.maker.suite.digest, waiting_max)
        for parts, later_ms, has_restart in steps:
            time_ms = max(chain.ledger.tip.head.time_ms, NOW_MS) + later_ms
            entries = chain.execute(parts, time_ms)
            oracle.block(entries, chain.ledger.tip.head.time_ms)
            if has_restart:
                before = chain.ledger.waiting
                chain.restart()
                assert chain.ledger.waiting.by_key() == before.by_key()
            require_same(chain.ledger, oracle)
        require_consistent(chain.ledger, oracle)
        chain.ledger.close()


def require_consistent(ledger: Ledger, oracle: Oracle) -> None:
    """Every two sizes of the log are proven to continue each other."""
    h = oracle.h
    roots = [naive.tree_root(h, oracle.entries[:size]) for size in range(ledger.log_size + 1)]
    for new_size, new_root in enumerate(roots):
        for old_size, old_root in enumerate(roots[: new_size + 1]):
            verify_consistency(
                h,
                old_size=old_size,
                new_size=new_size,
                old_root=old_root,
                new_root=new_root,
                path=ledger.consistency_path(old_size, new_size),
            )
