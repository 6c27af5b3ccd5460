"""Bounded work: whoever asks gets few answers between two ticks, however often (F5, J3)."""

from typing import TYPE_CHECKING

from consensus.effects import Send, StartTimer, Timer
from tests.simulation.checkers.violation import Violation

if TYPE_CHECKING:
    from tests.simulation.node import Node

# New and outdated Statuses, Recalls, one NEW-VIEW that somebody missed; and what a slow sync
# kept back from before the tick.
_ANSWERS_MAX = 4 + 1 + 4 + 1 + 2


class AnswerOracle:
    """Counts the moments at which a replica spoke to one peer alone since its last STATUS tick."""

    def __init__(self) -> None:
        self._answered: dict[int, dict[int, list[int]]] = {}

    def on_effect(self, node: "Node", effect: Send | StartTimer) -> None:
        if isinstance(effect, Send):
            self._on_answer(node, effect.to)
        elif effect.timer is Timer.STATUS:
            self._answered[node.index] = {}

    def _on_answer(self, node: "Node", peer: int) -> None:
        moments = self._answered.setdefault(node.index, {}).setdefault(peer, [])
        now_ms = node.local.clock.now_ms
        if not moments or moments[-1] != now_ms:
            moments.append(now_ms)
        if len(moments) > _ANSWERS_MAX:
            raise Violation(f"replica {node.index} answers replica {peer} {len(moments)} times")
