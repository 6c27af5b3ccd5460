"""`kun audit query`: who looked at what. The question is signed and recorded before the answer.

Every row that is shown was proven here; that the rows are all rows is said by `complete`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.audit_words import (
    answer_document,
    print_answer,
    print_banner,
    print_rows,
    rows_of,
)
from chainnode.cli.exits import ExitCode, UsageProblem
from chainnode.cli.facts import export_document, facts_document
from chainnode.cli.instants import end_ms, start_ms
from chainnode.cli.organisations import organisation_named, shown_names
from chainnode.cli.output import Output
from chainnode.cli.target import Target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.client import AuditAnswer
    from chainnode.verify import Trust
    from contracts.schemas.index_kinds import IndexKind

DEFAULT_IDENTITY = "auditor"
_TOKEN_BYTES = 32
_ZIP_MARK = b"PK"

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
@click.option("--department", metavar="ORG", help="部门代码或名称 · department, id or title")
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
    output.answer(document, lambda: print_answer(output, document, shown_names(target)))
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
    from chainnode.verify import InvalidEvidence, UnreadableEvidence
    from chainnode.verify.archive import ARCHIVE_BYTES_MAX

    output = current_session().output
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust, needs_nodes=False)
    believed = target.load_trust()
    with file.open("rb") as opened:
        data = opened.read(ARCHIVE_BYTES_MAX + 1)
    try:
        document = proven_document(data, believed)
    except InvalidEvidence as error:
        refusal = {"proven": False, "check": error.check, "because": str(error)}
        told = output.words(f"未证明：{error}", f"not proven: {error}")
        output.answer(refusal, lambda: output.line(told))
        is_unreadable = isinstance(error, UnreadableEvidence)
        return ExitCode.USAGE if is_unreadable else ExitCode.CANNOT_DECIDE
    output.answer(document, lambda: _print_facts(output, target, document))
    return ExitCode.OK


def proven_document(data: bytes, trust: "Trust") -> dict[str, object]:
    """Return what an export or a piece of evidence proves.

    Raises:
        InvalidEvidence: a check failed, or it does not decode.

    """
    if data.startswith(_ZIP_MARK):
        from chainnode.verify.export import verify_export

        return export_document(verify_export(data, trust))
    from chainnode.verify import load_evidence, verify_evidence

    return facts_document(verify_evidence(load_evidence(data), trust))


def _print_facts(output: Output, target: Target, document: dict[str, object]) -> None:
    output.line(output.words("已在本机核验", "checked here"), colour="green")
    rows = rows_of(document, "items")
    if "items" in document:
        print_banner(output, document, count=len(rows))
    for name, value in document.items():
        if name != "items":
            output.line(f"{name:<14} {value}")
    if rows:
        print_rows(output, rows, shown_names(target))


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
        choices.append((kind, (organisation_named(wanted.department, target),)))
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


for _command in (query, verify):
    audit.add_command(_command)
