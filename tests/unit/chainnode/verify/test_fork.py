"""Two certified headers of one height: proven to anybody, or refused by the check that names it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chainnode.ledger.types import Header
from chainnode.verify import (
    ForeignEvidence,
    ForkFacts,
    InvalidEvidence,
    NoQuorum,
    fork_evidence,
    verify_evidence,
)
from chainnode.verify.epochs import verify_placed_header
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.strict_json import JsonObject, JsonValue
from tests.builders_epochs import (
    certified_in,
    end_link,
    first_group,
    header_in,
    recovery_link,
    second_group,
)
from tests.builders_evidence import HEIGHT, TIME_MS, SyntheticChain, synthetic_chain
from tests.mutations import mutations

SUITES = ("sm", "intl")


@pytest.fixture(params=SUITES)
def chain(request: pytest.FixtureRequest) -> SyntheticChain:
    return synthetic_chain(request.param)


def certified(
    chain: SyntheticChain, header: Header, *, signers: tuple[int, ...] = (0, 1, 3)
) -> CertifiedHeader:
    document = certified_in(chain, first_group(chain), header, signers=signers)
    return verify_placed_header({**document, "epochs": []}, chain.trust)


def forked(chain: SyntheticChain, *, height: int = HEIGHT, other: int = HEIGHT) -> JsonObject:
    one = certified(chain, chain.header(height=height), signers=(0, 1, 3))
    two = certified(chain, chain.header(height=other, time_ms=TIME_MS + 1), signers=(0, 2, 3))
    return fork_evidence(one, two, trust=chain.trust)


def refusing_check(evidence: JsonObject, chain: SyntheticChain) -> str:
    with pytest.raises(InvalidEvidence) as caught:
        verify_evidence(evidence, chain.trust)
    return caught.value.check


def test_two_certified_headers_of_one_height_prove_a_fork(chain: SyntheticChain) -> None:
    facts = verify_evidence(forked(chain), chain.trust)
    assert isinstance(facts, ForkFacts)
    assert facts.height == HEIGHT
    assert facts.first.digest < facts.second.digest
    assert facts.on_both_sides == (0, 3)


def test_the_order_in_which_they_were_met_does_not_matter(chain: SyntheticChain) -> None:
    one = certified(chain, chain.header())
    two = certified(chain, chain.header(time_ms=TIME_MS + 1))
    forms = [fork_evidence(*pair, trust=chain.trust) for pair in ((one, two), (two, one))]
    assert forms[0] == forms[1]


def test_a_fork_below_or_at_a_pinned_checkpoint_is_proven_all_the_same(
    chain: SyntheticChain,
) -> None:
    for height in (HEIGHT, HEIGHT + 5):
        pinned = chain.trust.pinned_at(
            epoch=0, height=height, header_digest=bytes(32), time_ms=TIME_MS
        )
        assert isinstance(verify_evidence(forked(chain), pinned), ForkFacts)


def test_a_fork_in_a_later_epoch_carries_the_links_that_lead_there(chain: SyntheticChain) -> None:
    second = second_group(chain)
    links: list[JsonValue] = [
        end_link(chain, first_group(chain), second, epoch=0, height=20),
        recovery_link(chain, second, epoch=1, height=30),
    ]
    sides = []
    for time_ms in (TIME_MS, TIME_MS + 1):
        header = header_in(chain, second, epoch=2, height=40)
        header = replace(header, head=replace(header.head, time_ms=time_ms))
        document: JsonObject = {**certified_in(chain, second, header), "epochs": links}
        sides.append(verify_placed_header(document, chain.trust))
    evidence = fork_evidence(sides[0], sides[1], trust=chain.trust)
    facts = verify_evidence(evidence, chain.trust)
    assert isinstance(facts, ForkFacts)
    assert facts.first.epoch == 2
    assert refusing_check({**evidence, "epochs": links[:1]}, chain) == "epoch"


CORRUPTIONS: dict[str, tuple[str, Callable[[JsonObject, SyntheticChain], JsonObject]]] = {
    "swapped": ("order", lambda one, _: {**one, "first": one["second"], "second": one["first"]}),
    "one header twice": ("order", lambda one, _: {**one, "second": one["first"]}),
    "two heights": ("height", lambda _, chain: forked(chain, other=HEIGHT + 1)),
    "version 1": ("version", lambda one, _: {**one, "version": 1}),
    "a link of no epoch": ("epochs", lambda one, _: {**one, "epochs": [{}]}),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_fork_is_refused_by_the_check_that_names_it(
    chain: SyntheticChain, name: str
) -> None:
    check, change = CORRUPTIONS[name]
    assert refusing_check(change(forked(chain), chain), chain) == check


def test_a_side_that_too_few_signed_proves_nothing(chain: SyntheticChain) -> None:
    evidence = forked(chain)
    lonely = certified_in(chain, first_group(chain), chain.header(time_ms=1), signers=(0, 1))
    for side in ("first", "second"):
        with pytest.raises(NoQuorum):
            verify_evidence({**evidence, side: lonely}, chain.trust)


def test_a_fork_of_another_chain_is_foreign(chain: SyntheticChain) -> None:
    other = synthetic_chain(chain.suite.name, label="another")
    with pytest.raises(ForeignEvidence):
        verify_evidence(forked(other), chain.trust)


@pytest.mark.parametrize("suite", SUITES)
def test_no_change_of_a_field_proves_another_fork(suite: str) -> None:
    chain = synthetic_chain(suite)
    original = forked(chain)
    count = 0
    for what, changed in mutations(original):
        count += 1
        with pytest.raises(InvalidEvidence):
            pytest.fail(f"accepted: {what}, {verify_evidence(changed, chain.trust)}")
    assert count > 200
