"""Audit questions: recorded on the chain first, and only then answered."""

from chainnode.driver.admission import Admission
from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.service.audit_answers import AskedQuestion, AuditAnswers
from chainnode.service.errors import Refused
from chainnode.service.outcomes import Outcomes
from chainnode.submission import InvalidSubmission, Submission, SubmissionDigest, decode_submission
from chainnode.suites.port import Suite
from chainnode.verify.strict_json import JsonObject
from contracts.schemas import audit
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.index_kinds import IndexKind, index_key
from contracts.schemas.versions import AnyQuestion, decode_question, version_of

ACTION = "question"


class Questions:
    """Answers signed questions. Every answer says at which height it stands."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        suite: Suite,
        ledger: Ledger,
        answers: AuditAnswers,
        admission: Admission,
        outcomes: Outcomes,
    ) -> None:
        self._genesis = genesis
        self._version = version_of(genesis.parameters.rules, audit.NAME)
        self._suite = suite
        self._ledger = ledger
        self._answers = answers
        self._admission = admission
        self._outcomes = outcomes

    async def record(self, data: bytes, *, timeout_s: float) -> SubmissionDigest:
        """Submit the question and wait until it is final: no answer leaves unrecorded.

        Raises:
            InvalidSubmission, Refused: not a question, or not admitted.

        """
        submission = decode_submission(self._suite, data, self._genesis.parameters)
        self._require_question(submission)
        await self._admission.admit_own(data)
        if not await self._outcomes.wait_final(submission.digest, timeout_s=timeout_s):
            raise Refused(
                "NOT_FINAL_YET",
                expected=f"the question final within {timeout_s:g} s",
                actual="still pending; ask again with the same bytes",
            )
        return submission.digest

    async def answer(
        self,
        digest: SubmissionDigest,
        *,
        cursor: str | None,
        limit: int,
        held_chunks: tuple[int, ...] = (),
    ) -> JsonObject:
        """Return one page for a recorded question: see `AuditAnswers.answer`.

        Raises:
            Refused: there is no such question, or the ledger rejected it.

        """
        height, position = self._accepted(digest)
        question = self._question_at(position)
        self._require_period_here(question)
        answer = await self._answers.answer(
            AskedQuestion(
                kind=question.kind,
                keys=self._keys(question),
                from_ms=question.from_ms,
                to_ms=question.to_ms,
                position=position,
            ),
            cursor=cursor,
            limit=limit,
            held_chunks=held_chunks,
        )
        told = f"{self._suite.hash_name}:{digest.hex()}"
        return {"question": {"digest": told, "height": height, "position": position}, **answer}

    def _require_question(self, submission: Submission) -> None:
        shape = (submission.contract, *(call.action for call in submission.calls))
        if shape != (audit.NAME, ACTION):
            raise Refused(
                "NOT_A_QUESTION",
                expected=f"one {audit.NAME}/{ACTION} call",
                actual=f"{len(submission.calls)} calls of contract {submission.contract}",
            )
        try:
            question = decode_question(self._version, submission.calls[0].public)
        except Rejection as error:
            raise InvalidSubmission(
                code="MALFORMED",
                expected="a question as in docs/wire-format.md §9 and §18, of this chain's rules",
                actual=f"{Code(error.code).name} {list(error.details)}",
            ) from error
        self._require_period_here(question)

    def _require_period_here(self, question: AnyQuestion) -> None:
        """Refuse a period that begins before our log does: the list would look complete.

        Raises:
            Refused: `PRUNED`.

        """
        base = self._ledger.base_height
        if base and question.from_ms <= (since_ms := self._ledger.header(base).head.time_ms):
            raise Refused(
                "PRUNED",
                expected=f"a period that begins after {since_ms} (height {base} of this node)",
                actual=str(question.from_ms),
            )

    def _accepted(self, digest: SubmissionDigest) -> tuple[int, int]:
        """Return height and log position of a question that the ledger accepted."""
        found = self._outcomes.receipt(digest)
        if found is None or not self._outcomes.is_final(digest):
            raise Refused("NOT_FOUND", expected="a recorded question", actual="an unknown digest")
        height, receipt = found
        codes = [receipt.code, *(call.code for call in receipt.calls)]
        refusal = next((code for code in codes if code != Code.ACCEPTED), None)
        if refusal is not None:
            raise Refused(
                "QUESTION_REFUSED", expected="an accepted question", actual=Code(refusal).name
            )
        return height, receipt.first_position

    def _question_at(self, position: int) -> AnyQuestion:
        parts = self._ledger.call_parts(position)
        if parts is None:
            raise Refused(
                "PRUNED",
                expected=f"a question asked at height {self._ledger.floor} or later",
                actual=f"log position {position}",
            )
        if parts[0] != ACTION:
            raise Refused("NOT_FOUND", expected="a recorded question", actual="another record")
        return decode_question(self._version, parts[1])

    def _keys(self, question: AnyQuestion) -> tuple[bytes, ...]:
        kind = IndexKind(question.kind)
        keys = {index_key(self._suite.digest, kind, value) for value in question.values}
        return tuple(sorted(keys))
