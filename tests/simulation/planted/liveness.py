"""Mistakes after which nothing wrong is said, and nothing more happens; or far too much."""

from consensus import (
    checkpoints,
    outbox,
    status_exchange,
    timers,
    validation,
    view_change,
)
from consensus.effects import Timer
from consensus.events import Executed, Received
from consensus.messages import NewView
from consensus.replica import Replica
from consensus.slot import Slot
from consensus.state import ReplicaState
from tests.simulation.byzantine import Vice
from tests.simulation.planted.plant import Planted, nothing

_on_executed = checkpoints.on_executed
_missing = status_exchange._missing  # noqa: SLF001 (planted)


def _any_progress_counts(state: ReplicaState, event: Executed) -> None:
    """Be patient again whenever somebody is served."""
    _on_executed(state, event)
    state.outbox.stop_timer(Timer.REQUEST)


def _act_on_any_expiry(self: outbox.Outbox, timer: Timer, generation: int) -> bool:
    del self, timer, generation
    return True


class ValidatesLate(Replica):
    """Refuses a message after having acted on it."""

    def _on_received(self, event: Received) -> None:
        message = event.message
        if message.sender == self._state.me:
            return
        self._on_message(message, event.now_ms)
        if not isinstance(message, NewView):
            validation.validate_message(
                message,
                membership=self._state.membership,
                window=self._state.log.window,
                start=self._state.start,
            )


LIVENESS = (
    Planted(name="no request timer", patches=((timers, "keep_request_timer", nothing),)),
    Planted(name="no NEW-VIEW timer", patches=((view_change, "_await_new_view", nothing),)),
    Planted(
        name="the timer watches anybody's progress",
        vices=(Vice.STARVING_PRIMARY,),
        patches=((checkpoints, "on_executed", _any_progress_counts),),
    ),
    Planted(name="VIEW-CHANGE is sent once", patches=((view_change, "repeat_wish", nothing),)),
    Planted(
        name="an expired timer acts although it was stopped",
        patches=((outbox.Outbox, "consume_expiry", _act_on_any_expiry),),
    ),
    Planted(
        name="Status is not answered",
        patches=((status_exchange, "on_status", nothing),),
    ),
    Planted(
        name="a missing body is never asked for",
        patches=((Slot, "missing_body", nothing),),
    ),
    Planted(name="a refused message was acted on", replica_class=ValidatesLate),
)
