"""`.kunproof`: one file with questions, their whole answers, the proofs, and who exported it.

Everything but the signatures, and what a manifest marks as signed or attested alone, is computed
again from the proofs and compared: lines and table for people, counts and times of the manifest,
the questions it claims to answer. Trust alone is needed. docs/wire-format.md §12, ADR-0022,
ADR-0032.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chainnode.ledger.types import SIGNATURE_BYTES, Member
from chainnode.submission import key_id
from chainnode.suites.port import InvalidKey, InvalidSignature
from chainnode.verify.answer import AnswerFacts, join_answers, join_pages
from chainnode.verify.archive import CSV, MANIFEST, PAGE, ROWS, SIGNATURES, read_archive
from chainnode.verify.csv_rows import csv_rows
from chainnode.verify.errors import InvalidEvidence, UnreadableEvidence
from chainnode.verify.evidence import verify_record_evidence
from chainnode.verify.export_forms import (
    AnsweredQuestion,
    ExportContent,
    Manifest,
    manifest_bytes,
    read_attested,
    read_manifest,
    require_listed,
)
from chainnode.verify.export_names import SIGNED_ALONE, ProofNames, proof_names
from chainnode.verify.question import AskedQuestion, export_content, read_question
from chainnode.verify.rows import row_lines
from chainnode.verify.strict_json import (
    JsonValue,
    as_base64,
    as_fields,
    as_integer,
    read_object,
)
from chainnode.verify.trail import TrailFacts, verify_trail_evidence
from chainnode.verify.trust import Trust

AUDITOR, NODE = 0, 1
_KEY_BYTES_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFacts:
    """What an export proves; `replica_id` is the node that signed it too, None without one.

    `answer` is that of all `questions` together. `page_digest` is that of the page that comes
    along, if one does: both signed it, and nothing says whose page it is. `has_csv`: a table
    comes along and says what is proven. `signed_alone`: renderings, by name, for which the
    signatures stand and no proof.
    """

    version: int
    questions: tuple[AnsweredQuestion, ...]
    answer: AnswerFacts
    replica_id: int | None
    organisation: str | None
    page_digest: bytes | None
    has_csv: bool
    signed_alone: dict[str, bytes] = field(repr=False)

    @property
    def question(self) -> AskedQuestion:
        """The first question: who asked, what kind and which period are the same in all."""
        return self.questions[0].question

    @property
    def has_page(self) -> bool:
        """Whether a page comes along."""
        return self.page_digest is not None


def verify_export(data: bytes, trust: Trust) -> ExportFacts:
    """Check a `.kunproof` file of either version.

    Raises:
        UnreadableEvidence: it does not decode.
        ForeignEvidence: it belongs to another chain.
        NoQuorum: too few signatures under a header.
        InvalidEvidence: any other check fails.

    """
    members = read_archive(data)
    if MANIFEST not in members:
        raise UnreadableEvidence(check="members", expected=MANIFEST, actual="none")
    manifest = read_manifest(members[MANIFEST], trust)
    proofs = proof_names(members, manifest.version)
    require_listed(manifest.members, members, trust)
    content = _proven(members, manifest, proofs, trust)
    _require_written(members, content)
    node = _require_signatures(members, content)
    return ExportFacts(
        version=content.version,
        questions=content.questions,
        answer=content.answer,
        replica_id=None if node is None else node.replica_id,
        organisation=None if node is None else node.organisation,
        page_digest=trust.suite.digest(members[PAGE]) if PAGE in members else None,
        has_csv=CSV in members,
        signed_alone={name: members[name] for name in SIGNED_ALONE if name in members},
    )


def join_export(
    questions: Sequence[AnsweredQuestion], *, version: int, trust: Trust
) -> ExportContent:
    """Join the questions of one export and their answers.

    Raises:
        InvalidEvidence: they are not of one asker, kind and period, or one stands twice.

    """
    first = questions[0].question
    for one in questions:
        if _common(one.question) != _common(first):
            raise InvalidEvidence(
                check="questions", expected="one asker, kind and period", actual="another"
            )
    digests = {one.question.record.entry.submission_digest for one in questions}
    if len(digests) != len(questions):
        raise InvalidEvidence(
            check="questions", expected="each question once", actual="one of them twice"
        )
    return ExportContent(
        version=version,
        trust=trust,
        questions=tuple(questions),
        answer=join_answers([one.answer for one in questions]),
    )


def read_node_signature(value: JsonValue, manifest: bytes, trust: Trust) -> Member:
    """Check the signature of a node under a manifest; return the member it is of.

    Raises:
        InvalidEvidence: no member of an epoch that `trust` knows signed this manifest.

    """
    node = as_fields(value, "node", ("epoch", "replica_id", "signature"))
    epoch, replica_id = (as_integer(node[name], name) for name in ("epoch", "replica_id"))
    group = trust.epochs.get(epoch, ())
    member = next((one for one in group if one.replica_id == replica_id), None)
    if member is None:
        raise InvalidEvidence(
            check="node",
            expected="a member of an epoch that the proofs lead to",
            actual=f"replica {replica_id} of epoch {epoch}",
        )
    _require_signature(
        trust,
        check="node",
        signer=NODE,
        public_key=member.vote_key,
        signature=_signature(node["signature"]),
        manifest=manifest,
    )
    return member


def require_auditor(
    question: AskedQuestion, *, public_key: bytes, signature: bytes, manifest: bytes, trust: Trust
) -> None:
    """Check that who asked the question signed the manifest.

    Raises:
        InvalidEvidence: another key, or a signature that does not verify.

    """
    if key_id(trust.suite, public_key) != question.record.entry.key_id:
        raise InvalidEvidence(
            check="auditor", expected="the key that asked the question", actual="another key"
        )
    _require_signature(
        trust,
        check="auditor",
        signer=AUDITOR,
        public_key=public_key,
        signature=signature,
        manifest=manifest,
    )


def _proven(
    members: Mapping[str, bytes], manifest: Manifest, proofs: Sequence[ProofNames], trust: Trust
) -> ExportContent:
    """Check the proofs of every question that the manifest names, in its order."""
    if len(manifest.questions) != len(proofs):
        raise InvalidEvidence(
            check="manifest",
            expected=f"{len(proofs)} questions, as there are proofs of",
            actual=f"{len(manifest.questions)}",
        )
    questions = []
    for names, listed in zip(proofs, manifest.questions, strict=True):
        question, answer = _proven_question(members, names, trust)
        attested = read_attested(listed.get("attested"), question)
        questions.append(AnsweredQuestion(question=question, answer=answer, attested=attested))
    return join_export(questions, version=manifest.version, trust=trust)


def _proven_question(
    members: Mapping[str, bytes], names: ProofNames, trust: Trust
) -> tuple[AskedQuestion, AnswerFacts]:
    record = verify_record_evidence(read_object(members[names.question]), trust)
    question = read_question(record)
    pages: list[TrailFacts] = [
        verify_trail_evidence(read_object(members[name]), trust) for name in names.pages
    ]
    answer = join_pages(
        pages,
        keys=question.keys(trust.suite),
        from_ms=question.from_ms,
        to_ms=question.to_ms,
    )
    if answer.header.height < record.entry.height:
        raise InvalidEvidence(
            check="as_of_height",
            expected=f"height {record.entry.height}, where the question stands, or above",
            actual=f"{answer.header.height}",
        )
    return question, answer


def _common(question: AskedQuestion) -> tuple[bytes, int, int, int]:
    """Return what the questions of one export have in common."""
    return (question.record.entry.key_id, question.kind, question.from_ms, question.to_ms)


def _require_written(members: Mapping[str, bytes], content: ExportContent) -> None:
    """Write manifest, lines and table again from what is proven, and compare."""
    listed = {name: one for name, one in members.items() if name not in {MANIFEST, SIGNATURES}}
    if members[MANIFEST] != manifest_bytes(content, members=listed):
        raise InvalidEvidence(
            check="manifest", expected="what the proofs prove", actual="another claim"
        )
    rows = content.answer.rows
    if members[ROWS] != row_lines(rows):
        raise InvalidEvidence(
            check="rows", expected="the records that are proven", actual="other lines"
        )
    if CSV in members and members[CSV] != csv_rows(rows):
        raise InvalidEvidence(
            check="csv", expected="the records that are proven, guarded", actual="another table"
        )


def _require_signatures(members: Mapping[str, bytes], content: ExportContent) -> Member | None:
    """Check who signed the manifest; return the member that did, if one did."""
    fields = as_fields(read_object(members[SIGNATURES]), "signatures", ("auditor", "node"))
    auditor = as_fields(fields["auditor"], "auditor", ("public_key", "signature"))
    require_auditor(
        content.questions[0].question,
        public_key=as_base64(auditor["public_key"], "public_key", bytes_max=_KEY_BYTES_MAX),
        signature=_signature(auditor["signature"]),
        manifest=members[MANIFEST],
        trust=content.trust,
    )
    if fields["node"] is None:
        return None
    # The newest header leads to every epoch that the others lead to.
    newest = max((one.answer.header for one in content.questions), key=lambda header: header.height)
    return read_node_signature(fields["node"], members[MANIFEST], newest.trust)


def _signature(value: JsonValue) -> bytes:
    return as_base64(value, "signature", bytes_max=SIGNATURE_BYTES, size=SIGNATURE_BYTES)


def _require_signature(
    trust: Trust, *, check: str, signer: int, public_key: bytes, signature: bytes, manifest: bytes
) -> None:
    content = export_content(
        chain_id=trust.chain_id, signer=signer, manifest_digest=trust.suite.digest(manifest)
    )
    try:
        trust.suite.verify(public_key=public_key, signature=signature, content=content)
    except (InvalidKey, InvalidSignature) as error:
        raise InvalidEvidence(
            check=check, expected="a signature over the manifest", actual="one that does not verify"
        ) from error
