"""Whatever single thing is changed in evidence, it never proves more than it did before."""

import json
from collections.abc import Callable

import pytest

from chainnode.verify import (
    InvalidEvidence,
    Policy,
    RecordFacts,
    StateFacts,
    VerdictCode,
    judge_certificate,
    load_evidence,
    verify_evidence,
)
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.certificates import CERTIFICATES
from contracts.schemas.members import ORGANISATIONS
from tests.builders_evidence import ISSUER, TIME_MS, SyntheticChain, sample, synthetic_chain
from tests.mutations import mutations

SUITES = ("sm", "intl")
# State items are a set: their order says nothing.
HARMLESS = {"items: reversed", "items: first two swapped"}
ABSENT = "1.2.156.3005.2.absent"


def state_evidence_of(chain: SyntheticChain) -> JsonObject:
    present, absent = ORGANISATIONS.key(ISSUER), CERTIFICATES.key(ABSENT)
    return chain.state([present, absent])


EVIDENCE: dict[str, Callable[[SyntheticChain], JsonObject]] = {
    "record": lambda chain: chain.record(6),
    "receipt": lambda chain: chain.receipt(1),
    "state": state_evidence_of,
}


@pytest.mark.parametrize("suite", SUITES)
def test_no_change_of_a_field_leaves_a_certificate_valid(suite: str) -> None:
    chain = synthetic_chain(suite)
    one = sample("valid")
    survivors = []
    count = 0
    for what, changed in mutations(chain.certificate_of(one)):
        verdict = judge_certificate(
            changed,
            chain.trust,
            content_digest=chain.digest_of(one),
            identifier=one.identifier,
            policy=Policy(now_ms=TIME_MS),
        )
        count += 1
        if verdict.verdict is VerdictCode.VALID:
            survivors.append(what)
    assert set(survivors) <= HARMLESS
    assert count > 500


@pytest.mark.parametrize("suite", SUITES)
def test_no_change_of_a_field_turns_a_revoked_certificate_into_a_valid_one(suite: str) -> None:
    chain = synthetic_chain(suite)
    one = sample("revoked")
    for what, changed in mutations(chain.certificate_of(one)):
        verdict = judge_certificate(
            changed,
            chain.trust,
            content_digest=None,
            identifier=None,
            policy=Policy(now_ms=TIME_MS),
        )
        assert verdict.verdict is not VerdictCode.VALID, what


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("kind", EVIDENCE)
def test_a_changed_field_is_refused_or_changes_nothing_that_is_proven(
    suite: str, kind: str
) -> None:
    chain = synthetic_chain(suite)
    original = EVIDENCE[kind](chain)
    proven = verify_evidence(original, chain.trust)
    refused = 0
    for what, changed in mutations(original):
        try:
            facts = verify_evidence(changed, chain.trust)
        except InvalidEvidence:
            refused += 1
            continue
        if isinstance(facts, RecordFacts) and isinstance(proven, RecordFacts):
            # The body may be withheld, never changed.
            assert facts.call in {None, proven.call}, what
            assert (facts.position, facts.entry) == (proven.position, proven.entry), what
        elif isinstance(facts, StateFacts):
            # Another absent key of an empty region, or fewer items: true, only not the same.
            told = [(key, chain.values.get(key)) for key in facts.values]
            assert told == [*facts.values.items()], what
        else:
            assert facts == proven, what
    assert refused > 300


@pytest.mark.parametrize("suite", SUITES)
def test_a_changed_byte_of_the_file_itself_never_raises_anything_else(suite: str) -> None:
    chain = synthetic_chain(suite)
    one = sample("valid")
    data = json.dumps(chain.certificate_of(one)).encode()
    for at in range(0, len(data), 17):
        broken = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        try:
            verify_evidence(load_evidence(broken), chain.trust)
        except InvalidEvidence:
            continue
        pytest.fail(f"accepted with byte {at} changed")


@pytest.mark.parametrize("suite", SUITES)
def test_every_truncation_of_the_file_is_unreadable(suite: str) -> None:
    chain = synthetic_chain(suite)
    data = json.dumps(chain.record(2)).encode()
    for size in range(len(data)):
        with pytest.raises(InvalidEvidence):
            load_evidence(data[:size])
