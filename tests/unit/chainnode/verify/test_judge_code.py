"""The verdict on a code, alone and beside evidence of the state."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.proving.compact import CompactProofs
from chainnode.verify import Policy, Verdict, code_form, judge_code, verify_compact
from chainnode.verify.compact_form import CompactProof, decode_compact, encode_compact
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.identifiers import generic_identifier
from tests.builders import NOW_MS, ORGANISATIONS, SUITES, genesis_of, submission_key
from tests.builders_compact import PLAIN_ISSUE, Paper, genesis_named, packed
from tests.sites import Site
from tests.unit.contracts.builders import ISSUE, REVOKE, changed

IDENTIFIER = PLAIN_ISSUE.identifier
OTHER = str(generic_identifier(issuer=ORGANISATIONS[1], entropy=b"another one"))
POLICY = Policy(now_ms=NOW_MS + 60_000)


@pytest.fixture(params=SUITES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A chain with one certificate, issued by the second department."""
    made = Site(tmp_path, genesis=genesis_of(request.param))
    made.grow(made.submission(PLAIN_ISSUE, private=b"", key=submission_key(made.suite.name, 1)))
    assert made.ledger.log_size == 1
    yield made
    made.close()


def code(site: Site) -> bytes:
    proofs = CompactProofs(site.ledger, genesis=site.genesis, suite=site.suite)
    data = proofs.certificate(IDENTIFIER)
    assert data is not None
    return data


def state(site: Site, identifier: str = IDENTIFIER) -> JsonObject:
    return site.proofs.certificate(file_digest=None, identifier=identifier)


def judged(
    site: Site,
    payload: bytes,
    evidence: JsonObject | None = None,
    *,
    content_digest: bytes | None = None,
    policy: Policy = POLICY,
) -> Verdict:
    return judge_code(
        payload, site.trust, evidence=evidence, content_digest=content_digest, policy=policy
    )


def named(verdict: Verdict) -> dict[str, str]:
    return {one.name.value: one.result.value for one in verdict.checks}


def reference(site: Site, **fields: object) -> bytes:
    """Return what the issuer might have signed; by default not what the chain accepted."""
    return packed(replace(Paper(suite_name=site.suite.name), **fields).reference())  # type: ignore[arg-type]  # fields of a paper


def test_a_proof_alone_passes_all_but_history_and_freshness(site: Site) -> None:
    verdict = judged(site, code(site), content_digest=PLAIN_ISSUE.file_digest)
    assert verdict.verdict.name == "CANNOT_DECIDE"
    assert named(verdict) == {
        "content": "pass",
        "issuer": "pass",
        "history": "not_checked",
        "quorum": "pass",
        "freshness": "fail",
    }
    assert (verdict.as_of_height, verdict.as_of_time_ms) == (1, POLICY.now_ms)
    assert (verdict.identifier, verdict.issuer) == (IDENTIFIER, ORGANISATIONS[1])
    assert verdict.state is None


def test_a_proof_alone_is_judged_for_the_time_that_was_asked(site: Site) -> None:
    asked = judged(site, code(site), policy=Policy(now_ms=NOW_MS, as_of_ms=NOW_MS - 5))
    assert asked.as_of_time_ms == NOW_MS - 5
    behind = judged(site, code(site), policy=Policy(now_ms=NOW_MS - 5))
    assert behind.as_of_time_ms == site.ledger.tip.head.time_ms


def test_another_file_fails_the_content_of_a_proof_alone_and_the_state_stays_open(
    site: Site,
) -> None:
    verdict = judged(site, code(site), content_digest=b"x" * 32)
    assert (verdict.verdict.name, named(verdict)["content"]) == ("CANNOT_DECIDE", "fail")


def test_a_withheld_record_names_no_certificate(site: Site) -> None:
    paper = Paper(suite_name=site.suite.name, withheld=True)
    alone = judged(site, packed(paper.proof()), content_digest=b"x" * 32)
    assert (alone.verdict.name, alone.identifier) == ("CANNOT_DECIDE", None)
    assert (named(alone)["content"], named(alone)["quorum"]) == ("not_checked", "pass")
    beside = judged(site, packed(paper.proof()), state(site))
    assert (beside.verdict.name, named(beside)["quorum"]) == ("CANNOT_DECIDE", "fail")


def test_a_reference_alone_passes_nothing(site: Site) -> None:
    verdict = judged(site, reference(site))
    assert verdict.verdict.name == "CANNOT_DECIDE"
    assert (named(verdict)["issuer"], named(verdict)["quorum"]) == ("not_checked", "not_checked")
    assert (verdict.as_of_height, verdict.issuer) == (None, None)
    assert verdict.identifier == IDENTIFIER


def test_beside_fresh_evidence_the_state_decides(site: Site) -> None:
    payload = code(site)
    with_file = judged(site, payload, state(site), content_digest=PLAIN_ISSUE.file_digest)
    assert (with_file.verdict.name, named(with_file)["content"]) == ("VALID", "pass")
    without = judged(site, payload, state(site))
    assert (without.verdict.name, named(without)["content"]) == ("VALID", "not_checked")
    late = judged(site, payload, state(site), policy=Policy(now_ms=NOW_MS + 10**10))
    assert late.verdict.name == "CANNOT_DECIDE"
    key = submission_key(site.suite.name, 1)
    site.grow(site.submission(changed(REVOKE, identifier=IDENTIFIER), nonce=1, key=key))
    assert judged(site, payload, state(site)).verdict.name == "REVOKED"


def test_another_file_beside_the_state_is_tampered(site: Site) -> None:
    verdict = judged(site, code(site), state(site), content_digest=b"x" * 32)
    assert (verdict.verdict.name, named(verdict)["content"]) == ("TAMPERED", "fail")


def test_evidence_of_another_certificate_or_of_none_decides_nothing(site: Site) -> None:
    absent = state(site, OTHER)
    assert judged(site, code(site), absent).verdict.name == "CANNOT_DECIDE"
    key = submission_key(site.suite.name, 1)
    part = changed(ISSUE, identifier=OTHER, file_digest=b"o" * 32)
    site.grow(site.submission(part, nonce=1, key=key))
    assert judged(site, code(site), state(site, OTHER)).verdict.name == "CANNOT_DECIDE"


def test_a_reference_to_what_the_chain_does_not_know_is_not_registered(site: Site) -> None:
    unknown = reference(site, part=changed(PLAIN_ISSUE, identifier=OTHER))
    assert judged(site, unknown, state(site, OTHER)).verdict.name == "NOT_REGISTERED"
    assert judged(site, reference(site), state(site, OTHER)).verdict.name == "CANNOT_DECIDE"


def test_a_reference_with_another_content_or_call_than_the_chain_has_is_tampered(
    site: Site,
) -> None:
    other_file = reference(site, part=changed(PLAIN_ISSUE, file_digest=b"x" * 32))
    other_call = reference(site, nonce=7)
    for payload in (other_file, other_call):
        verdict = judged(site, payload, state(site))
        assert (verdict.verdict.name, named(verdict)["content"]) == ("TAMPERED", "fail")


def test_the_reference_to_the_call_that_the_chain_accepted_leads_to_its_state(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path, genesis=genesis_named("intl", 11, "test"))
    key = submission_key("intl", 1)
    header = site.execute(site.submission(PLAIN_ISSUE, key=key))
    site.ledger.store_certificate(site.certificate(header, signers=range(8)))
    payload = code(site)
    assert code_form(verify_compact(payload, site.trust), site.trust)["kind"] == "reference"
    assert judged(site, payload, state(site)).verdict.name == "VALID"
    site.close()


def test_a_forged_code_or_evidence_is_refused_by_name(site: Site) -> None:
    proof = decode_compact(code(site))
    assert isinstance(proof, CompactProof)
    later = encode_compact(replace(proof, height=2))
    assert judged(site, later).verdict.name == "TAMPERED"
    assert judged(site, later, state(site)).verdict.name == "TAMPERED"
    evidence = {**state(site), "history": []}
    assert judged(site, code(site), evidence).verdict.name == "TAMPERED"
    assert judged(site, b"\x90").verdict.name == "UNREADABLE"


def test_what_a_code_says_is_told_in_words_and_never_for_a_withheld_one(site: Site) -> None:
    told = code_form(verify_compact(code(site), site.trust), site.trust)
    assert told["kind"] == "proof"
    assert told["organisation"] == ORGANISATIONS[1]
    assert told["digest"] == f"{site.suite.hash_name}:{PLAIN_ISSUE.file_digest.hex()}"
    withheld = Paper(suite_name=site.suite.name, withheld=True)
    assert "identifier" not in code_form(
        verify_compact(packed(withheld.proof()), site.trust), site.trust
    )
