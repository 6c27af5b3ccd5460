"""Readers beside the appending thread, and questions about what does not exist."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, overload

import pytest

from chainnode.codec import encode
from chainnode.errors import InvalidInput
from chainnode.ledger.bucket_map import KEPT_HEIGHTS
from chainnode.ledger.chain import Ledger
from chainnode.ledger.errors import HeightNotKept, UnknownHeight, UnknownPosition
from chainnode.ledger.proofs import verify_record, verify_state_item
from tests.unit.chainnode.ledger.blocks import BlockMaker, open_ledger, state_key

UNKNOWN: dict[str, tuple[type[InvalidInput], Callable[[Ledger], object]]] = {
    "header": (UnknownHeight, lambda one: one.header(3)),
    "negative header": (UnknownHeight, lambda one: one.header(-1)),
    "batch": (UnknownHeight, lambda one: one.batch_bytes(3)),
    "certificate": (UnknownHeight, lambda one: one.certificate(3)),
    "own checkpoint": (UnknownHeight, lambda one: one.own_checkpoint(3)),
    "receipts": (UnknownHeight, lambda one: one.receipts(3)),
    "receipt of a height": (UnknownHeight, lambda one: one.receipt_proof(3, 0)),
    "receipt": (UnknownPosition, lambda one: one.receipt_proof(2, 1)),
    "negative receipt": (UnknownPosition, lambda one: one.receipt_proof(2, -1)),
    "positions": (UnknownHeight, lambda one: one.positions(3)),
    "entry": (UnknownPosition, lambda one: one.entry(6)),
    "negative entry": (UnknownPosition, lambda one: one.entry(-1)),
    "range of entries": (UnknownPosition, lambda one: one.entries(0, 7)),
    "range that falls": (UnknownPosition, lambda one: one.entries(3, 2)),
    "path of an entry": (UnknownPosition, lambda one: one.record_path(6, 6)),
    "path in a longer log": (UnknownPosition, lambda one: one.record_path(0, 7)),
    "path in an empty log": (UnknownPosition, lambda one: one.record_path(0, 0)),
    "path in a block": (UnknownPosition, lambda one: one.block_path(2, 3)),
    "path in block 0": (UnknownPosition, lambda one: one.block_path(0, 0)),
    "call parts": (UnknownPosition, lambda one: one.call_parts(6)),
    "state": (HeightNotKept, lambda one: one.state_proof([], 3)),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_does_not_exist_is_refused_as_the_caller_s_mistake(tmp_path: Path, name: str) -> None:
    expected, ask = UNKNOWN[name]
    ledger = open_ledger(tmp_path)
    BlockMaker().grow(ledger, blocks=2)

    with pytest.raises(expected):
        ask(ledger)

    assert ledger.header(2) == ledger.tip
    ledger.close()


def test_state_of_heights_before_the_last_start_is_not_kept(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    BlockMaker().grow(ledger, blocks=2)
    ledger.close()

    ledger = open_ledger(tmp_path)

    with pytest.raises(HeightNotKept, match="expected 2 … 2, got 1"):
        ledger.state_proof([state_key("height")], 1)
    assert ledger.state_proof([state_key("height")], 2)[0].value == encode((2,))
    ledger.close()


class SlowKeys(Sequence[bytes]):
    """Keys of a proof during whose making the chain leaves its height behind."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if index != 0:
            raise IndexError
        BlockMaker().grow(self._ledger, blocks=KEPT_HEIGHTS)
        return state_key("height")


def test_a_height_that_is_dropped_while_it_is_being_proven_is_refused(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)

    with pytest.raises(HeightNotKept, match="expected 1 … 64, got 0"):
        ledger.state_proof(SlowKeys(ledger), 0)

    ledger.close()


def test_receipts_are_the_same_when_asked_for_again_after_many_others(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    maker.grow(ledger, blocks=20)
    first = [ledger.receipt_proof(height, 0) for height in range(1, 21)]

    again = [ledger.receipt_proof(height, 0) for height in range(1, 21)]

    assert first == again
    assert len({proof.receipt for proof in first}) == 20
    ledger.close()


class Prober:
    """A reader that proves something new of the tip again and again."""

    def __init__(self, ledger: Ledger, maker: BlockMaker) -> None:
        self._ledger = ledger
        self._h = maker.suite.digest
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.heights: set[int] = set()
        self.errors: list[Exception] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._probe()
        except Exception as error:  # noqa: BLE001 - carried to the test's own thread
            self.errors.append(error)

    def _probe(self) -> None:
        ledger, tip = self._ledger, self._ledger.tip
        (item,) = ledger.state_proof([state_key("height")], tip.height)
        assert item.value == (encode((tip.height,)) if tip.height else None)
        verify_state_item(
            self._h, header=tip, bits=8, key=item.key, value=item.value, proof=item.proof
        )
        size = tip.head.log_size
        if size:
            verify_record(
                self._h,
                header=tip,
                entry=ledger.entry(size - 1),
                position=size - 1,
                path=ledger.record_path(size - 1, size),
            )
        self.heights.add(tip.height)


def test_readers_in_other_threads_see_the_old_tip_or_the_new_one_never_a_mix(
    tmp_path: Path,
) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)

    with Prober(ledger, maker) as first, Prober(ledger, maker) as second:
        maker.grow(ledger, blocks=150, calls=2)

    assert not first.errors + second.errors
    assert len(first.heights | second.heights) > 10
    ledger.close()
