"""Plan: a whole answer as one `.kunproof`, signed by who asked and by the node that helped.

The question's own record is fetched with its proof, the file is made from what was verified, and
it is verified once more, as anybody will, before it is handed out. A node that cannot or will not
sign is reported; the file then says that no node signed.
"""

import base64
from dataclasses import dataclass, field

from chainnode.client.asking import record
from chainnode.client.exchange import Plan
from chainnode.client.reports import CannotDecide, NodeReport
from chainnode.client.results import AuditAnswer
from chainnode.client.session import Ask, Reports, Session
from chainnode.errors import ConfigurationError, NodeError
from chainnode.suites.port import PrivateKey
from chainnode.verify.answer import join_pages
from chainnode.verify.archive import MANIFEST, PAGE, QUESTION, ROWS, SIGNATURES, write_archive
from chainnode.verify.export import (
    AUDITOR,
    ExportFacts,
    answer_pages,
    manifest_bytes,
    read_node_signature,
    verify_export,
)
from chainnode.verify.forms import base64_text
from chainnode.verify.question import export_content, read_question
from chainnode.verify.rows import canonical_line, row_lines
from chainnode.verify.strict_json import JsonObject, as_object

PATH = "/v1/exports"


class NotExportable(NodeError):
    """The answer has no proofs of whole trails, so there is nothing to export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The bytes of a `.kunproof`, what they prove, and which nodes were no help."""

    data: bytes = field(repr=False)
    facts: ExportFacts
    reports: tuple[NodeReport, ...]


def export(session: Session, answer: AuditAnswer, *, page: bytes | None) -> Plan[Exported]:
    """Make an export of an answer; `page` is put in as `verify.html`.

    Raises:
        NotExportable: the answer was not given with proofs of trails.
        ConfigurationError: this client has no key.
        CannotDecide: no node proves the question's own record.

    """
    if session.key is None:
        raise ConfigurationError("an export is signed: a key is needed")
    if not answer.trails:
        raise NotExportable("the answer carries no proof of being whole: ask for values of a kind")
    asked, evidence = yield from record(session, answer.question.receipt.first_position)
    question = read_question(asked)
    joined = join_pages(
        answer.trails,
        keys=question.keys(session.trust.suite),
        from_ms=question.from_ms,
        to_ms=question.to_ms,
    )
    pages = [as_object(one.get("evidence"), "evidence") for one in answer.pages]
    members = {name: canonical_line(one) for name, one in answer_pages(pages).items()}
    members |= {QUESTION: canonical_line(evidence), ROWS: row_lines(joined.rows)}
    members |= {} if page is None else {PAGE: page}
    manifest = manifest_bytes(question, joined, trust=session.trust, members=members)
    auditor = _auditor(session, session.key, manifest)
    reports = Reports()
    node = yield from _node(session, manifest, auditor, reports)
    members |= {
        MANIFEST: manifest,
        SIGNATURES: canonical_line({"auditor": auditor, "node": node}),
    }
    data = write_archive(members)
    return Exported(data=data, facts=verify_export(data, session.trust), reports=reports.all)


def _auditor(session: Session, key: PrivateKey, manifest: bytes) -> JsonObject:
    content = export_content(
        chain_id=session.trust.chain_id,
        signer=AUDITOR,
        manifest_digest=session.trust.suite.digest(manifest),
    )
    return {
        "public_key": base64_text(key.public_key),
        "signature": base64_text(key.sign(content)),
    }


def _node(
    session: Session, manifest: bytes, auditor: JsonObject, reports: Reports
) -> Plan[JsonObject | None]:
    """Ask the nodes in turn to sign; None when none did."""

    def read(told: JsonObject) -> JsonObject:
        read_node_signature(told, manifest, session.trust)
        return told

    request: JsonObject = {
        "manifest": base64.b64encode(manifest).decode("ascii"),
        "auditor": auditor,
    }
    ask = Ask(
        method="POST",
        path=PATH,
        headers=(("Content-Type", "application/json"),),
        body=canonical_line(request),
    )
    try:
        return (yield from session.first_checked(ask, read, reports))
    except CannotDecide:
        return None
