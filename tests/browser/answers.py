"""One question, answered by the Python verifier and by the page, in one form."""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from playwright.sync_api import Page

from chainnode.verify import (
    InvalidEvidence,
    InvalidTrust,
    Policy,
    Trust,
    code_form,
    judge_certificate,
    judge_code,
    load_evidence,
    payload_of,
    verify_compact,
    verify_evidence,
)
from chainnode.verify.archive import ARCHIVE_BYTES_MAX
from chainnode.verify.compact_form import decode_compact
from chainnode.verify.export import verify_export
from chainnode.verify.judge import verdict_of_refusal
from chainnode.verify.pages import PAGES_FORMAT, PagesFacts, verify_pages
from chainnode.verify.rows import row_lines
from chainnode.verify.strict_json import JsonObject, read_object
from chainnode.verify.trail import TrailFacts
from tests.vectors.export_facts import export_facts

MAX_AGE_MS = 86_400_000
# Questions that cross to the browser together, a few megabytes.
BATCH = 400


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person has: files, the digest of one, the text of a code; names as in the page."""

    evidence: str | None
    trust: str
    code: str | None = None
    isBase64: bool = False  # noqa: N815 - the page's own name
    digest: str | None = None
    identifier: str | None = None
    nowMs: int = 0  # noqa: N815 - the page's own name
    asOfMs: int | None = None  # noqa: N815 - the page's own name
    maxAgeMs: int = MAX_AGE_MS  # noqa: N815 - the page's own name


def asked_of(evidence: JsonObject, trust: str, *, case: JsonObject | None = None) -> Question:
    """Return the question of a published case, or one about evidence alone."""
    case = case or {}
    digest, identifier, as_of = (
        case.get(name) for name in ("content_digest", "identifier", "as_of_ms")
    )
    return Question(
        evidence=json.dumps(evidence),
        trust=trust,
        digest=None if digest is None else str(digest),
        identifier=None if identifier is None else str(identifier),
        asOfMs=None if as_of is None else int(str(as_of)),
    )


def python_answer(question: Question) -> JsonObject:
    """Answer as the command line would."""
    try:
        trust = Trust.load(question.trust.encode())
    except InvalidTrust:
        return {"trust": "refused"}
    if question.code is not None:
        return _code_answer(question, question.code, trust)
    try:
        data = _evidence(question)
        if data.startswith(b"PK") or PAGES_FORMAT.encode() in data[:64]:
            return _answer_of_a_whole(data, trust)
        evidence = load_evidence(data)
        if evidence.get("kind") == "certificate":
            verdict = judge_certificate(
                evidence,
                trust,
                content_digest=None if question.digest is None else bytes.fromhex(question.digest),
                identifier=question.identifier,
                policy=_policy(question),
            )
            return {"verdict": comparable(verdict.form())}
        facts = verify_evidence(evidence, trust)
    except InvalidEvidence as error:
        form = comparable(verdict_of_refusal(error).form())
        return {"refused": error.check, "verdict": form}
    accepted: JsonObject = {"accepted": str(evidence["kind"])}
    return {**accepted, "proves": proves(facts)} if isinstance(facts, TrailFacts) else accepted


def _code_answer(question: Question, text: str, trust: Trust) -> JsonObject:
    """Answer as `kun verify CODE --offline` would, with what the code says where it is good."""
    try:
        payload = payload_of(text)
        decode_compact(payload)
        evidence = None if question.evidence is None else load_evidence(question.evidence.encode())
    except InvalidEvidence as error:
        return {"refused": error.check, "verdict": comparable(verdict_of_refusal(error).form())}
    verdict = judge_code(
        payload,
        trust,
        evidence=evidence,
        content_digest=None if question.digest is None else bytes.fromhex(question.digest),
        policy=_policy(question),
    )
    try:
        said = code_form(verify_compact(payload, trust), trust)
    except InvalidEvidence:
        said = None
    return {"verdict": comparable(verdict.form()), "code": said}


def _policy(question: Question) -> Policy:
    return Policy(now_ms=question.nowMs, as_of_ms=question.asOfMs, max_age_ms=question.maxAgeMs)


def _answer_of_a_whole(data: bytes, trust: Trust) -> JsonObject:
    if data.startswith(b"PK"):
        return {"accepted": "export", "proves": export_facts(verify_export(data, trust))}
    pages = verify_pages(read_object(data, bytes_max=ARCHIVE_BYTES_MAX), trust)
    return {"accepted": "answer", "proves": _pages_prove(pages)}


def _evidence(question: Question) -> bytes:
    text = question.evidence or ""
    return base64.b64decode(text) if question.isBase64 else text.encode(errors="surrogatepass")


def _pages_prove(facts: PagesFacts) -> JsonObject:
    return {
        "complete": facts.is_complete,
        "complete_to_ms": facts.complete_to_ms,
        "positions": [one.position for one in facts.rows],
        "rows": row_lines(facts.rows).decode(),
    }


def proves(facts: TrailFacts) -> JsonObject:
    """Return what follows from an accepted trail, named as in the published vectors."""
    return {
        "complete": facts.is_complete,
        "complete_to_ms": facts.complete_to_ms,
        "as_of_ms": facts.as_of_ms,
        "positions": [row.position for row in facts.rows()],
    }


def page_answers(page: Page, questions: Sequence[Question]) -> list[JsonObject]:
    """Ask the verifier of the page, all questions in one go."""
    answers: list[JsonObject] = []
    # As text: the browser's own copying of nested values costs far more than the answers.
    for at in range(0, len(questions), BATCH):
        batch = json.dumps([asdict(one) for one in questions[at : at + BATCH]])
        answers += json.loads(
            page.evaluate(
                "text => JSON.stringify(JSON.parse(text).map(one => kunlian.answer(one)))", batch
            )
        )
    for one in answers:
        if "trust" in one:
            one["trust"] = "refused"
        if isinstance(form := one.get("verdict"), dict):
            one["verdict"] = comparable(form)
    return answers


def comparable(form: JsonObject) -> JsonObject:
    """Leave out how a refusal is worded after its check: values are printed differently."""
    as_of = form["as_of"]
    assert isinstance(as_of, dict)
    if as_of["time"] is not None:
        return form
    checks = form["checks"]
    assert isinstance(checks, list)
    for check in checks:
        assert isinstance(check, dict)
        check["detail"] = str(check["detail"]).partition(":")[0]
    return form


def differences(page: Page, questions: Sequence[Question], names: Sequence[str]) -> list[str]:
    """Name the questions that the two verifiers answer differently."""
    answers = page_answers(page, questions)
    return [
        f"{name}: Python {expected}, page {answer}"
        for name, question, answer in zip(names, questions, answers, strict=True)
        if answer != (expected := python_answer(question))
    ]
