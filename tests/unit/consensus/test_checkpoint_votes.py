from consensus.checkpoint_votes import CheckpointVotes
from consensus.types import Height, ReplicaId, SequenceNumber, Window
from tests.unit.consensus.group import WINDOW, batch, checkpoint, header, membership, stable

GENESIS_LOW = SequenceNumber(0)
OTHER = batch(77).digest


def _votes(*senders: int, height: int = 1) -> CheckpointVotes:
    votes = CheckpointVotes(membership=membership(), window=Window(size=WINDOW))
    for one in senders:
        assert votes.add(checkpoint(one, height), low=GENESIS_LOW) is None
    return votes


def test_quorum_of_equal_votes_makes_a_certificate() -> None:
    votes = _votes(0, 2)
    assert votes.certificate_at(Height(1), header(1)) is None

    votes.add(checkpoint(3), low=GENESIS_LOW)

    assert votes.certificate_at(Height(1), header(1)) == stable(1, signers=(0, 2, 3))


def test_certificate_is_formed_once() -> None:
    votes = _votes(0, 1, 2)
    votes.note_certified(stable(1))

    assert votes.certificate_at(Height(1), header(1)) is None
    assert votes.certified_digest(Height(1)) == header(1)


def test_votes_for_another_header_do_not_add_up() -> None:
    votes = _votes(0, 2)

    votes.add(checkpoint(3, digest=OTHER), low=GENESIS_LOW)

    assert votes.certificate_at(Height(1), header(1)) is None
    assert votes.certificate_at(Height(1), OTHER) is None


def test_second_different_vote_of_a_sender_is_returned_as_evidence() -> None:
    votes = _votes(0)

    assert votes.add(checkpoint(0), low=GENESIS_LOW) is None
    assert votes.add(checkpoint(0, digest=OTHER), low=GENESIS_LOW) == checkpoint(0)


def test_vote_that_honest_others_bear_out_replaces_a_lie_of_its_sender() -> None:
    votes = _votes(1, 2)
    votes.add(checkpoint(3, digest=OTHER), low=GENESIS_LOW)

    assert votes.add(checkpoint(3), low=GENESIS_LOW) == checkpoint(3, digest=OTHER)
    assert votes.vote_of(ReplicaId(3), Height(1)) == checkpoint(3)
    assert votes.add(checkpoint(3, digest=OTHER), low=GENESIS_LOW) == checkpoint(3)
    assert votes.vote_of(ReplicaId(3), Height(1)) == checkpoint(3)


def test_vote_that_only_liars_bear_out_replaces_nothing() -> None:
    votes = _votes(1)
    votes.add(checkpoint(3, digest=OTHER), low=GENESIS_LOW)

    votes.add(checkpoint(3), low=GENESIS_LOW)

    assert votes.vote_of(ReplicaId(3), Height(1)) == checkpoint(3, digest=OTHER)


def test_vote_a_window_below_the_checkpoint_is_ignored() -> None:
    votes = _votes()

    votes.add(checkpoint(0, 2), low=SequenceNumber(2 + WINDOW))
    votes.add(checkpoint(0, 3), low=SequenceNumber(2 + WINDOW))

    assert votes.vote_of(ReplicaId(0), Height(2)) is None
    assert votes.vote_of(ReplicaId(0), Height(3)) is not None


def test_flood_of_far_votes_displaces_only_the_senders_own() -> None:
    votes = _votes(0, 2)
    far = 2 * WINDOW + 1
    votes.add(checkpoint(3, far), low=GENESIS_LOW)

    for height in range(far, far + 100):
        votes.add(checkpoint(0, height), low=GENESIS_LOW)

    assert len(votes.votes_above(ReplicaId(0), Height(0))) == 2 * WINDOW + 1
    assert votes.vote_of(ReplicaId(0), Height(1)) is not None
    assert votes.vote_of(ReplicaId(3), Height(far)) is not None


def test_far_voters_are_counted_once_each() -> None:
    votes = _votes(0, 2)
    for height in (20, 30):
        votes.add(checkpoint(3, height), low=GENESIS_LOW)

    assert votes.voters_above(Height(0)) == 3
    assert votes.voters_above(Height(1)) == 1


def test_collecting_keeps_one_window_below_the_checkpoint() -> None:
    votes = _votes(0, height=1)
    votes.add(checkpoint(0, 2), low=GENESIS_LOW)
    for height in (1, 2):
        votes.note_computed(Height(height), header(height))
        votes.note_certified(stable(height))

    votes.collect(low=SequenceNumber(1 + WINDOW))

    assert [one.height for one in votes.votes_above(ReplicaId(0), Height(0))] == [2]
    assert votes.computed_digest(Height(1)) is None
    assert votes.certified_digest(Height(1)) is None
    assert votes.computed_digest(Height(2)) == header(2)
