"""How the nodes are, for people: one line each, a verdict on the group, and every alarm.

What a node says of itself is its word; the newest block beside it is proven.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chainnode.client import NodeStatus
from chainnode.verify.strict_json import JsonObject, JsonValue
from consensus.types import Epoch, Membership

# Blocks behind the highest before it is worth a word.
_LAG_BLOCKS: Final = 32
_GROUP_MIN: Final = 4
_STATES: Final = frozenset({"running", "syncing", "voting_stopped"})
_ROLES: Final = frozenset({"primary", "backup", "learner"})
_TEXT_CHARACTERS_MAX: Final = 80
_ALARMS_MAX: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLine:
    """One node as the table shows it; `state` "silent": it did not answer."""

    name: str
    state: str
    role: str
    height: int | None
    view: int | None
    version: str

    @property
    def is_voting(self) -> bool:
        """Whether its votes count."""
        return self.state in {"running", "syncing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it; `health` is a word of `WORDS`."""

    health: str
    quorum: int
    size: int
    lines: tuple[NodeLine, ...]
    alarms: tuple[str, ...]


def overview(
    answers: Sequence[NodeStatus | None],
    *,
    nodes: Sequence[str],
    names: Mapping[str, str],
    size: int,
    proven_height: int,
) -> Overview:
    """Judge a group of `size` replicas from the answers of `nodes`, None where none came.

    Who is behind is behind the newest proven block: heights that nodes claim blame nobody else.
    """
    lines = tuple(_line(node, one, names) for node, one in zip(nodes, answers, strict=True))
    alarms = tuple(
        alarm for node, one in zip(lines, answers, strict=True) for alarm in _alarms(node, one)
    )
    alarms += _lagging(lines, proven_height)
    group = Membership(epoch=Epoch(0), size=max(size, len(lines), _GROUP_MIN))
    # Who was not asked cannot be blamed unheard.
    voting = sum(one.is_voting for one in lines) + group.size - len(lines)
    said_halted = sum(_halt(one) is not None for one in answers)
    is_halted = voting < group.quorum or said_halted >= group.weak_quorum
    health = "halted" if is_halted else "degraded" if alarms else "healthy"
    return Overview(
        health=health,
        quorum=group.quorum,
        size=group.size,
        lines=lines,
        alarms=alarms[:_ALARMS_MAX],
    )


def _line(node: str, status: NodeStatus | None, names: Mapping[str, str]) -> NodeLine:
    document = None if status is None else status.document
    if document is None:
        return NodeLine(name=node, state="silent", role="", height=None, view=None, version="")
    organisation = _text(document.get("org"))
    state, role = _text(document.get("state")), _text(document.get("role"))
    return NodeLine(
        name=names.get(organisation, _text(document.get("node")) or node),
        state=state if state in _STATES else "silent",
        role=role if role in _ROLES else "",
        height=_number(document.get("height")),
        view=_number(document.get("view")),
        version=_text(document.get("version")),
    )


def _alarms(line: NodeLine, status: NodeStatus | None) -> tuple[str, ...]:
    """Return what is wrong with one node, as `name: CODE`."""
    if line.state == "silent":
        return (f"{line.name}: NO_ANSWER",)
    found = [] if line.state != "voting_stopped" else [f"{line.name}: VOTING_STOPPED"]
    halt = _halt(status)
    if halt is not None:
        found.append(f"{line.name}: {halt}")
    document = None if status is None else status.document
    listed = None if document is None else document.get("findings")
    found += [
        f"{line.name}: {_text(one.get('code'))}"
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
    ]
    return tuple(found)


def _lagging(lines: Sequence[NodeLine], highest: int) -> tuple[str, ...]:
    return tuple(
        f"{one.name}: −{highest - one.height}"
        for one in lines
        if one.height is not None and highest - one.height > _LAG_BLOCKS
    )


def _halt(status: NodeStatus | None) -> str | None:
    document: JsonObject | None = None if status is None else status.document
    told = None if document is None else document.get("halted_because")
    return _text(told.get("reason")) if isinstance(told, dict) else None


def _text(value: JsonValue) -> str:
    """Return a text that may be shown: what a node says is anybody's word."""
    if not isinstance(value, str):
        return ""
    return "".join(one for one in value if one.isprintable())[:_TEXT_CHARACTERS_MAX]


def _number(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
