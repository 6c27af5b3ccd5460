"""Verdicts as the journeys word them: one golden table, then each rule by its own test."""

import pytest

from chainnode.verify import (
    CheckName,
    CheckResult,
    Policy,
    StateWord,
    Trust,
    Verdict,
    VerdictCode,
    cannot_decide,
    judge_certificate,
    unreadable,
)
from chainnode.verify.strict_json import JsonObject, as_array, as_object
from tests.builders_evidence import (
    GENESIS_MS,
    ISSUER,
    SAMPLES,
    TIME_MS,
    SyntheticChain,
    sample,
    synthetic_chain,
)

SUITES = ("sm", "intl")
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
# 2026-03-03T00:00:00+08:00
END_OF_MARCH_2_MS = 1_772_467_200_000

GOLDEN = {
    "valid": (VerdictCode.VALID, StateWord.VALID),
    "revoked": (VerdictCode.REVOKED, StateWord.REVOKED),
    "expired": (VerdictCode.EXPIRED, StateWord.EXPIRED),
    "last day": (VerdictCode.VALID, StateWord.VALID),
    "not yet valid": (VerdictCode.EXPIRED, StateWord.NOT_YET_VALID),
    "foreign issuer": (VerdictCode.UNTRUSTED_ISSUER, StateWord.VALID),
    "issuer without right": (VerdictCode.UNTRUSTED_ISSUER, StateWord.VALID),
    "state IN_MAKING": (VerdictCode.NOT_REGISTERED, StateWord.IN_MAKING),
    "state SUSPENDED": (VerdictCode.REVOKED, StateWord.SUSPENDED),
    "state SUPERSEDED": (VerdictCode.REVOKED, StateWord.SUPERSEDED),
    "state CANCELLED": (VerdictCode.REVOKED, StateWord.CANCELLED),
    "state WITHDRAWN": (VerdictCode.REVOKED, StateWord.WITHDRAWN),
    "state EXPIRED": (VerdictCode.EXPIRED, StateWord.EXPIRED),
    "state TRANSFERRED": (VerdictCode.REVOKED, StateWord.TRANSFERRED),
}
WORDS = {
    "VALID": ("有效", "green", 0),
    "REVOKED": ("已撤销", "red", 1),
    "EXPIRED": ("已过期", "amber", 1),
    "TAMPERED": ("内容被改", "red", 1),
    "UNTRUSTED_ISSUER": ("签发机构不可信", "red", 1),
    "NOT_REGISTERED": ("链上无此证照", "red", 1),
    "UNREADABLE": ("无法识别", "grey", 2),
    "CANNOT_DECIDE": ("暂时无法核验", "grey", 3),
}


@pytest.fixture(params=SUITES)
def chain(request: pytest.FixtureRequest) -> SyntheticChain:
    return synthetic_chain(str(request.param))


def judge(
    chain: SyntheticChain,
    evidence: JsonObject,
    *,
    content: bytes | None = None,
    identifier: str | None = None,
    policy: Policy | None = None,
    trust: Trust | None = None,
) -> Verdict:
    return judge_certificate(
        evidence,
        trust or chain.trust,
        content_digest=None if content is None else chain.suite.digest(content),
        identifier=identifier,
        policy=policy or Policy(now_ms=TIME_MS),
    )


def judge_file(chain: SyntheticChain, name: str, policy: Policy | None = None) -> Verdict:
    one = sample(name)
    return judge(
        chain,
        chain.certificate_of(one),
        content=one.content,
        identifier=one.identifier,
        policy=policy,
    )


def results(verdict: Verdict) -> dict[str, str]:
    return {one.name.value: one.result.value for one in verdict.checks}


def test_the_golden_table_names_every_sample() -> None:
    assert set(GOLDEN) == {one.name for one in SAMPLES}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_file_is_judged_as_the_golden_table_says(chain: SyntheticChain, name: str) -> None:
    verdict = judge_file(chain, name)
    assert (verdict.verdict, verdict.state) == GOLDEN[name]
    assert verdict.identifier == sample(name).identifier
    assert (verdict.as_of_height, verdict.as_of_time_ms) == (12, TIME_MS)
    assert results(verdict)["content"] == "pass"


def test_verdicts_have_the_words_colours_and_exit_codes_of_the_journeys() -> None:
    told = {one.name: (one.words.zh, one.colour, one.exit_code) for one in VerdictCode}
    assert told == WORDS


def test_a_valid_file_passes_all_five_checks(chain: SyntheticChain) -> None:
    assert set(results(judge_file(chain, "valid")).values()) == {"pass"}


def test_an_identifier_alone_is_valid_with_its_content_not_checked(chain: SyntheticChain) -> None:
    one = sample("valid")
    evidence = chain.certificate(identifier=one.identifier)
    verdict = judge(chain, evidence, identifier=one.identifier)
    assert verdict.verdict is VerdictCode.VALID
    assert results(verdict) == {
        "content": "not_checked",
        "issuer": "pass",
        "history": "pass",
        "quorum": "pass",
        "freshness": "pass",
    }


def test_a_registered_file_is_found_without_any_identifier(chain: SyntheticChain) -> None:
    one = sample("valid")
    evidence = chain.certificate(digest=chain.digest_of(one))
    verdict = judge(chain, evidence, content=one.content)
    assert (verdict.verdict, verdict.identifier) == (VerdictCode.VALID, one.identifier)


def test_the_registered_file_decides_when_it_names_another_certificate(
    chain: SyntheticChain,
) -> None:
    one, other = sample("valid"), sample("revoked")
    evidence = chain.certificate(digest=chain.digest_of(other), identifier=one.identifier)
    verdict = judge(chain, evidence, content=other.content, identifier=one.identifier)
    assert (verdict.verdict, verdict.identifier) == (VerdictCode.REVOKED, other.identifier)


def test_a_changed_file_of_a_known_certificate_is_tampered(chain: SyntheticChain) -> None:
    one = sample("valid")
    content = one.content + b"!"
    evidence = chain.certificate(digest=chain.suite.digest(content), identifier=one.identifier)
    verdict = judge(chain, evidence, content=content, identifier=one.identifier)
    assert verdict.verdict is VerdictCode.TAMPERED
    assert results(verdict)["content"] == "fail"


def test_evidence_of_a_changed_file_stays_tampered_without_the_file(chain: SyntheticChain) -> None:
    one = sample("valid")
    evidence = chain.certificate(digest=chain.suite.digest(b"else"), identifier=one.identifier)
    assert judge(chain, evidence).verdict is VerdictCode.TAMPERED


def test_evidence_alone_is_judged_for_its_own_query_without_vouching_for_a_file(
    chain: SyntheticChain,
) -> None:
    verdict = judge(chain, chain.certificate_of(sample("valid")))
    assert verdict.verdict is VerdictCode.VALID
    assert results(verdict)["content"] == "not_checked"


def test_a_file_nobody_registered_is_not_registered(chain: SyntheticChain) -> None:
    content = b"random bytes are a legal file"
    evidence = chain.certificate(digest=chain.suite.digest(content), identifier=None)
    verdict = judge(chain, evidence, content=content)
    assert (verdict.verdict, verdict.state) == (VerdictCode.NOT_REGISTERED, StateWord.ABSENT)
    assert verdict.identifier is None
    assert results(verdict) == {
        "content": "not_checked",
        "issuer": "not_checked",
        "history": "not_checked",
        "quorum": "pass",
        "freshness": "pass",
    }


def test_an_unknown_file_with_an_unknown_identifier_is_not_registered(
    chain: SyntheticChain,
) -> None:
    evidence = chain.certificate(digest=chain.suite.digest(b"x"), identifier="1.2.156.3005.2.x")
    verdict = judge(chain, evidence, content=b"x", identifier="1.2.156.3005.2.x")
    assert verdict.verdict is VerdictCode.NOT_REGISTERED


def test_evidence_that_answers_another_question_decides_nothing(chain: SyntheticChain) -> None:
    one, other = sample("valid"), sample("revoked")
    swapped = judge(
        chain, chain.certificate_of(one), content=other.content, identifier=other.identifier
    )
    assert swapped.verdict is VerdictCode.CANNOT_DECIDE
    by_file = chain.certificate(digest=chain.digest_of(one), identifier=None)
    by_identifier = judge(chain, by_file, identifier=one.identifier)
    assert by_identifier.verdict is VerdictCode.CANNOT_DECIDE


def test_a_node_may_not_add_an_identifier_to_the_question(chain: SyntheticChain) -> None:
    one, other = sample("valid"), sample("revoked")
    added = chain.certificate(digest=chain.digest_of(one), identifier=other.identifier)
    assert judge(chain, added, content=one.content).verdict is VerdictCode.CANNOT_DECIDE


def test_evidence_below_the_pinned_height_decides_nothing(chain: SyntheticChain) -> None:
    evidence = chain.certificate_of(sample("valid"))
    pinned = chain.trust.pinned_at(epoch=0, height=10**6, header_digest=bytes(32), time_ms=0)
    verdict = judge_certificate(
        evidence, pinned, content_digest=None, identifier=None, policy=Policy(now_ms=0)
    )
    assert verdict.verdict is VerdictCode.CANNOT_DECIDE


def test_evidence_of_another_chain_is_an_untrusted_issuer(chain: SyntheticChain) -> None:
    foreign = synthetic_chain(chain.suite.name, "another")
    verdict = judge(chain, foreign.certificate_of(sample("valid")))
    assert verdict.verdict is VerdictCode.UNTRUSTED_ISSUER
    assert results(verdict)["issuer"] == "fail"


def test_another_chain_s_header_under_this_chain_s_name_is_tampered(chain: SyntheticChain) -> None:
    foreign = synthetic_chain(chain.suite.name, "another")
    evidence = foreign.certificate_of(sample("valid"))
    evidence["chain_id"] = chain.trust.chain_id.hex()
    assert judge(chain, evidence).verdict is VerdictCode.TAMPERED


def test_too_few_signatures_cannot_decide(chain: SyntheticChain) -> None:
    one = sample("valid")
    anchor = chain.anchor(signers=(0, 1))
    evidence = chain.certificate(digest=chain.digest_of(one), anchor=anchor)
    verdict = judge(chain, evidence, content=one.content)
    assert verdict.verdict is VerdictCode.CANNOT_DECIDE
    assert results(verdict)["quorum"] == "fail"


def test_a_fourth_signature_is_welcome(chain: SyntheticChain) -> None:
    one = sample("valid")
    anchor = chain.anchor(signers=(0, 1, 2, 3))
    evidence = chain.certificate(digest=chain.digest_of(one), anchor=anchor)
    assert judge(chain, evidence, content=one.content).verdict is VerdictCode.VALID


@pytest.mark.parametrize("signers", [(0, 1, 1), (1, 0, 3), (0, 0, 0, 0)])
def test_doubled_or_unordered_signers_are_tampered(
    chain: SyntheticChain, signers: tuple[int, ...]
) -> None:
    one = sample("valid")
    evidence = chain.certificate(digest=chain.digest_of(one), anchor=chain.anchor(signers=signers))
    assert judge(chain, evidence, content=one.content).verdict is VerdictCode.TAMPERED


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(now_ms=END_OF_MARCH_2_MS - 1), VerdictCode.VALID),
        (Policy(now_ms=END_OF_MARCH_2_MS), VerdictCode.EXPIRED),
        (Policy(now_ms=0), VerdictCode.VALID),
        (Policy(now_ms=END_OF_MARCH_2_MS, as_of_ms=TIME_MS), VerdictCode.VALID),
        (Policy(now_ms=0, as_of_ms=END_OF_MARCH_2_MS), VerdictCode.EXPIRED),
    ],
)
def test_expiry_is_judged_at_as_of_at_the_end_of_the_day_in_china(
    chain: SyntheticChain, policy: Policy, expected: VerdictCode
) -> None:
    assert judge_file(chain, "last day", policy).verdict is expected


def test_a_certificate_becomes_valid_at_the_start_of_its_first_day(chain: SyntheticChain) -> None:
    before = judge_file(chain, "not yet valid", Policy(now_ms=END_OF_MARCH_2_MS - 1))
    after = judge_file(chain, "not yet valid", Policy(now_ms=END_OF_MARCH_2_MS))
    assert (before.state, after.verdict) == (StateWord.NOT_YET_VALID, VerdictCode.VALID)


@pytest.mark.parametrize(
    ("as_of_ms", "verdict", "state"),
    [
        (GENESIS_MS + 1999, VerdictCode.NOT_REGISTERED, StateWord.NOT_YET_ON_CHAIN),
        (GENESIS_MS + 2000, VerdictCode.VALID, StateWord.VALID),
        (GENESIS_MS + 7999, VerdictCode.VALID, StateWord.VALID),
        (GENESIS_MS + 8000, VerdictCode.REVOKED, StateWord.REVOKED),
    ],
)
def test_the_history_tells_the_state_on_an_earlier_day(
    chain: SyntheticChain, as_of_ms: int, verdict: VerdictCode, state: StateWord
) -> None:
    told = judge_file(chain, "revoked", Policy(now_ms=TIME_MS, as_of_ms=as_of_ms))
    assert (told.verdict, told.state, told.as_of_time_ms) == (verdict, state, as_of_ms)


@pytest.mark.parametrize("name", ["valid", "revoked", "expired", "foreign issuer"])
@pytest.mark.parametrize(
    ("age_ms", "freshness"), [(DAY_MS, "pass"), (DAY_MS + 1, "fail"), (-HOUR_MS, "pass")]
)
def test_stale_evidence_cannot_decide_anything(
    chain: SyntheticChain, name: str, age_ms: int, freshness: str
) -> None:
    verdict = judge_file(chain, name, Policy(now_ms=TIME_MS + age_ms))
    assert (verdict.verdict is VerdictCode.CANNOT_DECIDE) is (freshness == "fail")
    assert results(verdict)["freshness"] == freshness


def test_a_day_in_the_future_is_not_proven_by_today_s_header(chain: SyntheticChain) -> None:
    policy = Policy(now_ms=TIME_MS, as_of_ms=TIME_MS + 30 * DAY_MS)
    assert judge_file(chain, "valid", policy).verdict is VerdictCode.CANNOT_DECIDE


def test_equal_evidence_policy_and_as_of_give_an_equal_verdict(chain: SyntheticChain) -> None:
    first = judge_file(chain, "valid", Policy(now_ms=1, as_of_ms=TIME_MS))
    second = judge_file(chain, "valid", Policy(now_ms=TIME_MS + DAY_MS, as_of_ms=TIME_MS))
    assert first == second


@pytest.mark.parametrize("height", [0, 11, 12])
def test_a_header_below_the_pinned_checkpoint_is_refused(
    chain: SyntheticChain, height: int
) -> None:
    one = sample("valid")
    header = chain.header()
    pinned = chain.trust.pinned_at(
        epoch=0, height=12, header_digest=header.digest(chain.suite.digest), time_ms=TIME_MS
    )
    anchor = chain.anchor(chain.header(height=height))
    evidence = chain.certificate(digest=chain.digest_of(one), anchor=anchor)
    verdict = judge(chain, evidence, content=one.content, trust=pinned)
    assert (verdict.verdict is VerdictCode.VALID) is (height == 12)


def test_another_header_at_the_pinned_height_is_refused(chain: SyntheticChain) -> None:
    one = sample("valid")
    pinned = chain.trust.pinned_at(epoch=0, height=12, header_digest=bytes(32), time_ms=TIME_MS)
    evidence = chain.certificate(digest=chain.digest_of(one))
    verdict = judge(chain, evidence, content=one.content, trust=pinned)
    assert verdict.verdict is VerdictCode.TAMPERED
    assert "checkpoint" in verdict.checks[3].detail


@pytest.mark.parametrize("evidence", [None, [], "x", 0, {}, {"kind": "certificate"}])
def test_what_is_no_evidence_is_unreadable(chain: SyntheticChain, evidence: object) -> None:
    verdict = judge(chain, evidence)  # type: ignore[arg-type]  # not an object on purpose
    assert verdict.verdict is VerdictCode.UNREADABLE


def test_unproven_verdicts_never_claim_a_height_or_a_state() -> None:
    for verdict in (unreadable("a directory"), cannot_decide("offline")):
        assert (verdict.state, verdict.as_of_height, verdict.issuer) == (None, None, None)
        assert CheckResult.PASS not in {one.result for one in verdict.checks}


def test_the_json_form_holds_five_checks_in_order_and_a_local_time(chain: SyntheticChain) -> None:
    form = judge_file(chain, "valid").form()
    assert form["verdict"] == "VALID"
    assert form["state"] == "VALID"
    assert form["as_of"] == {"height": 12, "time": "2026-03-02T10:00:12.000+08:00"}
    checks = as_array(form["checks"], "checks", size_max=5)
    assert [as_object(one, "check")["name"] for one in checks] == [one.value for one in CheckName]
    assert ISSUER in str(form["issuer"])
