"""Evidence of later epochs: believed when each epoch handed over to the next, else refused."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from chainnode.verify import InvalidEvidence, RecordFacts, Trust, verify_evidence
from chainnode.verify.epochs import follow
from chainnode.verify.forms import placed_form
from chainnode.verify.header import anchor_of
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trust import PinnedCheckpoint
from tests.builders_epochs import (
    Group,
    end_link,
    first_group,
    header_in,
    record_in,
    recovery_link,
    second_group,
)
from tests.builders_evidence import TIME_MS, SyntheticChain, synthetic_chain
from tests.mutations import mutations

SUITES = ("sm", "intl")


@pytest.fixture(params=SUITES)
def chain(request: pytest.FixtureRequest) -> SyntheticChain:
    return synthetic_chain(request.param)


def groups(chain: SyntheticChain) -> tuple[Group, Group]:
    return first_group(chain), second_group(chain)


def two_links(chain: SyntheticChain) -> list[JsonObject]:
    """Epoch 0 ended at 20 with new members, epoch 1 at 30 by a recovery record."""
    first, second = groups(chain)
    return [
        end_link(chain, first, second, epoch=0, height=20, signers=(0, 2, 3)),
        recovery_link(chain, second, epoch=1, height=30, batches=[b"b" * 32]),
    ]


def pinned(chain: SyntheticChain, *, epoch: int, height: int, group: Group) -> Trust:
    digest = header_in(chain, group, epoch=epoch, height=height).digest(chain.suite.digest)
    return replace(
        chain.trust,
        epochs={epoch: group.members},
        checkpoint=PinnedCheckpoint(height=height, header_digest=digest, time_ms=TIME_MS),
    )


def proven(evidence: JsonObject, trust: Trust) -> RecordFacts:
    facts = verify_evidence(evidence, trust)
    assert isinstance(facts, RecordFacts)
    return facts


def refusing_check(evidence: JsonObject, trust: Trust) -> str:
    with pytest.raises(InvalidEvidence) as caught:
        verify_evidence(evidence, trust)
    return caught.value.check


def test_genesis_is_enough_to_follow_a_change_of_members_and_a_recovery(
    chain: SyntheticChain,
) -> None:
    _first, second = groups(chain)
    links = two_links(chain)
    facts = proven(record_in(chain, second, links, height=31), chain.trust)
    assert (facts.header.epoch, facts.header.quorum) == (2, 4)
    assert facts.header.trust.epochs[2] == second.members
    assert facts.header.trust.ends == {0: 20, 1: 30}
    assert placed_form(anchor_of(facts.header))["epochs"] == links


def test_a_block_of_the_base_epoch_counts_up_to_the_recovered_height(chain: SyntheticChain) -> None:
    _first, second = groups(chain)
    links = two_links(chain)
    known = follow(links, chain.trust)
    for height in (21, 30):
        proven(record_in(chain, second, links[:1], height=height), known)


@pytest.mark.parametrize("height", [20, 31])
def test_a_certificate_outside_of_its_epoch_does_not_count_for_whoever_holds_the_links(
    chain: SyntheticChain, height: int
) -> None:
    _first, second = groups(chain)
    links = two_links(chain)
    late = record_in(chain, second, links[:1], height=height)
    assert refusing_check(late, follow(links, chain.trust)) == "epoch"


def test_an_epoch_that_certified_nothing_has_no_block_that_counts(chain: SyntheticChain) -> None:
    first, _second = groups(chain)
    digest = header_in(chain, first, epoch=0, height=20).digest(chain.suite.digest)
    links = [
        recovery_link(chain, first, epoch=0, height=20),
        recovery_link(chain, first, epoch=1, base_epoch=0, height=20, header_digest=digest),
    ]
    proven(record_in(chain, first, links, height=21), chain.trust)
    known = follow(links, chain.trust)
    for height in (20, 21):
        skipped = record_in(chain, first, links[:1], height=height)
        assert refusing_check(skipped, known) == "epoch"


def test_the_block_at_the_recovered_height_is_one_of_the_base_epoch_alone(
    chain: SyntheticChain,
) -> None:
    first, _second = groups(chain)
    links = [recovery_link(chain, first, epoch=0, height=20)]
    proven(record_in(chain, first, [], height=20), follow(links, chain.trust))
    assert refusing_check(record_in(chain, first, links, height=20), chain.trust) == "epoch"


def test_a_trust_file_of_a_later_epoch_needs_no_signatures_of_the_earlier_ones(
    chain: SyntheticChain,
) -> None:
    _first, second = groups(chain)
    links = two_links(chain)
    for epoch, height in ((1, 25), (2, 31)):
        trust = pinned(chain, epoch=epoch, height=height, group=second)
        proven(record_in(chain, second, links, height=40), trust)
        proven(record_in(chain, second, links, height=40), Trust.load(_file(trust)))


def _file(trust: Trust) -> bytes:
    return json.dumps(trust.form()).encode()


def test_links_before_trust_must_lead_to_the_members_that_are_trusted(
    chain: SyntheticChain,
) -> None:
    first, second = groups(chain)
    trust = pinned(chain, epoch=1, height=25, group=second)
    foreign = [end_link(chain, first, first, epoch=0, height=20)]
    assert refusing_check(record_in(chain, second, foreign, height=26), trust) == "epochs"
    late = [end_link(chain, first, second, epoch=0, height=25)]
    assert refusing_check(record_in(chain, second, late, height=26), trust) == "epochs"


def test_evidence_of_an_epoch_before_the_trusted_one_is_refused(chain: SyntheticChain) -> None:
    first, second = groups(chain)
    trust = pinned(chain, epoch=1, height=25, group=second)
    assert refusing_check(record_in(chain, first, [], height=26), trust) == "epoch"


def test_a_recovery_below_the_pinned_block_is_refused(chain: SyntheticChain) -> None:
    _first, second = groups(chain)
    links = two_links(chain)
    trust = pinned(chain, epoch=1, height=31, group=second)
    assert refusing_check(record_in(chain, second, links, height=40), trust) == "epochs"


def test_an_epoch_that_is_known_to_end_elsewhere_is_refused(chain: SyntheticChain) -> None:
    _first, second = groups(chain)
    links = two_links(chain)
    known = follow(links, chain.trust)
    other = [links[0], recovery_link(chain, second, epoch=1, height=29)]
    assert refusing_check(record_in(chain, second, other, height=40), known) == "epochs"


def test_members_that_are_known_to_be_others_are_refused(chain: SyntheticChain) -> None:
    first, second = groups(chain)
    known = follow(two_links(chain)[:1], chain.trust)
    other = [end_link(chain, first, first, epoch=0, height=20)]
    assert refusing_check(record_in(chain, second, other, height=40), known) == "epochs"


Alter = Callable[[Sequence[JsonObject]], Sequence[JsonObject]]
CORRUPTIONS: dict[str, Alter] = {
    "first left out": lambda links: links[1:],
    "last left out": lambda links: links[:-1],
    "all left out": lambda _links: [],
    "swapped": lambda links: [links[1], links[0]],
    "doubled": lambda links: [links[0], links[0], links[1]],
    "one too many": lambda links: [*links, links[1]],
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_links_that_are_left_out_or_in_another_order_are_refused(
    chain: SyntheticChain, name: str
) -> None:
    _first, second = groups(chain)
    links = CORRUPTIONS[name](two_links(chain))
    evidence = record_in(chain, second, links, epoch=2, height=40)
    assert refusing_check(evidence, chain.trust) in {"epoch", "epochs"}


def test_links_of_another_chain_are_refused(chain: SyntheticChain) -> None:
    _first, second = groups(chain)
    other = synthetic_chain(chain.suite.name, label="another")
    links = two_links(other)
    assert refusing_check(record_in(chain, second, links, height=40), chain.trust) == "epochs"


def test_a_link_with_fewer_signatures_than_its_own_quorum_is_refused(
    chain: SyntheticChain,
) -> None:
    first, second = groups(chain)
    three = (0, 1, 2)
    links = [end_link(chain, first, second, epoch=0, height=20, signers=three)]
    proven(record_in(chain, second, links, height=40), chain.trust)
    links.append(recovery_link(chain, second, epoch=1, height=30, signers=three))
    assert refusing_check(record_in(chain, second, links, height=40), chain.trust) == "epochs"


@pytest.mark.parametrize("suite", SUITES)
def test_no_change_of_a_link_is_accepted(suite: str) -> None:
    chain = synthetic_chain(suite)
    second = second_group(chain)
    evidence = record_in(chain, second, two_links(chain), height=40)
    count = 0
    for what, changed in mutations(evidence):
        if not what.startswith("epochs"):
            continue
        count += 1
        with pytest.raises(InvalidEvidence):
            pytest.fail(f"accepted: {what}, {verify_evidence(changed, chain.trust)}")
    assert count > 300
