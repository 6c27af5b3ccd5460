"""The verdict on the QR code of a certificate: alone, or beside evidence of its state.

A code proves the issue and nothing later: alone it never says VALID, only CANNOT_DECIDE with the
checks that it passes. With fresh evidence of the state the verdict is the one of that evidence,
provided that both speak of one certificate. docs/verification.md §14.
"""

from chainnode.verify.certificate import CertificateFacts, verify_certificate_evidence
from chainnode.verify.claims import CertificateClaim
from chainnode.verify.compact import CompactFacts, ReferenceFacts, verify_compact
from chainnode.verify.errors import InvalidEvidence, OtherQuestion
from chainnode.verify.header import require_equal
from chainnode.verify.judge import Policy, judge_facts, verdict_of_refusal
from chainnode.verify.strict_json import JsonObject, JsonValue
from chainnode.verify.trust import Trust
from chainnode.verify.verdict import Check, CheckName, CheckResult, Verdict, VerdictCode, local_time


def judge_code(
    payload: bytes,
    trust: Trust,
    *,
    evidence: JsonValue = None,
    content_digest: bytes | None = None,
    policy: Policy,
) -> Verdict:
    """Check a code, and evidence of the certificate's state if there is any, and judge both.

    Never raises for anything in them. `content_digest` is that of a file in hand.
    """
    try:
        if evidence is None:
            code = verify_compact(payload, trust)
            return _alone(code, content_digest=content_digest, policy=policy)
        state = verify_certificate_evidence(evidence, trust)
        # The evidence may know epochs that the trust does not name.
        code = verify_compact(payload, state.header.trust)
        _require_same(code, state)
        _require_file(code, content_digest)
        return judge_facts(state, policy=policy, has_content=content_digest is not None)
    except InvalidEvidence as error:
        return verdict_of_refusal(error)


def code_form(code: CompactFacts | ReferenceFacts, trust: Trust) -> JsonObject:
    """Return what a code says of a certificate, for people and programs."""
    form: JsonObject = {
        "kind": "proof" if isinstance(code, CompactFacts) else "reference",
        "height": code.height,
    }
    if isinstance(code, CompactFacts):
        form["time"] = local_time(code.time_ms)
        form["organisation"] = code.entry.organisation
    if code.claim is not None:
        part = code.claim.part
        form["identifier"] = part.identifier
        form["digest"] = f"{trust.suite.hash_name}:{part.file_digest.hex()}"
        form["valid_from"] = part.valid_from
        form["valid_to"] = part.valid_to or None
    return form


def _require_same(code: CompactFacts | ReferenceFacts, state: CertificateFacts) -> None:
    """Refuse evidence of another certificate, and a code that contradicts the evidence."""
    claim = _claim(code)
    if state.found is None:
        if state.query.identifier == claim.part.identifier and isinstance(code, ReferenceFacts):
            return
        raise OtherQuestion(
            check="query", expected="a state that knows this certificate", actual="one without it"
        )
    if state.found.identifier != claim.part.identifier:
        raise OtherQuestion(
            check="query", expected="evidence of this certificate", actual="of another one"
        )
    require_equal("issue", state.found.row.file_digest, claim.part.file_digest)
    first = state.found.history[0]
    told = _place(code)
    if (first.height, first.submission_digest, first.call_index) != told:
        raise InvalidEvidence(
            check="issue",
            expected=f"the call that issued it at height {first.height}",
            actual=f"another one at height {told[0]}",
        )


def _place(code: CompactFacts | ReferenceFacts) -> tuple[int, bytes, int]:
    if isinstance(code, ReferenceFacts):
        return code.height, code.submission_digest, code.call_index
    return code.height, code.entry.submission_digest, code.entry.call_index


def _claim(code: CompactFacts | ReferenceFacts) -> CertificateClaim:
    if code.claim is None:
        raise OtherQuestion(check="query", expected="a certificate", actual="a withheld record")
    return code.claim


def _require_file(code: CompactFacts | ReferenceFacts, content_digest: bytes | None) -> None:
    if content_digest is not None:
        require_equal("content", _claim(code).part.file_digest, content_digest)


def _alone(
    code: CompactFacts | ReferenceFacts, *, content_digest: bytes | None, policy: Policy
) -> Verdict:
    """Say what a code proves by itself; its state is not among that."""
    as_of_ms, as_of_height, issuer = policy.as_of_ms, None, None
    if as_of_ms is None:
        as_of_ms = policy.now_ms
    if isinstance(code, CompactFacts):
        as_of_height, issuer = code.height, code.entry.organisation
        if policy.as_of_ms is None:
            as_of_ms = max(as_of_ms, code.time_ms)
    return Verdict(
        verdict=VerdictCode.CANNOT_DECIDE,
        state=None,
        identifier=None if code.claim is None else code.claim.part.identifier,
        as_of_height=as_of_height,
        as_of_time_ms=as_of_ms,
        issuer=issuer,
        checks=(
            _content(code, content_digest),
            _issuer(code),
            Check(
                name=CheckName.HISTORY,
                result=CheckResult.NOT_CHECKED,
                detail="a code shows the issue alone",
            ),
            _quorum(code),
            Check(
                name=CheckName.FRESHNESS,
                result=CheckResult.FAIL,
                detail="a code proves nothing of the state since: ask a node, or show evidence",
            ),
        ),
    )


def _content(code: CompactFacts | ReferenceFacts, content_digest: bytes | None) -> Check:
    result, detail = CheckResult.NOT_CHECKED, "the file itself was not shown"
    if content_digest is not None and code.claim is not None:
        is_same = content_digest == code.claim.part.file_digest
        result = CheckResult.PASS if is_same else CheckResult.FAIL
        detail = "these bytes are the file of this code" if is_same else "the file is another one"
    return Check(name=CheckName.CONTENT, result=result, detail=detail)


def _issuer(code: CompactFacts | ReferenceFacts) -> Check:
    """Pass what was issued: the chain takes it from an organisation with that right alone."""
    if isinstance(code, CompactFacts) and code.claim is not None:
        when = f"at height {code.height}, {local_time(code.time_ms)}"
        detail = f"{code.entry.organisation} issued it {when}, with the right to do so"
        return Check(name=CheckName.ISSUER, result=CheckResult.PASS, detail=detail)
    detail = "no certificate, hence no issuer"
    if code.claim is not None:
        detail = f"signed by key {_key_id(code).hex()}; whose that is, is not shown"
    return Check(name=CheckName.ISSUER, result=CheckResult.NOT_CHECKED, detail=detail)


def _key_id(code: CompactFacts | ReferenceFacts) -> bytes:
    return code.key_id if isinstance(code, ReferenceFacts) else code.entry.key_id


def _quorum(code: CompactFacts | ReferenceFacts) -> Check:
    if isinstance(code, ReferenceFacts):
        return Check(
            name=CheckName.QUORUM,
            result=CheckResult.NOT_CHECKED,
            detail="a code of this kind shows no signatures of members",
        )
    return Check(
        name=CheckName.QUORUM,
        result=CheckResult.PASS,
        detail=f"{len(code.signers)} signatures, {code.quorum} needed, block {code.height}",
    )
