"""Exports of version 2 of a synthetic chain: two recorded questions of one person, renderings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from chainnode.ledger.codec import decode_entry, encode_entry
from chainnode.submission import Call
from chainnode.verify.answer import join_pages
from chainnode.verify.archive import CSV, MANIFEST, ROWS, SIGNATURES, write_archive
from chainnode.verify.csv_rows import csv_rows
from chainnode.verify.evidence import verify_record_evidence
from chainnode.verify.export import join_export
from chainnode.verify.export_forms import (
    AnsweredQuestion,
    Attested,
    ExportContent,
    manifest_bytes,
)
from chainnode.verify.export_names import SEVERAL_QUESTIONS, proof_members
from chainnode.verify.question import read_question
from chainnode.verify.rows import canonical_line, row_lines
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trail import verify_trail_evidence
from contracts.schemas import audit, audit_1
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.shape import encode_part
from tests.builders_evidence import OTHER_SUBJECT, SUBJECT
from tests.builders_exports import ASKED_AT, PURPOSE, SALT, Members, QuestionedChain
from tests.builders_trails import Shown

# The position of the second question, about the other subject: a submission holds one question.
ASKED_NEXT_AT = 10
TOLD = Attested(custodian="CIVIL", places=(("POLICE", 1),))


@dataclass(frozen=True, kw_only=True)
class Part:
    """One question by its position, the pages of its answer, and what is attested of it."""

    asked_at: int
    pages: tuple[Shown, ...]
    attested: Attested | None = None


PARTS = (
    Part(
        asked_at=ASKED_AT,
        pages=(
            Shown(subject=SUBJECT, stop=9, with_bodies=True),
            Shown(subject=SUBJECT, start=9, with_bodies=True),
        ),
        attested=TOLD,
    ),
    Part(asked_at=ASKED_NEXT_AT, pages=(Shown(subject=OTHER_SUBJECT, with_bodies=True),)),
)


class TwiceQuestionedChain(QuestionedChain):
    """A chain in which an auditor asked twice: about two tokens of one person."""

    def _call(self, index: int) -> Call:
        if index != ASKED_NEXT_AT:
            return super()._call(index)
        asked = audit_1.Question(
            salt=SALT,
            kind=int(IndexKind.SUBJECT),
            values=(OTHER_SUBJECT,),
            from_ms=self.period[0],
            to_ms=self.period[1],
        )
        return Call(
            action="question",
            public=encode_part(asked),
            private=encode_part(audit.QuestionPrivate(salt=SALT, purpose=PURPOSE)),
        )

    def _indexed_entry(self, position: int) -> bytes:
        data = super()._indexed_entry(position)
        if position != ASKED_NEXT_AT:
            return data
        return encode_entry(
            replace(decode_entry(data), contract=audit.NAME, contract_version=1, outcome=1)
        )

    def answered_part(self, part: Part) -> AnsweredQuestion:
        question = read_question(verify_record_evidence(self.record(part.asked_at), self.trust))
        answer = join_pages(
            [verify_trail_evidence(one, self.trust) for one in self.pages(part.pages)],
            keys=question.keys(self.suite),
            from_ms=question.from_ms,
            to_ms=question.to_ms,
        )
        return AnsweredQuestion(question=question, answer=answer, attested=part.attested)

    def content(self, parts: Sequence[Part] = PARTS) -> ExportContent:
        answered = [self.answered_part(one) for one in parts]
        return join_export(answered, version=SEVERAL_QUESTIONS, trust=self.trust)

    def proofs(self, parts: Sequence[Part] = PARTS) -> dict[str, JsonObject]:
        named: dict[str, JsonObject] = {}
        for number, part in enumerate(parts, 1):
            named |= proof_members(number, self.record(part.asked_at), self.pages(part.pages))
        return named

    def several(
        self, parts: Sequence[Part] = PARTS, *, more: Mapping[str, bytes] | None = None
    ) -> Members:
        """Return everything but manifest and signatures; `more` are members besides."""
        rows = self.content(parts).answer.rows
        written = {name: canonical_line(one) for name, one in self.proofs(parts).items()}
        return {**written, ROWS: row_lines(rows), CSV: csv_rows(rows), **(more or {})}

    def sealed_several(
        self,
        members: Members,
        *,
        parts: Sequence[Part] = PARTS,
        node: int | None = 2,
        change: Callable[[bytes], bytes] = bytes,
    ) -> Members:
        """Add manifest and signatures; `change` alters the manifest before it is signed."""
        bare = {name: one for name, one in members.items() if name not in {MANIFEST, SIGNATURES}}
        manifest = change(manifest_bytes(self.content(parts), members=bare))
        return {**bare, MANIFEST: manifest, SIGNATURES: self.signatures(manifest, node=node)}

    def export_of_several(self, *, more: Mapping[str, bytes] | None = None) -> bytes:
        return write_archive(self.sealed_several(self.several(more=more)))


@cache
def twice_questioned_chain(suite_name: str, label: str = "synthetic") -> TwiceQuestionedChain:
    """Return the chain of this suite and label; treat it as read-only."""
    return TwiceQuestionedChain(suite_name, label=label)
