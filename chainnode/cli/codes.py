"""`kun verify` of a QR code: its text or URL, alone or with the state from nodes or evidence."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chainnode.cli.judged import Judged
from chainnode.verify import (
    InvalidEvidence,
    Policy,
    UnreadableEvidence,
    UnreadableFile,
    VerdictCode,
    code_form,
    judge_code,
    load_evidence,
    payload_of,
    read_file,
    unreadable,
    verify_compact,
)
from chainnode.verify.compact_form import claim_in, decode_compact
from chainnode.verify.strict_json import JsonObject

if TYPE_CHECKING:
    from chainnode.cli.target import Target
    from chainnode.verify import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeQuestion:
    """A code, for when it is judged, and what there is beside it."""

    text: str
    file: Path | None
    as_of_ms: int | None
    max_age_ms: int
    evidence: Path | None
    offline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeVerification(Judged):
    """A verdict and, where the code itself is good, what it says."""

    code: JsonObject | None = field(default=None)


def judge_code_text(question: CodeQuestion, target: "Target") -> CodeVerification:
    """Judge the text or URL of a code."""
    try:
        payload = payload_of(question.text)
        claim = claim_in(decode_compact(payload))
        judge = _Judge(question=question, target=target, payload=payload)
        if question.offline or claim is None:
            return judge.with_evidence(_shown_evidence(question))
        return judge.with_nodes(claim.part.identifier)
    except (UnreadableEvidence, UnreadableFile) as error:
        return CodeVerification(verdict=unreadable(str(error)), evidence=None, reports=())


class _Judge:
    """One code, and how its verdict comes about."""

    def __init__(self, *, question: CodeQuestion, target: "Target", payload: bytes) -> None:
        self._question = question
        self._target = target
        self._payload = payload
        self._trust = target.load_trust()
        self._digest = None
        if question.file is not None:
            self._digest = self._trust.suite.digest(read_file(question.file).data)

    def with_evidence(self, evidence: JsonObject | None) -> CodeVerification:
        """Judge by what is at hand alone."""
        return CodeVerification(
            verdict=self._verdict(evidence), evidence=evidence, reports=(), code=self._said()
        )

    def with_nodes(self, identifier: str) -> CodeVerification:
        """Ask the nodes for the state, unless the code is refused whatever that is."""
        alone = self._verdict(None)
        if alone.verdict is not VerdictCode.CANNOT_DECIDE:
            return CodeVerification(verdict=alone, evidence=None, reports=())
        question = self._question
        with self._target.open_client() as client:
            found = client.verify_identifier(
                identifier, as_of_ms=question.as_of_ms, max_age_ms=question.max_age_ms
            )
        return CodeVerification(
            verdict=alone if found.evidence is None else self._verdict(found.evidence),
            evidence=found.evidence,
            reports=found.reports,
            code=self._said(),
        )

    def _verdict(self, evidence: JsonObject | None) -> "Verdict":
        now_ms = time.time_ns() // 1_000_000 + self._target.clock_offset_ms
        question = self._question
        return judge_code(
            self._payload,
            self._trust,
            evidence=evidence,
            content_digest=self._digest,
            policy=Policy(
                now_ms=now_ms, as_of_ms=question.as_of_ms, max_age_ms=question.max_age_ms
            ),
        )

    def _said(self) -> JsonObject | None:
        """Return what the code says, when this trust can check it."""
        try:
            return code_form(verify_compact(self._payload, self._trust), self._trust)
        except InvalidEvidence:
            return None


def _shown_evidence(question: CodeQuestion) -> JsonObject | None:
    if question.evidence is None or not question.offline:
        return None
    return load_evidence(question.evidence.read_bytes())
