"""Is the network healthy, degraded or halted, and because of what. Pure.

Judged from what each node says about itself (`/v1/consensus`) and from who is silent. A chain
makes progress while a quorum of voting replicas is up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from chainnode.cli.exits import ExitCode
from chainnode.cli.words import Text
from consensus.types import Epoch, Membership

RUNNING = "running"
# Blocks that a node may be behind the highest one before it is worth a word.
LAG_BLOCKS = 32
# Names in one sentence.
_NAMED_MAX = 8


class Health(Enum):
    """State of the whole network; its exit code is a contract."""

    HEALTHY = ("健康", "healthy", ExitCode.OK, "green")
    DEGRADED = ("降级", "degraded", ExitCode.NEGATIVE, "yellow")
    HALTED = ("停滞", "halted", ExitCode.CANNOT_DECIDE, "red")

    def __init__(self, zh: str, en: str, exit_code: ExitCode, colour: str) -> None:
        self.text = Text(zh, en)
        self.word = en
        self.exit_code = exit_code
        self.colour = colour


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswer:
    """What one node said about itself, or why it said nothing (`problem`)."""

    name: str
    title: str
    api: str
    consensus: Mapping[str, object] = field(default_factory=dict)
    problem: str = ""

    @property
    def is_silent(self) -> bool:
        """Tell whether the node gave no answer."""
        return bool(self.problem)

    @property
    def is_voting(self) -> bool:
        """Tell whether the node takes part in the votes now."""
        return not self.is_silent and self.consensus.get("state") == RUNNING

    @property
    def height(self) -> int | None:
        """Height of its last block, if it said one."""
        return self.integer("height")

    def integer(self, name: str) -> int | None:
        """Return an integer of its answer, or None."""
        value = self.consensus.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def words(self, name: str) -> str | None:
        """Return a string of its answer, or None."""
        value = self.consensus.get(name)
        return value if isinstance(value, str) else None

    @property
    def halted_because(self) -> Mapping[str, object] | None:
        """The node's own reason for not making progress."""
        value = self.consensus.get("halted_because")
        return value if isinstance(value, Mapping) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on the network and every reason for it."""

    health: Health
    because: tuple[Text, ...]
    quorum: int
    size: int


def judge(answers: Sequence[NodeAnswer], *, size: int) -> Judgement:
    """Judge a group of `size` replicas from the answers of those that were asked.

    A replica that was not asked counts as up: it cannot be blamed unheard.
    """
    group = Membership(epoch=Epoch(0), size=max(size, len(answers), 4))
    voting = sum(one.is_voting for one in answers) + group.size - len(answers)
    because = [*_silent(answers), *_not_voting(answers), *_lagging(answers)]
    reports = [one for one in answers if one.halted_because is not None]
    because += [_own_reason(one) for one in reports]
    if voting < group.quorum:
        because.append(_missing_quorum(voting, group))
    # Fewer than f+1 nodes may lie about it, or be cut off themselves.
    if voting < group.quorum or len(reports) >= group.weak_quorum:
        health = Health.HALTED
    else:
        health = Health.DEGRADED if because else Health.HEALTHY
    return Judgement(health=health, because=tuple(because), quorum=group.quorum, size=group.size)


def _silent(answers: Sequence[NodeAnswer]) -> list[Text]:
    return [
        Text(
            f"{one.title} ({one.name}) 没有应答：{one.problem}",
            f"{one.title} ({one.name}) is silent: {one.problem}",
        )
        for one in answers
        if one.is_silent
    ]


def _not_voting(answers: Sequence[NodeAnswer]) -> list[Text]:
    return [
        Text(
            f"{one.title} ({one.name}) 未参与投票：{one.words('state')}",
            f"{one.title} ({one.name}) does not vote: {one.words('state')}",
        )
        for one in answers
        if not one.is_silent and not one.is_voting
    ]


def _lagging(answers: Sequence[NodeAnswer]) -> list[Text]:
    highest = max((one.height or 0 for one in answers), default=0)
    return [
        Text(
            f"{one.title} ({one.name}) 落后 {highest - one.height} 个区块",
            f"{one.title} ({one.name}) is {highest - one.height} blocks behind",
        )
        for one in answers
        if one.height is not None and highest - one.height > LAG_BLOCKS
    ]


def _own_reason(one: NodeAnswer) -> Text:
    """Put the reason a node gives into a sentence; what it says is hostile and cut."""
    reason = one.halted_because or {}
    code = str(reason.get("reason", "?"))[:64]
    missing = reason.get("missing")
    if not isinstance(missing, Mapping):
        return Text(
            f"{one.title} ({one.name}) 自报停滞：{code}",
            f"{one.title} ({one.name}) reports a halt: {code}",
        )
    vote, view = str(missing.get("vote"))[:32], str(missing.get("view"))[:20]
    whose = _named_replicas(reason.get("silent"), missing.get("replicas"))
    return Text(
        f"{one.title} ({one.name}) 自报停滞 {code}：视图 {view} 缺 {vote}，来自 {whose}",
        f"{one.title} ({one.name}) reports a halt, {code}: in view {view} it lacks {vote}"
        f" of {whose}",
    )


def _named_replicas(silent: object, replicas: object) -> str:
    names = {
        row.get("replica_id"): str(row.get("name"))[:64]
        for row in (silent if isinstance(silent, list) else [])
        if isinstance(row, Mapping)
    }
    numbers = replicas if isinstance(replicas, list) else []
    told = [names.get(number, f"replica {number!s:.10}") for number in numbers[:_NAMED_MAX]]
    return ", ".join(told) or "?"


def _missing_quorum(voting: int, group: Membership) -> Text:
    return Text(
        f"法定票数不足：{group.size} 个副本中 {voting} 个在投票，需要 {group.quorum} 个",
        f"quorum missing: {voting} of {group.size} replicas vote, {group.quorum} are needed",
    )
