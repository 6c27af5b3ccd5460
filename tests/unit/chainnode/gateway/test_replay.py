"""Replay: whatever is lost on the way, each testimony is on the ledger once, or a dead letter."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.errors import InvariantBroken, StorageError
from chainnode.gateway import DeadLetter, EntryId, Replayer, ReplaySettings, Settled, Spool
from chainnode.gateway.replay.backoff import FIRST_S, LONGEST_S, Backoff
from chainnode.submission import decode_submission
from contracts.schemas.codes import Code
from tests.unit.chainnode.gateway.ledger_of_tests import CHAIN, KEY, OTHER_KEY, LedgerOfTests
from tests.unit.chainnode.gateway.spool_parts import entry, opened, signed

PATIENCE_S = 30.0


def replayer(
    spool: Spool,
    ledger: LedgerOfTests,
    settings: ReplaySettings | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Replayer:
    return Replayer(
        spool,
        ledger,
        KEY,
        settings=settings,
        backoff=Backoff(first_s=0, longest_s=0),
        now_ms=lambda: ledger.now_ms,
        pause=pause,
    )


@asynccontextmanager
async def replaying(
    spool: Spool,
    ledger: LedgerOfTests,
    settings: ReplaySettings | None = None,
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Replayer]:
    """Replay in the background."""
    one = replayer(spool, ledger, settings, pause)
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_settled(spool: Spool, *ids: EntryId) -> list[Settled]:
    """Wait until these are on the ledger."""
    found = []
    for one in ids:
        fate = await spool.settled(one, timeout_s=PATIENCE_S)
        assert isinstance(fate, Settled), fate
        found.append(fate)
    return found


async def until(holds: Callable[[], bool]) -> None:
    """Let the replay go on until it holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what is looked at is plain state
            await asyncio.sleep(0)


async def until_offered(ledger: LedgerOfTests, count: int) -> None:
    """Wait until the ledger was offered something so many times."""
    await until(lambda: len(ledger.offered) >= count)


async def until_alarm(spool: Spool, words: str) -> None:
    """Wait until the spool says these words to people."""
    await until(lambda: words in (spool.status().alarm or ""))


def nonces_of(ledger: LedgerOfTests) -> list[int]:
    parameters = CHAIN.trust.parameters
    return [decode_submission(CHAIN.suite, one, parameters).nonce for one in ledger.offered]


async def test_what_waits_goes_out_joined_and_in_its_order(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()
    ids = [await spool.put(entry(number, calls=1 + number % 3)) for number in range(20)]
    async with replaying(spool, ledger):
        fates = await until_settled(spool, *ids)
    assert ledger.numbers == list(range(20))
    assert len(ledger.offered) == 1
    assert [one.position for one in fates] == list(ledger.halves.values())
    assert {one.height for one in fates} == {1}
    assert spool.status().waiting == 0
    await spool.close()


class Pauses:
    """Pauses that a test ends; how long they should have been stands in `asked`."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()


async def test_a_lone_half_goes_out_at_once_and_those_that_follow_share_a_signature(
    tmp_path: Path,
) -> None:
    spool, ledger, pauses = opened(tmp_path / "spool"), LedgerOfTests(), Pauses()
    settings = ReplaySettings(gather_s=1000.0)
    async with replaying(spool, ledger, settings, pause=pauses):
        await until_settled(spool, await spool.put(entry(0)))
        ids = [await spool.put(entry(number)) for number in range(1, 6)]
        await until(lambda: bool(pauses.asked))
        assert len(ledger.offered) == 1
        pauses.over.set()
        await until_settled(spool, *ids)
    assert len(ledger.offered) == 2
    assert ledger.numbers == list(range(6))
    assert len(pauses.asked) == 1
    assert 0 < pauses.asked[0] <= 1000
    await spool.close()


async def test_what_fills_submissions_is_gathered_no_longer(tmp_path: Path) -> None:
    spool, ledger, pauses = opened(tmp_path / "spool"), LedgerOfTests(), Pauses()
    ids = [await spool.put(entry(number)) for number in range(6)]
    settings = ReplaySettings(calls_max=2, gather_s=1000.0)
    async with replaying(spool, ledger, settings, pause=pauses):
        await until_settled(spool, *ids)
    assert len(ledger.offered) == 3
    assert pauses.asked == []
    await spool.close()


async def test_what_is_under_way_is_offered_again_without_gathering(tmp_path: Path) -> None:
    spool, ledger, pauses = opened(tmp_path / "spool"), LedgerOfTests(silences=3), Pauses()
    ids = [await spool.put(entry(0))]
    async with replaying(spool, ledger, ReplaySettings(gather_s=1000.0), pause=pauses):
        await until_settled(spool, *ids)
    assert len(ledger.offered) == 4
    assert pauses.asked == []
    await spool.close()


async def test_a_submission_carries_no_more_calls_than_it_may_and_cuts_no_entry(
    tmp_path: Path,
) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()
    ids = [await spool.put(entry(number, calls=3)) for number in range(5)]
    async with replaying(spool, ledger, ReplaySettings(calls_max=7)):
        await until_settled(spool, *ids)
    parameters = CHAIN.trust.parameters
    sizes = [len(decode_submission(CHAIN.suite, one, parameters).calls) for one in ledger.offered]
    assert sizes == [6, 6, 3]
    await spool.close()


async def test_an_entry_larger_than_a_submission_should_be_goes_out_alone(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()
    ids = [await spool.put(entry(number, calls=3)) for number in range(2)]
    async with replaying(spool, ledger, ReplaySettings(bytes_max=1)):
        await until_settled(spool, *ids)
    assert len(ledger.offered) == 2
    await spool.close()


async def test_after_a_kill_the_same_bytes_are_offered_and_their_receipt_answers(
    tmp_path: Path,
) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests(lost_answers=10**9)
    ids = [await spool.put(entry(number)) for number in range(3)]
    async with replaying(spool, ledger):
        await until_offered(ledger, 2)
    os.close(spool._lock)  # noqa: SLF001 - as a killed process leaves it

    ledger.lost_answers = 0
    again = opened(tmp_path / "spool")
    await again.put(entry(3))
    async with replaying(again, ledger):
        await until_settled(again, *ids, EntryId(4))
    assert len(set(ledger.offered)) == 2
    assert ledger.numbers == [0, 1, 2, 3]
    assert nonces_of(ledger)[-1] == 1
    await again.close()


async def test_nothing_is_offered_before_its_signature_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()
    await spool.put(entry(1))

    def failing(_file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", failing)
    with pytest.raises(StorageError):
        await replayer(spool, ledger).run()
    assert ledger.offered == []
    monkeypatch.undo()
    await spool.close()


async def test_what_expired_unexecuted_is_signed_anew_with_the_same_calls(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests(silences=10**9)
    first = await spool.put(entry(1, calls=2))
    async with replaying(spool, ledger):
        await until_offered(ledger, 3)
        assert len(set(ledger.offered)) == 1
        ledger.now_ms += CHAIN.trust.parameters.validity_ms_max
        ledger.silences = 0
        await until_settled(spool, first)
    parameters = CHAIN.trust.parameters
    before, after = (
        decode_submission(CHAIN.suite, one, parameters)
        for one in (ledger.offered[0], ledger.offered[-1])
    )
    assert after.calls == before.calls
    assert after.digest != before.digest
    assert ledger.numbers == [1]
    await spool.close()


async def test_what_executed_in_time_is_found_after_its_time(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests(lost_answers=10**9)
    first = await spool.put(entry(1))
    async with replaying(spool, ledger):
        await until_offered(ledger, 2)
        ledger.now_ms += CHAIN.trust.parameters.validity_ms_max
        await until_settled(spool, first)
    assert len(set(ledger.offered)) == 1
    assert len(ledger.log) == 1
    await spool.close()


async def test_what_no_block_shows_to_be_over_is_offered_on(tmp_path: Path) -> None:
    """The gateway's clock alone proves nothing: blocks may be behind it."""
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests(silences=10**9)
    first = await spool.put(entry(1))
    ahead = CHAIN.trust.parameters.validity_ms_max
    clock = [ledger.now_ms]
    one = Replayer(
        spool, ledger, KEY, backoff=Backoff(first_s=0, longest_s=0), now_ms=lambda: clock[0]
    )
    task = asyncio.create_task(one.run())
    await until_offered(ledger, 1)
    clock[0] += ahead
    await until_offered(ledger, 4)
    assert len(set(ledger.offered)) == 1
    ledger.silences = 0
    await until_settled(spool, first)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(set(ledger.offered)) == 1
    await spool.close()


async def test_a_half_that_stands_elsewhere_than_the_ledger_says_is_not_taken_for_ours(
    tmp_path: Path,
) -> None:
    ledger = LedgerOfTests()
    before = opened(tmp_path / "lost")
    ids = [await before.put(entry(1)), await before.put(entry(2))]
    async with replaying(before, ledger):
        await until_settled(before, *ids)
    await before.close()
    ledger.halves[b"1", b"1"] = 1

    spool = opened(tmp_path / "spool")
    again = await spool.put(entry(1))
    async with replaying(spool, ledger):
        assert isinstance(await spool.settled(again, timeout_s=PATIENCE_S), DeadLetter)
    await spool.close()


async def test_calls_that_are_not_those_that_were_signed_never_leave(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()
    first = await spool.put(entry(1))
    await spool.note_signed(replace(signed(first), valid_until_ms=ledger.now_ms + 1000))
    with pytest.raises(InvariantBroken, match="got others"):
        await replayer(spool, ledger).run()
    assert ledger.offered == []
    await spool.close()


async def test_nobody_to_ask_is_no_proof_that_nothing_executed(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests(silences=10**9)
    await spool.put(entry(1))
    async with replaying(spool, ledger):
        await until_offered(ledger, 1)
        ledger.is_reachable = False
        ledger.now_ms += CHAIN.trust.parameters.validity_ms_max
        await until_alarm(spool, "no node gave an answer")
    assert len(set(ledger.offered)) == 1
    assert spool.state.in_flight is not None
    await spool.close()


async def test_what_is_refused_for_ever_is_a_dead_letter_and_stops_nobody(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    ledger = LedgerOfTests(refused_numbers={1: Code.FOREIGN_ORGANISATION})
    ids = [await spool.put(entry(number, calls=2)) for number in range(3)]
    async with replaying(spool, ledger):
        await until_settled(spool, ids[0], ids[2])
        fate = await spool.settled(ids[1], timeout_s=PATIENCE_S)
        assert isinstance(fate, DeadLetter)
        assert (fate.code, fate.code_name) == (32, "FOREIGN_ORGANISATION")
        assert len(ledger.offered) == 1

        ledger.refused_numbers.clear()
        await spool.retry([ids[1]])
        await until_settled(spool, ids[1])
    assert ledger.numbers == [0, 2, 1]
    await spool.close()


async def test_a_double_of_the_same_half_is_settled_where_the_ledger_has_it(
    tmp_path: Path,
) -> None:
    ledger = LedgerOfTests()
    before = opened(tmp_path / "lost")
    first = await before.put(entry(1, calls=2))
    async with replaying(before, ledger):
        (recorded,) = await until_settled(before, first)
    await before.close()

    spool = opened(tmp_path / "spool")
    ids = [await spool.put(entry(0)), await spool.put(entry(1, calls=2))]
    async with replaying(spool, ledger):
        fates = await until_settled(spool, *ids)
    assert fates[1].position == recorded.position
    assert fates[1].submission_digest == recorded.submission_digest
    assert fates[1].height == recorded.height == 1
    await spool.close()


async def test_a_double_of_another_half_is_a_dead_letter(tmp_path: Path) -> None:
    ledger = LedgerOfTests()
    before = opened(tmp_path / "lost")
    first = await before.put(entry(1))
    async with replaying(before, ledger):
        await until_settled(before, first)
    await before.close()

    spool = opened(tmp_path / "spool")
    other = await spool.put(entry(1, content=b"other"))
    async with replaying(spool, ledger):
        fate = await spool.settled(other, timeout_s=PATIENCE_S)
    assert isinstance(fate, DeadLetter)
    assert fate.code_name == "ACCESS_DOUBLE_RECORD"
    assert ledger.numbers == [1]
    await spool.close()


@pytest.mark.parametrize("code", [Code.UNKNOWN_KEY, Code.KEY_NOT_VALID])
@pytest.mark.parametrize("is_refused_at_the_door", [True, False])
async def test_entries_of_a_key_that_ended_wait_for_the_next_key(
    tmp_path: Path,
    code: Code,
    is_refused_at_the_door: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests(keys={OTHER_KEY.public_key})

    def door(submission: object) -> str | None:
        ended = getattr(submission, "public_key", b"") == KEY.public_key
        return code.name if ended else None

    if is_refused_at_the_door:
        ledger.door = door
    first = await spool.put(entry(1))
    async with replaying(spool, ledger) as one:
        await until_alarm(spool, "until the key" if not is_refused_at_the_door else code.name)
        assert spool.status().waiting == 1
        one.use_key(OTHER_KEY)
        await until_settled(spool, first)
    assert spool.status().alarm is None
    assert spool.status().dead == 0
    await spool.close()


async def test_entries_wait_for_a_key_with_the_role(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    ledger = LedgerOfTests(refused_numbers={1: Code.ROLE_MISSING})
    first = await spool.put(entry(1))
    async with replaying(spool, ledger):
        await until_alarm(spool, "ROLE_MISSING")
        ledger.refused_numbers.clear()
        await until_settled(spool, first)
    await spool.close()


async def test_an_entry_that_the_nodes_refuse_at_their_door_is_found_by_halving(
    tmp_path: Path,
) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()

    def door(submission: object) -> str | None:
        calls = getattr(submission, "calls", ())
        return "MALFORMED" if any(b".7." in one.public for one in calls) else None

    ledger.door = door
    ids = [await spool.put(entry(number)) for number in range(20)]
    async with replaying(spool, ledger):
        await until_settled(spool, *(one for one in ids if one != ids[7]))
        fate = await spool.settled(ids[7], timeout_s=PATIENCE_S)
    assert isinstance(fate, DeadLetter)
    assert (fate.code, fate.code_name) == (0, "MALFORMED")
    assert ledger.numbers == [one for one in range(20) if one != 7]
    await spool.close()


async def test_a_nonce_that_is_used_is_replaced_by_the_chain_s_next(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests(told_nonces=[0, 0])
    ledger.nonces[KEY.public_key] = {0}
    first = await spool.put(entry(1))
    async with replaying(spool, ledger):
        await until_settled(spool, first)
    # The node told 0 twice; the spool knows that it has signed 0 already.
    assert nonces_of(ledger) == [0, 1]
    await spool.close()


async def test_a_nonce_that_ran_away_is_taken_back_to_the_chain_s(tmp_path: Path) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests(told_nonces=[90_000, 5])
    ledger.refusals = [Code.NONCE_AHEAD]
    first = await spool.put(entry(1))
    async with replaying(spool, ledger):
        await until_settled(spool, first)
    assert nonces_of(ledger) == [90_000, 5]
    await spool.close()


async def test_nonces_go_on_after_a_restart_whatever_a_node_says(tmp_path: Path) -> None:
    ledger = LedgerOfTests(told_nonces=[0, 0, 0])
    for number in range(3):
        spool = opened(tmp_path / "spool")
        one = await spool.put(entry(number))
        async with replaying(spool, ledger):
            await until_settled(spool, one)
        await spool.close()
    assert nonces_of(ledger) == [0, 1, 2]


def test_rests_grow_to_a_bound_and_begin_anew() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    rests = [backoff.next_s() for _ in range(40)]
    assert rests[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert rests[-1] == LONGEST_S
    backoff.reset()
    assert backoff.next_s() == FIRST_S
    assert Backoff(chance=lambda: 0.0).next_s() == FIRST_S / 2
