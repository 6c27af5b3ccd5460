"""What is stored and contradicts itself is found at opening, or by the read that meets it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chainnode.codec import encode
from chainnode.errors import StorageError
from chainnode.ledger import keyspace
from chainnode.ledger.codec import encode_header
from chainnode.ledger.directory import LEDGER_FOLDER
from chainnode.ledger.errors import DamagedLedger
from chainnode.ledger.store import Change, Store
from chainnode.suites import suite_named
from tests.unit.chainnode.ledger.blocks import BlockMaker, open_ledger, state_key

# Two levels of stored log nodes: 2 and 1 at level 4 and 5.
# Nothing waits for the index after an even number of blocks, a second apart.
BLOCKS = 8
CALLS = 5
SIZE = BLOCKS * CALLS


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    maker.grow(ledger, blocks=BLOCKS, calls=CALLS)
    ledger.store_certificate(maker.encoded_certificate(ledger.header(3)), sync=True)
    ledger.close()
    return tmp_path


def tamper(path: Path, *changes: Change) -> None:
    store = Store.open(path / LEDGER_FOLDER)
    store.write(changes, sync=True)
    store.close()


def keys_of(path: Path, kind: bytes) -> list[bytes]:
    store = Store.open(path / LEDGER_FOLDER)
    keys = [key for key, _ in store.iterate(start=kind, stop=bytes([kind[0] + 1]))]
    store.close()
    return keys


def other_header(path: Path) -> bytes:
    ledger = open_ledger(path)
    header = ledger.header(5)
    ledger.close()
    return encode_header(header)


OPENING: dict[str, tuple[str, Callable[[Path], Change]]] = {
    "header of the tip gone": (
        "advances of the index",
        lambda _: (keyspace.header_key(BLOCKS), None),
    ),
    "header in the middle gone": ("header 4", lambda _: (keyspace.header_key(4), None)),
    "header in the middle no header": ("header 4", lambda _: (keyspace.header_key(4), b"\x90")),
    "header of another height": (
        "height in header 4",
        lambda path: (keyspace.header_key(4), other_header(path)),
    ),
    "block 0 gone": ("header 0", lambda _: (keyspace.header_key(0), None)),
    "genesis gone": ("genesis", lambda _: (keyspace.GENESIS, None)),
    "entry of the tip gone": (f"entry {SIZE - 1}", lambda _: (keyspace.entry_key(SIZE - 1), None)),
    "entry of the tip changed": (
        "records root",
        lambda _: (keyspace.entry_key(SIZE - 4), b"other"),
    ),
    "log node gone": ("log node 5/0", lambda _: (keyspace.log_node_key(5, 0), None)),
    "log node changed": ("log root", lambda _: (keyspace.log_node_key(5, 0), bytes(32))),
    "receipts of the tip gone": (
        f"receipts {BLOCKS}",
        lambda _: (keyspace.receipts_key(BLOCKS), None),
    ),
    "receipts of the tip no receipts": (
        f"receipts {BLOCKS}",
        lambda _: (keyspace.receipts_key(BLOCKS), b"\xc0"),
    ),
    "receipts of the tip changed": (
        "receipts root",
        lambda _: (keyspace.receipts_key(BLOCKS), encode((b"other",))),
    ),
    "bucket gone": ("state root", lambda path: (keys_of(path, b"k")[0], None)),
    "bucket changed": ("state root", lambda path: (keys_of(path, b"k")[0], bytes(64))),
    "bucket more": ("state root", lambda _: (keyspace.STATE.bucket(0, 255), bytes(64))),
    "index bucket gone": ("index root", lambda path: (keys_of(path, b"i")[0], None)),
    "index bucket changed": ("index root", lambda path: (keys_of(path, b"i")[0], bytes(64))),
    "index bucket more": ("index root", lambda _: (keyspace.INDEX.bucket(0, 255), bytes(64))),
    "advance gone": ("advances of the index", lambda path: (keys_of(path, b"a")[1], None)),
    "advance more": ("advances of the index", lambda _: (keyspace.advance_key(3), bytes(8))),
    "advance at another height": (
        "advances of the index",
        lambda path: (keys_of(path, b"a")[0], bytes(8)),
    ),
}


@pytest.mark.parametrize("name", OPENING)
def test_a_ledger_that_contradicts_itself_is_refused_at_opening(path: Path, name: str) -> None:
    what, change = OPENING[name]
    tamper(path, change(path))

    for _ in range(2):
        with pytest.raises(DamagedLedger) as caught:
            open_ledger(path)
        assert caught.value.what == what
        assert caught.value.expected != caught.value.actual


def test_a_broken_hash_chain_is_found_by_the_parent_digest(path: Path) -> None:
    twin = BlockMaker()
    ledger = open_ledger(path.parent / "twin")
    twin.grow(ledger, blocks=2, calls=CALLS)
    ledger.append(twin.block(ledger, time_ms=ledger.tip.head.time_ms))
    other = encode_header(ledger.tip)
    ledger.close()

    tamper(path, (keyspace.header_key(3), other))

    with pytest.raises(DamagedLedger, match="parent digest in header 4"):
        open_ledger(path)


def test_a_state_value_that_its_bucket_does_not_commit_to_is_never_served(path: Path) -> None:
    tamper(
        path,
        (keyspace.STATE.value(0, suite_named("intl").digest(state_key("height"))), encode((99,))),
    )
    ledger = open_ledger(path)

    with pytest.raises(DamagedLedger, match="state value"):
        ledger.state_proof([state_key("height")], BLOCKS)

    ledger.close()


def test_an_entry_whose_submission_is_not_found_is_damage(path: Path) -> None:
    tamper(path, *((key, None) for key in keys_of(path, b"p")))
    ledger = open_ledger(path)

    with pytest.raises(DamagedLedger, match="submission of entry 0"):
        ledger.call_parts(0)

    ledger.close()


def test_a_missing_old_entry_or_node_is_damage_when_it_is_met(path: Path) -> None:
    tamper(path, (keyspace.entry_key(2), None), (keyspace.log_node_key(4, 0), None))
    ledger = open_ledger(path)

    with pytest.raises(DamagedLedger, match="entry 2"):
        ledger.entry(2)
    with pytest.raises(DamagedLedger, match="entry 2"):
        list(ledger.entries(0, 5))
    with pytest.raises(DamagedLedger, match="log node 4/0"):
        ledger.record_path(20, SIZE)

    ledger.close()


def everything(path: Path) -> list[object]:
    """Read all that a ledger can serve."""
    ledger = open_ledger(path)
    try:
        heights = range(ledger.height + 1)
        facts: list[object] = [ledger.tip, *ledger.entries(0, ledger.log_size)]
        facts += [(ledger.header(one), ledger.batch_bytes(one)) for one in heights]
        facts += [(ledger.receipts(one), ledger.certificate(one)) for one in heights]
        facts += [ledger.call_parts(one) for one in range(ledger.log_size)]
        facts += [ledger.record_path(one, ledger.log_size) for one in range(ledger.log_size)]
        facts += ledger.state_proof([state_key("height")], ledger.height)
        return facts
    finally:
        ledger.close()


def files_of(path: Path) -> list[str]:
    kept = {"LOCK", "LOG", "LOG.old"}  # LevelDB's own lock and diary hold no data
    return sorted(one.name for one in (path / LEDGER_FOLDER).iterdir() if one.name not in kept)


@pytest.mark.parametrize("where", ["in the log", "in tables"])
def test_a_flipped_bit_in_any_file_is_found_or_changes_nothing_that_is_served(
    path: Path, tmp_path: Path, where: str
) -> None:
    if where == "in tables":
        open_ledger(path).close()  # opening moves the log into tables
    expected = everything(shutil.copytree(path, tmp_path / "good"))
    damaged = tmp_path / "damaged"
    flips, found = 0, 0

    for name in files_of(path):
        size = (path / LEDGER_FOLDER / name).stat().st_size
        for at in range(size // 50, size, size // 12 + 1):
            shutil.copytree(path, damaged, ignore=_copies)
            flip(damaged / LEDGER_FOLDER / name, at)
            try:
                assert everything(damaged) == expected
            except StorageError:
                found += 1
            flips += 1
            shutil.rmtree(damaged)

    # What is left are bytes that LevelDB does not use: ends of tables, old log files.
    assert found > flips * 0.8


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1 << at % 8
    file.write_bytes(content)


def _copies(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name in {"good", "damaged"}]


def test_a_cut_log_opens_at_an_earlier_block_and_never_with_a_hole(
    path: Path, tmp_path: Path
) -> None:
    (log,) = (path / LEDGER_FOLDER).glob("*.log")
    whole = log.read_bytes()
    heights = set()

    for cut in range(0, len(whole), len(whole) // 40):
        copy = shutil.copytree(path, tmp_path / f"cut {cut}", ignore=_cuts)
        (copy / LEDGER_FOLDER / log.name).write_bytes(whole[:cut])
        ledger = open_ledger(copy)
        assert len(list(ledger.entries(0, ledger.log_size))) == ledger.height * CALLS
        heights.add(ledger.height)
        BlockMaker(nonce=1000).grow(ledger)
        ledger.close()

    assert heights == set(range(BLOCKS + 1))


def _cuts(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("cut")]


def test_a_flipped_length_of_the_last_log_record_reads_as_a_torn_tail(path: Path) -> None:
    """LevelDB cannot tell the two apart: hence the vote file's own memory (ADR-0005)."""
    (log,) = (path / LEDGER_FOLDER).glob("*.log")
    content = bytearray(log.read_bytes())
    starts = record_starts(content)

    content[starts[-1] + 5] |= 0x70
    log.write_bytes(content)

    ledger = open_ledger(path)
    assert (ledger.height, ledger.certified_height) == (BLOCKS, 0)
    ledger.close()


def record_starts(content: bytearray) -> list[int]:
    """Walk LevelDB's log: a header of CRC (4), length (2, little-endian) and type (1)."""
    starts, at = [], 0
    while at < len(content):
        starts.append(at)
        at += 7 + int.from_bytes(content[at + 4 : at + 6], "little")
    return starts
