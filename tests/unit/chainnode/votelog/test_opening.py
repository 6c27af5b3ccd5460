"""Opening the vote log: what may be voted with, and what makes a learner."""

import os
import shutil
from pathlib import Path

import pytest

from chainnode.errors import StorageError
from chainnode.segments.frames import CHAIN_START, encode_frame
from chainnode.segments.port import NOWHERE, Position
from chainnode.votelog import (
    LEARNER_MARK,
    Identity,
    VoteLogCorrupted,
    VoteLogOfAnotherKey,
    VoteLogRolledBack,
    VoteLogUnusable,
)
from chainnode.votelog.segment import SegmentHead, decode_mark, encode_mark
from tests.unit.chainnode.votelog.plain_records import (
    IDENTITY,
    UNREADABLE,
    open_plain,
    read,
    segment,
    written,
)

RECORDS = (b"one", b"two" * 20, b"three")


def rotated(directory: Path) -> tuple[bytes, bytes, Path]:
    """Rotate a log of RECORDS; return the marks before and after, and a copy of the old file."""
    before = written(directory, *RECORDS)
    saved = directory.parent / "saved.log"
    shutil.copyfile(segment(directory), saved)
    log, _ = open_plain(directory, before)
    log.rotate([b"restated"])
    log.append([b"new"])
    log.sync()
    log.close()
    return before, log.mark(), saved


def test_the_first_start_begins_a_log_and_the_second_finds_it(tmp_path: Path) -> None:
    log, records = open_plain(tmp_path / "votes")
    assert records == ()
    log.close()
    assert read(tmp_path / "votes", log.mark()) == ()


def test_a_ledger_without_a_mark_accepts_any_sound_log(tmp_path: Path) -> None:
    written(tmp_path / "votes", *RECORDS)
    assert read(tmp_path / "votes", None) == RECORDS


@pytest.mark.parametrize("records", [(), RECORDS], ids=["no log", "a log"])
def test_who_followed_as_a_learner_once_never_votes_again(
    tmp_path: Path, records: tuple[bytes, ...]
) -> None:
    if records:
        written(tmp_path / "votes", *records)
    with pytest.raises(VoteLogRolledBack, match="learner"):
        open_plain(tmp_path / "votes", LEARNER_MARK)


def test_votes_after_the_last_block_are_kept(tmp_path: Path) -> None:
    mark = written(tmp_path / "votes", *RECORDS)
    written(tmp_path / "votes", b"four")
    assert read(tmp_path / "votes", mark) == (*RECORDS, b"four")


def test_every_cut_gives_a_prefix_of_the_records_or_a_refusal(tmp_path: Path) -> None:
    mark = written(tmp_path / "votes", *RECORDS)
    path = segment(tmp_path / "votes")
    data = path.read_bytes()
    seen = set()
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        with pytest.raises(VoteLogUnusable):
            read(tmp_path / "votes", mark)
        assert path.read_bytes() == data[:cut]
        try:
            records = read(tmp_path / "votes")
        except VoteLogCorrupted:
            # Its head was durable before the segment had its name.
            seen.add("no head")
            continue
        assert records == RECORDS[: len(records)]
        seen.add(str(len(records)))
        # The torn tail is gone: the next opening sees whole frames only.
        assert read(tmp_path / "votes") == records
    assert seen == {"no head", "0", "1", "2"}


def test_a_torn_tail_is_cut_and_the_log_goes_on(tmp_path: Path) -> None:
    mark = written(tmp_path / "votes", *RECORDS)
    with segment(tmp_path / "votes").open("ab") as file:
        file.write(b"\x00\x00\x00\x09torn")
    log, records = open_plain(tmp_path / "votes", mark)
    assert records == RECORDS
    log.append([b"four"])
    log.sync()
    log.close()
    assert read(tmp_path / "votes", log.mark()) == (*RECORDS, b"four")


def test_a_zero_filled_tail_is_cut(tmp_path: Path) -> None:
    mark = written(tmp_path / "votes", *RECORDS)
    with segment(tmp_path / "votes").open("ab") as file:
        file.write(bytes(8192))
    assert read(tmp_path / "votes", mark) == RECORDS
    assert segment(tmp_path / "votes").stat().st_size == decode_mark(mark).length


def test_a_changed_byte_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    written(tmp_path / "votes", *RECORDS)
    path = segment(tmp_path / "votes")
    data = path.read_bytes()
    for place in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(VoteLogCorrupted, match="learner"):
            open_plain(tmp_path / "votes")
        assert path.read_bytes() == damaged


def test_an_older_copy_of_the_log_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    written(tmp_path / "votes", *RECORDS[:2])
    old = segment(tmp_path / "votes").read_bytes()
    mark = written(tmp_path / "votes", RECORDS[2])
    segment(tmp_path / "votes").write_bytes(old)
    with pytest.raises(VoteLogRolledBack, match="learner"):
        open_plain(tmp_path / "votes", mark)
    assert segment(tmp_path / "votes").read_bytes() == old


def test_another_history_of_the_same_length_is_refused(tmp_path: Path) -> None:
    mark = written(tmp_path / "votes", b"one", b"two")
    segment(tmp_path / "votes").unlink()
    other = written(tmp_path / "votes", b"one", b"TWO")
    assert decode_mark(other).length == decode_mark(mark).length
    with pytest.raises(VoteLogRolledBack):
        open_plain(tmp_path / "votes", mark)


def test_a_lost_log_is_refused_when_the_ledger_knows_of_votes(tmp_path: Path) -> None:
    mark = written(tmp_path / "votes", *RECORDS)
    shutil.rmtree(tmp_path / "votes")
    with pytest.raises(VoteLogRolledBack, match="got none"):
        open_plain(tmp_path / "votes", mark)
    assert list((tmp_path / "votes").iterdir()) == []


@pytest.mark.parametrize(
    "identity",
    [
        Identity(chain_id=b"d" * 32, public_key=IDENTITY.public_key),
        Identity(chain_id=IDENTITY.chain_id, public_key=b"l" * 33),
    ],
    ids=["chain", "key"],
)
def test_the_log_of_another_chain_or_key_is_refused(tmp_path: Path, identity: Identity) -> None:
    written(tmp_path / "votes", *RECORDS)
    with pytest.raises(VoteLogOfAnotherKey):
        open_plain(tmp_path / "votes", identity=identity)


def test_a_segment_under_another_number_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "votes", *RECORDS)
    path = segment(tmp_path / "votes")
    path.rename(path.with_name("votes-0000000009.log"))
    with pytest.raises(VoteLogCorrupted, match="segment 9"):
        open_plain(tmp_path / "votes")


def test_a_record_that_this_version_cannot_read_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "votes", UNREADABLE)
    with pytest.raises(VoteLogCorrupted, match="this version"):
        open_plain(tmp_path / "votes")


@pytest.mark.parametrize("mark", [b"\xc0", b"\x93\x01\x02\xc4\x00", b"\x01"])
def test_a_mark_that_is_none_is_refused(tmp_path: Path, mark: bytes) -> None:
    written(tmp_path / "votes", *RECORDS)
    with pytest.raises(VoteLogCorrupted, match="vote mark"):
        open_plain(tmp_path / "votes", mark)


def test_a_first_frame_that_is_no_head_is_refused(tmp_path: Path) -> None:
    for payload in (b"\x01", SegmentHead(identity=IDENTITY, number=1, previous=NOWHERE).encode()):
        changed = payload.replace(b"kun.votelog", b"kun.votelag")
        (tmp_path / "votes").mkdir(exist_ok=True)
        (tmp_path / "votes/votes-0000000001.log").write_bytes(
            encode_frame(changed, previous=CHAIN_START)[0]
        )
        with pytest.raises(VoteLogCorrupted):
            open_plain(tmp_path / "votes")


def test_a_mark_from_before_the_rotation_is_honoured(tmp_path: Path) -> None:
    before, after, _ = rotated(tmp_path / "votes")
    for mark in (before, after):
        assert read(tmp_path / "votes", mark) == (b"restated", b"new")


def test_the_old_segment_put_back_in_place_of_the_new_one_is_refused(tmp_path: Path) -> None:
    _, after, saved = rotated(tmp_path / "votes")
    segment(tmp_path / "votes").unlink()
    shutil.copyfile(saved, tmp_path / "votes/votes-0000000001.log")
    with pytest.raises(VoteLogRolledBack, match="segment 2"):
        open_plain(tmp_path / "votes", after)


def test_a_stop_between_rename_and_removal_leaves_two_segments_and_the_new_one_counts(
    tmp_path: Path,
) -> None:
    before, after, saved = rotated(tmp_path / "votes")
    for mark in (before, after):
        shutil.copyfile(saved, tmp_path / "votes/votes-0000000001.log")
        assert read(tmp_path / "votes", mark) == (b"restated", b"new")
        assert segment(tmp_path / "votes").name == "votes-0000000002.log"


def test_an_unfinished_segment_counts_for_nothing(tmp_path: Path) -> None:
    mark = written(tmp_path / "votes", *RECORDS)
    (tmp_path / "votes/votes-0000000002.unfinished").write_bytes(b"half")
    assert read(tmp_path / "votes", mark) == RECORDS


def test_a_mark_beyond_the_end_of_the_rotated_segment_is_refused(tmp_path: Path) -> None:
    before, _, _ = rotated(tmp_path / "votes")
    end = decode_mark(before)
    for wrong in (
        Position(segment=end.segment, length=end.length + 1, chain=end.chain),
        Position(segment=end.segment, length=end.length, chain=bytes(32)),
    ):
        with pytest.raises(VoteLogRolledBack):
            open_plain(tmp_path / "votes", encode_mark(wrong))


def test_marks_of_segments_long_gone_are_honoured(tmp_path: Path) -> None:
    before, _, _ = rotated(tmp_path / "votes")
    log, _ = open_plain(tmp_path / "votes")
    log.rotate([b"again"])
    log.sync()
    log.close()
    assert read(tmp_path / "votes", before) == (b"again",)


def test_a_symbolic_link_in_place_of_a_segment_is_not_written_through(tmp_path: Path) -> None:
    written(tmp_path / "votes", *RECORDS)
    path = segment(tmp_path / "votes")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="symbolic links"):
        open_plain(tmp_path / "votes")


def test_a_tail_that_cannot_be_cut_is_an_error_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "votes", *RECORDS)
    with segment(tmp_path / "votes").open("ab") as file:
        file.write(b"torn")

    def failing(_descriptor: int, _length: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", failing)
    with pytest.raises(StorageError, match="Input/output error"):
        open_plain(tmp_path / "votes")


def test_a_directory_that_cannot_be_made_is_an_error_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        open_plain(tmp_path / "nowhere" / "votes")
