"""What became of a submission: unknown, pending, or final with evidence that verifies."""

import pytest

from chainnode.proving.evidence import NotCertified
from chainnode.submission import SubmissionDigest
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import verify_receipt_evidence
from contracts.schemas.codes import Code
from tests.builders import submission_of
from tests.sites import Site
from tests.unit.contracts.builders import REVOKE


async def test_a_submission_goes_from_unknown_through_pending_to_final(site: Site) -> None:
    submission = submission_of(site.genesis)
    outcomes = site.outcomes
    assert outcomes.find(submission.digest) is None
    assert outcomes.receipt(submission.digest) is None

    site.pool.add(submission)
    pending = outcomes.find(submission.digest)
    assert pending == outcomes.pending(submission.digest)

    header = site.execute(submission)
    assert outcomes.find(submission.digest) == pending
    assert not outcomes.is_final(submission.digest)

    site.certify(header)
    final = outcomes.find(submission.digest)
    assert final is not None
    assert (final["status"], final["height"]) == ("final", 1)
    assert outcomes.is_final(submission.digest)


async def test_the_evidence_of_an_outcome_verifies_and_names_its_codes(site: Site) -> None:
    accepted, refused = site.submission(REVOKE), submission_of(site.genesis, nonce=9_000)
    site.grow(accepted, refused)
    for submission in (accepted, refused):
        final = site.outcomes.find(submission.digest)
        assert final is not None
        facts = verify_receipt_evidence(final["evidence"], site.trust)
        assert facts.receipt.submission_digest == submission.digest
        assert final["code"] == facts.receipt.code
        assert final["code_name"] == Code(facts.receipt.code).name


async def test_evidence_changed_in_any_part_is_refused(site: Site) -> None:
    submission = submission_of(site.genesis)
    site.grow(submission)
    final = site.outcomes.find(submission.digest)
    assert final is not None
    evidence = final["evidence"]
    assert isinstance(evidence, dict)
    for name in evidence:
        with pytest.raises(InvalidEvidence):
            verify_receipt_evidence({**evidence, name: "changed"}, site.trust)


async def test_waiting_ends_at_once_for_what_is_final_and_in_time_for_what_is_not(
    site: Site,
) -> None:
    submission = submission_of(site.genesis)
    assert not await site.outcomes.wait_final(submission.digest, timeout_s=0.01)
    site.grow(submission)
    assert await site.outcomes.wait_final(submission.digest, timeout_s=0.01)
    assert site.finality.waiting == 0


async def test_nothing_is_proven_before_its_certificate(site: Site) -> None:
    submission = submission_of(site.genesis)
    header = site.execute(submission)
    for prove, arguments in (
        (site.proofs.certified_header, (header.height,)),
        (site.proofs.block, (header.height,)),
        (site.proofs.receipt, (submission.digest,)),
        (site.proofs.record, (0,)),
    ):
        with pytest.raises(NotCertified) as early:
            prove(*arguments)
        assert early.value.stable_height == 0
    assert site.proofs.receipt(SubmissionDigest(bytes(32))) is None
