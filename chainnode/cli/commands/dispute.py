"""`kun dispute`: object to a call, certificate or item; forward, extend, answer, withdraw, show.

What people write is not among the arguments: a command line is read by others, and the record of
a dispute names its reason by a code. Who has to answer is decided by the ledger.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode, UsageProblem
from chainnode.cli.new_files import require_new, write_new
from chainnode.cli.organisations import organisation_named
from chainnode.cli.sharing import DEFAULT_IDENTITY, recorded, spoken, submitted, told
from chainnode.cli.target import Target, acting_target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.client import StateRow
    from chainnode.client.dispute_calls import Objection
    from chainnode.submission import Call
    from contracts.schemas.disputes import DisputeRow

# Filing is the act of a service or an auditor; answering that of a service or a member.
FILER = "auditor"
_ID_BYTES = 16
# Which of the options that name something are given → the number of what is disputed.
_DISPUTED = {("call", "item"): 1, ("certificate",): 2, ("item",): 3}
_GROUNDS = ("data-wrong", "unauthorised", "another-person", "record-wrong", "other")

dispute = kun_group("dispute", text="异议 · objections, and who answers")


@kun_command("object", text="提出异议 · object to a call, a certificate or an item")
@target_options
@click.option("--ground", type=click.Choice(_GROUNDS), required=True, help="理由 · why")
@click.option("--call", metavar="ID", help="调用编号 · call, with --requester and --provider")
@click.option("--requester", metavar="ORG", help="调用的需方 · of the call")
@click.option("--provider", metavar="ORG", help="调用的供方 · of the call")
@click.option("--certificate", metavar="ID", help="证照标识 · certificate")
@click.option("--item", metavar="NAME", help="目录项；调用的数据项 · item, also that of the call")
@click.option("--grant", metavar="NAME", help="调用的授权 · grant of the call")
@click.option(
    "--subject", "subjects", multiple=True, metavar="TOKEN", help="主体化名 · pseudonym, repeatable"
)
@click.option("--person", metavar="TOKEN", help="调用的另一主体 · one more subject of the call")
@click.option("--follows", metavar="ID", help="承接的异议 · an earlier dispute of the same")
def object_(
    *,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    **given: object,
) -> int:
    """File an objection; the answer names its id and who has to answer until when."""
    from chainnode.client.dispute_calls import new_dispute_id, object_to

    target = acting_target(folder, nodes, key, trust, default=FILER)
    objection = _objection(given, target)
    dispute_id = new_dispute_id()
    return _acted(target, dispute_id, object_to(dispute_id, objection))


@kun_command("forward", text="转办 · another organisation has to answer")
@click.argument("dispute_id", metavar="ID")
@target_options
@click.option("--to", "organisation", required=True, metavar="ORG", help="转给 · who answers")
@click.option("--reason", required=True, metavar="CODE", help="原因代码 · reason code")
def forward(
    *,
    dispute_id: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    organisation: str,
    reason: str,
) -> int:
    """Pass a dispute on; the next one has a whole deadline."""
    from chainnode.client.dispute_calls import forward_dispute

    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    found = _bytes(dispute_id, _ID_BYTES, what="ID")
    other = organisation_named(organisation, target, option="--to")
    return _acted(target, found, forward_dispute(found, organisation=other, reason_code=reason))


@kun_command("correct", text="更正 · the objection was right")
@click.argument("dispute_id", metavar="ID")
@target_options
@click.option("--reason", required=True, metavar="CODE", help="原因代码 · reason code")
@click.option("--successor", default="", metavar="NAME", help="更正后的 · what replaces it")
def correct(
    *,
    dispute_id: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    reason: str,
    successor: str,
) -> int:
    """Close a dispute by a correction."""
    from chainnode.client.dispute_calls import correct_dispute

    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    found = _bytes(dispute_id, _ID_BYTES, what="ID")
    return _acted(target, found, correct_dispute(found, reason_code=reason, successor=successor))


def _with_reason(verb: str, *, text: str) -> click.Command:
    """Make one of the commands that take a dispute and a reason."""

    @kun_command(verb, text=text)
    @click.argument("dispute_id", metavar="ID")
    @target_options
    @click.option("--reason", required=True, metavar="CODE", help="原因代码 · reason code")
    def command(
        *,
        dispute_id: str,
        folder: Path | None,
        nodes: tuple[str, ...],
        key: Path | None,
        trust: Path | None,
        reason: str,
    ) -> int:
        from chainnode.client.dispute_calls import extend_dispute, refuse_dispute

        target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
        found = _bytes(dispute_id, _ID_BYTES, what="ID")
        build = {"extend": extend_dispute, "refuse": refuse_dispute}[verb]
        return _acted(target, found, build(found, reason_code=reason))

    return command


@kun_command("withdraw", text="撤回 · the filer takes the objection back")
@click.argument("dispute_id", metavar="ID")
@target_options
def withdraw(
    *,
    dispute_id: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Close a dispute without an answer."""
    from chainnode.client.dispute_calls import withdraw_dispute

    target = acting_target(folder, nodes, key, trust, default=FILER)
    found = _bytes(dispute_id, _ID_BYTES, what="ID")
    return _acted(target, found, withdraw_dispute(found))


@kun_command("show", text="显示并核验 · a dispute, proven; needs no role")
@click.argument("dispute_id", metavar="ID")
@target_options
@click.option(
    "--evidence", type=click.Path(path_type=Path), help="新文件 · a new file for the evidence"
)
def show(
    *,
    dispute_id: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    evidence: Path | None,
) -> int:
    """Show a dispute as the state has it; 1 when the chain proves that there is none."""
    from contracts.schemas.disputes import DISPUTES

    found_id = _bytes(dispute_id, _ID_BYTES, what="ID")
    if evidence is not None:
        require_new(evidence)
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
    with target.open_client() as client:
        found = client.state(DISPUTES, found_id)
    if evidence is not None:
        write_new(evidence, (json.dumps(found.evidence) + "\n").encode())
    document = _document(found_id, found)
    told(current_session().output, document)
    return ExitCode.OK if document["present"] else ExitCode.NEGATIVE


def _acted(target: Target, dispute_id: bytes, call: "Call") -> int:
    """Submit the call, and show the dispute as it stands then."""
    from contracts.schemas.disputes import DISPUTES, NAME

    with target.open_client(signs=True) as client:
        final = submitted(client, NAME, call)
        found = client.state(DISPUTES, dispute_id)
    document = _document(dispute_id, found) | recorded(final)
    return told(current_session().output, document)


def _document(dispute_id: bytes, found: "StateRow[DisputeRow]") -> dict[str, object]:
    from chainnode.verify.verdict import local_time
    from contracts.schemas.dispute_states import STATE_WORDS, DisputeState
    from contracts.schemas.disputes import GROUND_WORDS, TARGET_WORDS, Ground
    from contracts.schemas.disputes import Target as Disputed

    row = found.row
    if row is None:
        return {"dispute": dispute_id.hex(), "present": False}
    return {
        "dispute": dispute_id.hex(),
        "present": True,
        "state": spoken(DisputeState(row.state), STATE_WORDS),
        "overdue": bool(row.is_overdue),
        "ground": spoken(Ground(row.ground), GROUND_WORDS),
        "target": spoken(Disputed(row.target), TARGET_WORDS),
        "call_id": row.call_id.hex() or None,
        "certificate": row.certificate or None,
        "requester": row.requester or None,
        "provider": row.provider,
        "item": row.item or None,
        "grant": row.grant or None,
        "filer": row.filer,
        "responsible": row.responsible,
        "filed": local_time(row.filed_ms),
        "due": local_time(row.due_ms),
        "forwards": row.forwards,
        "follows": row.follows.hex() or None,
    }


def _objection(given: dict[str, object], target: Target) -> "Objection":
    """Read what is disputed from the options.

    Raises:
        UsageProblem: not exactly one target, or what is no id.

    """
    from chainnode.client.dispute_calls import Objection
    from contracts.schemas.disputes import Ground
    from contracts.schemas.disputes import Target as Disputed

    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    subjects = given["subjects"]
    kind = _DISPUTED.get(tuple(name for name in ("call", "certificate", "item") if name in texts))
    if kind is None:
        raise UsageProblem(
            "DISPUTED",
            Text(
                "请给出 --call（及其双方与数据项）、--certificate 或 --item 之一",
                "expected one of --call (with its sides and item), --certificate, --item",
            ),
        )
    sides = {
        name: organisation_named(texts[name], target, option=f"--{name}")
        for name in ("requester", "provider")
        if name in texts
    }
    return Objection(
        ground=Ground(_GROUNDS.index(texts["ground"]) + 1),
        target=Disputed(kind),
        requester=sides.get("requester", ""),
        provider=sides.get("provider", ""),
        call_id=_optional(texts, "call", _ID_BYTES),
        certificate=texts.get("certificate", ""),
        subjects=tuple(
            _bytes(one, 2 * _ID_BYTES, what="--subject")
            for one in (subjects if isinstance(subjects, tuple) else ())
        ),
        person=_optional(texts, "person", 2 * _ID_BYTES),
        item=texts.get("item", ""),
        grant=texts.get("grant", ""),
        follows=_optional(texts, "follows", _ID_BYTES),
    )


def _optional(texts: dict[str, str], name: str, size: int) -> bytes:
    return _bytes(texts[name], size, what=f"--{name}") if name in texts else b""


def _bytes(text: str, size: int, *, what: str) -> bytes:
    """Read an id or a pseudonym; an identity number is none and goes no further."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != size:
        raise UsageProblem(
            "ID",
            Text(
                f"{what}：应为 {2 * size} 位十六进制",
                f"{what}: expected {2 * size} hexadecimal digits",
            ),
        )
    return found


extend = _with_reason("extend", text="延期 · one deadline more, once")
refuse = _with_reason("refuse", text="不予更正 · the objection is not followed")

for _command in (object_, forward, extend, correct, refuse, withdraw, show):
    dispute.add_command(_command)
