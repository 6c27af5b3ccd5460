"""`.kunproof`: one file with a question, its whole answer, the proofs, and who exported it.

Everything but the two signatures is computed again from the proofs and compared: the lines for
people, the counts and times of the manifest, the question it claims to answer. Trust alone is
needed. docs/wire-format.md §12, ADR-0022.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chainnode.ledger.types import SIGNATURE_BYTES, Member
from chainnode.submission import key_id
from chainnode.suites.port import InvalidKey, InvalidSignature
from chainnode.verify.answer import AnswerFacts, join_pages
from chainnode.verify.archive import (
    MANIFEST,
    PAGE,
    PROOFS,
    QUESTION,
    ROWS,
    SIGNATURES,
    read_archive,
)
from chainnode.verify.errors import ForeignEvidence, InvalidEvidence, UnreadableEvidence
from chainnode.verify.evidence import verify_record_evidence
from chainnode.verify.forms import base64_text
from chainnode.verify.question import AskedQuestion, export_content, read_question
from chainnode.verify.rows import canonical_line, row_lines
from chainnode.verify.strict_json import (
    JsonObject,
    JsonValue,
    as_array,
    as_base64,
    as_constant,
    as_fields,
    as_hex,
    as_integer,
    as_text,
    read_object,
)
from chainnode.verify.trail import TrailFacts, verify_trail_evidence
from chainnode.verify.trust import Trust

EXPORT_FORMAT = "kunlian-export"
EXPORT_VERSION = 1
# 1,000 members with their digests; the question names at most 16 values.
MANIFEST_BYTES_MAX = 1024 * 1024
AUDITOR, NODE = 0, 1
_MANIFEST_NAMES = (
    *("format", "version", "chain_id", "suite", "question"),
    *("as_of_height", "complete_to_ms", "rows", "members"),
)
_QUESTION_NAMES = ("digest", "kind", "values", "from_ms", "to_ms")
_REQUIRED = {MANIFEST, ROWS, SIGNATURES, QUESTION}
_NAME_CHARACTERS_MAX = 80
_KEY_BYTES_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFacts:
    """What an export proves; `replica_id` is the node that signed it too, None without one.

    `page_digest` is that of the page that comes along, if one does: both signed it, and nothing
    says whose page it is.
    """

    question: AskedQuestion
    answer: AnswerFacts
    replica_id: int | None
    organisation: str | None
    page_digest: bytes | None

    @property
    def has_page(self) -> bool:
        """Whether a page comes along."""
        return self.page_digest is not None


def answer_pages(pages: list[JsonObject]) -> dict[str, JsonObject]:
    """Name the pages of an answer as the members of an export, in their order."""
    return {f"{PROOFS}trail-{number:04d}.json": page for number, page in enumerate(pages, 1)}


def manifest_bytes(
    question: AskedQuestion, answer: AnswerFacts, *, trust: Trust, members: Mapping[str, bytes]
) -> bytes:
    """Return the manifest of an export with these members, in its one form."""
    return canonical_line(_manifest(question, answer, trust=trust, members=members))


def _manifest(
    question: AskedQuestion, answer: AnswerFacts, *, trust: Trust, members: Mapping[str, bytes]
) -> JsonObject:
    return {
        "format": EXPORT_FORMAT,
        "version": EXPORT_VERSION,
        "chain_id": trust.chain_id.hex(),
        "suite": trust.suite.name,
        "question": {
            "digest": question.record.entry.submission_digest.hex(),
            "kind": int(question.kind),
            "values": [base64_text(one) for one in question.values],
            "from_ms": question.from_ms,
            "to_ms": question.to_ms,
        },
        "as_of_height": answer.header.height,
        "complete_to_ms": answer.complete_to_ms,
        "rows": len(answer.rows),
        "members": [
            {
                "name": name,
                "digest": trust.suite.digest(members[name]).hex(),
                "size": len(members[name]),
            }
            for name in sorted(members)
        ],
    }


def verify_export(data: bytes, trust: Trust) -> ExportFacts:
    """Check a `.kunproof` file.

    Raises:
        UnreadableEvidence: it does not decode.
        ForeignEvidence: it belongs to another chain.
        NoQuorum: too few signatures under a header.
        InvalidEvidence: any other check fails.

    """
    members = read_archive(data)
    missing = sorted(_REQUIRED - set(members))
    if missing:
        raise UnreadableEvidence(check="members", expected=missing[0], actual="none")
    _require_manifest(members, trust)
    record = verify_record_evidence(read_object(members[QUESTION]), trust)
    question = read_question(record)
    answer = _answer(members, question, trust)
    if answer.header.height < record.entry.height:
        raise InvalidEvidence(
            check="as_of_height",
            expected=f"height {record.entry.height}, where the question stands, or above",
            actual=f"{answer.header.height}",
        )
    listed = {name: one for name, one in members.items() if name not in {MANIFEST, SIGNATURES}}
    proven = manifest_bytes(question, answer, trust=trust, members=listed)
    if members[MANIFEST] != proven:
        raise InvalidEvidence(
            check="manifest", expected="what the proofs prove", actual="another claim"
        )
    if members[ROWS] != row_lines(answer.rows):
        raise InvalidEvidence(
            check="rows", expected="the records that are proven", actual="other lines"
        )
    node = _require_signatures(members, question, answer, trust)
    return ExportFacts(
        question=question,
        answer=answer,
        replica_id=None if node is None else node.replica_id,
        organisation=None if node is None else node.organisation,
        page_digest=trust.suite.digest(members[PAGE]) if PAGE in members else None,
    )


def manifest_question(manifest: bytes, trust: Trust) -> bytes:
    """Return the submission digest of the question that a manifest names; no more is checked.

    Raises:
        UnreadableEvidence: it is no manifest.
        ForeignEvidence: it is one of another chain.

    """
    fields = _manifest_fields(manifest, trust)
    asked = as_fields(fields["question"], "question", _QUESTION_NAMES)
    return as_hex(asked["digest"], "digest", size=32)


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


def _require_manifest(members: Mapping[str, bytes], trust: Trust) -> None:
    """Check form, chain and members; what else it says is compared with what is proven."""
    _require_listed(_manifest_fields(members[MANIFEST], trust)["members"], members, trust)


def _manifest_fields(manifest: bytes, trust: Trust) -> JsonObject:
    read = read_object(manifest, bytes_max=MANIFEST_BYTES_MAX)
    fields = as_fields(read, "manifest", _MANIFEST_NAMES)
    as_constant(fields["format"], "format", EXPORT_FORMAT)
    as_constant(fields["version"], "version", EXPORT_VERSION)
    chain_id = as_hex(fields["chain_id"], "chain_id", size=32)
    if chain_id != trust.chain_id:
        raise ForeignEvidence(
            check="chain", expected=f"chain {trust.chain_id.hex()}", actual=chain_id.hex()
        )
    as_constant(fields["suite"], "suite", trust.suite.name)
    return fields


def _require_listed(value: JsonValue, members: Mapping[str, bytes], trust: Trust) -> None:
    """Check that the manifest lists every other member with its digest."""
    listed = {}
    for one in as_array(value, "members", size_max=len(members)):
        fields = as_fields(one, "member", ("name", "digest", "size"))
        name = as_text(fields["name"], "name", characters_max=_NAME_CHARACTERS_MAX)
        as_integer(fields["size"], "size")
        listed[name] = as_hex(fields["digest"], "digest", size=32)
    for name, data in members.items():
        if name in {MANIFEST, SIGNATURES}:
            continue
        if listed.get(name) != trust.suite.digest(data):
            raise InvalidEvidence(
                check="members", expected=f"{name} as the manifest lists it", actual="another"
            )


def _answer(members: Mapping[str, bytes], question: AskedQuestion, trust: Trust) -> AnswerFacts:
    names = sorted(name for name in members if name.startswith(PROOFS) and name != QUESTION)
    if not names:
        raise UnreadableEvidence(check="members", expected="proofs of the answer", actual="none")
    pages: list[TrailFacts] = [
        verify_trail_evidence(read_object(members[name]), trust) for name in names
    ]
    return join_pages(
        pages,
        keys=question.keys(trust.suite),
        from_ms=question.from_ms,
        to_ms=question.to_ms,
    )


def _require_signatures(
    members: Mapping[str, bytes], question: AskedQuestion, answer: AnswerFacts, trust: Trust
) -> Member | None:
    """Check who signed the manifest; return the member that did, if one did."""
    fields = as_fields(read_object(members[SIGNATURES]), "signatures", ("auditor", "node"))
    auditor = as_fields(fields["auditor"], "auditor", ("public_key", "signature"))
    require_auditor(
        question,
        public_key=as_base64(auditor["public_key"], "public_key", bytes_max=_KEY_BYTES_MAX),
        signature=_signature(auditor["signature"]),
        manifest=members[MANIFEST],
        trust=trust,
    )
    if fields["node"] is None:
        return None
    return read_node_signature(fields["node"], members[MANIFEST], answer.header.trust)


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
