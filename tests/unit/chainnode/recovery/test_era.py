"""In which epoch a data directory stands, by the recovery files in it."""

from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.errors import InvalidInput, StorageError
from chainnode.recovery import FIRST_ERA, Era, load_era
from chainnode.recovery.era import FOLDER, UNFINISHED, name_of, read_recovery
from consensus.types import Epoch
from tests.unit.chainnode.recovery.test_document import BATCH, FILE, SIGNED, VERIFIER, signed


def _stored(data_dir: Path, *names: str, content: bytes = SIGNED.encode()) -> Path:
    (data_dir / FOLDER).mkdir()
    for name in names:
        (data_dir / FOLDER / name).write_bytes(content)
    return data_dir


def test_a_directory_without_records_stands_in_the_first_epoch(tmp_path: Path) -> None:
    era = load_era(tmp_path, VERIFIER)

    assert era == FIRST_ERA
    assert (era.epoch, era.settled, era.past(size=4), era.epoch_at(99)) == (0, 0, (), 0)
    assert era.kept_above(0) == ()


def test_a_record_begins_the_next_epoch_above_its_height(tmp_path: Path) -> None:
    era = load_era(_stored(tmp_path, name_of(SIGNED)), VERIFIER)

    assert (era.epoch, era.base_height, era.settled) == (1, 7, 9)
    assert [era.epoch_at(height) for height in (7, 8, 99)] == [0, 1, 1]
    assert [one.body for one in era.kept_above(7)] == [BATCH.encoded, b""]
    assert [one.body for one in era.kept_above(8)] == [b""]
    assert era.kept_above(12) == ()
    (end,) = era.past(size=4)
    assert (end.stable, end.membership.epoch) == (FILE.certificate, 0)


def test_a_second_record_on_the_same_base_keeps_one_end() -> None:
    second = replace(SIGNED, record=replace(SIGNED.record, epoch=Epoch(1)))
    era = Era(files=(SIGNED, second))

    assert era.epoch == 2
    assert len(era.past(size=4)) == 1


def test_an_unfinished_directory_is_not_run_on(tmp_path: Path) -> None:
    (tmp_path / UNFINISHED).write_bytes(b"")

    with pytest.raises(StorageError):
        load_era(tmp_path, VERIFIER)


def test_a_record_without_a_quorum_begins_nothing(tmp_path: Path) -> None:
    folder = _stored(tmp_path, name_of(FILE), content=signed(FILE, 0, 1).encode())

    with pytest.raises(InvalidInput):
        load_era(folder, VERIFIER)


def test_a_record_of_another_epoch_than_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        load_era(_stored(tmp_path, "0000.kunrecovery", "0001.kunrecovery"), VERIFIER)


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        read_recovery(tmp_path / "nowhere")
    (tmp_path / "noise").write_bytes(b"\xc1")
    with pytest.raises(InvalidInput):
        read_recovery(tmp_path / "noise")
