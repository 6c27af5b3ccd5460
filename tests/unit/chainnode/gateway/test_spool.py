"""The spool: durable when put, bounded, one entry for each testimony, over in one storage error."""

import asyncio
import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.errors import StorageError
from chainnode.folder_lock import DirectoryLocked
from chainnode.gateway import (
    DeadLetter,
    EntryId,
    InvalidEntry,
    Settled,
    Spool,
    SpoolConflict,
    SpoolFull,
    SpoolLimits,
    UnknownEntry,
    Waiting,
)
from chainnode.gateway.spool import spool as spool_module
from chainnode.submission import Call
from contracts.schemas.access import Side
from tests.unit.chainnode.gateway.spool_parts import NOW_MS, answered, entry, opened, signed


async def test_what_was_put_is_there_in_its_order_after_a_kill(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    entries = [entry(number, calls=1 + number % 3) for number in range(5)]
    ids = [await spool.put(one) for one in entries]
    os.close(spool._lock)  # noqa: SLF001 - as a killed process leaves it: not closed

    again = opened(tmp_path / "spool")
    assert list(again.state.waiting()) == list(zip(ids, entries, strict=True))
    assert again.status().oldest_made_ms == NOW_MS
    await again.close()


async def test_call_that_had_begun_when_its_process_was_killed_is_recorded(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    for number in (1, 2, 3):
        await spool.begin(entry(number, content=b"begun"))
    await spool.put(entry(2, content=b"ended"))
    assert spool.status().waiting == 1
    os.close(spool._lock)  # noqa: SLF001 - as a killed process leaves it: not closed

    for _ in range(2):
        again = opened(tmp_path / "spool")
        assert [one for _, one in again.state.waiting()] == [
            entry(2, content=b"ended"),
            entry(1, content=b"begun"),
            entry(3, content=b"begun"),
        ]
        with pytest.raises(SpoolConflict):
            await again.put(entry(1, content=b"ended"))
        with pytest.raises(SpoolConflict):
            await again.begin(entry(2, content=b"again"))
        await again.close()


async def test_room_of_a_call_that_has_begun_is_kept_for_its_end(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool", SpoolLimits(entries_max=1))
    await spool.begin(entry(1, content=b"begun"))
    with pytest.raises(SpoolFull):
        await spool.put(entry(2))
    with pytest.raises(SpoolFull):
        await spool.begin(entry(2))
    await spool.put(entry(1, content=b"ended"))
    status = spool.status()
    assert (status.waiting, status.dead, spool.state.begun()) == (1, 0, ())
    assert spool.state.held_bytes == entry(1, content=b"ended").size_bytes
    await spool.close()


async def test_call_that_has_begun_outlives_the_segment_that_it_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 1)
    spool = opened(tmp_path / "spool")
    await spool.begin(entry(1))
    (first,) = (tmp_path / "spool").glob("spool-*.log")
    for nonce in range(30):
        under_way = signed(await spool.put(entry(100 + nonce)), nonce=nonce)
        await spool.note_signed(under_way)
        await spool.note_answered(answered(under_way))
    assert not first.exists()
    await spool.close()
    again = opened(tmp_path / "spool")
    assert [one for _, one in again.state.waiting()] == [entry(1)]
    await again.close()


async def test_all_that_is_put_during_a_sync_shares_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = opened(tmp_path / "spool")
    syncs: list[int] = []
    real = os.fdatasync

    def counting(file: int) -> None:
        syncs.append(file)
        real(file)

    monkeypatch.setattr(os, "fdatasync", counting)
    await asyncio.gather(*(spool.put(entry(number)) for number in range(200)))
    assert 1 <= len(syncs) <= 3
    assert spool.status().waiting == 200
    await spool.close()


async def test_the_same_testimony_is_one_entry_and_another_one_is_refused(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    first = await spool.put(entry(1))
    assert await spool.put(entry(1)) == first
    assert await spool.put(entry(1, side=Side.REQUESTER)) != first
    with pytest.raises(SpoolConflict) as caught:
        await spool.put(entry(1, content=b"other"))
    assert caught.value.entry_id == first
    assert spool.status().waiting == 2
    await spool.close()


async def test_a_settled_testimony_is_known_for_one_over_a_restart(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    first = await spool.put(entry(1))
    under_way = signed(first)
    await spool.note_signed(under_way)
    await spool.note_answered(answered(under_way))
    await spool.close()

    again = opened(tmp_path / "spool")
    assert await again.put(entry(1)) == first
    assert again.status().waiting == 0
    fate = await again.settled(first, timeout_s=0)
    assert fate == Settled(
        entry_id=first, submission_digest=under_way.digest, height=7, position=100 + first
    )
    with pytest.raises(SpoolConflict):
        await again.put(entry(1, content=b"other"))
    await again.close()


@pytest.mark.parametrize("limits", [SpoolLimits(entries_max=3), SpoolLimits(bytes_max=100)])
async def test_a_full_spool_refuses_and_keeps_what_it_has(
    tmp_path: Path, limits: SpoolLimits
) -> None:
    spool = opened(tmp_path / "spool", limits)
    ids = []
    with pytest.raises(SpoolFull, match="the spool is full"):
        ids += [await spool.put(entry(number)) for number in range(5)]
    held = spool.status().waiting
    assert held == 3
    # What is there already needs no room.
    assert await spool.put(entry(0)) == 1
    under_way = signed(1)
    await spool.note_signed(under_way)
    await spool.note_answered(answered(under_way))
    await spool.put(entry(9))
    assert spool.status().waiting == held
    await spool.close()


async def test_dead_letters_take_room_until_they_are_retried_and_settled(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool", SpoolLimits(entries_max=1))
    first = await spool.put(entry(1))
    under_way = signed(first)
    await spool.note_signed(under_way)
    await spool.note_answered(answered(under_way, died=(first,)))
    assert (spool.status().waiting, spool.status().dead) == (0, 1)
    with pytest.raises(SpoolFull):
        await spool.put(entry(2))
    fate = await spool.settled(first, timeout_s=0)
    assert isinstance(fate, DeadLetter)
    assert fate.code_name == "FOREIGN_ORGANISATION"
    await spool.close()

    again = opened(tmp_path / "spool", SpoolLimits(entries_max=1))
    assert again.state.dead_letters() == (fate,)
    await again.retry([first])
    assert (again.status().waiting, again.status().dead) == (1, 0)
    assert await again.settled(first, timeout_s=0) == Waiting(entry_id=first)
    await again.close()


async def test_what_is_no_dead_letter_cannot_be_retried(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    first = await spool.put(entry(1))
    with pytest.raises(UnknownEntry):
        await spool.retry([first])
    with pytest.raises(UnknownEntry):
        await spool.settled(EntryId(77), timeout_s=0)
    await spool.close()


async def test_who_waits_is_told_when_the_answer_is_durable(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    ids = [await spool.put(entry(number)) for number in range(3)]
    waiting = [asyncio.create_task(spool.settled(one, timeout_s=60)) for one in ids]
    await asyncio.sleep(0)
    under_way = signed(*ids[:2])
    await spool.note_signed(under_way)
    await spool.note_answered(answered(under_way, died=(ids[1],)))
    assert isinstance(await waiting[0], Settled)
    assert isinstance(await waiting[1], DeadLetter)
    assert not waiting[2].done()
    await spool.close()
    with pytest.raises(StorageError, match="closed"):
        await waiting[2]


async def test_a_wait_ends_with_its_time(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    first = await spool.put(entry(1))
    assert await spool.settled(first, timeout_s=0.001) == Waiting(entry_id=first)
    await spool.close()


async def test_a_put_that_is_given_up_is_kept_all_the_same(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    given_up = asyncio.create_task(spool.put(entry(1)))
    await asyncio.sleep(0)
    given_up.cancel()
    await spool.put(entry(2))
    await spool.close()
    again = opened(tmp_path / "spool")
    assert again.status().waiting == 2
    await again.close()


async def test_one_process_at_a_time(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    with pytest.raises(DirectoryLocked):
        opened(tmp_path / "spool")
    await spool.close()
    await opened(tmp_path / "spool").close()


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
async def test_the_first_storage_error_ends_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    spool = opened(tmp_path / "spool")
    first = await spool.put(entry(1))
    waiting = asyncio.create_task(spool.settled(first, timeout_s=60))
    await asyncio.sleep(0)

    def failing(*_values: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, failing)
        with pytest.raises(StorageError, match="what is durable is unknown"):
            await spool.put(entry(2))
    for work in (spool.put(entry(3)), spool.put(entry(1)), spool.wait_for_work(), waiting):
        with pytest.raises(StorageError):
            await work
    assert spool.status().alarm is not None
    await spool.close()

    # What was acknowledged is there; the other one may be.
    again = opened(tmp_path / "spool")
    assert first in dict(again.state.waiting())
    await again.close()


async def test_the_disk_stays_bounded_while_entries_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 10_000)
    spool = opened(tmp_path / "spool")
    kept = await spool.put(entry(10_000))
    for nonce in range(100):
        ids = [await spool.put(entry(10 * nonce + one)) for one in range(5)]
        under_way = signed(*ids, nonce=nonce)
        await spool.note_signed(under_way)
        await spool.note_answered(answered(under_way))
    used = sum(one.stat().st_size for one in (tmp_path / "spool").glob("spool-*"))
    # The memory of settled entries is what takes most of it here.
    assert used < 100_000
    assert len(list((tmp_path / "spool").glob("spool-*"))) == 1
    assert spool.status().settled == 500
    await spool.close()
    again = opened(tmp_path / "spool")
    assert dict(again.state.waiting()) == {kept: entry(10_000)}
    assert again.status().settled == 500
    assert again.state.next_nonce(b"k" * 32) == 100
    assert again.state.next_nonce(b"other") == 0
    assert await again.put(entry(991)) < kept + 500
    await again.close()


def test_a_spool_says_what_it_cannot_be_opened_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="spool"):
        Spool.open(tmp_path / "file" / "spool", chain_id=b"c" * 32)


@pytest.mark.parametrize(
    "change",
    [
        {"requester": ""},
        {"provider": "x" * 33},
        {"call_id": b"short"},
        {"calls": ()},
        {"calls": (Call(action="record", public=bytes(4096), private=bytes(4096)),) * 200},
        {"calls": (Call(action="people", public=b"", private=b""),) * 4097},
    ],
    ids=["no requester", "long provider", "call id", "no calls", "too large", "too many"],
)
def test_an_entry_that_no_submission_can_carry_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidEntry, match="expected"):
        replace(entry(1), **change)  # type: ignore[arg-type]  # fields by name


async def test_a_disk_that_fails_in_a_rotation_ends_the_spool_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 1)
    spool = opened(tmp_path / "spool")
    ids = [await spool.put(entry(number)) for number in range(2)]
    under_way = signed(ids[0])
    await spool.note_signed(under_way)
    real = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if path.name.startswith("spool-"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, target)

    with monkeypatch.context() as broken:
        broken.setattr(spool_module, "_GROWTH_MAX", 0)
        broken.setattr(Path, "rename", failing)
        with pytest.raises(StorageError):
            await spool.note_answered(answered(under_way))
    await spool.close()

    again = opened(tmp_path / "spool")
    assert again.state.is_waiting(ids[1])
    # The ledger's answer may be forgotten; then the same bytes are offered once more.
    assert again.state.in_flight in (None, under_way)
    await again.close()
