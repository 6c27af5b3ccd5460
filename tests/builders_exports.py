"""Exports of a synthetic chain: a recorded question, the pages of its answer, both signatures."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from chainnode.ledger.codec import decode_entry, encode_entry
from chainnode.submission import Call
from chainnode.verify.answer import AnswerFacts, join_pages
from chainnode.verify.archive import MANIFEST, QUESTION, ROWS, SIGNATURES, write_archive
from chainnode.verify.evidence import verify_record_evidence
from chainnode.verify.export import AUDITOR, NODE, join_export
from chainnode.verify.export_forms import AnsweredQuestion, manifest_bytes
from chainnode.verify.export_names import ONE_QUESTION, answer_pages
from chainnode.verify.forms import base64_text
from chainnode.verify.question import AskedQuestion, export_content, read_question
from chainnode.verify.rows import canonical_line, row_lines
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trail import verify_trail_evidence
from contracts.schemas import audit, audit_1
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.shape import encode_part
from tests.builders_evidence import SUBJECT
from tests.builders_trails import IndexedChain, Shown

# The position at which the question about `SUBJECT` is recorded.
ASKED_AT = 5
PURPOSE = "例行检查 yearly check"
SALT = b"\x0a" * 16
Members = dict[str, bytes]
ALL_PAGES = (Shown(subject=SUBJECT, with_bodies=True),)


class QuestionedChain(IndexedChain):
    """An indexed chain in which somebody asked who looked at `SUBJECT`."""

    period = (0, 0)
    values_asked: tuple[bytes, ...] = (SUBJECT,)
    # The pages of the whole answer.
    whole: tuple[Shown, ...] = ALL_PAGES

    def _call(self, index: int) -> Call:
        if index != ASKED_AT:
            return super()._call(index)
        asked = audit_1.Question(
            salt=SALT,
            kind=int(IndexKind.SUBJECT),
            values=self.values_asked,
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
        if position != ASKED_AT:
            return data
        return encode_entry(
            replace(decode_entry(data), contract=audit.NAME, contract_version=1, outcome=1)
        )

    def asked(self) -> AskedQuestion:
        return read_question(verify_record_evidence(self.record(ASKED_AT), self.trust))

    def pages(self, shown: Sequence[Shown] | None = None) -> list[JsonObject]:
        return [self.trail(one, period=self.period) for one in shown or self.whole]

    def answer(self, pages: Sequence[JsonObject]) -> AnswerFacts:
        question = self.asked()
        return join_pages(
            [verify_trail_evidence(one, self.trust) for one in pages],
            keys=question.keys(self.suite),
            from_ms=question.from_ms,
            to_ms=question.to_ms,
        )

    def members(
        self, pages: Sequence[JsonObject] | None = None, *, page: bytes | None = None
    ) -> Members:
        """Return everything but manifest and signatures."""
        shown = list(pages) if pages is not None else self.pages()
        members = {name: canonical_line(one) for name, one in answer_pages(shown).items()}
        members[QUESTION] = canonical_line(self.record(ASKED_AT))
        members[ROWS] = row_lines(self.answer(shown).rows)
        return members | ({} if page is None else {"verify.html": page})

    def manifest(self, members: Members, pages: Sequence[JsonObject] | None = None) -> bytes:
        answer = self.answer(pages if pages is not None else self.pages())
        answered = AnsweredQuestion(question=self.asked(), answer=answer)
        content = join_export([answered], version=ONE_QUESTION, trust=self.trust)
        return manifest_bytes(content, members=members)

    def signatures(self, manifest: bytes, *, node: int | None = 2) -> bytes:
        """Return the two signatures over a manifest."""
        digest = self.suite.digest(manifest)

        def content(signer: int) -> bytes:
            return export_content(
                chain_id=self.genesis.chain_id, signer=signer, manifest_digest=digest
            )

        signed: JsonObject = {
            "auditor": {
                "public_key": base64_text(self.client_key.public_key),
                "signature": base64_text(self.client_key.sign(content(AUDITOR))),
            },
            "node": None
            if node is None
            else {
                "epoch": 0,
                "replica_id": node,
                "signature": base64_text(self.vote_keys[node].sign(content(NODE))),
            },
        }
        return canonical_line(signed)

    def sealed(
        self,
        members: Members,
        *,
        pages: Sequence[JsonObject] | None = None,
        node: int | None = 2,
        change: Callable[[bytes], bytes] = bytes,
    ) -> Members:
        """Add manifest and signatures; `change` alters the manifest before it is signed."""
        manifest = change(self.manifest(members, pages))
        return {
            **members,
            MANIFEST: manifest,
            SIGNATURES: self.signatures(manifest, node=node),
        }

    def export(self, *, node: int | None = 2, page: bytes | None = None) -> bytes:
        return write_archive(self.sealed(self.members(page=page), node=node))


@cache
def questioned_chain(suite_name: str, label: str = "synthetic") -> QuestionedChain:
    """Return the chain of this suite and label; treat it as read-only."""
    return QuestionedChain(suite_name, label=label)
