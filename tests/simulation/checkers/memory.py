"""Bounded memory: every container in a replica's state, found by looking, has a limit."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from tests.simulation.checkers.violation import Violation

if TYPE_CHECKING:
    from tests.simulation.node import Node

_BODIES_MAX = 8
# Values of the protocol are immutable: they do not grow.
_ROOMS = ("consensus.log", "consensus.slot", "consensus.checkpoint_votes", "consensus.outbox")


def check_memory(node: "Node") -> None:
    """Compare the size of each container with its limit in docs/protocol.md.

    What has no limit of its own there may hold a value per member or per open sequence.

    Raises:
        Violation: naming the container.

    """
    size, window = node.config.membership.size, node.config.window
    limits = {
        "_slots": 4 * window,
        "prepares": size,
        "commits": size,
        "proposals": _BODIES_MAX,
        "_votes": size,
        "_votes[]": 5 * window + 1,
        "_certified": 3 * window + 1,
        "_computed": 3 * window + 1,
        "_records": 0,
        "_effects": 0,
    }
    otherwise = max(size, 4 * window)
    for name, length in _containers(node.replica):
        if length > limits.get(name, otherwise):
            raise Violation(f"replica {node.index} keeps {length} in {name}")


def _containers(holder: object) -> Iterator[tuple[str, int]]:
    for name, value in _attributes(holder):
        if isinstance(value, dict | list | set):
            yield name, len(value)
            for one in value.values() if isinstance(value, dict) else value:
                if isinstance(one, dict | list | set):
                    yield f"{name}[]", len(one)
                elif type(one).__module__ in _ROOMS:
                    yield from _containers(one)
        elif type(value).__module__ in _ROOMS or type(value).__name__ == "ReplicaState":
            yield from _containers(value)


def _attributes(holder: object) -> list[tuple[str, object]]:
    if is_dataclass(holder):
        return [(one.name, getattr(holder, one.name)) for one in fields(holder)]
    return list(vars(holder).items())
