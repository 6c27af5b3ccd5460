"""The manifest of a `.kunproof`: what it says of itself, written and read.

Both versions of the format: the first holds one question, the second several and renderings for
people. Nothing here is proof; `chainnode.verify.export` makes the manifest again from what is
proven and compares. docs/wire-format.md §12.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chainnode.verify.answer import AnswerFacts
from chainnode.verify.archive import MANIFEST, SIGNATURES
from chainnode.verify.errors import ForeignEvidence, InvalidEvidence, UnreadableEvidence
from chainnode.verify.export_names import ONE_QUESTION, QUESTIONS_MAX, SEVERAL_QUESTIONS
from chainnode.verify.forms import base64_text
from chainnode.verify.members import as_organisation
from chainnode.verify.question import AskedQuestion
from chainnode.verify.rows import canonical_line
from chainnode.verify.strict_json import (
    JsonObject,
    JsonValue,
    as_array,
    as_constant,
    as_fields,
    as_hex,
    as_integer,
    as_text,
    read_object,
)
from chainnode.verify.trust import Trust
from contracts.schemas.index_kinds import IndexKind

EXPORT_FORMAT = "kunlian-export"
# 1,000 members with their digests; questions name at most 16 values each.
MANIFEST_BYTES_MAX = 1024 * 1024
_MANIFEST_NAMES = {
    ONE_QUESTION: (
        *("format", "version", "chain_id", "suite", "question"),
        *("as_of_height", "complete_to_ms", "rows", "members"),
    ),
    SEVERAL_QUESTIONS: (
        *("format", "version", "chain_id", "suite", "questions", "from_ms", "to_ms"),
        *("as_of_height", "complete_to_ms", "rows", "members"),
    ),
}
_ASKED_NAMES = ("digest", "kind", "values", "from_ms", "to_ms")
_ANSWERED_NAMES = (*_ASKED_NAMES, "as_of_height", "complete_to_ms", "attested")
_NAME_CHARACTERS_MAX = 80
_VALUES_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """Of which department and key epoch each value is, as a custodian told the auditor.

    The auditor's word: nothing in an export proves it.
    """

    custodian: str
    places: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredQuestion:
    """A recorded question, what its pages prove, and what is said of its values."""

    question: AskedQuestion
    answer: AnswerFacts
    attested: Attested | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportContent:
    """What an export is about: the questions, and their answers joined to one."""

    version: int
    trust: Trust
    questions: tuple[AnsweredQuestion, ...]
    answer: AnswerFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest as it stands in the file: form and chain are checked, nothing else."""

    version: int
    questions: tuple[JsonObject, ...]
    members: JsonValue

    @property
    def question_digests(self) -> tuple[bytes, ...]:
        """The submissions that it says asked."""
        return tuple(as_hex(one["digest"], "digest", size=32) for one in self.questions)


def read_manifest(data: bytes, trust: Trust) -> Manifest:
    """Read a manifest of either version.

    Raises:
        UnreadableEvidence: it is no manifest.
        ForeignEvidence: it is one of another chain.

    """
    read = read_object(data, bytes_max=MANIFEST_BYTES_MAX)
    version = SEVERAL_QUESTIONS if _is_second(read) else ONE_QUESTION
    fields = as_fields(read, "manifest", _MANIFEST_NAMES[version])
    as_constant(fields["format"], "format", EXPORT_FORMAT)
    as_constant(fields["version"], "version", version)
    chain_id = as_hex(fields["chain_id"], "chain_id", size=32)
    if chain_id != trust.chain_id:
        raise ForeignEvidence(
            check="chain", expected=f"chain {trust.chain_id.hex()}", actual=chain_id.hex()
        )
    as_constant(fields["suite"], "suite", trust.suite.name)
    if version == ONE_QUESTION:
        questions: tuple[JsonObject, ...] = (
            as_fields(fields["question"], "question", _ASKED_NAMES),
        )
    else:
        listed = as_array(fields["questions"], "questions", size_max=QUESTIONS_MAX)
        questions = tuple(as_fields(one, "question", _ANSWERED_NAMES) for one in listed)
    return Manifest(version=version, questions=questions, members=fields["members"])


def require_listed(value: JsonValue, members: Mapping[str, bytes], trust: Trust) -> None:
    """Check that the manifest lists every other member with its digest.

    Raises:
        InvalidEvidence: a member is not as it is listed.

    """
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


def read_attested(value: JsonValue, question: AskedQuestion) -> Attested | None:
    """Read what the auditor was told of the values of a question; its form alone is checked.

    Raises:
        UnreadableEvidence: it is not a place for each value of a question about subjects.

    """
    if value is None:
        return None
    fields = as_fields(value, "attested", ("custodian", "places"))
    rows = [
        as_array(one, "place", size_max=2, size=2)
        for one in as_array(fields["places"], "places", size_max=_VALUES_MAX)
    ]
    places = tuple((as_organisation(name), as_integer(epoch, "key epoch")) for name, epoch in rows)
    is_whole = question.kind == IndexKind.SUBJECT and len(places) == len(question.values)
    if not is_whole or not all(epoch for _, epoch in places):
        raise UnreadableEvidence(
            check="attested",
            expected="a department and key epoch for each subject that was asked for",
            actual=f"{len(places)} places",
        )
    return Attested(custodian=as_organisation(fields["custodian"]), places=places)


def manifest_bytes(content: ExportContent, *, members: Mapping[str, bytes]) -> bytes:
    """Return the manifest of an export with these members, in its one form."""
    trust, answer = content.trust, content.answer
    if content.version == ONE_QUESTION:
        about: JsonObject = {"question": _asked(content.questions[0].question)}
    else:
        about = {
            "questions": [_answered(one) for one in content.questions],
            "from_ms": answer.from_ms,
            "to_ms": answer.to_ms,
        }
    manifest: JsonObject = {
        "format": EXPORT_FORMAT,
        "version": content.version,
        "chain_id": trust.chain_id.hex(),
        "suite": trust.suite.name,
        **about,
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
    return canonical_line(manifest)


def _asked(question: AskedQuestion) -> JsonObject:
    return {
        "digest": question.record.entry.submission_digest.hex(),
        "kind": int(question.kind),
        "values": [base64_text(one) for one in question.values],
        "from_ms": question.from_ms,
        "to_ms": question.to_ms,
    }


def _answered(answered: AnsweredQuestion) -> JsonObject:
    told = answered.attested
    attested: JsonObject | None = None
    if told is not None:
        attested = {"custodian": told.custodian, "places": [[*one] for one in told.places]}
    return {
        **_asked(answered.question),
        "as_of_height": answered.answer.header.height,
        "complete_to_ms": answered.answer.complete_to_ms,
        "attested": attested,
    }


def _is_second(manifest: JsonObject) -> bool:
    version = manifest.get("version")
    return version == SEVERAL_QUESTIONS and not isinstance(version, bool)
