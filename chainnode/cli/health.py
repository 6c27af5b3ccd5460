"""Is the network healthy, degraded or halted, and because of what. Pure.

Judged from what each node says about itself (`/v1/consensus`) and from who is silent. A chain
makes progress while a quorum of voting replicas is up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from chainnode.cli.answers import NodeAnswer, printable
from chainnode.cli.disagreements import clocks_off, headers_differ, versions_differ
from chainnode.cli.exits import ExitCode
from chainnode.cli.words import Text
from consensus.types import Epoch, Membership

# Blocks that a node may be behind the others before it is worth a word.
LAG_BLOCKS = 32
# Names in one sentence.
_NAMED_MAX = 8
_DIVERGED = "DIVERGED"
_STORE_DIFFERS = "AUDIT_STORE_DIFFERS"

_AFTER_SILENCE = Text(
    "让没有应答的部门启动节点（kun node start）；达到法定票数后自动恢复。",
    "have the silent departments start their nodes (kun node start);"
    " writes go on by themselves once the quorum is back.",
)
_AFTER_DIVERGENCE = Text(
    "不要删除任何数据；各部门保存 kun node inspect-votes --json 的输出并比对软件版本，"
    "见 docs/operating.md “区块头不一致”。",
    "delete no data; every department keeps the output of kun node inspect-votes --json and"
    " compares software versions: docs/operating.md, “Headers differ”.",
)


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
class Judgement:
    """The verdict on the network, every reason for it, and for a halt what to do next."""

    health: Health
    because: tuple[Text, ...]
    next_step: Text | None
    quorum: int
    size: int


def judge(answers: Sequence[NodeAnswer], *, size: int, is_devnet: bool = False) -> Judgement:
    """Judge a group of `size` replicas from the answers of those that were asked.

    A replica that was not asked counts as up: it cannot be blamed unheard. The nodes of a devnet
    are started by their names.
    """
    group = Membership(epoch=Epoch(0), size=max(size, len(answers), 4))
    voting = sum(one.is_voting for one in answers) + group.size - len(answers)
    because = [*_silent(answers), *_not_voting(answers)]
    because += _lagging(answers, said_by=group.weak_quorum)
    because += clocks_off(answers, said_by=group.weak_quorum)
    because += headers_differ(answers, said_by=group.weak_quorum)
    because += [_finding(one, code) for one in answers for code in one.findings]
    reports = [one for one in answers if one.halted_because is not None]
    because += [_own_reason(one) for one in reports]
    if voting < group.quorum:
        because.append(_missing_quorum(voting, group))
    # Fewer than f+1 nodes may lie about it, or be cut off themselves.
    if voting < group.quorum or len(reports) >= group.weak_quorum:
        health = Health.HALTED
        because += versions_differ(answers)
    else:
        health = Health.DEGRADED if because else Health.HEALTHY
    after_silence = _start_in_devnet(answers) if is_devnet else _AFTER_SILENCE
    is_diverged = _is_diverged(reports, group)
    next_step = _AFTER_DIVERGENCE if is_diverged else after_silence
    return Judgement(
        health=health,
        because=tuple(because),
        next_step=next_step if health is Health.HALTED else None,
        quorum=group.quorum,
        size=group.size,
    )


def _is_diverged(reports: Sequence[NodeAnswer], group: Membership) -> bool:
    """Believe it when more nodes say so than may lie: what is to be done next depends on it."""
    told = (one.halted_because or {} for one in reports)
    return sum(one.get("reason") == _DIVERGED for one in told) >= group.weak_quorum


def _start_in_devnet(answers: Sequence[NodeAnswer]) -> Text:
    silent = [one.name for one in answers if one.is_silent][:_NAMED_MAX]
    commands = ", ".join(f"kun devnet start {name}" for name in silent or ("NODE",))
    if len(silent) == len(answers):
        commands = "kun devnet up"
    return Text(
        f"启动没有应答的节点：{commands}（已暂停的：kun devnet resume）；达到法定票数后自动恢复。",
        f"start the silent nodes: {commands} (a paused one: kun devnet resume);"
        " writes go on by themselves once the quorum is back.",
    )


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
            f"{one.title} ({one.name}) 未参与投票：{one.words('state')}{_why(one)}",
            f"{one.title} ({one.name}) does not vote: {one.words('state')}{_why(one)}",
        )
        for one in answers
        if not one.is_silent and not one.is_voting
    ]


def _why(one: NodeAnswer) -> str:
    """Repeat why a node signs nothing any more, in its words."""
    reason = one.words("voting_stopped_because")
    return "" if reason is None else f" ({reason})"


def _lagging(answers: Sequence[NodeAnswer], *, said_by: int) -> list[Text]:
    """Name who is behind the height that `said_by` nodes have reached: one of them is honest.

    A height is a claim. Were the highest one believed, a single liar could blame all others.
    """
    claims = sorted((one.height for one in answers if one.height is not None), reverse=True)
    highest = claims[said_by - 1] if len(claims) >= said_by else 0
    return [
        Text(
            f"{one.title} ({one.name}) 落后 {highest - one.height} 个区块",
            f"{one.title} ({one.name}) is {highest - one.height} blocks behind",
        )
        for one in answers
        if one.height is not None and highest - one.height > LAG_BLOCKS
    ]


def _finding(one: NodeAnswer, code: str) -> Text:
    """Repeat what a node found out about itself; what it says is hostile and cut."""
    if code == _STORE_DIFFERS:
        return Text(
            f"{one.title} ({one.name}) 的审计库与链上索引不一致，已报警并重建："
            "见 docs/operating.md “审计库”",
            f"the audit store of {one.title} ({one.name}) differed from the index of the chain;"
            " it is being rebuilt: docs/operating.md, “The audit store”",
        )
    return Text(f"{one.title} ({one.name}) 报告 {code}", f"{one.title} ({one.name}) reports {code}")


def _own_reason(one: NodeAnswer) -> Text:
    """Put the reason a node gives into a sentence; what it says is hostile and cut."""
    reason = one.halted_because or {}
    code = printable(reason.get("reason", "?"))
    missing = reason.get("missing")
    if not isinstance(missing, Mapping):
        return Text(
            f"{one.title} ({one.name}) 自报停滞：{code}",
            f"{one.title} ({one.name}) reports a halt: {code}",
        )
    vote, view = printable(missing.get("vote")), printable(missing.get("view"))
    whose = _named_replicas(reason.get("silent"), missing.get("replicas"))
    return Text(
        f"{one.title} ({one.name}) 自报停滞 {code}：视图 {view} 缺 {vote}，来自 {whose}",
        f"{one.title} ({one.name}) reports a halt, {code}: in view {view} it lacks {vote}"
        f" of {whose}",
    )


def _named_replicas(silent: object, replicas: object) -> str:
    names = {
        row.get("replica_id"): printable(row.get("name"))
        for row in (silent if isinstance(silent, list) else [])
        if isinstance(row, Mapping) and isinstance(row.get("replica_id"), int)
    }
    said = replicas if isinstance(replicas, list) else []
    numbers = [one for one in said if isinstance(one, int)]
    told = [names.get(number, f"replica {number!s:.10}") for number in numbers[:_NAMED_MAX]]
    return ", ".join(told) or "?"


def _missing_quorum(voting: int, group: Membership) -> Text:
    return Text(
        f"法定票数不足：{group.size} 个副本中 {voting} 个在投票，需要 {group.quorum} 个",
        f"quorum missing: {voting} of {group.size} replicas vote, {group.quorum} are needed",
    )
