"""`kun verify`: is this certificate good? Judged from proofs that are checked here.

The argument is a file, an identifier, the text or URL of a QR code, or `-`. An existing path is
a file; `id:` forces the identifier. A file that is evidence itself is judged where it is, without
asking a node.
"""

import json
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import UsageProblem
from chainnode.cli.instants import age_ms, last_ms
from chainnode.cli.judged import Judged, judged_by_client
from chainnode.cli.new_files import write_new
from chainnode.cli.output import Output
from chainnode.cli.target import Target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.verify import FileContent, Verdict
    from chainnode.verify.strict_json import JsonObject

_MARKS = {"pass": "✓", "fail": "✗", "not_checked": "–"}
_COLOURS = {"green": "green", "red": "red", "amber": "yellow", "grey": "white"}
_CHECKS = {
    "content": "内容 content",
    "issuer": "签发 issuer",
    "history": "历史 history",
    "quorum": "签名 quorum",
    "freshness": "时效 freshness",
}
# The format stands near the beginning of an evidence file, and of an export's first member.
_FORMAT_WITHIN = 4096
# Answers to questions, by how they begin: other files may be zip archives or JSON too.
_ANSWERS = ((b"PK", b'"kunlian-export"'), (b"{", b'"kunlian-audit-answer"'))
_ONLINE_AGE, _OFFLINE_AGE = "5m", "24h"
_URLS = ("http://", "https://")
# A QR code holds less; a longer file is a file.
_CODE_BYTES_MAX = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is judged, and for when."""

    subject: str
    identifier: str | None
    as_of_ms: int | None
    max_age_ms: int
    evidence: Path | None
    offline: bool
    file: Path | None = None


@kun_command(
    "verify",
    text="核验文件、证照标识、二维码或证据 · verify a file, an identifier, a QR code or evidence",
)
@click.argument("subject", metavar="FILE|ID|CODE|-")
@target_options
@click.option("--id", "identifier", metavar="ID", help="文件的证照标识 · the file's identifier")
@click.option("--as-of", metavar="TIME", help="判断时点 · judge for this day or instant")
@click.option("--max-age", metavar="AGE", help="证明最大时龄，在线 5m，离线 24h · age of the proof")
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    help="写出证据；--offline 时读入 · write the evidence; with --offline, read it",
)
@click.option("--offline", is_flag=True, help="不联网 · ask no node")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="与二维码比对的文件 · the file to hold against a QR code",
)
def verify(
    *,
    subject: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    identifier: str | None,
    as_of: str | None,
    max_age: str | None,
    evidence: Path | None,
    offline: bool,
    file: Path | None,
) -> int:
    """Judge, print the verdict, and leave with its exit code."""
    output = current_session().output
    _refuse_answer(subject)
    default_age = _OFFLINE_AGE if offline else _ONLINE_AGE
    question = Question(
        subject=subject,
        identifier=identifier,
        as_of_ms=None if as_of is None else last_ms(as_of, option="--as-of"),
        max_age_ms=age_ms(max_age or default_age, option="--max-age"),
        evidence=evidence,
        offline=offline,
        file=file,
    )
    target = resolve_target(
        folder=folder, nodes=nodes, key=key, trust=trust, needs_nodes=not offline
    )
    found = judged(question, target)
    if evidence is not None and not offline and found.evidence is not None:
        write_new(evidence, (json.dumps(found.evidence) + "\n").encode())
    is_devnet = target.load_trust().is_devnet
    document = {**found.verdict.form(), "devnet": is_devnet, "reports": _reports(found)}
    code = _code(found)
    if code is not None:
        document["code"] = code
    output.answer(document, lambda: _print(output, found, is_devnet=is_devnet))
    return found.verdict.verdict.exit_code


def judged(question: Question, target: Target) -> Judged:
    """Find out what the argument is and judge it.

    Raises:
        UsageProblem: a path that does not exist and is no identifier.

    """
    from chainnode.verify import UnreadableFile, read_file, unreadable
    from contracts.schemas.identifiers import is_identifier_shaped

    subject = question.subject
    if _is_code(subject):
        return _judge_code(question, target, subject)
    is_forced = subject.startswith("id:")
    if is_forced or (subject != "-" and not Path(subject).exists()):
        _refuse_second_file(question)
        text = subject.removeprefix("id:")
        if not is_forced and not is_identifier_shaped(text):
            raise UsageProblem(
                "NO_SUCH_FILE",
                Text(f"没有这个文件：{subject!r:.200}", f"there is no such file: {subject!r:.200}"),
            )
        return _judge_identifier(question, target, text)
    try:
        content = _standard_input() if subject == "-" else read_file(Path(subject))
    except UnreadableFile as error:
        return _without_evidence(unreadable(str(error), identifier=question.identifier))
    code = _code_text(content.data)
    if code is not None:
        return _judge_code(question, target, code)
    _refuse_second_file(question)
    if is_evidence(content.data):
        return _judge_evidence(
            question, target, content.data, digest=None, identifier=question.identifier
        )
    return _judge_content(question, target, content)


def _refuse_second_file(question: Question) -> None:
    if question.file is not None:
        raise UsageProblem(
            "FILE_WITHOUT_CODE",
            Text("--file 只与二维码一起使用", "--file goes with a QR code alone"),
        )


def _refuse_answer(subject: str) -> None:
    """Send whoever holds an export or the kept pages of an answer to the command for them.

    Raises:
        UsageProblem: it is one of the two.

    """
    head = _head(subject)
    if any(head.startswith(begin) and mark in head for begin, mark in _ANSWERS):
        command = f"kun audit verify {shlex.quote(subject)}"
        raise UsageProblem(
            "AUDIT_ANSWER",
            Text("这是审计查询的答复，不是证照", "this is the answer to an audit question"),
            hint=Text(command, command),
        )


def _head(subject: str) -> bytes:
    """Return how a file begins; nothing of what is no file, or can be read but once."""
    try:
        if not Path(subject).is_file():
            return b""
        with Path(subject).open("rb") as opened:
            return opened.read(_FORMAT_WITHIN)
    except (OSError, ValueError):
        # A code is longer than a name may be; what is wrong with a file is said later.
        return b""


def is_evidence(data: bytes) -> bool:
    """Tell whether a file means to be evidence, well-formed or not."""
    return data.lstrip()[:1] == b"{" and b'"kunlian-evidence"' in data[:_FORMAT_WITHIN]


def _is_code(text: str) -> bool:
    """Tell whether an argument means to be a QR code's text: a URL is nothing else here."""
    from chainnode.verify import is_qr_text

    return is_qr_text(text) or text.startswith(_URLS)


def _code_text(data: bytes) -> str | None:
    """Return the text of a code that a file or a reader's output holds; None: it is no code."""
    if len(data) > _CODE_BYTES_MAX:
        return None
    text = data.decode("utf-8", errors="replace").strip()
    return text if _is_code(text) and text.isprintable() else None


def _judge_code(question: Question, target: Target, text: str) -> Judged:
    from chainnode.cli.codes import CodeQuestion, judge_code_text

    return judge_code_text(
        CodeQuestion(
            text=text,
            file=question.file,
            as_of_ms=question.as_of_ms,
            max_age_ms=question.max_age_ms,
            evidence=question.evidence,
            offline=question.offline,
        ),
        target,
    )


def _code(found: Judged) -> "JsonObject | None":
    from chainnode.cli.codes import CodeVerification

    return found.code if isinstance(found, CodeVerification) else None


def _judge_identifier(question: Question, target: Target, text: str) -> Judged:
    if question.offline:
        fault = _fault(text)
        if fault is not None:
            from chainnode.verify import unreadable

            return _without_evidence(unreadable(fault, identifier=text))
        return _judge_offline(question, target, digest=None, identifier=text)
    with target.open_client() as client:
        found = client.verify_identifier(
            text, as_of_ms=question.as_of_ms, max_age_ms=question.max_age_ms
        )
    return judged_by_client(found)


def _judge_content(question: Question, target: Target, content: "FileContent") -> Judged:
    digest = target.load_trust().suite.digest(content.data)
    identifier = question.identifier or _well_formed(content.identifier)
    if question.offline:
        return _judge_offline(question, target, digest=digest, identifier=identifier)
    with target.open_client() as client:
        found = client.verify_digest(
            digest,
            identifier=identifier,
            as_of_ms=question.as_of_ms,
            max_age_ms=question.max_age_ms,
        )
    return judged_by_client(found)


def _judge_offline(
    question: Question, target: Target, *, digest: bytes | None, identifier: str | None
) -> Judged:
    from chainnode.verify import cannot_decide

    if question.evidence is None:
        return _without_evidence(
            cannot_decide("offline, and no --evidence FILE to judge it by", identifier=identifier)
        )
    data = question.evidence.read_bytes()
    return _judge_evidence(question, target, data, digest=digest, identifier=identifier)


def _judge_evidence(
    question: Question,
    target: Target,
    data: bytes,
    *,
    digest: bytes | None,
    identifier: str | None,
) -> Judged:
    """Judge evidence by the trust at hand alone."""
    from chainnode.verify import (
        Policy,
        UnreadableEvidence,
        judge_certificate,
        load_evidence,
        unreadable,
    )

    now_ms = time.time_ns() // 1_000_000 + target.clock_offset_ms
    policy = Policy(now_ms=now_ms, as_of_ms=question.as_of_ms, max_age_ms=question.max_age_ms)
    try:
        evidence = load_evidence(data)
    except UnreadableEvidence as error:
        return _without_evidence(unreadable(str(error), identifier=identifier))
    verdict = judge_certificate(
        evidence, target.load_trust(), content_digest=digest, identifier=identifier, policy=policy
    )
    return Judged(verdict=verdict, evidence=evidence)


def _without_evidence(verdict: "Verdict") -> Judged:
    return Judged(verdict=verdict)


def _standard_input() -> "FileContent":
    from chainnode.verify import FileContent, UnreadableFile
    from chainnode.verify.discovery import FILE_BYTES_MAX, pdf_identifier

    data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
    if not 0 < len(data) <= FILE_BYTES_MAX:
        raise UnreadableFile(
            expected=f"1 to {FILE_BYTES_MAX} bytes", actual="more" if data else "none"
        )
    return FileContent(data=data, identifier=pdf_identifier(data))


def _well_formed(identifier: str | None) -> str | None:
    """Drop a malformed identifier: what a file says of itself is only a hint."""
    return None if identifier is None or _fault(identifier) is not None else identifier


def _fault(identifier: str) -> str | None:
    """Say what is wrong with an identifier; None: nothing."""
    from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier

    try:
        parse_identifier(identifier)
    except InvalidIdentifier as error:
        return f"not a certificate identifier: {error}"
    return None


def _reports(found: Judged) -> list[dict[str, str]]:
    return [
        {"node": one.node, "kind": type(one).__name__, "detail": one.detail}
        for one in found.reports
    ]


def _shown_code(code: "JsonObject") -> str:
    """Return what is not in the verdict's own lines: when it was issued, and for which file."""
    shown = (code.get(name) for name in ("kind", "height", "time", "digest"))
    return " · ".join(str(one) for one in shown if one is not None)


def _print(output: Output, found: Judged, *, is_devnet: bool) -> None:
    verdict = found.verdict
    code = verdict.verdict
    output.line(f"{code.words.zh} {code.name}", colour=_COLOURS[code.colour])
    if verdict.state is not None:
        output.line(
            f"  {output.words('状态', 'state')}: {verdict.state.words.zh} {verdict.state.words.en}"
        )
    form = verdict.form()["as_of"]
    as_of = form if isinstance(form, dict) else {}
    rows = (
        (output.words("证照标识", "identifier"), verdict.identifier),
        (output.words("签发机构", "issuer"), verdict.issuer),
        (output.words("截至", "as of"), as_of.get("time")),
        (output.words("高度", "height"), as_of.get("height")),
    )
    for name, value in rows:
        if value is not None:
            output.line(f"  {name}: {value}")
    issued = _code(found)
    if issued is not None:
        output.line(f"  {output.words('二维码所证', 'the code says')}: {_shown_code(issued)}")
    for check in verdict.checks:
        mark = _MARKS[check.result.value]
        told = output.words(check.zh, check.detail)
        output.line(f"  {mark} {_CHECKS[check.name.value]}: {told}")
    for report in found.reports:
        output.line(f"  ! {report.node}: {report.detail}")
    if is_devnet:
        output.line(
            output.words(
                "  开发网：仅供试用，不证明任何事。",
                "  A devnet: for trials only, it proves nothing.",
            )
        )
