"""Two messages of one replica that must not both exist: proven to anybody, or refused."""

from dataclasses import replace

import pytest

from chainnode.codec import encode
from chainnode.verify import ForeignEvidence, InvalidEvidence, UnreadableEvidence, verify_evidence
from chainnode.verify.equivocation import EquivocationFacts
from chainnode.verify.forms import base64_text
from chainnode.verify.strict_json import JsonObject
from consensus.codec import message_to_plain
from consensus.messages import (
    NULL_BATCH,
    Batch,
    Checkpoint,
    Message,
    NewView,
    PrePrepare,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.new_view import UNSIGNED
from consensus.types import Digest, Epoch, Height, ReplicaId, SequenceNumber, Signature, View
from tests.builders_evidence import SyntheticChain, synthetic_chain
from tests.mutations import mutations

SUITES = ("sm", "intl")
A, B = Digest(b"a" * 32), Digest(b"b" * 32)
ME = ReplicaId(2)
NOTHING = StableCheckpoint(epoch=Epoch(0), height=Height(0), header_digest=A, signatures=())


@pytest.fixture(params=SUITES)
def chain(request: pytest.FixtureRequest) -> SyntheticChain:
    return synthetic_chain(request.param)


def proposal(digest: Digest, batch: Batch | None = None) -> PrePrepare:
    return PrePrepare(
        epoch=Epoch(0),
        view=View(2),
        sequence=SequenceNumber(7),
        batch_digest=digest,
        sender=ME,
        signature=UNSIGNED,
        batch=batch,
    )


def checkpoint(digest: Digest) -> Checkpoint:
    return Checkpoint(
        epoch=Epoch(0), height=Height(7), header_digest=digest, sender=ME, signature=UNSIGNED
    )


def wish(stable: StableCheckpoint) -> ViewChange:
    return ViewChange(
        epoch=Epoch(0), new_view=View(3), stable=stable, prepared=(), sender=ME, signature=UNSIGNED
    )


def announcement(pre_prepares: tuple[PrePrepare, ...]) -> NewView:
    return NewView(
        epoch=Epoch(0),
        view=View(2),
        view_changes=(),
        pre_prepares=pre_prepares,
        sender=ME,
        signature=UNSIGNED,
    )


PAIRS: dict[str, tuple[Message, Message, tuple[str | int, ...]]] = {
    "preprepare": (
        proposal(A, Batch(digest=A, time_ms=1, body=b"a body")),
        proposal(B, NULL_BATCH),
        ("preprepare", 0, 2, 7),
    ),
    "checkpoint": (checkpoint(A), checkpoint(B), ("checkpoint", 0, 7)),
    "viewchange": (
        wish(NOTHING),
        wish(replace(NOTHING, header_digest=B)),
        ("viewchange", 0, 3),
    ),
    "newview": (
        announcement(()),
        announcement((replace(proposal(A), signature=Signature(b"s" * 64)),)),
        ("newview", 0, 2),
    ),
}


def test_two_votes_for_one_slot_prove_the_replica_a_liar(chain: SyntheticChain) -> None:
    assert verify_evidence(chain.equivocation(), chain.trust) == EquivocationFacts(
        replica_id=2, organisation="115100000080001234", slot=("prepare", 0, 3, 7)
    )


@pytest.mark.parametrize("kind", PAIRS)
def test_every_kind_of_promise_can_be_proven_broken(chain: SyntheticChain, kind: str) -> None:
    first, second, slot = PAIRS[kind]
    evidence = chain.equivocation(chain.signed(first, 2), chain.signed(second, 2))
    facts = verify_evidence(evidence, chain.trust)
    assert isinstance(facts, EquivocationFacts)
    assert facts.slot == slot
    assert b"a body" not in str(evidence).encode()


def test_the_order_in_which_the_pair_was_seen_does_not_matter(chain: SyntheticChain) -> None:
    first, second = chain.vote(A), chain.vote(B)
    assert chain.equivocation(first, second) == chain.equivocation(second, first)


def test_no_changed_field_proves_anything_else(chain: SyntheticChain) -> None:
    original = chain.equivocation()
    count = 0
    for what, changed in mutations(original):
        with pytest.raises(InvalidEvidence):
            pytest.fail(f"{what}: {verify_evidence(changed, chain.trust)}")
        count += 1
    assert count > 60


def swapped(evidence: JsonObject) -> JsonObject:
    return {**evidence, "first": evidence["second"], "second": evidence["first"]}


def test_pairs_that_prove_nothing_are_refused_by_name(chain: SyntheticChain) -> None:
    vote = chain.vote(A)
    status = chain.signed(
        Status(
            epoch=Epoch(0),
            view=View(3),
            stable_height=Height(1),
            prepared=SequenceNumber(1),
            committed=SequenceNumber(1),
            executed=SequenceNumber(1),
            sender=ME,
            signature=UNSIGNED,
        ),
        2,
    )
    cases: dict[str, JsonObject] = {
        "slot": chain.equivocation(vote, chain.vote(B, sequence=8)),
        "sender": chain.equivocation(vote, chain.vote(B, replica=1)),
        "signature": chain.equivocation(vote, replace(chain.vote(B), signature=vote.signature)),
        "order": swapped(chain.equivocation()),
        "member": {
            **chain.equivocation(
                replace(vote, epoch=Epoch(1)), replace(chain.vote(B), epoch=Epoch(1))
            )
        },
    }
    for check, evidence in cases.items():
        with pytest.raises(InvalidEvidence) as caught:
            verify_evidence(evidence, chain.trust)
        assert caught.value.check == check
    for same in (chain.equivocation(vote, vote), chain.equivocation(status, status)):
        with pytest.raises(InvalidEvidence) as caught:
            verify_evidence(same, chain.trust)
        assert caught.value.check == "slot"


def test_a_pair_of_another_chain_is_foreign(chain: SyntheticChain) -> None:
    other = SyntheticChain(chain.suite.name, label="another")
    with pytest.raises(ForeignEvidence):
        verify_evidence(other.equivocation(), chain.trust)


def test_a_proposal_that_brings_its_batch_is_unreadable(chain: SyntheticChain) -> None:
    signed = chain.signed(proposal(A, Batch(digest=A, time_ms=1, body=b"body")), 2)
    evidence = chain.equivocation(signed, chain.signed(proposal(B), 2))
    whole = base64_text(encode(message_to_plain(signed)))
    with pytest.raises(UnreadableEvidence, match="batch"):
        verify_evidence({**evidence, "first": whole}, chain.trust)
