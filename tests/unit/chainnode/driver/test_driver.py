"""The order in which the driver carries out effects, and what ends it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from chainnode.driver import driver as module
from chainnode.driver.ports import TransferredState
from chainnode.errors import StorageError
from chainnode.submission import SubmissionDigest
from consensus.effects import (
    Broadcast,
    BuildBatch,
    Effect,
    EnteredView,
    Equivocated,
    Execute,
    FetchBatch,
    FetchState,
    Persist,
    Send,
    Stabilized,
    StartTimer,
    StopTimer,
    Timer,
    VotingEnded,
)
from consensus.errors import InvariantViolation
from consensus.events import (
    Event,
    Executed,
    Fetched,
    Received,
    Submitted,
    Synced,
    TimerExpired,
    Waiting,
)
from consensus.messages import NULL_BATCH
from consensus.types import Digest, ReplicaId, SequenceNumber
from tests.builders import NOW_MS, submission_of
from tests.integration.p2p.harness import until
from tests.unit.chainnode.driver.fakes import (
    Bench,
    executed_batch,
    post,
    prepare,
    stable,
    status,
    transferred,
)

_LEAVING = ("send", "broadcast", "execute begins", "stable", "fetch state", "fetch batch")


def on_received(*effects: Effect) -> Callable[[Event], Sequence[Effect]]:
    """Answer every message of a peer with these effects, and all else with none."""
    return lambda event: effects if isinstance(event, Received) else ()


def execute(sequence: int) -> Execute:
    return Execute(sequence=SequenceNumber(sequence), batch=NULL_BATCH)


async def test_a_record_is_durable_before_any_later_effect_of_its_round_leaves() -> None:
    effects = (
        Persist(records=(prepare(),)),
        Broadcast(message=prepare()),
        Send(to=ReplicaId(2), message=prepare()),
        execute(1),
        Stabilized(stable=stable(0)),
        FetchBatch(sequence=SequenceNumber(1), digest=Digest(b"d" * 32)),
    )
    bench = Bench(on_received(*effects))
    bench.transfer.batches = [None]
    bench.votes.may_sync.clear()
    async with bench.running():
        post(bench)
        await until(lambda: "sync begins" in bench.happened(), what="the sync")
        await asyncio.sleep(0)

        assert not set(_LEAVING) & set(bench.happened())

        bench.votes.may_sync.set()
        await until(lambda: "fetch batch" in bench.happened(), what="the last effect")
    happened = bench.happened()
    assert happened[:3] == ["append", "sync begins", "sync ends"]
    assert happened[3:6] == ["broadcast", "send", "stable"]
    assert {"execute begins", "fetch batch"} <= set(happened[6:])


async def test_an_effect_of_an_earlier_step_waits_for_the_record_of_a_later_one_of_its_round() -> (
    None
):
    steps: list[Sequence[Effect]] = [
        (Broadcast(message=status()),),
        (Persist(records=(prepare(),)),),
    ]
    rounds = iter(steps)
    bench = Bench(lambda event: next(rounds) if isinstance(event, Received) else ())
    post(bench)
    post(bench)
    async with bench.running():
        await until(lambda: "broadcast" in bench.happened(), what="the message")
    assert bench.happened() == ["append", "sync begins", "sync ends", "broadcast"]


async def test_many_waiting_events_share_one_sync() -> None:
    bench = Bench(on_received(Persist(records=(prepare(),)), Broadcast(message=prepare())))
    for _ in range(200):
        post(bench)
    async with bench.running():
        await until(lambda: bench.happened().count("broadcast") == 200, what="all messages")
    assert bench.happened()[:3] == ["append", "sync begins", "sync ends"]
    assert bench.driver.fsyncs == 1


async def test_a_round_is_bounded_so_that_the_first_event_is_not_kept_waiting() -> None:
    bench = Bench(on_received(Persist(records=(prepare(),))))
    for _ in range(600):
        post(bench)
    async with bench.running():
        await until(lambda: len(bench.replica.seen(Received)) == 600, what="all events")
        await until(lambda: bench.happened().count("sync ends") == 3, what="three syncs")
    sizes = [len(one) for _, one in bench.journal if isinstance(one, tuple)]
    assert sizes == [256, 256, 88]


async def test_a_round_without_records_touches_no_disk() -> None:
    bench = Bench(on_received(Broadcast(message=status())))
    async with bench.running():
        post(bench)
        await until(lambda: bench.journal != [], what="the message")
    assert bench.happened() == ["broadcast"]
    assert bench.driver.fsyncs == 0


async def test_a_storage_error_of_the_vote_log_ends_the_run_and_nothing_leaves() -> None:
    bench = Bench(on_received(Persist(records=(prepare(),)), Broadcast(message=prepare())))
    bench.votes.error = StorageError("disk")
    async with bench.running() as task:
        post(bench)
        with pytest.raises(StorageError):
            await task
    assert bench.happened() == ["append", "sync begins"]


@pytest.mark.parametrize("error", [StorageError("disk"), InvariantViolation("ours")])
async def test_an_error_of_execution_ends_the_run(error: Exception) -> None:
    bench = Bench(on_received(execute(1)))
    bench.execution.error = error
    async with bench.running() as task:
        post(bench)
        with pytest.raises(type(error)):
            await task
    assert bench.replica.seen(Executed) == []


async def test_a_broken_invariant_of_the_core_ends_the_run() -> None:
    def script(event: Event) -> Sequence[Effect]:
        if isinstance(event, Received):
            raise InvariantViolation("ours")
        return ()

    bench = Bench(script)
    async with bench.running() as task:
        post(bench)
        with pytest.raises(InvariantViolation):
            await task


async def test_a_message_that_the_core_refuses_is_counted_and_the_next_one_taken() -> None:
    bench = Bench(on_received(Broadcast(message=status())))
    async with bench.running():
        post(bench, status(sender=99))
        post(bench)
        await until(lambda: bench.journal != [], what="the answer to the good one")
    assert bench.driver.refused == {"InvalidShape": 1}


async def test_whoever_brought_a_message_learns_when_the_core_has_seen_it() -> None:
    bench = Bench()
    seen: list[int] = []
    bench.driver.on_message(status(), lambda: seen.append(len(bench.replica.events)))
    assert seen == []
    async with bench.running():
        await until(lambda: bool(seen), what="the message seen")
    assert len(bench.replica.seen(Received)) == 1


async def test_a_refused_message_leaves_the_budget_as_well() -> None:
    bench = Bench()
    seen: list[None] = []
    async with bench.running():
        bench.driver.on_message(status(sender=99), lambda: seen.append(None))
        await until(lambda: bool(seen), what="the message seen")


async def test_a_full_vote_log_is_rotated_between_append_and_sync() -> None:
    bench = Bench(on_received(Persist(records=(prepare(),))))
    bench.votes.is_full = True
    async with bench.running():
        post(bench)
        await until(lambda: "sync ends" in bench.happened(), what="the sync")
    assert bench.journal[:2] == [("append", (prepare(),)), ("rotate", (prepare(7),))]
    assert bench.happened()[2:] == ["sync begins", "sync ends"]


async def test_batches_are_executed_in_order_and_one_at_a_time() -> None:
    bench = Bench(on_received(execute(1), execute(2), execute(3)))
    bench.execution.may_go_on.clear()
    async with bench.running():
        post(bench)
        await until(lambda: "execute begins" in bench.happened(), what="the first")
        bench.execution.may_go_on.set()
        await until(lambda: len(bench.replica.seen(Executed)) == 3, what="all executed")
    assert [detail for what, detail in bench.journal if what == "execute ends"] == [1, 2, 3]
    reported = [one.sequence for one in bench.replica.seen(Executed) if isinstance(one, Executed)]
    assert reported == [1, 2, 3]


async def test_state_transfer_begins_only_after_what_was_handed_to_execution() -> None:
    bench = Bench(on_received(execute(1), execute(2), FetchState(target=stable(9))))
    bench.execution.may_go_on.clear()
    bench.transfer.states = [transferred(9)]
    async with bench.running():
        post(bench)
        await until(lambda: "execute begins" in bench.happened(), what="the first execution")
        for _ in range(20):
            await asyncio.sleep(0)
        assert "fetch state" not in bench.happened()
        bench.execution.may_go_on.set()
        await until(lambda: len(bench.replica.seen(Synced)) == 1, what="the end of the transfer")
    happened = bench.happened()
    assert happened.count("execute ends") == 2
    assert happened.index("fetch state") > max(
        at for at, what in enumerate(happened) if what == "execute ends"
    )


async def test_state_transfer_is_tried_again_until_a_peer_can_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_FETCH_RETRY_S", 0.001)
    bench = Bench(on_received(FetchState(target=stable(9))))
    bench.transfer.states = [None, None, transferred(11, stable_height=10)]
    async with bench.running():
        post(bench)
        await until(lambda: len(bench.replica.seen(Synced)) == 1, what="the end of the transfer")
    assert bench.happened().count("fetch state") == 3
    (synced,) = bench.replica.seen(Synced)
    assert isinstance(synced, Synced)
    assert (synced.executed, synced.stable.height) == (11, 10)


async def test_the_core_learns_when_execution_and_state_transfer_owe_another_block() -> None:
    bench = Bench(on_received(execute(1), FetchState(target=stable(9))))
    bench.execution.next_block_in_ms = 700
    bench.transfer.states = [replace(transferred(9), next_block_in_ms=300)]
    async with bench.running():
        post(bench)
        await until(lambda: len(bench.replica.seen(Synced)) == 1, what="the end of the transfer")
    (executed,), (synced,) = bench.replica.seen(Executed), bench.replica.seen(Synced)
    assert isinstance(executed, Executed)
    assert isinstance(synced, Synced)
    assert (executed.next_block_in_ms, synced.next_block_in_ms) == (700, 300)


async def test_a_transferred_block_frees_the_pool_and_its_waiters() -> None:
    bench = Bench(
        on_received(FetchState(target=stable(9)), Stabilized(stable=stable(9))),
    )
    submission = submission_of(bench.genesis)
    bench.pool.add(submission)
    bench.transfer.installs = [executed_batch(9, submission.digest)]
    bench.transfer.states = [transferred(9)]
    waiting = asyncio.create_task(bench.finality.wait(submission.digest, timeout_s=20))
    async with bench.running():
        post(bench)
        assert await waiting == 9
    assert submission.digest not in bench.pool
    assert ("final", (submission.digest,)) in bench.journal


async def test_an_error_of_state_transfer_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def diverge(*_: object) -> TransferredState | None:
        raise InvariantViolation("another header")

    bench = Bench(on_received(FetchState(target=stable(9))))
    monkeypatch.setattr(bench.transfer, "fetch_state", diverge)
    async with bench.running() as task:
        post(bench)
        with pytest.raises(InvariantViolation):
            await task
    assert bench.replica.seen(Synced) == []


async def test_a_missing_body_is_looked_for_once_at_a_time_and_again_when_asked_again() -> None:
    bench = Bench(on_received(FetchBatch(sequence=SequenceNumber(1), digest=Digest(b"d" * 32))))
    bench.transfer.batches = [None, NULL_BATCH]
    bench.transfer.may_go_on.clear()
    async with bench.running():
        for _ in range(5):
            post(bench)
        await until(lambda: len(bench.replica.seen(Received)) == 5, what="all events")
        await asyncio.sleep(0)
        assert bench.happened() == ["fetch batch"]

        bench.transfer.may_go_on.set()
        await until(lambda: len(bench.transfer.batches) == 1, what="the first search")
        assert bench.replica.seen(Fetched) == []

        post(bench)
        await until(lambda: len(bench.replica.seen(Fetched)) == 1, what="the body")
    assert bench.happened() == ["fetch batch", "fetch batch"]


async def test_the_core_hears_of_the_oldest_submission_when_it_changes() -> None:
    bench = Bench()
    first, second = (submission_of(bench.genesis, nonce=nonce) for nonce in (0, 1))
    async with bench.running():
        for one in (first, second):
            bench.pool.add(one)
            bench.driver.on_pool_changed()
        await until(lambda: len(bench.replica.seen(Waiting)) == 1, what="the first one")
        bench.pool.remove([first.digest])
        bench.driver.on_pool_changed()
        await until(lambda: len(bench.replica.seen(Waiting)) == 2, what="the second one")
        bench.pool.remove([second.digest])
        bench.driver.on_pool_changed()
        await until(lambda: len(bench.replica.seen(Waiting)) == 3, what="nobody")
    oldest = [one.oldest for one in bench.replica.seen(Waiting) if isinstance(one, Waiting)]
    assert oldest == [Digest(first.digest), Digest(second.digest), None]


async def test_what_has_expired_is_watched_no_more_before_any_event_is_stepped() -> None:
    bench = Bench(on_received())
    submission = submission_of(bench.genesis)
    bench.pool.add(submission)
    async with bench.running():
        bench.driver.on_pool_changed()
        await until(lambda: len(bench.replica.seen(Waiting)) == 1, what="the submission")
        bench.clock.set(submission.valid_until_ms + 1)
        post(bench)
        await until(lambda: len(bench.replica.seen(Received)) == 1, what="the message")
    kinds = [type(one) for one in bench.replica.events]
    assert kinds.index(Received) > max(at for at, kind in enumerate(kinds) if kind is Waiting)
    last = bench.replica.seen(Waiting)[-1]
    assert isinstance(last, Waiting)
    assert last.oldest is None


async def test_a_primary_proposes_what_waits_while_few_proposals_are_in_flight() -> None:
    bench = Bench()
    bench.replica.can_propose = True
    bench.replica.proposed = 4
    bench.pool.add(submission_of(bench.genesis))
    async with bench.running():
        bench.driver.on_pool_changed()
        await until(lambda: len(bench.replica.seen(Waiting)) == 1, what="a round")
        assert bench.replica.seen(Submitted) == []

        bench.replica.proposed = 3
        bench.driver.on_pool_changed()
        await until(lambda: len(bench.replica.seen(Submitted)) == 1, what="the proposal")
    (submitted,) = bench.replica.seen(Submitted)
    assert isinstance(submitted, Submitted)
    assert len(bench.batches.decoded(submitted.batch).submissions) == 1


async def test_an_idle_block_is_proposed_once_and_empty() -> None:
    bench = Bench(on_received(BuildBatch()))
    bench.replica.can_propose = True
    bench.replica.proposed = 9
    async with bench.running():
        post(bench)
        await until(lambda: len(bench.replica.seen(Submitted)) == 1, what="the proposal")
        post(bench, status(sender=99))
        await until(lambda: bench.driver.refused.total() == 1, what="one more round")
    (submitted,) = bench.replica.seen(Submitted)
    assert isinstance(submitted, Submitted)
    assert bench.batches.decoded(submitted.batch).submissions == ()


async def test_entering_a_view_offers_again_what_was_sealed_and_forgets_the_idle_block() -> None:
    bench = Bench(on_received(BuildBatch(), EnteredView(view=3)))
    bench.pool.add(submission_of(bench.genesis))
    bench.pool.take(bytes_max=1_000_000)
    assert not bench.pool.has_unsealed
    async with bench.running():
        post(bench)
        await until(lambda: "entered view" in bench.happened(), what="the view")
        assert bench.pool.has_unsealed
        bench.pool.remove([submission_of(bench.genesis).digest])
        bench.replica.can_propose = True
        post(bench, status(sender=99))
        await until(lambda: bench.driver.refused.total() == 1, what="one more round")
    assert bench.replica.seen(Submitted) == []


async def test_evidence_of_equivocation_is_kept_and_all_of_it_counted() -> None:
    pair = Equivocated(first=prepare(1), second=prepare(2))
    bench = Bench(on_received(pair))
    async with bench.running():
        for _ in range(3):
            post(bench)
        await until(lambda: len(bench.evidence.pairs) == 3, what="all of them")
    assert bench.driver.equivocations == 3
    assert bench.evidence.pairs[0] == (pair.first, pair.second)


async def test_the_end_of_our_voting_is_told_at_once() -> None:
    bench = Bench(on_received(VotingEnded(promise=prepare(7))))
    async with bench.running():
        post(bench)
        await until(lambda: "voting ended" in bench.happened(), what="word of it")
    assert ("voting ended", prepare(7)) in bench.journal


async def test_what_is_stable_and_executed_is_final_whichever_comes_first() -> None:
    bench = Bench(on_received(execute(1), Stabilized(stable=stable(1))))
    submission = submission_of(bench.genesis)
    bench.pool.add(submission)
    bench.execution.submissions = (submission.digest,)
    async with bench.running():
        post(bench)
        await until(lambda: "final" in bench.happened(), what="finality")
    assert bench.journal[-1] == ("final", (SubmissionDigest(submission.digest),))
    assert len(bench.pool) == 0


async def test_a_timer_reports_its_generation_and_a_stopped_one_stays_silent() -> None:
    starts = (
        StartTimer(timer=Timer.IDLE, generation=1, duration_ms=1),
        StopTimer(timer=Timer.IDLE),
        StopTimer(timer=Timer.NEW_VIEW),
        StartTimer(timer=Timer.STATUS, generation=5, duration_ms=60_000),
        StartTimer(timer=Timer.STATUS, generation=6, duration_ms=2),
    )
    bench = Bench(on_received(*starts))
    bench.clock.set(NOW_MS + 77)
    async with bench.running():
        post(bench)
        await until(lambda: len(bench.replica.seen(TimerExpired)) == 1, what="the timer")
    assert bench.replica.seen(TimerExpired) == [
        TimerExpired(timer=Timer.STATUS, generation=6, now_ms=NOW_MS + 77)
    ]


async def test_no_timer_fires_and_no_task_is_left_after_the_run() -> None:
    bench = Bench(
        on_received(
            StartTimer(timer=Timer.IDLE, generation=1, duration_ms=1),
            FetchState(target=stable(1)),
        )
    )
    bench.transfer.may_go_on.clear()
    before = asyncio.all_tasks()
    async with bench.running() as task:
        post(bench)
        await until(lambda: "fetch state" in bench.happened(), what="the transfer")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        count = len(bench.replica.events)
        for _ in range(5):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
    assert len(bench.replica.events) == count
