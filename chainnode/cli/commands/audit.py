"""`kun audit`: who looked at what; one record, one export; and any of it checked anywhere.

A question is signed and recorded before its answer leaves. Every row that is shown was proven
here, and so is that the rows are all rows, where the banner says so.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.audit_words import (
    alarms,
    print_alarms,
    print_banner,
    print_rows,
    record_for_people,
    rows_of,
)
from chainnode.cli.commands.audit_lineage import lineage
from chainnode.cli.commands.audit_query import DEFAULT_IDENTITY, query
from chainnode.cli.exits import ExitCode
from chainnode.cli.exporting import Exporting, ask_all, export_options
from chainnode.cli.fact_lines import print_facts
from chainnode.cli.facts import export_document, facts_document, pages_document
from chainnode.cli.new_files import require_new, write_new
from chainnode.cli.organisations import shown_names
from chainnode.cli.output import Output
from chainnode.cli.questions import Asking, question_options
from chainnode.cli.target import Target, acting_target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group

if TYPE_CHECKING:
    from chainnode.verify import Facts, Trust

_ZIP_MARK = b"PK"
# The format stands first in a file of ours.
_FORMAT_WITHIN = 64

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)

audit = kun_group("audit", text="审计查询 · who accessed what")


@kun_command("export", text="把答复导出为一个文件 · ask, and write the answer as one .kunproof")
@target_options
@question_options
@export_options
def export(
    *,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    asking: Asking,
    exporting: Exporting,
) -> int:
    """Ask, check everything, and write rows, proofs and signatures into one file.

    rows.jsonl always comes along, and what --with names: csv, parquet, pdf.
    """
    output, out = current_session().output, exporting.out
    render = exporting.renderer()
    require_new(out)
    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    with target.open_client(signs=True) as client:
        asked = ask_all(client, target, asking, attest=exporting.attest)
        exported = client.export(*asked.answers, **asked.parts(render))
    write_new(out, exported.data)
    document = {
        "file": str(out),
        "bytes": len(exported.data),
        **export_document(exported.facts),
        "alarms": alarms(tuple(one for answer in asked.answers for one in answer.reports)),
    }

    def lines() -> None:
        print_banner(output, document, count=len(exported.facts.answer.rows))
        print_alarms(output, document)
        signed = exported.facts.organisation
        also = output.words("无节点签名", "no node signed it") if signed is None else signed
        output.line(f"{out}  {len(exported.data)} B  {also}")
        output.line(f"  kun audit verify {out} --trust {target.trust_file}")

    output.answer(document, lines)
    return ExitCode.OK


@kun_command("prove", text="证明一条记录 · prove one record, by its position in the log")
@click.argument("position", type=click.IntRange(0))
@target_options
@click.option("--out", type=click.Path(path_type=Path), help="新文件 · a new file for the evidence")
@click.option("--authored", is_flag=True, help="附提交者签名 · with the signature of its sender")
@click.option(
    "--place",
    type=click.Choice(["log", "block"]),
    help="位置：整个日志或所在区块 · with --authored: in the whole log (default), or in its block",
)
def prove(
    *,
    position: int,
    authored: bool,
    place: str | None,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    out: Path | None,
) -> int:
    """Fetch a record, check its proof, and write the evidence, which anybody can check."""
    from chainnode.cli.positions import within_log
    from chainnode.verify.forms import RecordPlace

    output = current_session().output
    if place is not None and not authored:
        raise click.UsageError("--place goes with --authored")
    if out is not None:
        require_new(out)
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
    found: Facts
    with target.open_client() as client, within_log(client, position):
        if authored:
            found, evidence = client.authored_record(position, place=RecordPlace(place or "log"))
        else:
            found, evidence = client.record(position)
    if out is not None:
        write_new(out, (json.dumps(evidence) + "\n").encode())
    document = facts_document(found)
    output.answer(document, lambda: _print_facts(output, target, document))
    return ExitCode.OK


@kun_command(
    "disclose", text="出示字段 · show chosen fields of a recorded call, and nothing else of it"
)
@click.argument("position", type=click.IntRange(0))
@target_options
@click.option("--kept", type=_FILE, required=True, help="网关保存的报文 · the gateway's kept calls")
@click.option("--secret", type=_FILE, required=True, help="其密钥文件，权限 0600 · their secret")
@click.option(
    "--message",
    type=click.Choice(["request", "response"]),
    required=True,
    help="请求或应答 · of which",
)
@click.option("--field", "names", multiple=True, help="字段名，可重复 · a field; again for more")
@click.option("--out", type=click.Path(path_type=Path), help="新文件 · a new file for the evidence")
def disclose(
    *,
    position: int,
    kept: Path,
    secret: Path,
    message: str,
    names: tuple[str, ...],
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    out: Path | None,
) -> int:
    """Prove fields of a request or response under the commitment of its record.

    Without --field it lists the names that could be shown, and shows no value.
    """
    from chainnode.cli.disclosing import kept_message
    from chainnode.cli.positions import within_log
    from chainnode.client.disclosing import disclosure_evidence
    from chainnode.verify.disclosure import recorded_half, verify_disclosure_evidence
    from chainnode.verify.forms import RecordPlace

    output = current_session().output
    if out is not None:
        require_new(out)
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
    believed = target.load_trust()
    with target.open_client() as client, within_log(client, position):
        found, evidence = client.authored_record(position, place=RecordPlace.LOG)
    part = recorded_half(found)
    seed, fields = kept_message(believed, part, message=message, kept=kept, secret=secret)
    if not names:
        listed = {"position": position, "message": message, "fields": [one.name for one in fields]}
        output.answer(listed, lambda: print_facts(output, listed))
        return ExitCode.OK
    shown = disclosure_evidence(
        believed.suite, evidence, message=message, seed=seed, fields=fields, names=names
    )
    document = facts_document(verify_disclosure_evidence(shown, believed))
    if out is not None:
        write_new(out, (json.dumps(shown) + "\n").encode())
    output.answer(document, lambda: _print_facts(output, target, document))
    return ExitCode.OK


@kun_command("reasons", text="为何调用 · read why a recorded call was made")
@click.argument("position", type=click.IntRange(0))
@target_options
@click.option(
    "--wrapping-keys",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="本部门按月的封装密钥目录 · folder with our wrapping keys, YYYYMM.key.json",
)
@click.option("--organisation", default="", help="本部门代码 · id of our organisation")
def reasons(
    *,
    position: int,
    wrapping_keys: Path | None,
    organisation: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Open the private part of a half, in clear or with the key of its pair and month."""
    from chainnode.cli.disclosing import reasons_document
    from chainnode.cli.positions import within_log

    output = current_session().output
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
    with target.open_client() as client:
        with within_log(client, position):
            found, _ = client.record(position)
        document = reasons_document(
            client, found, wrapping_keys=wrapping_keys, organisation=organisation
        )
    output.answer(document, lambda: print_facts(output, document))
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
        told = output.words(f"未证明：{error.zh}", f"not proven: {error}")
        output.answer(refusal, lambda: output.line(told))
        is_unreadable = isinstance(error, UnreadableEvidence)
        return ExitCode.USAGE if is_unreadable else ExitCode.CANNOT_DECIDE
    output.answer(document, lambda: _print_facts(output, target, document))
    return ExitCode.OK


def proven_document(data: bytes, trust: "Trust") -> dict[str, object]:
    """Return what an export, the kept pages of an answer or a piece of evidence proves.

    Raises:
        InvalidEvidence: a check failed, or it does not decode.

    """
    if data.startswith(_ZIP_MARK):
        from chainnode.verify.export import verify_export

        return export_document(verify_export(data, trust), reads_parquet=True)
    from chainnode.verify import load_evidence, verify_evidence
    from chainnode.verify.archive import ARCHIVE_BYTES_MAX
    from chainnode.verify.pages import PAGES_FORMAT, verify_pages
    from chainnode.verify.strict_json import read_object

    if f'"{PAGES_FORMAT}"'.encode() in data[:_FORMAT_WITHIN]:
        return pages_document(verify_pages(read_object(data, bytes_max=ARCHIVE_BYTES_MAX), trust))
    return facts_document(verify_evidence(load_evidence(data), trust))


def _print_facts(output: Output, target: Target, document: dict[str, object]) -> None:
    output.line(output.words("已在本机核验", "checked here"), colour="green")
    rows = rows_of(document, "items")
    if "items" in document:
        print_banner(output, document, count=len(rows))
    # The first question stands among all of them.
    told_apart = {"items", *(["question"] if "questions" in document else [])}
    facts = {name: value for name, value in document.items() if name not in told_apart}
    print_facts(output, record_for_people(output, facts))
    if rows:
        print_rows(output, rows, shown_names(target))


for _command in (query, lineage, export, prove, disclose, reasons, verify):
    audit.add_command(_command)
