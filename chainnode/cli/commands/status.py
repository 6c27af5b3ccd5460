"""`kun status`: healthy, degraded or halted, because … with the names of departments."""

from pathlib import Path

from chainnode.cli.answers import NodeAnswer, answer_of
from chainnode.cli.health import Health, Judgement, judge
from chainnode.cli.histories import history_notes
from chainnode.cli.output import Output
from chainnode.cli.probe import fetch_all
from chainnode.cli.target import Target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command


@kun_command(
    "status",
    text="网络状态及原因 · healthy (exit 0), degraded (1) or halted (3), because …",
)
@target_options
def status(
    folder: Path | None, nodes: tuple[str, ...], key: Path | None, trust: Path | None
) -> int:
    """Ask every node and judge the network."""
    session = current_session()
    target = resolve_target(
        folder=folder, nodes=nodes, key=key, trust=trust, identity=session.identity
    )
    replies = fetch_all(target.urls, "/v1/consensus")
    answers = [answer_of(ref, reply) for ref, reply in zip(target.nodes, replies, strict=True)]
    judgement = judge(
        answers, size=_group_size(target, answers), is_devnet=target.folder is not None
    )
    session.output.answer(
        status_document(answers, judgement), lambda: _print(session.output, answers, judgement)
    )
    return judgement.health.exit_code


def _group_size(target: Target, answers: list[NodeAnswer]) -> int:
    """Count the replicas: from the trust file, else from what the nodes say of their peers."""
    if target.trust_file is not None:
        trust = target.load_trust()
        return len(trust.epochs[max(trust.epochs)])
    peers = [one.consensus.get("peers") for one in answers]
    return max((len(one) + 1 for one in peers if isinstance(one, list)), default=len(answers))


def status_document(answers: list[NodeAnswer], judgement: Judgement) -> dict[str, object]:
    """Return the JSON of `kun status`."""
    return {
        "status": judgement.health.word,
        "because": [{"zh": one.zh, "en": one.en} for one in judgement.because],
        "next_step": None
        if judgement.next_step is None
        else {"zh": judgement.next_step.zh, "en": judgement.next_step.en},
        "quorum": judgement.quorum,
        "replicas": judgement.size,
        "nodes": [
            {
                "name": one.name,
                "api": one.api,
                "role": one.words("role"),
                "state": one.words("state"),
                "view": one.integer("view"),
                "height": one.height,
                "header_digest": one.words("header_digest"),
                "version": one.words("version"),
                "history": one.consensus.get("history"),
                "transfer": one.consensus.get("transfer"),
                "problem": one.problem or None,
            }
            for one in answers
        ],
    }


def _print(output: Output, answers: list[NodeAnswer], judgement: Judgement) -> None:
    health = judgement.health
    because = "" if health is Health.HEALTHY else output.words("，因为：", ", because:")
    output.line(f"{health.text.both}{because}", colour=health.colour)
    for reason in judgement.because:
        output.line(f"  - {reason.in_language(output.language)}")
    output.table(
        [
            output.words("节点", "node"),
            output.words("角色", "role"),
            output.words("状态", "state"),
            output.words("视图", "view"),
            output.words("高度", "height"),
            "API",
        ],
        [
            [
                f"{one.title} ({one.name})" if one.title != one.name else one.name,
                one.words("role") or "-",
                one.words("state") or output.words("无应答", "silent"),
                _number(one.integer("view")),
                _number(one.height),
                one.api,
            ]
            for one in answers
        ],
    )
    for note in history_notes(answers):
        output.line(f"  {note.in_language(output.language)}")
    if judgement.next_step is not None:
        step = judgement.next_step.in_language(output.language)
        output.line(output.words(f"下一步：{step}", f"Next: {step}"))


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
