"""From proven facts to one verdict: five checks and a fixed precedence.

Equal facts, policy and `as_of` give an equal verdict at every door. Fail closed: without a
proof of state, a whole history, a quorum and freshness there is no VALID. A failure of the
network never says anything against a certificate.
"""

from dataclasses import dataclass

from chainnode.verify.certificate import (
    CertificateFacts,
    CertificateQuery,
    RegisteredCertificate,
    verify_certificate_evidence,
)
from chainnode.verify.dates import day_end_ms, day_start_ms
from chainnode.verify.errors import (
    ForeignEvidence,
    InvalidEvidence,
    NoQuorum,
    OlderThanPinned,
    OtherQuestion,
    UnknownEpoch,
    UnreadableEvidence,
)
from chainnode.verify.strict_json import JsonValue
from chainnode.verify.trust import Trust
from chainnode.verify.verdict import (
    Check,
    CheckName,
    CheckResult,
    StateWord,
    Verdict,
    VerdictCode,
    Words,
    check_of,
    local_time,
    state_word,
)
from contracts.schemas.certificate_states import CertificateState
from contracts.schemas.members import Role

# A header proves the state at its time and nothing later. A day is short enough that a
# revocation is seen the next morning, and long enough for a counter that was offline overnight.
MAX_AGE_MS_DEFAULT = 24 * 60 * 60 * 1000
# Where nodes can be asked there is no reason to believe an old answer: one node that replays it
# could hide a revocation. Ten idle blocks of a chain with the usual interval.
ONLINE_MAX_AGE_MS_DEFAULT = 5 * 60 * 1000

# The check that carries a refusal; every other name of a check belongs to "quorum", because
# with it nothing under the header is proven.
_REFUSED_AT = {
    "content": CheckName.CONTENT,
    "state": CheckName.CONTENT,
    "items": CheckName.CONTENT,
    "query": CheckName.CONTENT,
    "date": CheckName.CONTENT,
    "issue": CheckName.CONTENT,
    "private": CheckName.CONTENT,
    "call": CheckName.ISSUER,
    "signature": CheckName.ISSUER,
    "history": CheckName.HISTORY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a certificate is judged for, and how old its proof may be.

    `as_of_ms` None means the later of the header's time and the verifier's clock. With an
    explicit instant the proof may not be older than that instant by more than `max_age_ms`.
    """

    now_ms: int
    as_of_ms: int | None = None
    max_age_ms: int = MAX_AGE_MS_DEFAULT


def judge_certificate(
    evidence: JsonValue,
    trust: Trust,
    *,
    content_digest: bytes | None,
    identifier: str | None,
    policy: Policy,
) -> Verdict:
    """Check evidence and judge it; never raises for anything in the evidence.

    `content_digest` is the digest of the file in hand. With neither digest nor identifier the
    evidence is judged for the query that it states itself; the file counts as not seen.
    """
    try:
        facts = verify_certificate_evidence(evidence, trust)
        require_query(facts, content_digest=content_digest, identifier=identifier)
        return judge_facts(facts, policy=policy, has_content=content_digest is not None)
    except InvalidEvidence as error:
        return verdict_of_refusal(error)


def require_query(
    facts: CertificateFacts, *, content_digest: bytes | None, identifier: str | None
) -> None:
    """Refuse evidence that answers another question than the one that was asked.

    Raises:
        InvalidEvidence: it does.

    """
    if content_digest is None and identifier is None:
        return
    asked = CertificateQuery(content_digest=content_digest, identifier=identifier)
    if facts.query != asked:
        raise OtherQuestion(
            check="query", expected="an answer to what was asked", actual="one to another query"
        )


def judge_facts(facts: CertificateFacts, *, policy: Policy, has_content: bool) -> Verdict:
    """Judge what is proven.

    Raises:
        InvalidEvidence: a date of the certificate is no day.

    """
    as_of_ms = policy.as_of_ms
    if as_of_ms is None:
        as_of_ms = max(facts.header.time_ms, policy.now_ms)
    state = _state_at(facts.found, facts.header.time_ms, as_of_ms)
    checks = (
        _content(facts, has_content=has_content),
        _issuer(facts.found),
        _history(facts.found),
        _quorum(facts),
        _freshness(facts, as_of_ms, policy.max_age_ms),
    )
    return Verdict(
        verdict=_precedence(checks, state),
        state=state,
        identifier=None if facts.found is None else facts.found.identifier,
        as_of_height=facts.header.height,
        as_of_time_ms=as_of_ms,
        issuer=None if facts.found is None else _issuer_name(facts.found),
        checks=checks,
    )


def verdict_of_refusal(error: InvalidEvidence) -> Verdict:
    """Judge evidence that was refused: the class of the error decides, its check is named."""
    match error:
        case UnreadableEvidence():
            return unreadable(str(error))
        case NoQuorum() | OlderThanPinned() | OtherQuestion() | UnknownEpoch():
            return _unproven(VerdictCode.CANNOT_DECIDE, CheckName.QUORUM, _told(error))
        case ForeignEvidence():
            return _unproven(VerdictCode.UNTRUSTED_ISSUER, CheckName.ISSUER, _told(error))
        case _:
            at = _REFUSED_AT.get(error.check, CheckName.QUORUM)
            return _unproven(VerdictCode.TAMPERED, at, _told(error))


def _told(error: InvalidEvidence) -> Words:
    return Words(zh=error.zh, en=str(error))


def unreadable(detail: str, *, identifier: str | None = None) -> Verdict:
    """Say that what was given is no certificate, identifier or evidence at all."""
    words = Words(zh=f"无法识别：{detail}", en=detail)
    return _unproven(VerdictCode.UNREADABLE, CheckName.CONTENT, words, identifier=identifier)


def cannot_decide(detail: str, *, identifier: str | None = None) -> Verdict:
    """Say that no checked evidence is at hand; says nothing against the certificate."""
    words = Words(zh=f"没有可核验的证据：{detail}", en=detail)
    return _unproven(VerdictCode.CANNOT_DECIDE, CheckName.FRESHNESS, words, identifier=identifier)


def _unproven(
    verdict: VerdictCode, at: CheckName, detail: Words, *, identifier: str | None = None
) -> Verdict:
    nothing = Words(zh="什么也没有证明", en="nothing is proven")
    checks = tuple(
        check_of(name, CheckResult.FAIL, detail)
        if name is at
        else check_of(name, CheckResult.NOT_CHECKED, nothing)
        for name in CheckName
    )
    return Verdict(
        verdict=verdict,
        state=None,
        identifier=identifier,
        as_of_height=None,
        as_of_time_ms=None,
        issuer=None,
        checks=checks,
    )


def _precedence(checks: tuple[Check, ...], state: StateWord) -> VerdictCode:
    """CANNOT_DECIDE, NOT_REGISTERED, TAMPERED, UNTRUSTED_ISSUER, REVOKED, EXPIRED, VALID."""
    failed = {one.name for one in checks if one.result is CheckResult.FAIL}
    if CheckName.FRESHNESS in failed:
        return VerdictCode.CANNOT_DECIDE
    if state.verdict is VerdictCode.NOT_REGISTERED:
        return VerdictCode.NOT_REGISTERED
    if CheckName.CONTENT in failed:
        return VerdictCode.TAMPERED
    if CheckName.ISSUER in failed:
        return VerdictCode.UNTRUSTED_ISSUER
    return state.verdict


def _state_at(found: RegisteredCertificate | None, header_time_ms: int, as_of_ms: int) -> StateWord:
    """Return the state at `as_of_ms`: out of the whole history, then by the dates."""
    if found is None:
        return StateWord.ABSENT
    entries = found.history
    if as_of_ms < header_time_ms:
        entries = tuple(entry for entry in entries if entry.since_ms <= as_of_ms)
    if not entries:
        return StateWord.NOT_YET_ON_CHAIN
    word = state_word(CertificateState(entries[-1].state))
    if word is not StateWord.VALID:
        return word
    if as_of_ms < day_start_ms(found.row.valid_from):
        return StateWord.NOT_YET_VALID
    if found.row.valid_to and as_of_ms >= day_end_ms(found.row.valid_to):
        return StateWord.EXPIRED
    return word


def _content(facts: CertificateFacts, *, has_content: bool) -> Check:
    result = CheckResult.NOT_CHECKED
    detail = Words(zh="没有出示文件本身", en="the file itself was not shown")
    if facts.found is None:
        detail = Words(zh="没有可比对的证照", en="no certificate to compare with")
    elif facts.query.content_digest is not None and not facts.is_of_file:
        result = CheckResult.FAIL
        detail = Words(
            zh="链上这个标识登记的是另一份内容",
            en="the chain knows this identifier with another content",
        )
    elif has_content:
        result = CheckResult.PASS
        detail = Words(zh="手中的文件就是登记的文件", en="these bytes are the registered file")
    return check_of(CheckName.CONTENT, result, detail)


def _issuer(found: RegisteredCertificate | None) -> Check:
    if found is None:
        detail = Words(zh="没有证照，因而没有签发机构", en="no certificate, hence no issuer")
        return check_of(CheckName.ISSUER, CheckResult.NOT_CHECKED, detail)
    may_issue = found.issuer is not None and Role.ISSUER in found.issuer.roles
    name = _issuer_name(found)
    if may_issue:
        told = Words(zh=f"{name} 有签发权", en=f"{name} may issue")
        return check_of(CheckName.ISSUER, CheckResult.PASS, told)
    told = Words(zh=f"{name} 没有签发权", en=f"{name} has no right to issue")
    return check_of(CheckName.ISSUER, CheckResult.FAIL, told)


def _issuer_name(found: RegisteredCertificate) -> str:
    return found.row.issuer if found.issuer is None else f"{found.issuer.name} {found.row.issuer}"


def _history(found: RegisteredCertificate | None) -> Check:
    if found is None:
        detail = Words(zh="没有证照，因而没有历史", en="no certificate, hence no history")
        return check_of(CheckName.HISTORY, CheckResult.NOT_CHECKED, detail)
    count = len(found.history)
    detail = Words(
        zh=f"全部 {count} 条，条数与根均已证明",
        en=f"all {count} entries, count and root proven",
    )
    return check_of(CheckName.HISTORY, CheckResult.PASS, detail)


def _quorum(facts: CertificateFacts) -> Check:
    header = facts.header
    return quorum_check(len(header.signers), needed=header.quorum, height=header.height)


def quorum_check(signatures: int, *, needed: int, height: int) -> Check:
    """Return the passed check that enough members signed a block."""
    detail = Words(
        zh=f"{signatures} 个签名，需要 {needed} 个，区块 {height}",
        en=f"{signatures} signatures, {needed} needed, block {height}",
    )
    return check_of(CheckName.QUORUM, CheckResult.PASS, detail)


def _freshness(facts: CertificateFacts, as_of_ms: int, max_age_ms: int) -> Check:
    proven, judged = local_time(facts.header.time_ms), local_time(as_of_ms)
    is_fresh = as_of_ms - facts.header.time_ms <= max_age_ms
    age = Words(
        zh=f"证明于 {proven}，判断时点 {judged}",
        en=f"proven for {proven}, judged for {judged}",
    )
    if is_fresh:
        return check_of(CheckName.FRESHNESS, CheckResult.PASS, age)
    late = Words(zh=f"{age.zh}：超过允许的时龄", en=f"{age.en}: older than allowed")
    return check_of(CheckName.FRESHNESS, CheckResult.FAIL, late)
