"""`kun audit query`: who looked at what. The question is signed and recorded before the answer.

Every row that is shown was proven here; that the rows are all rows is said by `complete`.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode, UsageProblem
from chainnode.cli.instants import end_ms, start_ms
from chainnode.cli.output import Output
from chainnode.cli.target import Target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.client import AuditAnswer
    from chainnode.verify import Facts, RecordFacts
    from contracts.schemas.access import AccessRecord
    from contracts.schemas.index_kinds import IndexKind
    from contracts.schemas.shape import Schema

DEFAULT_IDENTITY = "auditor"
_TOKEN_BYTES = 32

audit = kun_group("audit", text="审计查询 · who accessed what")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for; exactly one of the four."""

    subjects: tuple[str, ...]
    department: str | None
    item: str | None
    certificate: str | None


@kun_command("query", text="提出有记录的查询 · ask; the question itself is recorded")
@target_options
@click.option(
    "--subject", "subjects", multiple=True, metavar="TOKEN", help="主体化名，可重复 · pseudonym"
)
@click.option("--department", metavar="ORG", help="部门代码或节点名 · department, id or node name")
@click.option("--item", metavar="NAME", help="目录数据项 · catalogue item")
@click.option("--certificate", metavar="ID", help="证照标识 · certificate")
@click.option(
    "--side",
    type=click.Choice(["requester", "provider"]),
    default="requester",
    show_default=True,
    help="部门作为哪一方 · which side the department is on",
)
@click.option("--from", "begin", metavar="TIME", help="起：2026-03 或日期 · month, day or instant")
@click.option("--to", "end", metavar="TIME", help="止（含该月、该日）· month or day included")
@click.option("--purpose", required=True, metavar="TEXT", help="查询事由，必填 · mandatory")
@click.option("--limit", type=click.IntRange(1, 100_000), default=10_000, show_default=True)
@click.option("--evidence", type=click.Path(path_type=Path), help="写出证据 · write the evidence")
def query(
    *,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    subjects: tuple[str, ...],
    department: str | None,
    item: str | None,
    certificate: str | None,
    side: str,
    begin: str | None,
    end: str | None,
    purpose: str,
    limit: int,
    evidence: Path | None,
) -> int:
    """Ask, check every row, and print them."""
    output = current_session().output
    identity = current_session().identity
    if identity is None and key is None and not nodes:
        identity = DEFAULT_IDENTITY
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust, identity=identity)
    wanted = Wanted(subjects=subjects, department=department, item=item, certificate=certificate)
    kind, values = asked_for(wanted, side=side, target=target)
    period = (
        0 if begin is None else start_ms(begin, option="--from"),
        0 if end is None else end_ms(end, option="--to"),
    )
    answer = _ask(target, kind, values, purpose=purpose, period=period, limit=limit)
    if evidence is not None:
        pages = {"format": "kunlian-audit-answer", "version": 1, "pages": list(answer.pages)}
        evidence.write_text(json.dumps(pages) + "\n", encoding="utf-8")
    document = answer_document(answer, limit=limit)
    output.answer(document, lambda: _print(output, target, document))
    return ExitCode.OK


@kun_command("verify", text="核验证据 · check one piece of evidence of any kind, without a node")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@target_options
def verify(
    file: Path,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Say what the evidence proves: 0 proven, 3 a check failed, 2 it does not decode."""
    from chainnode.verify import InvalidEvidence, UnreadableEvidence, load_evidence, verify_evidence
    from chainnode.verify.strict_json import EVIDENCE_BYTES_MAX

    output = current_session().output
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust, needs_nodes=False)
    believed = target.load_trust()
    with file.open("rb") as opened:
        data = opened.read(EVIDENCE_BYTES_MAX + 1)
    try:
        document = facts_document(verify_evidence(load_evidence(data), believed))
    except InvalidEvidence as error:
        refusal = {"proven": False, "check": error.check, "because": str(error)}
        told = output.words(f"未证明：{error}", f"not proven: {error}")
        output.answer(refusal, lambda: output.line(told))
        is_unreadable = isinstance(error, UnreadableEvidence)
        return ExitCode.USAGE if is_unreadable else ExitCode.CANNOT_DECIDE
    output.answer(document, lambda: _print_facts(output, document))
    return ExitCode.OK


def facts_document(facts: "Facts") -> dict[str, object]:
    """Return the JSON of `kun audit verify`: what is proven, and under which header."""
    from chainnode.verify import (
        EquivocationFacts,
        ForkFacts,
        ReceiptFacts,
        RecordFacts,
        StateFacts,
    )
    from chainnode.verify.verdict import local_time

    if isinstance(facts, EquivocationFacts):
        return {
            "proven": True,
            "kind": "equivocation",
            "replica_id": facts.replica_id,
            "organisation": facts.organisation,
            "slot": list(facts.slot),
        }
    if isinstance(facts, ForkFacts):
        return {
            "proven": True,
            "kind": "fork",
            "epoch": facts.first.epoch,
            "height": facts.height,
            "headers": [one.digest.hex() for one in (facts.first, facts.second)],
            "signers": [list(one.signers) for one in (facts.first, facts.second)],
            "signed_both": list(facts.on_both_sides),
        }
    under: dict[str, object] = {
        "as_of_height": facts.header.height,
        "as_of_time": local_time(facts.header.time_ms),
        "signers": list(facts.header.signers),
    }
    match facts:
        case RecordFacts():
            return {"proven": True, "kind": "record", **item_document(facts), **under}
        case ReceiptFacts(receipt=receipt):
            shown = {"submission": receipt.submission_digest.hex(), "code": receipt.code}
            codes = [one.code for one in receipt.calls]
            return {"proven": True, "kind": "receipt", **shown, "calls": codes, **under}
        case StateFacts(values=values):
            items = {name.hex(): value is not None for name, value in values.items()}
            return {"proven": True, "kind": "state", "present": items, **under}
        case _:
            return {"proven": True, "kind": "certificate", **under}


def _print_facts(output: Output, document: dict[str, object]) -> None:
    output.line(output.words("已在本机核验", "checked here"), colour="green")
    for name, value in document.items():
        output.line(f"{name:<14} {value}")


def asked_for(
    wanted: Wanted, *, side: str, target: Target
) -> "tuple[IndexKind, tuple[bytes | str, ...]]":
    """Turn the options into an index kind and its values.

    Raises:
        UsageProblem: none or several kinds, or a subject that is no token.

    """
    from contracts.schemas.index_kinds import IndexKind

    choices: list[tuple[IndexKind, tuple[bytes | str, ...]]] = []
    if wanted.subjects:
        choices.append((IndexKind.SUBJECT, tuple(_token(one) for one in wanted.subjects)))
    if wanted.department is not None:
        kind = IndexKind.REQUESTER if side == "requester" else IndexKind.PROVIDER
        choices.append((kind, (_organisation(wanted.department, target),)))
    if wanted.item is not None:
        choices.append((IndexKind.ITEM, (wanted.item,)))
    if wanted.certificate is not None:
        choices.append((IndexKind.CERTIFICATE, (wanted.certificate,)))
    if len(choices) != 1:
        raise UsageProblem(
            "QUESTION",
            Text(
                "请只给出 --subject、--department、--item、--certificate 之一",
                "expected one of --subject, --department, --item, --certificate",
            ),
        )
    return choices[0]


def _token(text: str) -> bytes:
    """Read a pseudonym. A plain identity number is refused: it must never leave this process."""
    try:
        token = bytes.fromhex(text)
    except ValueError:
        token = b""
    if len(token) != _TOKEN_BYTES:
        raise UsageProblem(
            "SUBJECT",
            Text(
                f"--subject：应为 {2 * _TOKEN_BYTES} 位十六进制化名，不是身份号码",
                f"--subject: expected a pseudonym of {2 * _TOKEN_BYTES} hexadecimal digits,"
                " not an identity number",
            ),
        )
    return token


def _organisation(text: str, target: Target) -> str:
    """Accept a node's name in a devnet beside the id of an organisation."""
    if target.folder is None:
        return text
    from devnet.departments import DEPARTMENTS

    return next((one.organisation for one in DEPARTMENTS if one.name == text), text)


def _ask(
    target: Target,
    kind: "IndexKind",
    values: "tuple[bytes | str, ...]",
    *,
    purpose: str,
    period: tuple[int, int],
    limit: int,
) -> "AuditAnswer":
    from chainnode.cli.outcomes import require_accepted
    from chainnode.client import QuestionNotRecorded
    from chainnode.client.asking import PAGE_ROWS_MAX

    with target.open_client(signs=True) as client:
        size = min(limit, PAGE_ROWS_MAX)
        try:
            answer = client.question(kind, values, purpose=purpose, period=period, limit=size)
        except QuestionNotRecorded as error:
            require_accepted(error.outcome)
            raise
        while answer.next_cursor is not None and len(answer.items) < limit:
            answer = client.next_page(answer, limit=min(size, limit - len(answer.items)))
    return answer


def answer_document(answer: "AuditAnswer", *, limit: int) -> dict[str, object]:
    """Return the JSON of `kun audit query`."""
    is_cut = answer.next_cursor is not None
    return {
        "items": [item_document(one) for one in answer.items[:limit]],
        "complete": answer.complete and not is_cut,
        "incomplete_because": "LIMIT" if is_cut else (answer.incomplete_because or None),
        "as_of_height": answer.as_of_height,
        "question": {"digest": answer.question.digest.hex(), "height": answer.question.height},
    }


def item_document(found: "RecordFacts") -> dict[str, object]:
    """Show one proven record: its envelope, and what a call record says."""
    from chainnode.verify.verdict import local_time

    entry = found.entry
    return {
        "position": found.position,
        "height": entry.height,
        "time": local_time(entry.time_ms),
        "organisation": entry.organisation,
        "contract": entry.contract,
        "action": None if found.call is None else found.call.action,
        "outcome": entry.outcome,
        "submission": entry.submission_digest.hex(),
        "call": _access_document(found),
    }


def _access_document(found: "RecordFacts") -> dict[str, object] | None:
    from chainnode.verify.verdict import local_time
    from contracts.schemas.access import NAME, AccessOutcome, Side
    from contracts.schemas.codes import Rejection

    if found.call is None or found.entry.contract != NAME:
        return None
    try:
        record = _access_schema().decode(found.call.public)
    except Rejection:
        # A record of another version of the contract: its envelope is shown alone.
        return None
    return {
        "call_id": record.call_id.hex(),
        "side": Side(record.side).name.lower(),
        "requester": record.requester,
        "provider": record.provider,
        "item": record.item,
        "subjects": [one.hex() for one in record.subjects],
        "outcome": AccessOutcome(found.entry.outcome).name.lower(),
        "status": record.status,
        "count": record.count,
        "requested": local_time(record.requested_ms),
    }


@functools.cache
def _access_schema() -> "Schema[AccessRecord]":
    from contracts.schemas.access import AccessRecord
    from contracts.schemas.shape import Schema

    return Schema(AccessRecord)


def _print(output: Output, target: Target, document: dict[str, object]) -> None:
    items = document["items"]
    rows = items if isinstance(items, list) else []
    output.line(
        output.words(
            f"{len(rows)} 条记录，均已在本机核验；截至高度 {document['as_of_height']}",
            f"{len(rows)} records, each checked here; as of height {document['as_of_height']}",
        )
    )
    if not document["complete"]:
        why = document["incomplete_because"]
        output.line(
            output.words(f"完整性未证明：{why}", f"that these are all is not proven: {why}")
        )
    if rows:
        output.table(
            [
                output.words("位置", "position"),
                output.words("账本时间", "ledger time"),
                output.words("请求方", "requester"),
                output.words("提供方", "provider"),
                output.words("数据项", "item"),
                output.words("陈述方", "side"),
                output.words("结果", "outcome"),
            ],
            [_row(one, _names(target)) for one in rows],
        )


def _names(target: Target) -> dict[str, str]:
    if target.folder is None:
        return {}
    from devnet.departments import DEPARTMENTS

    return {one.organisation: one.title_zh for one in DEPARTMENTS}


def _row(item: dict[str, object], names: dict[str, str]) -> list[str]:
    call = item["call"]
    if not isinstance(call, dict):
        organisation = str(item["organisation"])
        sender = names.get(organisation, organisation)
        action = f"{item['contract']}.{item['action']}"
        return [str(item["position"]), str(item["time"]), sender, "", action, "", ""]
    return [
        str(item["position"]),
        str(item["time"]),
        names.get(call["requester"], call["requester"]),
        names.get(call["provider"], call["provider"]),
        call["item"],
        call["side"],
        f"{call['outcome']} {call['status']}",
    ]


for _command in (query, verify):
    audit.add_command(_command)
