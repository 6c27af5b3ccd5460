"""`kun dispute`: object to a call, certificate or item; forward, answer, withdraw, show, list.

What people write is not among the arguments: a command line is read by others. It comes from a
file, is encrypted for filer, responsible and auditors, and the record names its reason by a code.
Who has to answer is decided by the ledger.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.commands.dispute_list import list_
from chainnode.cli.dispute_texts import (
    Writing,
    own_organisation,
    text_options,
    texts_document,
    written_to,
)
from chainnode.cli.dispute_words import dispute_document
from chainnode.cli.exits import ExitCode, Unacceptable, UsageProblem
from chainnode.cli.new_files import require_new, write_new
from chainnode.cli.opened import WRAPPING_KEYS
from chainnode.cli.organisations import organisation_named
from chainnode.cli.sharing import DEFAULT_IDENTITY, recorded, submitted, told
from chainnode.cli.target import Target, acting_target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from chainnode.client import Client
    from chainnode.client.dispute_calls import Objection, Written
    from chainnode.submission import Call
    from chainnode.verify.rows import ProvenRecord

# Filing is the act of a service or an auditor; answering that of a service or a member.
FILER = "auditor"
# To share the key of a text takes a service's key.
_WRITER = "service"
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
@text_options
def object_(
    *,
    writing: Writing,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    **given: object,
) -> int:
    """File an objection; the answer names its id and who has to answer until when."""
    from chainnode.client.dispute_calls import NOTHING_WRITTEN, new_dispute_id, object_to
    from chainnode.client.dispute_texts import first_responsible

    text = writing.text()
    target = acting_target(folder, nodes, key, trust, default=FILER)
    objection = _objection(given, target)
    dispute_id = new_dispute_id()

    def call(client: "Client") -> "Call":
        words = NOTHING_WRITTEN
        if text is not None:
            own = own_organisation(client, target)
            words = written_to(
                client,
                target,
                writing,
                text,
                dispute_id=dispute_id,
                filer=own,
                responsible=first_responsible(client, objection),
                writer=own,
            )
        return object_to(dispute_id, objection, words)

    return _acted(target, dispute_id, call)


@kun_command("forward", text="转办 · another organisation has to answer")
@click.argument("dispute_id", metavar="ID")
@target_options
@click.option("--to", "organisation", required=True, metavar="ORG", help="转给 · who answers")
@click.option("--reason", required=True, metavar="CODE", help="原因代码 · reason code")
@text_options
def forward(
    *,
    writing: Writing,
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

    text = writing.text()
    target = acting_target(folder, nodes, key, trust, default=_answering(writing))
    found = _bytes(dispute_id, _ID_BYTES, what="ID")
    other = organisation_named(organisation, target, option="--to")

    def call(words: "Written") -> "Call":
        return forward_dispute(found, organisation=other, reason_code=reason, words=words)

    return _answered(target, found, writing, text, call)


@kun_command("correct", text="更正 · the objection was right")
@click.argument("dispute_id", metavar="ID")
@target_options
@click.option("--reason", required=True, metavar="CODE", help="原因代码 · reason code")
@click.option("--successor", default="", metavar="NAME", help="更正后的 · what replaces it")
@text_options
def correct(
    *,
    writing: Writing,
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

    text = writing.text()
    target = acting_target(folder, nodes, key, trust, default=_answering(writing))
    found = _bytes(dispute_id, _ID_BYTES, what="ID")

    def call(words: "Written") -> "Call":
        return correct_dispute(found, reason_code=reason, successor=successor, words=words)

    return _answered(target, found, writing, text, call)


def _with_reason(verb: str, *, text: str) -> click.Command:
    """Make one of the commands that take a dispute and a reason."""

    @kun_command(verb, text=text)
    @click.argument("dispute_id", metavar="ID")
    @target_options
    @click.option("--reason", required=True, metavar="CODE", help="原因代码 · reason code")
    @text_options
    def command(
        *,
        writing: Writing,
        dispute_id: str,
        folder: Path | None,
        nodes: tuple[str, ...],
        key: Path | None,
        trust: Path | None,
        reason: str,
    ) -> int:
        from chainnode.client.dispute_calls import extend_dispute, refuse_dispute

        written = writing.text()
        target = acting_target(folder, nodes, key, trust, default=_answering(writing))
        found = _bytes(dispute_id, _ID_BYTES, what="ID")
        build = {"extend": extend_dispute, "refuse": refuse_dispute}[verb]

        def call(words: "Written") -> "Call":
            return build(found, reason_code=reason, words=words)

        return _answered(target, found, writing, written, call)

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
    return _acted(target, found, lambda _: withdraw_dispute(found))


@kun_command("show", text="显示并核验 · a dispute, proven; needs no role")
@click.argument("dispute_id", metavar="ID")
@target_options
@click.option(
    "--evidence", type=click.Path(path_type=Path), help="新文件 · a new file for the evidence"
)
@click.option(
    "--record",
    "positions",
    multiple=True,
    type=click.IntRange(0),
    metavar="POSITION",
    help="打开这些记录的正文，可重复 · open the texts of these records",
)
@click.option(
    "--purpose",
    metavar="TEXT",
    help="查询其全部记录并打开正文（审计密钥）· ask for all its records, recorded",
)
@WRAPPING_KEYS
@click.option("--organisation", metavar="ORG", help="本部门，缺省按密钥 · ours; default: of --key")
def show(
    *,
    dispute_id: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    evidence: Path | None,
    positions: tuple[int, ...],
    purpose: str | None,
    wrapping_keys: Path | None,
    organisation: str | None,
) -> int:
    """Show a dispute as the state has it; 1 when the chain proves that there is none."""
    from contracts.schemas.disputes import DISPUTES

    found_id = _bytes(dispute_id, _ID_BYTES, what="ID")
    if evidence is not None:
        require_new(evidence)
    target = (
        resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
        if purpose is None
        else acting_target(folder, nodes, key, trust, default=FILER)
    )
    with target.open_client(signs=purpose is not None) as client:
        found = client.state(DISPUTES, found_id)
        document = dispute_document(found_id, found.row)
        if found.row is not None and (purpose is not None or positions):
            ours = organisation and organisation_named(
                organisation, target, option="--organisation"
            )
            if not ours and wrapping_keys is not None:
                ours = own_organisation(client, target)
            document["texts"] = texts_document(
                client,
                _records(client, found_id, purpose, positions),
                filer=found.row.filer,
                wrapping_keys=wrapping_keys,
                organisation=ours or "",
            )
    if evidence is not None:
        write_new(evidence, (json.dumps(found.evidence) + "\n").encode())
    told(current_session().output, document)
    return ExitCode.OK if document["present"] else ExitCode.NEGATIVE


def _records(
    client: "Client", dispute_id: bytes, purpose: str | None, positions: tuple[int, ...]
) -> "tuple[ProvenRecord, ...]":
    """Return records of a dispute: all, by a recorded question, or those that are named.

    Raises:
        UsageProblem: a named record is of something else.

    """
    from chainnode.cli.questions import ask_to_the_end
    from contracts.schemas.index_kinds import IndexKind, index_key

    if purpose is not None:
        return ask_to_the_end(
            client, IndexKind.DISPUTE, [dispute_id], purpose=purpose, basis="data-quality"
        ).items
    records = tuple(client.record(one)[0] for one in sorted(set(positions)))
    named = index_key(client.trust.suite.digest, IndexKind.DISPUTE, dispute_id)
    for one in records:
        if named not in one.entry.index_keys:
            raise UsageProblem(
                "RECORD",
                Text(
                    f"--record {one.position}：不是该异议的记录",
                    f"--record {one.position}: no record of this dispute",
                ),
            )
    return records


def _answering(writing: Writing) -> str:
    return DEFAULT_IDENTITY if writing.text_file is None else _WRITER


def _answered(
    target: Target,
    dispute_id: bytes,
    writing: Writing,
    text: str | None,
    build: "Callable[[Written], Call]",
) -> int:
    """Submit what the responsible does, with what it wrote."""
    from chainnode.client.dispute_calls import NOTHING_WRITTEN
    from contracts.schemas.disputes import DISPUTES

    def call(client: "Client") -> "Call":
        if text is None:
            return build(NOTHING_WRITTEN)
        row = client.state(DISPUTES, dispute_id).row
        if row is None:
            raise Unacceptable(
                "DISPUTES_NO_SUCH_DISPUTE", Text("没有此异议", "no dispute has this id")
            )
        words = written_to(
            client,
            target,
            writing,
            text,
            dispute_id=dispute_id,
            filer=row.filer,
            responsible=row.responsible,
            writer=row.responsible,
        )
        return build(words)

    return _acted(target, dispute_id, call)


def _acted(target: Target, dispute_id: bytes, build: "Callable[[Client], Call]") -> int:
    """Submit the call, and show the dispute as it stands then."""
    from contracts.schemas.disputes import DISPUTES, NAME

    with target.open_client(signs=True) as client:
        final = submitted(client, NAME, build(client))
        found = client.state(DISPUTES, dispute_id)
    document = dispute_document(dispute_id, found.row) | recorded(final)
    return told(current_session().output, document)


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

for _command in (object_, forward, extend, correct, refuse, withdraw, show, list_):
    dispute.add_command(_command)
