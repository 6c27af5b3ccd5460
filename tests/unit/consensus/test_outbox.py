from consensus.effects import Broadcast, Persist, StartTimer, StopTimer, Timer
from consensus.outbox import Outbox
from tests.unit.consensus.group import commit, prepared, status


def test_records_of_a_step_are_one_write_before_everything_else() -> None:
    outbox = Outbox()
    outbox.broadcast(status(0))
    outbox.persist(prepared(1))
    outbox.broadcast(commit(0))
    outbox.persist(commit(0))

    effects = outbox.drain()

    assert effects == (
        Persist(records=(prepared(1), commit(0))),
        Broadcast(message=status(0)),
        Broadcast(message=commit(0)),
    )
    assert outbox.drain() == ()


def test_only_the_newest_generation_of_a_timer_may_act_and_only_once() -> None:
    outbox = Outbox()
    outbox.start_timer(Timer.IDLE, 5)
    outbox.start_timer(Timer.IDLE, 5)

    assert not outbox.consume_expiry(Timer.IDLE, 1)
    assert outbox.consume_expiry(Timer.IDLE, 2)
    assert not outbox.consume_expiry(Timer.IDLE, 2)


def test_stopped_timer_does_not_act() -> None:
    outbox = Outbox()
    outbox.start_timer(Timer.REQUEST, 5)
    outbox.stop_timer(Timer.REQUEST)
    outbox.stop_timer(Timer.REQUEST)

    assert not outbox.consume_expiry(Timer.REQUEST, 1)
    assert outbox.drain() == (
        StartTimer(timer=Timer.REQUEST, generation=1, duration_ms=5),
        StopTimer(timer=Timer.REQUEST),
    )


def test_generations_go_on_after_a_stop() -> None:
    outbox = Outbox()
    outbox.start_timer(Timer.STATUS, 5)
    outbox.stop_timer(Timer.STATUS)
    outbox.start_timer(Timer.STATUS, 5)

    assert not outbox.consume_expiry(Timer.STATUS, 1)
    assert outbox.consume_expiry(Timer.STATUS, 2)
