"""From where on each node serves the chain, and how far it has come in getting there. Pure.

What a node says of itself is read as hostile: other shapes than ours say nothing.
"""

from collections.abc import Mapping, Sequence

from chainnode.cli.answers import NodeAnswer
from chainnode.cli.words import Text


def history_notes(answers: Sequence[NodeAnswer]) -> tuple[Text, ...]:
    """Return a sentence for every node that does not serve everything, or is catching up."""
    notes: list[Text] = []
    for one in answers:
        notes += _kept(one, _part(one.consensus, "history"))
        notes += _coming(one, _part(one.consensus, "transfer"))
    return tuple(notes)


def _kept(one: NodeAnswer, history: Mapping[str, object]) -> list[Text]:
    who = f"{one.title} ({one.name})"
    snapshot, bodies = _number(history, "snapshot_height"), _number(history, "bodies_from_height")
    notes = []
    if snapshot:
        notes.append(
            Text(
                f"{who} 由高度 {snapshot} 的快照同步，自该高度起提供记录",
                f"{who} was synced by snapshot at height {snapshot}, serves records from there",
            )
        )
    if bodies and bodies != (snapshot or 0) + 1:
        notes.append(
            Text(
                f"{who} 自高度 {bodies} 起保存正文",
                f"{who} keeps bodies from height {bodies}",
            )
        )
    return notes


def _coming(one: NodeAnswer, transfer: Mapping[str, object]) -> list[Text]:
    who, target = f"{one.title} ({one.name})", _number(transfer, "target_height")
    snapshot = _part(transfer, "snapshot")
    done, parts = _number(snapshot, "parts_done"), _number(snapshot, "parts")
    if target is None:
        return []
    if done is None or not parts:
        return [
            Text(
                f"{who} 正在逐块追赶至高度 {target}",
                f"{who} is catching up by blocks to height {target}",
            )
        ]
    height = _number(snapshot, "height")
    share = 100 * done // parts
    return [
        Text(
            f"{who} 正在获取高度 {height} 的快照：{share} %",
            f"{who} is fetching the snapshot of height {height}: {share} %",
        )
    ]


def _part(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(document: Mapping[str, object], name: str) -> int | None:
    value = document.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
