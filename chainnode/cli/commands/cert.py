"""`kun cert`: issue, import, revoke, show e-certificates, print their QR codes."""

import json
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode, NoDecision, UsageProblem
from chainnode.cli.instants import day_number
from chainnode.cli.probe import fetch_json
from chainnode.cli.target import Target, acting_target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.client import CertificateDraft, Final
    from chainnode.submission import Call
    from chainnode.verify import CertificateFacts

DEFAULT_IDENTITY = "issuer"
_HTTP_OK = 200

cert = kun_group("cert", text="电子证照 · e-certificates")


@kun_command("issue", text="签发：登记文件的摘要 · issue: register the digest of a file")
@click.argument("file", type=click.Path(path_type=Path))
@target_options
@click.option("--valid-from", metavar="DAY", help="生效日，缺省今天 · default: today")
@click.option("--valid-to", metavar="DAY", help="截止日，缺省无 · default: no end")
@click.option("--stamp", is_flag=True, help="把标识写入 PDF · write the identifier into the PDF")
def issue(
    *,
    file: Path,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    valid_from: str | None,
    valid_to: str | None,
    stamp: bool,
) -> int:
    """Register a file as a certificate of type `generic` and wait for finality."""
    from chainnode.client import issue_certificate

    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    paper = _Paper(target, file, stamp=stamp)
    draft = paper.draft(_day(target, valid_from, "--valid-from"), valid_to)
    return paper.register(issue_certificate(draft), draft)


@kun_command("import", text="登记旧证照及其状态 · enter a certificate from before the chain")
@click.argument("file", type=click.Path(path_type=Path))
@target_options
@click.option("--valid-from", metavar="DAY", required=True, help="生效日 · first day")
@click.option("--valid-to", metavar="DAY", help="截止日，缺省无 · default: no end")
@click.option(
    "--state",
    type=click.IntRange(1, 9),
    default=2,
    show_default=True,
    help="状态 · 1 制证中 2 有效 3 暂扣 4 变更替代 5 注销 6 撤销 7 吊销 8 过期 9 转出",
)
@click.option("--stamp", is_flag=True, help="把标识写入 PDF · write the identifier into the PDF")
def import_(
    *,
    file: Path,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    valid_from: str,
    valid_to: str | None,
    state: int,
    stamp: bool,
) -> int:
    """Register a certificate that is older than the chain, with the state it has."""
    from chainnode.cli.instants import start_ms
    from chainnode.client import import_certificate
    from contracts.schemas.certificate_states import CertificateState
    from contracts.schemas.certificates import OWN_CODE_SYSTEM, own_code

    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    paper = _Paper(target, file, stamp=stamp)
    draft = paper.draft(day_number(valid_from, option="--valid-from"), valid_to)
    since = f"{valid_from:.10}" if "-" in valid_from else _dashed(valid_from)
    canonical = CertificateState(state)
    call = import_certificate(
        draft,
        code_system=OWN_CODE_SYSTEM,
        code=own_code(canonical),
        state=canonical,
        since_ms=start_ms(since, option="--valid-from"),
    )
    return paper.register(call, draft)


@kun_command("revoke", text="撤销 · revoke a certificate")
@click.argument("identifier", metavar="ID")
@target_options
@click.option("--reason", required=True, metavar="CODE", help="原因代码 · reason code")
def revoke(
    *,
    identifier: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    reason: str,
) -> int:
    """Revoke what this key's organisation issued, and wait for finality."""
    from chainnode.client import revoke_certificate

    output = current_session().output
    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    final = _submit(target, revoke_certificate(identifier=identifier, reason_code=reason))
    facts = {
        "identifier": identifier,
        "height": final.height,
        "record": final.calls[0].position,
    }
    output.answer(
        facts,
        lambda: output.line(
            output.words(
                f"已撤销 {identifier}，高度 {final.height}",
                f"revoked {identifier} at height {final.height}",
            )
        ),
    )
    return ExitCode.OK


@kun_command("show", text="链上登记与完整历史 · what the chain knows, and the whole history")
@click.argument("identifier", metavar="ID")
@target_options
def show(
    *,
    identifier: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Show the proven row of a certificate and every state it had."""
    from chainnode.verify import verify_certificate_evidence

    output = current_session().output
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
    with target.open_client() as client:
        found = client.verify_identifier(identifier)
        if found.evidence is None:
            detail = next(one.detail for one in found.verdict.checks if one.result.value == "fail")
            raise NoDecision(found.verdict.verdict.name, Text(detail, detail))
        facts = verify_certificate_evidence(found.evidence, client.trust)
    document = {**found.verdict.form(), "certificate": _certificate_document(facts)}

    def lines() -> None:
        output.line(json.dumps(document, ensure_ascii=False, indent=2))

    output.answer(document, lines)
    return found.verdict.verdict.exit_code


@kun_command("check-id", text="检查证照标识 · check an identifier without any network")
@click.argument("identifier", metavar="ID")
def check_id(identifier: str) -> int:
    """Check form and check character; 1 with the reason when it is wrong."""
    from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier

    output = current_session().output
    try:
        parsed = parse_identifier(identifier)
    except InvalidIdentifier as error:
        reason = str(error)
        document: dict[str, object] = {
            "valid": False,
            "fault": error.fault.name,
            "detail": reason,
        }
        output.answer(document, lambda: output.line(output.words("无效：", "wrong: ") + reason))
        return ExitCode.NEGATIVE
    document = {
        "valid": True,
        "type": parsed.type_code,
        "issuer": parsed.issuer,
        "serial": parsed.serial,
        "version": parsed.version,
    }
    output.answer(document, lambda: output.line(output.words("正确", "right")))
    return ExitCode.OK


@kun_command("qr", text="二维码：证明确已签发 · a QR code that proves the issue")
@click.argument("identifier", metavar="ID")
@target_options
@click.option("--out", type=click.Path(path_type=Path), help="写入 .svg 或 .png · image file")
@click.option(
    "--address",
    metavar="URL",
    envvar="KUN_VERIFY_ADDRESS",
    help="核验页面的网址，缺省为节点的 /verify · of the page that verifies",
)
@click.option("--raw", is_flag=True, help="不带网址 · the digits alone, for readers offline")
@click.option(
    "--scale",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="每个模块的像素 · pixels of a module",
)
def qr(
    *,
    identifier: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    out: Path | None,
    address: str | None,
    raw: bool,
    scale: int,
) -> int:
    """Fetch the compact proof of a certificate, check it, and write it as a QR code."""
    from chainnode.cli.qr_image import checked_address, image_kind, qr_code, write_image
    from chainnode.verify import code_form, text_of, url_of

    output = current_session().output
    _require_identifier(identifier)
    if out is not None:
        image_kind(out)
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
    page = None if raw else checked_address(address or f"{target.urls[0]}/verify")
    with target.open_client() as client:
        found = client.certificate_code(identifier)
        form = {**code_form(found.facts, client.trust), "devnet": client.trust.is_devnet}
    code = qr_code(found.payload, page)
    if out is not None:
        write_image(code, out, scale=scale)
    document = {
        **form,
        "bytes": len(found.payload),
        "qr_version": code.version,
        "text": text_of(found.payload) if page is None else url_of(found.payload, page),
        "file": None if out is None else str(out),
    }

    def lines() -> None:
        for name, value in document.items():
            if value is not None:
                output.line(f"{name:<12} {value}")

    output.answer(document, lines)
    return ExitCode.OK


def _require_identifier(identifier: str) -> None:
    from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier

    try:
        parse_identifier(identifier)
    except InvalidIdentifier as error:
        reason = str(error)
        raise UsageProblem(
            "UNREADABLE", Text(f"证照标识错误：{reason}", f"not an identifier: {reason}")
        ) from error


class _Paper:
    """A file that becomes a certificate: its identifier, its bytes, and what is left beside it."""

    def __init__(self, target: Target, file: Path, *, stamp: bool) -> None:
        from chainnode.cli.stamp import stamp_pdf
        from chainnode.verify import UnreadableFile, read_file
        from contracts.schemas.identifiers import generic_identifier

        self._target = target
        self._file = file
        self._stamped = stamp
        try:
            data = read_file(file).data
        except UnreadableFile as error:
            raise UsageProblem("UNREADABLE", Text(str(error), str(error))) from error
        # 80 random bits: two clerks who issue at once do not meet.
        self.identifier = str(
            generic_identifier(issuer=organisation_of_key(target), entropy=secrets.token_bytes(16))
        )
        self._data = stamp_pdf(data, self.identifier) if stamp else data
        self._suite = target.load_trust().suite
        self._digest = self._suite.digest(self._data)

    def draft(self, valid_from: int, valid_to: str | None) -> "CertificateDraft":
        """Return what is registered of it."""
        from chainnode.client import CertificateDraft
        from contracts.schemas.identifiers import GENERIC_TYPE

        return CertificateDraft(
            identifier=self.identifier,
            type=GENERIC_TYPE,
            file_digest=self._digest,
            valid_from=valid_from,
            valid_to=0 if valid_to is None else day_number(valid_to, option="--valid-to"),
        )

    def register(self, call: "Call", draft: "CertificateDraft") -> int:
        """Submit, and only when it is final let the identifier travel with the file."""
        output = current_session().output
        final = _submit(self._target, call)
        travels = self._attach()
        facts = {
            "identifier": draft.identifier,
            "digest": f"{self._suite.hash_name}:{self._digest.hex()}",
            "height": final.height,
            "record": final.calls[0].position,
        }

        def lines() -> None:
            for name, value in {**facts, "file": travels}.items():
                output.line(f"{name:<10} {value}")

        output.answer(facts, lines)
        return ExitCode.OK

    def _attach(self) -> Path:
        from chainnode.verify import SIDECAR_SUFFIX, sidecar_form

        if self._stamped:
            return _replace(self._file, self._data)
        beside = self._file.with_name(self._file.name + SIDECAR_SUFFIX)
        text = json.dumps(sidecar_form(self.identifier)) + "\n"
        return _replace(beside, text.encode())


def _replace(path: Path, data: bytes) -> Path:
    """Write a file; readers see the old or the new one, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    draft.write_bytes(data)
    draft.replace(path)
    return path


def organisation_of_key(target: Target) -> str:
    """Ask the nodes for which organisation this key acts; the chain refuses a wrong answer.

    Raises:
        NoDecision: no node knows.

    """
    from chainnode.submission import key_id

    suite, private = target.open_key()
    own = key_id(suite, private.public_key).hex()
    told = []
    for node in target.nodes:
        reply = fetch_json(node.api, f"/v1/keys/{own}")
        organisation = reply.document.get("organisation")
        if reply.status == _HTTP_OK and isinstance(organisation, str):
            return organisation
        told.append(f"{node.name}: {reply.problem or reply.status}")
    why = "; ".join(told)
    raise NoDecision(
        "KEY_UNKNOWN",
        Text(f"没有节点认得密钥 {own}：{why}", f"no node knows the key {own}: {why}"),
    )


def _submit(target: Target, call: "Call") -> "Final":
    from chainnode.cli.outcomes import require_accepted
    from contracts.schemas import certificates

    with target.open_client(signs=True) as client:
        return require_accepted(client.submit(certificates.NAME, [call]))


def _day(target: Target, text: str | None, option: str) -> int:
    from datetime import UTC, datetime

    from chainnode.periods import LOCAL_ZONE

    if text is not None:
        return day_number(text, option=option)
    now = datetime.fromtimestamp(time.time() + target.clock_offset_ms / 1000, UTC)
    return int(f"{now.astimezone(LOCAL_ZONE):%Y%m%d}")


def _dashed(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}"


def _certificate_document(facts: "CertificateFacts") -> dict[str, object] | None:
    from chainnode.verify.verdict import local_time

    if facts.found is None:
        return None
    row = facts.found.row
    return {
        "type": row.type,
        "issuer": row.issuer,
        "file_digest": row.file_digest.hex(),
        "valid_from": row.valid_from,
        "valid_to": row.valid_to or None,
        "code_system": row.code_system,
        "code": row.code,
        "history": [
            {
                "state": entry.state,
                "code": entry.code,
                "since": local_time(entry.since_ms),
                "height": entry.height,
            }
            for entry in facts.found.history
        ],
    }


for _command in (issue, import_, revoke, show, qr, check_id):
    cert.add_command(_command)
