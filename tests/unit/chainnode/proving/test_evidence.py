"""Every document that a node builds is accepted by the verifier, and by no other chain's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.ledger.bucket_map import KEPT_HEIGHTS
from chainnode.proving.evidence import NotCertified
from chainnode.verify.certificate import verify_certificate_evidence
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import verify_receipt_evidence, verify_record_evidence
from chainnode.verify.header import verify_header
from chainnode.verify.judge import Policy, judge_certificate
from chainnode.verify.trust import Trust
from contracts.schemas.identifiers import generic_identifier
from tests.builders import ORGANISATIONS, SUITES, genesis_of
from tests.sites import Site
from tests.unit.contracts.builders import ISSUE, REVOKE, changed

IDENTIFIER = str(generic_identifier(issuer=ORGANISATIONS[0], entropy=b"e" * 16))
OTHER = str(generic_identifier(issuer=ORGANISATIONS[0], entropy=b"o" * 16))
FILE = b"f" * 32


@pytest.fixture(params=SUITES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A chain on which a certificate was issued and revoked."""
    made = Site(tmp_path, genesis=genesis_of(request.param))
    made.grow(made.submission(changed(ISSUE, identifier=IDENTIFIER, file_digest=FILE)))
    made.grow(made.submission(changed(REVOKE, identifier=IDENTIFIER), nonce=1))
    assert made.ledger.log_size == 2
    yield made
    made.close()


def foreign(site: Site) -> Trust:
    """Return the trust of another chain with the same keys."""
    return Trust.from_genesis(genesis_of(site.suite.name, size=5))


def test_every_record_verifies_under_the_newest_certified_header(site: Site) -> None:
    for position in range(2):
        evidence = site.proofs.record(position)
        facts = verify_record_evidence(evidence, site.trust)
        assert facts.entry.height == position + 1
        with pytest.raises(InvalidEvidence):
            verify_record_evidence(evidence, foreign(site))


def test_every_receipt_verifies_under_the_header_of_its_block(site: Site) -> None:
    for height in (1, 2):
        for receipt in site.ledger.receipts(height):
            evidence = site.proofs.receipt(receipt.submission_digest)
            assert evidence is not None
            assert verify_receipt_evidence(evidence, site.trust).receipt == receipt
            with pytest.raises(InvalidEvidence):
                verify_receipt_evidence(evidence, foreign(site))


@pytest.mark.parametrize(
    ("file_digest", "identifier", "verdict"),
    [
        (FILE, None, "REVOKED"),
        (None, IDENTIFIER, "REVOKED"),
        (FILE, IDENTIFIER, "REVOKED"),
        (b"x" * 32, None, "NOT_REGISTERED"),
        (None, OTHER, "NOT_REGISTERED"),
        (b"x" * 32, IDENTIFIER, "TAMPERED"),
        (b"x" * 32, OTHER, "NOT_REGISTERED"),
    ],
)
def test_a_certificate_its_history_and_its_absence_verify(
    site: Site, file_digest: bytes | None, identifier: str | None, verdict: str
) -> None:
    evidence = site.proofs.certificate(file_digest=file_digest, identifier=identifier)
    verify_certificate_evidence(evidence, site.trust)
    judged = judge_certificate(
        evidence,
        site.trust,
        content_digest=file_digest,
        identifier=identifier,
        policy=Policy(now_ms=site.ledger.tip.head.time_ms),
    )
    assert judged.form()["verdict"] == verdict
    with pytest.raises(InvalidEvidence):
        verify_certificate_evidence(evidence, foreign(site))


def test_headers_and_blocks_carry_a_certificate_that_verifies(site: Site) -> None:
    for height in (1, 2):
        document = site.proofs.certified_header(height)
        block = site.proofs.block(height)
        assert {name: block[name] for name in document} == document
        header = verify_header(document["header"], document["certificate"], site.trust)
        assert header.digest == site.ledger.header(height).digest(site.suite.digest)
        assert block["batch"] is not None


def test_a_pruned_block_keeps_all_but_its_batch(site: Site) -> None:
    site.ledger.prune_batches(2)
    assert site.proofs.block(1)["batch"] is None
    verify_record_evidence(site.proofs.record(0), site.trust)


def test_what_is_newer_than_the_certified_header_is_not_shown(site: Site) -> None:
    site.execute(site.submission(changed(ISSUE, identifier=OTHER, file_digest=b"g" * 32), nonce=2))
    assert site.ledger.log_size == 3
    with pytest.raises(NotCertified):
        site.proofs.record(2)
    evidence = site.proofs.certificate(file_digest=None, identifier=OTHER)
    assert verify_certificate_evidence(evidence, site.trust)


def test_a_state_that_is_not_kept_any_more_is_not_guessed(site: Site) -> None:
    for _ in range(KEPT_HEIGHTS + 1):
        site.execute()
    with pytest.raises(NotCertified):
        site.proofs.certificate(file_digest=FILE, identifier=None)
