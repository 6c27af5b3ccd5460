"""Reading a vote log for people: everything that is there, and why the rest is not."""

from pathlib import Path

import pytest

from chainnode.codec import InvalidEncoding
from chainnode.votelog import Identity, open_vote_log
from chainnode.votelog.inspection import inspect_vote_log

IDENTITY = Identity(chain_id=b"c" * 32, public_key=b"k" * 32)


class Words:
    """Records that are words."""

    def encode(self, record: str) -> bytes:
        return record.encode("ascii")

    def decode(self, payload: bytes) -> str:
        if not payload.isalpha():
            raise InvalidEncoding(what="word", expected="letters", actual="something else")
        return payload.decode("ascii")


def written(folder: Path, *words: str) -> Path:
    log, _ = open_vote_log(folder, identity=IDENTITY, codec=Words(), ledger_mark=None)
    log.append(words)
    log.sync()
    log.close()
    return next(folder.glob("votes-*.log"))


def test_a_folder_without_votes_has_none(tmp_path: Path) -> None:
    assert inspect_vote_log(tmp_path, Words()) is None
    assert inspect_vote_log(tmp_path / "nowhere", Words()) is None


def test_a_whole_log_is_read_with_its_owner_and_not_touched(tmp_path: Path) -> None:
    path = written(tmp_path, "prepare", "commit")
    before = path.read_bytes()
    found = inspect_vote_log(tmp_path, Words())
    assert found is not None
    assert (found.records, found.problem) == (("prepare", "commit"), None)
    assert (found.identity, found.segment) == (IDENTITY, 1)
    assert (found.size_bytes, found.torn_bytes) == (len(before), 0)
    assert path.read_bytes() == before


def test_a_torn_tail_is_counted_and_left_for_the_next_start(tmp_path: Path) -> None:
    path = written(tmp_path, "prepare", "commit")
    path.write_bytes(path.read_bytes()[:-3])
    found = inspect_vote_log(tmp_path, Words())
    assert found is not None
    assert (found.records, found.problem) == (("prepare",), None)
    assert found.torn_bytes > 3


def test_a_changed_byte_is_named_and_the_records_before_it_are_shown(tmp_path: Path) -> None:
    path = written(tmp_path, "prepare", "commit", "checkpoint")
    data = bytearray(path.read_bytes())
    data[data.index(b"commit")] ^= 1
    path.write_bytes(data)
    found = inspect_vote_log(tmp_path, Words())
    assert found is not None
    assert found.records == ("prepare",)
    assert "checksum" in str(found.problem)


def test_a_record_of_another_version_is_named(tmp_path: Path) -> None:
    written(tmp_path, "prepare", "42", "commit")
    found = inspect_vote_log(tmp_path, Words())
    assert found is not None
    assert found.records == ("prepare",)
    assert "expected letters" in str(found.problem)


@pytest.mark.parametrize("content", [b"", b"\0" * 700, b"short"])
def test_a_file_without_a_head_is_a_problem(tmp_path: Path, content: bytes) -> None:
    written(tmp_path).write_bytes(content)
    found = inspect_vote_log(tmp_path, Words())
    assert found is not None
    assert (found.identity, found.records) == (None, ())
    assert found.problem is not None
