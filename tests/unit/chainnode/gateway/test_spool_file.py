"""The file of a spool: a torn tail is cut, any other change is refused by name and kept."""

import random
from pathlib import Path

import pytest

from chainnode.codec import encode
from chainnode.errors import InvalidInput
from chainnode.gateway import SpoolCorrupted, SpoolOfAnotherChain, UnknownSpoolFormat
from chainnode.gateway.spool.codec import SpoolRecords
from chainnode.gateway.spool.file import open_spool_log
from chainnode.gateway.spool.records import (
    Answered,
    Begun,
    Buried,
    Counted,
    Died,
    Kept,
    Record,
    Recorded,
    Remembered,
    Retried,
)
from chainnode.gateway.spool.state import IllegalRecord, SpoolState
from chainnode.segments.frames import CHAIN_START, encode_frame
from tests.unit.chainnode.gateway.spool_parts import CHAIN_ID, NOW_MS, answered, entry, signed

DIED = Died(
    entry_id=3,  # type: ignore[arg-type]  # plain numbers read better here
    died_ms=NOW_MS,
    code=60,
    code_name="ACCESS_DOUBLE_RECORD",
    details=(1, 2, 3),
)
RECORDED = Recorded(
    entry_id=2,  # type: ignore[arg-type]  # plain numbers read better here
    submission_digest=b"d" * 32,
    height=5,
    position=6,
)


def kept(number: int) -> Kept:
    return Kept(entry_id=number, entry=entry(number))  # type: ignore[arg-type]  # as above


ALL_KINDS: tuple[Record, ...] = (
    kept(1),
    signed(1, 2, 3),
    Answered(digest=b"d" * 32, recorded=(RECORDED,), died=(DIED,)),
    Retried(entry_ids=(DIED.entry_id,)),
    Remembered(identity=entry(2).identity, content=b"c" * 32, recorded=RECORDED),
    Counted(next_id=9, settled=4, public_key=b"k" * 33, next_nonce=7),
    Buried(entry=entry(3), died=DIED),
    Begun(entry=entry(4)),
)


def written(directory: Path, count: int = 4) -> Path:
    """Write a spool of so many entries; return its one segment."""
    directory.mkdir()
    log, _ = open_spool_log(directory, chain_id=CHAIN_ID)
    for number in range(1, count + 1):
        log.append([kept(number)])
        log.sync()
    log.close()
    (path,) = directory.glob("spool-*.log")
    return path


def waiting(directory: Path) -> int:
    """Open, and count what waits."""
    log, state = open_spool_log(directory, chain_id=CHAIN_ID)
    log.close()
    return state.waiting_count


@pytest.mark.parametrize("record", ALL_KINDS, ids=lambda one: type(one).__name__)
def test_every_record_is_read_as_it_was_written(record: Record) -> None:
    codec = SpoolRecords()
    assert codec.decode(codec.encode(record)) == record


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xc1", encode(()), encode((99, 1)), encode((1, 2)), encode(("1", 2)), encode((4, 5))],
    ids=["empty", "no value", "no kind", "unknown kind", "too short", "text kind", "no array"],
)
def test_what_is_no_record_is_refused_by_type(payload: bytes) -> None:
    with pytest.raises(InvalidInput):
        SpoolRecords().decode(payload)


@pytest.mark.parametrize(
    "record",
    [
        kept(7),
        signed(1),
        Answered(digest=b"d" * 32),
        Retried(entry_ids=(DIED.entry_id,)),
        Buried(entry=entry(3), died=DIED),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_record_that_does_not_follow_is_refused(record: Record) -> None:
    state = SpoolState()
    with pytest.raises(IllegalRecord):
        state.apply(record)
    assert state.restatement() == SpoolState().restatement()


def test_a_restatement_makes_the_same_state() -> None:
    state = SpoolState()
    for number in range(1, 6):
        state.apply(kept(number))
    under_way = signed(1, 2, 3, nonce=4)
    state.apply(under_way)
    state.apply(answered(under_way, died=(2,)))
    state.apply(signed(4, nonce=5))

    again = SpoolState()
    for record in state.restatement():
        again.apply(record)

    assert again.restatement() == state.restatement()
    assert list(again.waiting()) == list(state.waiting())
    assert again.held_bytes == state.held_bytes
    assert again.in_flight == state.in_flight
    assert again.next_nonce(b"k" * 32) == 6


@pytest.mark.parametrize("cut", [1, 20, 44])
def test_a_torn_tail_is_cut_and_what_stands_before_it_is_there(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "spool")
    path.write_bytes(path.read_bytes()[:-cut])
    assert waiting(tmp_path / "spool") == 3
    # It goes on from there.
    log, _ = open_spool_log(tmp_path / "spool", chain_id=CHAIN_ID)
    log.append([kept(4)])
    log.sync()
    log.close()
    assert waiting(tmp_path / "spool") == 4


def test_no_flipped_bit_is_served_and_none_hides_an_entry(tmp_path: Path) -> None:
    path = written(tmp_path / "spool")
    honest = path.read_bytes()
    chance = random.Random(5)  # noqa: S311 - a seeded choice
    for _ in range(200):
        at = chance.randrange(len(honest))
        changed = bytearray(honest)
        changed[at] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        with pytest.raises((SpoolCorrupted, SpoolOfAnotherChain, UnknownSpoolFormat)):
            waiting(tmp_path / "spool")
        assert path.read_bytes() == changed
    path.write_bytes(honest)
    assert waiting(tmp_path / "spool") == 4


def test_the_spool_of_another_chain_is_left_alone(tmp_path: Path) -> None:
    written(tmp_path / "spool")
    with pytest.raises(SpoolOfAnotherChain):
        open_spool_log(tmp_path / "spool", chain_id=b"o" * 32)


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (("kun.spool", 2, 1, CHAIN_ID, (0, 0, CHAIN_START)), UnknownSpoolFormat),
        (("kun.spool", 1, 2, CHAIN_ID, (0, 0, CHAIN_START)), SpoolCorrupted),
        (("kun.spool", 1, 1, b"short", (0, 0, CHAIN_START)), SpoolCorrupted),
        (("kun.votelog", 1, 1, CHAIN_ID, (0, 0, CHAIN_START)), UnknownSpoolFormat),
        ((), SpoolCorrupted),
    ],
    ids=["newer", "another segment", "no chain", "a vote log", "nothing"],
)
def test_a_segment_with_another_head_is_refused_by_name(
    tmp_path: Path, head: tuple[object, ...], error: type[Exception]
) -> None:
    path = written(tmp_path / "spool")
    path.write_bytes(encode_frame(encode(head), previous=CHAIN_START)[0])  # type: ignore[arg-type]  # plain values
    with pytest.raises(error):
        waiting(tmp_path / "spool")


def test_a_record_that_was_smuggled_in_is_corruption(tmp_path: Path) -> None:
    directory = tmp_path / "spool"
    written(directory)
    log, _ = open_spool_log(directory, chain_id=CHAIN_ID)
    log.append([signed(77)])
    log.sync()
    log.close()
    with pytest.raises(SpoolCorrupted, match="Signed"):
        waiting(directory)


def test_a_call_begins_once_and_not_after_its_half_was_kept() -> None:
    state = SpoolState()
    state.apply(kept(1))
    state.apply(Begun(entry=entry(2)))
    for number in (1, 2):
        with pytest.raises(IllegalRecord):
            state.apply(Begun(entry=entry(number)))
