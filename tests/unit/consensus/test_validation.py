from dataclasses import replace

import pytest

from consensus.errors import ConflictingCertificates, RefusedMessage
from consensus.messages import NULL_BATCH, Message
from consensus.types import (
    NULL_BATCH_DIGEST,
    Epoch,
    Height,
    ReplicaId,
    SequenceNumber,
    View,
    Window,
)
from consensus.validation import validate_message
from tests.unit.consensus.group import (
    WINDOW,
    batch,
    checkpoint,
    commit,
    membership,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    signed,
    stable,
    status,
    view_change,
)


def _validate(message: Message, *, size: int = 4) -> None:
    validate_message(message, membership=membership(size), window=Window(size=WINDOW))


CHANGES = (
    view_change(0, certificates=[prepared(1), prepared(3)]),
    view_change(1),
    view_change(3, base=stable(1), certificates=[prepared(3)]),
)
PROPOSALS = new_view(changes=CHANGES).pre_prepares

CORRECT: list[Message] = [
    pre_prepare(),
    pre_prepare(digest=batch().digest),
    prepare(1),
    commit(0),
    commit(3),
    checkpoint(0),
    view_change(2, base=stable(4), certificates=[prepared(5)]),
    new_view(),
    new_view(changes=CHANGES),
    new_view(2, changes=[view_change(one, 2) for one in range(4)]),
    status(0),
]


@pytest.mark.parametrize("message", CORRECT, ids=lambda one: type(one).__name__)
def test_correct_message_passes(message: Message) -> None:
    _validate(message)


@pytest.mark.parametrize("message", CORRECT, ids=lambda one: type(one).__name__)
def test_message_of_another_epoch_is_refused(message: Message) -> None:
    with pytest.raises(RefusedMessage, match="epoch"):
        _validate(replace(message, epoch=Epoch(1)))


@pytest.mark.parametrize("message", CORRECT, ids=lambda one: type(one).__name__)
def test_message_of_a_stranger_is_refused(message: Message) -> None:
    with pytest.raises(RefusedMessage, match="a member 0 … 3"):
        _validate(replace(message, sender=ReplicaId(4)))


REFUSED: list[tuple[str, Message]] = [
    ("proposal of a backup", pre_prepare(sender=1)),
    ("proposal for genesis", replace(pre_prepare(), sequence=SequenceNumber(0))),
    ("batch that the digest does not name", replace(pre_prepare(), batch=batch(2))),
    ("body of the NULL batch", pre_prepare(body=NULL_BATCH)),
    ("PREPARE of the primary", prepare(0)),
    ("PREPARE of the primary of a later view", prepare(1, view=5)),
    ("PREPARE for genesis", replace(prepare(1), sequence=SequenceNumber(0))),
    ("COMMIT for genesis", replace(commit(1), sequence=SequenceNumber(0))),
    ("CHECKPOINT of genesis", replace(checkpoint(1), height=Height(0))),
    ("wish for the first view", replace(view_change(1), new_view=View(0))),
    (
        "wish on an unsigned checkpoint",
        view_change(1, base=replace(stable(2), signatures=())),
    ),
    ("wish with a foreign certificate", view_change(1, certificates=[prepared(1, view=1)])),
    ("NEW-VIEW of a backup", new_view(sender=2)),
    ("NEW-VIEW of less than a quorum", new_view(changes=CHANGES[:2])),
    ("NEW-VIEW with one wish twice", new_view(changes=(CHANGES[0], CHANGES[0], CHANGES[2]))),
    ("NEW-VIEW with wishes out of order", new_view(changes=CHANGES[::-1])),
    (
        "NEW-VIEW with a wish of a stranger",
        new_view(changes=(*CHANGES[:2], replace(CHANGES[2], sender=ReplicaId(4)))),
    ),
    (
        "NEW-VIEW with a wish for another view",
        new_view(changes=(*CHANGES[:2], view_change(3, 2))),
    ),
    (
        "NEW-VIEW with a wish of another epoch",
        new_view(changes=(*CHANGES[:2], replace(CHANGES[2], epoch=Epoch(1)))),
    ),
    (
        "NEW-VIEW with an invalid wish",
        new_view(changes=(*CHANGES[:2], view_change(3, base=stable(1, signers=(0, 1, 1))))),
    ),
    ("NEW-VIEW that omits an entry", new_view(changes=CHANGES, proposals=PROPOSALS[1:])),
    ("NEW-VIEW with an entry too many", new_view(proposals=PROPOSALS)),
    ("NEW-VIEW with an entry twice", new_view(changes=CHANGES, proposals=PROPOSALS[:1] * 2)),
    ("NEW-VIEW out of order", new_view(changes=CHANGES, proposals=PROPOSALS[::-1])),
    (
        "NEW-VIEW with another digest",
        new_view(
            changes=CHANGES,
            proposals=(replace(PROPOSALS[0], batch_digest=batch(8).digest), *PROPOSALS[1:]),
        ),
    ),
    (
        "NEW-VIEW that drops what is prepared",
        new_view(
            changes=CHANGES,
            proposals=[replace(one, batch_digest=NULL_BATCH_DIGEST) for one in PROPOSALS],
        ),
    ),
    (
        "NEW-VIEW with an entry of another view",
        new_view(changes=CHANGES, proposals=[replace(one, view=View(5)) for one in PROPOSALS]),
    ),
]


@pytest.mark.parametrize(("name", "message"), REFUSED, ids=[name for name, _ in REFUSED])
def test_message_that_no_honest_member_sends_is_refused(name: str, message: Message) -> None:
    with pytest.raises(RefusedMessage) as caught:
        _validate(signed(message))

    assert caught.value.sender in {message.sender, 3}, name  # 3: whose wish inside is invalid
    assert caught.value.expected != caught.value.actual


def test_two_certificates_for_one_view_and_sequence_stop_everything() -> None:
    changes = (
        view_change(0, certificates=[prepared(1)]),
        view_change(1, certificates=[prepared(1, digest=batch(7).digest)]),
        view_change(3),
    )

    with pytest.raises(ConflictingCertificates):
        new_view(changes=changes)


@pytest.mark.parametrize("size", [5, 6])
def test_three_wishes_do_not_make_a_view_where_a_quorum_is_four(size: int) -> None:
    changes = tuple(view_change(one) for one in range(4))
    _validate(new_view(changes=changes, size=size), size=size)

    with pytest.raises(RefusedMessage, match="at least 4"):
        _validate(new_view(changes=changes[:3], size=size), size=size)
