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
from chainnode.verify.judge import Policy, judge_facts, quorum_check, verdict_of_refusal
from chainnode.verify.strict_json import JsonObject, JsonValue
from chainnode.verify.trust import Trust
from chainnode.verify.verdict import (
    Check,
    CheckName,
    CheckResult,
    Verdict,
    VerdictCode,
    Words,
    check_of,
    local_time,
)

_ISSUE_ALONE = Words(zh="二维码只证明签发", en="a code shows the issue alone")
_NOTHING_SINCE = Words(
    zh="二维码不证明此后的状态：请询问节点，或出示状态证据",
    en="a code proves nothing of the state since: ask a node, or show evidence",
)
_NO_SIGNATURES = Words(
    zh="这种二维码不带成员的签名", en="a code of this kind shows no signatures of members"
)


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
            check_of(CheckName.HISTORY, CheckResult.NOT_CHECKED, _ISSUE_ALONE),
            _quorum(code),
            check_of(CheckName.FRESHNESS, CheckResult.FAIL, _NOTHING_SINCE),
        ),
    )


def _content(code: CompactFacts | ReferenceFacts, content_digest: bytes | None) -> Check:
    if content_digest is None or code.claim is None:
        detail = Words(zh="没有出示文件本身", en="the file itself was not shown")
        return check_of(CheckName.CONTENT, CheckResult.NOT_CHECKED, detail)
    if content_digest == code.claim.part.file_digest:
        detail = Words(
            zh="手中的文件就是这个二维码的文件", en="these bytes are the file of this code"
        )
        return check_of(CheckName.CONTENT, CheckResult.PASS, detail)
    detail = Words(zh="手中的是另一个文件", en="the file is another one")
    return check_of(CheckName.CONTENT, CheckResult.FAIL, detail)


def _issuer(code: CompactFacts | ReferenceFacts) -> Check:
    """Pass what was issued: the chain takes it from an organisation with that right alone."""
    if isinstance(code, CompactFacts) and code.claim is not None:
        when, name = local_time(code.time_ms), code.entry.organisation
        detail = Words(
            zh=f"{name} 于高度 {code.height}、{when} 签发，有签发权",
            en=f"{name} issued it at height {code.height}, {when}, with the right to do so",
        )
        return check_of(CheckName.ISSUER, CheckResult.PASS, detail)
    detail = Words(zh="没有证照，因而没有签发机构", en="no certificate, hence no issuer")
    if code.claim is not None:
        key = _key_id(code).hex()
        detail = Words(
            zh=f"由密钥 {key} 签名；密钥属于谁，没有出示",
            en=f"signed by key {key}; whose that is, is not shown",
        )
    return check_of(CheckName.ISSUER, CheckResult.NOT_CHECKED, detail)


def _key_id(code: CompactFacts | ReferenceFacts) -> bytes:
    return code.key_id if isinstance(code, ReferenceFacts) else code.entry.key_id


def _quorum(code: CompactFacts | ReferenceFacts) -> Check:
    if isinstance(code, ReferenceFacts):
        return check_of(CheckName.QUORUM, CheckResult.NOT_CHECKED, _NO_SIGNATURES)
    return quorum_check(len(code.signers), needed=code.quorum, height=code.height)
