"""The compact proof that a node builds is accepted, and proves the entry that the log holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.ledger.codec import encode_entry
from chainnode.ledger.errors import Pruned
from chainnode.proving.evidence import NotCertified
from chainnode.verify.compact import CompactFacts, ReferenceFacts, verify_compact
from chainnode.verify.compact_form import (
    PROOF_BYTES_MAX,
    CompactProof,
    SoleCall,
    decode_compact,
)
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.trust import Trust
from contracts.schemas.certificates import Import, Issue
from contracts.schemas.identifiers import generic_identifier
from tests.builders import ORGANISATIONS, SUITES, genesis_of
from tests.sites import Site
from tests.unit.chainnode.ledger.exporting import Source
from tests.unit.contracts.builders import IMPORT, ISSUE, REVOKE, changed


def identifier_of(number: int) -> str:
    return str(generic_identifier(issuer=ORGANISATIONS[0], entropy=number.to_bytes(16)))


def issue_of(number: int) -> Issue:
    return changed(ISSUE, identifier=identifier_of(number), file_digest=bytes([number]) * 32)


def import_of(number: int) -> Import:
    return changed(IMPORT, identifier=identifier_of(number), file_digest=bytes([number]) * 32)


def code_of(site: Site, number: int) -> bytes:
    data = site.service().compact_proofs.certificate(identifier_of(number))
    assert data is not None
    return data


def proven(site: Site, number: int) -> CompactFacts:
    facts = verify_compact(code_of(site, number), site.trust)
    assert isinstance(facts, CompactFacts)
    assert facts.claim is not None
    assert facts.claim.part.identifier == identifier_of(number)
    return facts


class Executed(Source):
    """The chain of a site, as a ledger that follows it fetches it."""

    def __init__(self, site: Site) -> None:
        self.h = site.suite.digest
        self.ledger = site.ledger


@pytest.fixture(params=SUITES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, genesis=genesis_of(request.param))
    yield made
    made.close()


def test_every_certificate_of_a_block_is_proven_by_its_own_entry(site: Site) -> None:
    for count in (1, 2, 3, 7):
        first = site.ledger.log_size
        numbers = range(first, first + count)
        site.grow(*(site.submission(issue_of(one), nonce=one) for one in numbers))
        for one in numbers:
            facts = proven(site, one)
            assert encode_entry(facts.entry) == site.ledger.entry(one)
            assert facts.header_digest == site.ledger.tip_digest
            assert facts.quorum == len(facts.signers) == 3


def test_a_call_beside_refused_ones_is_found_by_its_place_among_the_accepted(site: Site) -> None:
    known = issue_of(0)
    site.grow(site.submission(known))
    parts = (issue_of(1), known, import_of(2), known, issue_of(3))
    site.grow(site.submission(*parts, nonce=1, private=b""))
    assert site.ledger.log_size == 4
    for position, number in enumerate((0, 1, 2, 3)):
        assert encode_entry(proven(site, number).entry) == site.ledger.entry(position)
    assert [proven(site, one).entry.call_index for one in (1, 2, 3)] == [0, 2, 4]


def test_the_submission_of_a_single_call_is_rebuilt_instead_of_named(site: Site) -> None:
    site.grow(site.submission(issue_of(0), private=b""))
    proof = decode_compact(code_of(site, 0))
    assert isinstance(proof, CompactProof)
    assert isinstance(proof.origin, SoleCall)
    site.grow(site.submission(issue_of(1), issue_of(2), nonce=1))
    among_others = decode_compact(code_of(site, 2))
    assert isinstance(among_others, CompactProof)
    assert not isinstance(among_others.origin, SoleCall)


def test_exactly_a_quorum_is_shown_of_more_who_signed(site: Site) -> None:
    header = site.execute(site.submission(issue_of(0)))
    site.ledger.store_certificate(site.certificate(header, signers=(0, 1, 2, 3)))
    assert proven(site, 0).signers == (0, 1, 2)


def test_the_issue_of_a_revoked_certificate_stays_proven(site: Site) -> None:
    site.grow(site.submission(issue_of(0)))
    before = code_of(site, 0)
    site.grow(site.submission(changed(REVOKE, identifier=identifier_of(0)), nonce=1))
    assert proven(site, 0).entry.outcome == 1
    assert verify_compact(before, site.trust)


def test_nothing_is_handed_out_for_what_is_unknown_uncertified_or_pruned(site: Site) -> None:
    proofs = site.service().compact_proofs
    assert proofs.certificate(identifier_of(0)) is None
    header = site.execute(site.submission(issue_of(0)))
    with pytest.raises(NotCertified):
        proofs.certificate(identifier_of(0))
    site.certify(header)
    assert proofs.certificate(identifier_of(0)) is not None
    site.grow()
    site.ledger.prune_batches(2)
    with pytest.raises(Pruned):
        proofs.certificate(identifier_of(0))


def test_a_node_that_stands_on_a_snapshot_says_from_where_it_serves(
    site: Site, tmp_path: Path
) -> None:
    site.grow(site.submission(issue_of(0)))
    # A ledger stands on a height where nothing waits for the index.
    site.grow()
    late = Site(tmp_path / "late", genesis=site.genesis)
    Executed(site).stage_and_install(late.ledger)
    with pytest.raises(Pruned) as caught:
        code_of(late, 0)
    assert caught.value.asked < caught.value.oldest
    for one in (site, late):
        one.grow(site.submission(issue_of(1), nonce=1))
    assert encode_entry(proven(late, 1).entry) == site.ledger.entry(1)
    late.close()


def test_another_chain_does_not_take_it(site: Site) -> None:
    site.grow(site.submission(issue_of(0)))
    foreign = Trust.from_genesis(genesis_of(site.suite.name, size=5))
    with pytest.raises(InvalidEvidence):
        verify_compact(code_of(site, 0), foreign)


@pytest.mark.parametrize(("members", "signers"), [(7, 5), (10, 7)])
def test_a_group_of_up_to_ten_has_proofs(tmp_path: Path, members: int, signers: int) -> None:
    site = Site(tmp_path, genesis=genesis_of(size=members))
    header = site.execute(site.submission(issue_of(0)))
    site.ledger.store_certificate(site.certificate(header, signers=range(signers)))
    assert proven(site, 0).quorum == signers
    site.close()


def test_a_larger_group_has_references(tmp_path: Path) -> None:
    site = Site(tmp_path, genesis=genesis_of(size=11))
    header = site.execute(site.submission(issue_of(0)), site.submission(issue_of(1), nonce=1))
    site.ledger.store_certificate(site.certificate(header, signers=range(8)))
    facts = verify_compact(code_of(site, 1), site.trust)
    assert isinstance(facts, ReferenceFacts)
    assert facts.claim.part == issue_of(1)
    assert facts.height == 1
    site.close()


def test_a_proof_over_the_bound_is_replaced_by_a_reference(tmp_path: Path) -> None:
    site = Site(tmp_path, genesis=genesis_of(size=10))
    # Everything shown, and a path of twelve levels: 1,231 bytes.
    parts = [changed(issue_of(0), holder_commitment=b"h" * 32, valid_to=20991231)]
    parts += [
        changed(issue_of(one % 256), identifier=identifier_of(one), file_digest=one.to_bytes(32))
        for one in range(300, 300 + 2048)
    ]
    header = site.execute(site.submission(*parts))
    site.ledger.store_certificate(site.certificate(header, signers=range(7)))
    data = code_of(site, 0)
    facts = verify_compact(data, site.trust)
    assert isinstance(facts, ReferenceFacts)
    assert len(data) < PROOF_BYTES_MAX
    site.close()
