"""The end of an epoch as the driver carries it out: one replica gives way to the next."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from chainnode.driver import driver as module
from chainnode.driver.ports import Succession
from consensus.effects import Broadcast, Effect, EpochEnded, StartTimer, Timer
from consensus.epochs import NextEpoch
from consensus.events import Event, Received, Restored, TimerExpired, Waiting
from consensus.types import Epoch, Membership, SequenceNumber
from tests.builders import submission_of
from tests.integration.p2p.harness import until
from tests.unit.chainnode.driver.fakes import (
    Bench,
    FakeVotes,
    ScriptedReplica,
    post,
    prepare,
    restored,
    stable,
    status,
)


def on_received(*effects: Effect) -> Callable[[Event], Sequence[Effect]]:
    """Answer every message of a peer with these effects, and all else with none."""
    return lambda event: effects if isinstance(event, Received) else ()


def _ended() -> EpochEnded:
    next_epoch = NextEpoch(membership=Membership(epoch=Epoch(1), size=4), first=SequenceNumber(9))
    return EpochEnded(stable=stable(8), next_epoch=next_epoch)


def _successor(bench: Bench, script: Callable[[Event], Sequence[Effect]]) -> ScriptedReplica:
    replica = ScriptedReplica(script)
    votes = FakeVotes(bench.journal)
    bench.successions.append(Succession(replica=replica, votes=votes, restored=restored()))
    return replica


async def test_the_vote_log_of_an_epoch_begins_anew_before_anything_of_it_leaves() -> None:
    bench = Bench(on_received(Broadcast(message=status()), _ended()))
    heir = _successor(
        bench,
        lambda event: (Broadcast(message=prepare()),) if isinstance(event, Restored) else (),
    )
    async with bench.running():
        post(bench)
        await until(lambda: bench.happened().count("broadcast") == 2, what="the next epoch")
        assert bench.driver.replica is heir
    assert bench.happened() == [
        "broadcast",
        "epoch ended",
        "rotate",
        "sync begins",
        "sync ends",
        "broadcast",
    ]


async def test_the_next_replica_sees_its_restart_first_then_the_messages_that_waited() -> None:
    bench = Bench(
        on_received(StartTimer(timer=Timer.STATUS, generation=1, duration_ms=1), _ended())
    )
    heir = _successor(bench, lambda _: ())
    async with bench.running():
        for _ in range(300):
            post(bench)
        await until(lambda: heir.seen(Received) != [], what="the messages")
        await asyncio.sleep(0)
    assert isinstance(heir.events[0], Restored)
    assert heir.seen(TimerExpired) == []


async def test_what_waits_in_the_pool_is_offered_and_watched_again() -> None:
    bench = Bench(on_received(_ended()))
    heir = _successor(bench, lambda _: ())
    bench.pool.add(submission_of(bench.genesis))
    async with bench.running():
        bench.driver.on_pool_changed()
        await until(lambda: bench.replica.seen(Waiting) != [], what="the first to watch")
        post(bench)
        await until(lambda: heir.seen(Waiting) != [], what="the second to watch")


async def test_a_node_without_part_in_the_next_epoch_ends_its_run() -> None:
    bench = Bench(on_received(_ended()))
    bench.successions.append(None)
    async with bench.running() as task:
        post(bench)
        with pytest.raises(module.LeftGroup) as caught:
            await task
    assert (caught.value.epoch, caught.value.height) == (0, 8)


async def test_a_message_that_came_before_the_start_is_seen_after_it() -> None:
    bench = Bench()
    post(bench)
    async with bench.running():
        await until(lambda: bench.replica.seen(Received) != [], what="the message")
    assert isinstance(bench.replica.events[0], Restored)
