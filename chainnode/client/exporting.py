"""Plan: whole answers as one `.kunproof`, signed by who asked and by the node that helped.

Each question's own record is fetched with its proof, the file is made from what was verified, and
it is verified once more, as anybody will, before it is handed out. A node that cannot or will not
sign is reported; the file then says that no node signed.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from chainnode.client.asking import record
from chainnode.client.exchange import Plan
from chainnode.client.reports import CannotDecide, NodeReport
from chainnode.client.results import AuditAnswer
from chainnode.client.session import Ask, Reports, Session
from chainnode.errors import ConfigurationError, NodeError
from chainnode.suites.port import PrivateKey
from chainnode.verify.answer import join_pages
from chainnode.verify.archive import CSV, MANIFEST, PAGE, ROWS, SIGNATURES, write_archive
from chainnode.verify.csv_rows import csv_rows
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.export import (
    AUDITOR,
    ExportFacts,
    join_export,
    read_node_signature,
    verify_export,
)
from chainnode.verify.export_forms import (
    AnsweredQuestion,
    Attested,
    ExportContent,
    manifest_bytes,
)
from chainnode.verify.export_names import QUESTIONS_MAX, SEVERAL_QUESTIONS, proof_members
from chainnode.verify.forms import base64_text
from chainnode.verify.question import AskedQuestion, export_content, read_question
from chainnode.verify.rows import canonical_line, row_lines
from chainnode.verify.strict_json import JsonObject, as_object

PATH = "/v1/exports"
# Renderings for people by their names, made of what is proven: docs/wire-format.md §12.
Render = Callable[[ExportContent], Mapping[str, bytes]]


class NotExportable(NodeError):
    """The answer has no proofs of whole trails, so there is nothing to export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The bytes of a `.kunproof`, what they prove, and which nodes were no help."""

    data: bytes = field(repr=False)
    facts: ExportFacts
    reports: tuple[NodeReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPlaces:
    """What a custodian said of tokens: of which department and key epoch each of them is."""

    custodian: str
    places: Mapping[bytes, tuple[str, int]] = field(repr=False)


class ExportParts(TypedDict, total=False):
    """What goes into an export besides the answers; see `export`."""

    page: bytes | None
    render: Render
    told: ToldPlaces | None


def with_csv(content: ExportContent) -> Mapping[str, bytes]:
    """Render the table for spreadsheets alone."""
    return {CSV: csv_rows(content.answer.rows)}


def export(
    session: Session,
    answers: Sequence[AuditAnswer],
    *,
    page: bytes | None = None,
    render: Render = with_csv,
    told: ToldPlaces | None = None,
) -> Plan[Exported]:
    """Make one export of the answers to one or several questions of this key.

    `page` is put in as `verify.html`; `told` is what a custodian said of the tokens asked about.

    Raises:
        NotExportable: an answer was not given with proofs of trails, or there are too many.
        ConfigurationError: this client has no key, or the answers do not belong together.
        CannotDecide: no node proves a question's own record.

    """
    if session.key is None:
        raise ConfigurationError("an export is signed: a key is needed")
    if not 1 <= len(answers) <= QUESTIONS_MAX:
        raise NotExportable(f"an export holds 1 … {QUESTIONS_MAX} questions, got {len(answers)}")
    questions, members = [], dict[str, bytes]()
    for number, answer in enumerate(answers, start=1):
        answered, proofs = yield from _answered(session, answer, number=number, told=told)
        questions.append(answered)
        members |= {name: canonical_line(one) for name, one in proofs.items()}
    content = _joined(session, questions)
    members |= {ROWS: row_lines(content.answer.rows), **render(content)}
    members |= {} if page is None else {PAGE: page}
    manifest = manifest_bytes(content, members=members)
    auditor = _auditor(session, session.key, manifest)
    reports = Reports()
    node = yield from _node(session, manifest, auditor, reports)
    members |= {
        MANIFEST: manifest,
        SIGNATURES: canonical_line({"auditor": auditor, "node": node}),
    }
    data = write_archive(members)
    return Exported(data=data, facts=verify_export(data, session.trust), reports=reports.all)


def _answered(
    session: Session, answer: AuditAnswer, *, number: int, told: ToldPlaces | None
) -> Plan[tuple[AnsweredQuestion, dict[str, JsonObject]]]:
    """Return a question with its answer, and their proofs by the names of members."""
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
    answered = AnsweredQuestion(
        question=question, answer=joined, attested=_attested(question, told)
    )
    return answered, proof_members(number, evidence, pages)


def _attested(question: AskedQuestion, told: ToldPlaces | None) -> Attested | None:
    if told is None:
        return None
    missing = sum(one not in told.places for one in question.values)
    if missing:
        raise ConfigurationError(f"told: expected a place for each value, got none for {missing}")
    places = tuple(told.places[one] for one in question.values)
    return Attested(custodian=told.custodian, places=places)


def _joined(session: Session, questions: Sequence[AnsweredQuestion]) -> ExportContent:
    try:
        return join_export(questions, version=SEVERAL_QUESTIONS, trust=session.trust)
    except InvalidEvidence as error:
        raise ConfigurationError(f"answers: {error.expected}, got {error.actual}") from error


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
