"""Where the answers of nodes contradict each other: clocks, headers, versions. Pure.

Each function returns sentences, none when all agree. What a node says is hostile: names are
cut, numbers are checked, and what fewer than f+1 nodes say of another one is not repeated.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from chainnode.cli.answers import NodeAnswer, printable
from chainnode.cli.words import Text

# Hex characters of a digest that tell two of them apart for a person.
_DIGEST_SHOWN = 12
_MS_PER_S = 1000
_S_PER_MINUTE = 60


def clocks_off(answers: Sequence[NodeAnswer], *, said_by: int) -> list[Text]:
    """Name the replicas of whose clock at least `said_by` nodes say that it is off."""
    told: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    for answer in answers:
        for replica, name, ahead_ms in _rows_of_clocks(answer):
            told[replica, name].append(ahead_ms)
    return [
        _clock_text(name, sorted(readings)[len(readings) // 2], nodes=len(readings))
        for (_, name), readings in sorted(told.items())
        if len(readings) >= said_by
    ]


def _rows_of_clocks(answer: NodeAnswer) -> list[tuple[int, str, int]]:
    rows = answer.consensus.get("clocks_off")
    found: dict[int, tuple[int, str, int]] = {}
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, Mapping):
            continue
        replica, ahead_ms = row.get("replica_id"), row.get("ahead_ms")
        if isinstance(replica, int) and isinstance(ahead_ms, int):
            found[replica] = (replica, printable(row.get("name")), ahead_ms)
    return list(found.values())


def _clock_text(name: str, ahead_ms: int, *, nodes: int) -> Text:
    zh, en = ("快", "ahead") if ahead_ms > 0 else ("慢", "behind")
    amount = _duration(abs(ahead_ms))
    return Text(
        f"{name} 的时钟{zh} {amount}（{nodes} 个节点如此报告），其提案会被拒绝；"
        "请校时：timedatectl",
        f"the clock of {name} is {amount} {en}, as {nodes} nodes say: its proposals are refused;"
        " set it right: timedatectl",
    )


def _duration(amount_ms: int) -> str:
    seconds = amount_ms // _MS_PER_S
    if seconds < _S_PER_MINUTE:
        return f"{seconds} s"
    return f"{seconds // _S_PER_MINUTE} min {seconds % _S_PER_MINUTE} s"


def headers_differ(answers: Sequence[NodeAnswer], *, said_by: int) -> list[Text]:
    """Show the header digest per replica at every height at which two nodes differ.

    Each node speaks for itself; of another one, which may have stopped, `said_by` must say it.
    """
    by_height: defaultdict[int, dict[str, str]] = defaultdict(dict)
    told = Counter(row for answer in answers for row in _rows_of_digests(answer))
    for (height, name, shown), sayers in told.items():
        if sayers >= said_by:
            by_height[height][name] = shown
    for answer in answers:
        digest = answer.words("header_digest")
        if answer.height is not None and digest is not None:
            by_height[answer.height][answer.title] = _shown(digest)
    return [
        _headers_text(height, digests)
        for height, digests in sorted(by_height.items())
        if len(set(digests.values())) > 1
    ]


def _rows_of_digests(answer: NodeAnswer) -> set[tuple[int, str, str]]:
    """Return (height, replica, digest) as one node tells it of all, each once."""
    halted = answer.halted_because or {}
    rows = halted.get("digests")
    return {
        (
            row["height"],
            printable(row.get("name")),
            _shown(row.get("header_digest")),
        )
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, Mapping) and isinstance(row.get("height"), int)
    }


def _shown(digest: object) -> str:
    return printable(digest, characters_max=_DIGEST_SHOWN)


def _headers_text(height: int, digests: Mapping[str, str]) -> Text:
    told = ", ".join(f"{name} {digest}…" for name, digest in sorted(digests.items()))
    return Text(
        f"高度 {height} 的区块头不一致：{told}",
        f"headers differ at height {height}: {told}",
    )


def versions_differ(answers: Sequence[NodeAnswer]) -> list[Text]:
    """Name the software of each node when not all run the same."""
    versions = {
        one.title: printable(version)
        for one in answers
        if (version := one.words("version")) is not None
    }
    if len(set(versions.values())) <= 1:
        return []
    told = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return [Text(f"软件版本不一致：{told}", f"software versions differ: {told}")]
