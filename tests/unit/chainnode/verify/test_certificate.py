"""Certificate evidence that a quorum signed but that contradicts itself proves nothing."""

from collections.abc import Callable

import msgspec
import pytest

from chainnode.ledger.merkle import merkle_root
from chainnode.ledger.types import Head, Header
from chainnode.verify import (
    InvalidEvidence,
    Policy,
    VerdictCode,
    judge_certificate,
    verify_certificate_evidence,
    verify_evidence,
)
from chainnode.verify.forms import RecordItem, certificate_evidence, record_evidence
from contracts.schemas.certificate_states import CertificateState
from contracts.schemas.certificates import (
    CERTIFICATES,
    FILES,
    FileRow,
    HistoryEntry,
    encode_history_entry,
)
from contracts.schemas.members import ORGANISATIONS
from tests.builders_evidence import ISSUER, POLICE, TIME_MS, SyntheticChain, sample, synthetic_chain

ONE = sample("valid")
OTHER = sample("revoked")


def forget_the_certificate(chain: SyntheticChain) -> None:
    del chain.values[CERTIFICATES.key(ONE.identifier)]


def point_the_file_to_another(chain: SyntheticChain) -> None:
    row = FileRow(OTHER.identifier)
    chain.values[FILES.key(chain.digest_of(ONE))] = FILES.encode(row)


def put_a_malformed_row(chain: SyntheticChain) -> None:
    chain.values[CERTIFICATES.key(ONE.identifier)] = b"\x90"


def change_row(**columns: object) -> Callable[[SyntheticChain], None]:
    def change(chain: SyntheticChain) -> None:
        key = CERTIFICATES.key(ONE.identifier)
        row = CERTIFICATES.decode(chain.values[key])
        chain.values[key] = CERTIFICATES.encode(msgspec.structs.replace(row, **columns))

    return change


def put_history(
    *leaves: bytes, state: int = 2, code: str = "2"
) -> Callable[[SyntheticChain], None]:
    def change(chain: SyntheticChain) -> None:
        chain.histories[ONE.identifier] = leaves
        root = merkle_root(chain.suite.digest, leaves)
        change_row(history_count=len(leaves), history_root=root, state=state, code=code)(chain)

    return change


def leaf(state: int, code: str) -> bytes:
    return encode_history_entry(
        HistoryEntry(
            height=2,
            since_ms=0,
            code_system="kun",
            code=code,
            state=state,
            submission_digest=bytes(32),
            call_index=0,
        )
    )


CONTRADICTIONS: dict[str, tuple[Callable[[SyntheticChain], None], str]] = {
    "a file of a certificate that is not there": (forget_the_certificate, "content"),
    "a file of a certificate of another content": (point_the_file_to_another, "content"),
    "a row of another shape": (put_a_malformed_row, "state"),
    "a count that is not the history's": (change_row(history_count=2), "history"),
    "an empty history": (put_history(), "history"),
    "a root that is not the history's": (change_row(history_root=bytes(32)), "history"),
    "a history that ends in another state": (put_history(leaf(6, "6")), "history"),
    "a history leaf of another shape": (put_history(b"\x90"), "history"),
    "a state nobody knows": (put_history(leaf(77, "77"), state=77, code="77"), "history"),
    "a first day that is none": (change_row(valid_from=20260231), "date"),
    "a last day that is none": (change_row(valid_to=20269999), "date"),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_contradiction_under_a_quorum_is_tampered_and_named(what: str) -> None:
    contradict, check = CONTRADICTIONS[what]
    chain = SyntheticChain("intl")
    contradict(chain)
    identifier = OTHER.identifier if "another content" in what else ONE.identifier
    keys = [
        FILES.key(chain.digest_of(ONE)),
        CERTIFICATES.key(identifier),
        ORGANISATIONS.key(ISSUER),
    ]
    evidence = certificate_evidence(
        chain.anchor(),
        chain.state_items(keys),
        digest=chain.digest_of(ONE),
        identifier=None,
        history=chain.histories[identifier],
    )
    verdict = judge_certificate(
        evidence,
        chain.trust,
        content_digest=chain.digest_of(ONE),
        identifier=None,
        policy=Policy(now_ms=TIME_MS),
    )
    assert verdict.verdict is VerdictCode.TAMPERED
    assert any(one.detail.startswith(f"{check}:") for one in verdict.checks)


@pytest.mark.parametrize(
    ("what", "keys"),
    [
        ("no proof of the file", ["id", "org"]),
        ("no proof of the certificate", ["file", "org"]),
        ("no proof of the issuer", ["file", "id"]),
        ("a proof nobody needs", ["file", "id", "org", "police"]),
    ],
)
def test_exactly_the_needed_proofs_are_accepted(what: str, keys: list[str]) -> None:
    chain = synthetic_chain("intl")
    named = {
        "file": FILES.key(chain.digest_of(ONE)),
        "id": CERTIFICATES.key(ONE.identifier),
        "org": ORGANISATIONS.key(ISSUER),
        "police": ORGANISATIONS.key(POLICE),
    }
    evidence = certificate_evidence(
        chain.anchor(),
        chain.state_items([named[one] for one in keys]),
        digest=chain.digest_of(ONE),
        identifier=None,
        history=chain.histories[ONE.identifier],
    )
    with pytest.raises(InvalidEvidence, match="items"):
        verify_certificate_evidence(evidence, chain.trust)
    assert what


def test_the_issuer_of_a_queried_identifier_may_be_shown_beside_the_file_s_certificate() -> None:
    chain = synthetic_chain("intl")
    queried = sample("issuer without right")
    digest = chain.digest_of(ONE)
    keys = [
        FILES.key(digest),
        CERTIFICATES.key(queried.identifier),
        CERTIFICATES.key(ONE.identifier),
    ]
    keys += [ORGANISATIONS.key(ISSUER), ORGANISATIONS.key(POLICE)]
    evidence = certificate_evidence(
        chain.anchor(),
        chain.state_items(keys),
        digest=digest,
        identifier=queried.identifier,
        history=chain.histories[ONE.identifier],
    )
    facts = verify_certificate_evidence(evidence, chain.trust)
    assert facts.found is not None
    assert facts.found.identifier == ONE.identifier


def test_a_history_without_a_certificate_is_refused() -> None:
    chain = synthetic_chain("intl")
    digest = chain.suite.digest(b"unknown")
    evidence = certificate_evidence(
        chain.anchor(),
        chain.state_items([FILES.key(digest)]),
        digest=digest,
        identifier=None,
        history=chain.histories[ONE.identifier],
    )
    with pytest.raises(InvalidEvidence, match="history"):
        verify_certificate_evidence(evidence, chain.trust)


def test_a_query_for_nothing_is_refused() -> None:
    chain = synthetic_chain("intl")
    evidence = certificate_evidence(chain.anchor(), [], digest=None, identifier=None, history=())
    with pytest.raises(InvalidEvidence, match="query"):
        verify_certificate_evidence(evidence, chain.trust)


def test_a_header_of_an_epoch_nobody_vouches_for_is_refused() -> None:
    chain = synthetic_chain("intl")
    header = chain.header()
    columns = {name: getattr(header.head, name) for name in header.head.__slots__}
    later = Header(head=Head(**{**columns, "epoch": 1}), rest=header.rest)
    evidence = chain.record(1, anchor=chain.anchor(later))
    with pytest.raises(InvalidEvidence, match="epoch"):
        verify_evidence(evidence, chain.trust)


def test_an_entry_from_above_its_header_is_refused() -> None:
    chain = synthetic_chain("intl")
    low = chain.anchor(chain.header(height=3))
    verify_evidence(chain.record(2, anchor=low), chain.trust)
    with pytest.raises(InvalidEvidence, match="entry height"):
        verify_evidence(chain.record(3, anchor=low), chain.trust)


def test_a_body_may_be_withheld() -> None:
    chain = synthetic_chain("intl")
    item: RecordItem = chain.record_item(4, with_body=False)
    facts = verify_evidence(record_evidence(chain.anchor(), item), chain.trust)
    assert getattr(facts, "call", "absent") is None


def test_every_canonical_state_has_words_and_a_verdict() -> None:
    chain = synthetic_chain("intl")
    for state in CertificateState:
        name = {2: "valid", 6: "revoked"}.get(int(state), f"state {state.name}")
        one = sample(name)
        verdict = judge_certificate(
            chain.certificate_of(one),
            chain.trust,
            content_digest=None,
            identifier=None,
            policy=Policy(now_ms=TIME_MS),
        )
        assert verdict.state is not None
        assert verdict.state.name == state.name
        assert verdict.state.words.zh
        assert verdict.state.words.en
