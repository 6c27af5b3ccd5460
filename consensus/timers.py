"""What happens when time passes: the request timer, the idle duty. OSDI '99 §4.4, §4.5.2.

The core counts no time; it starts timers and is told when they run out. The NEW-VIEW and
RETRANSMIT timers belong to `view_change`, the STATUS timer to `status_exchange`.
"""

from consensus import view_change
from consensus.effects import Timer
from consensus.events import Waiting
from consensus.normal_case import build_if_owed
from consensus.state import ReplicaState
from consensus.status_exchange import broadcast_status


def on_waiting(state: ReplicaState, event: Waiting) -> None:
    """Watch the oldest waiting submission: progress of others does not restart its timer (F2)."""
    if event.oldest != state.waiting:
        state.waiting = event.oldest
        state.outbox.stop_timer(Timer.REQUEST)


def keep_request_timer(state: ReplicaState) -> None:
    """Let the request timer run exactly while the primary of a running view owes us something.

    That is a waiting submission, an idle block, or the rest of an epoch that ends (I1).
    """
    is_ending = state.log.next_epoch is not None
    is_owed = state.waiting is not None or state.owes_idle_block or is_ending
    if not (is_owed and state.is_normal and state.may_vote):
        state.outbox.stop_timer(Timer.REQUEST)
    elif not state.outbox.is_running(Timer.REQUEST):
        state.outbox.start_timer(Timer.REQUEST, state.timeout_ms)


def on_request_timeout(state: ReplicaState) -> None:
    """Suspect the primary, unless what is missing is not its to give (§4.4; F2, D5).

    With the window full of decided slots only CHECKPOINTs are missing: ask for them. Where
    that did not help until the next expiry, change the view after all: the replica whose
    CHECKPOINT is missing may need votes that are only given in a new view (ADR-0003).
    """
    low = state.log.low_watermark
    is_worth_asking = _awaits_checkpoints(state) and state.asked_above != low
    if is_worth_asking or state.state_target is not None:
        state.asked_above = low
        broadcast_status(state)
    else:
        view_change.give_up_view(state)


def _awaits_checkpoints(state: ReplicaState) -> bool:
    log = state.log
    return log.committed >= min(log.low_watermark + log.window.size, log.high_watermark)


def on_idle(state: ReplicaState) -> None:
    """Note that an idle block is due: the primary owes it, the backups watch that duty."""
    state.owes_idle_block = True
    state.outbox.start_timer(Timer.IDLE, state.config.idle_block_ms)
    build_if_owed(state)
