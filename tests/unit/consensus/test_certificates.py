from collections.abc import Callable
from dataclasses import replace

import pytest

from consensus.certificates import (
    commit_certificate,
    prepared_certificate,
    stable_checkpoint,
    validate_prepared_certificate,
    validate_prepared_set,
    validate_stable_checkpoint,
)
from consensus.errors import RefusedMessage
from consensus.messages import PreparedCertificate, StableCheckpoint
from consensus.types import Epoch, Height, ReplicaId, View, Window
from tests.unit.consensus.group import (
    GENESIS,
    WINDOW,
    checkpoint,
    commit,
    membership,
    pre_prepare,
    prepare,
    prepared,
    stable,
)

ME = ReplicaId(2)


@pytest.mark.parametrize("size", [4, 5, 6, 7])
def test_prepared_certificate_needs_the_proposal_and_one_less_than_a_quorum(size: int) -> None:
    group = membership(size)
    backups = [prepare(one) for one in range(1, group.quorum)]

    assert prepared_certificate(pre_prepare(), backups[:-1], membership=group) is None
    complete = prepared_certificate(pre_prepare(), backups, membership=group)
    assert complete is not None
    assert len(complete.prepares) == group.quorum - 1


def test_prepared_certificate_keeps_the_lowest_ids_whatever_the_order_of_arrival() -> None:
    votes = [prepare(3), prepare(1), prepare(2)]

    made = prepared_certificate(pre_prepare(), votes, membership=membership())

    assert made is not None
    assert [replica for replica, _ in made.prepares] == [1, 2]


@pytest.mark.parametrize("size", [4, 5, 6, 7])
def test_commit_and_checkpoint_certificates_need_a_quorum(size: int) -> None:
    group = membership(size)
    commits = [commit(one) for one in range(group.quorum)]
    checkpoints = [checkpoint(one) for one in range(group.quorum)]

    assert commit_certificate(commits[1:], membership=group) is None
    assert stable_checkpoint(checkpoints[1:], membership=group) is None
    assert commit_certificate(commits, membership=group) is not None
    assert stable_checkpoint(checkpoints, membership=group) is not None


def test_correct_certificates_pass() -> None:
    validate_stable_checkpoint(stable(3), membership=membership(), sender=ME)
    validate_stable_checkpoint(GENESIS, membership=membership(), sender=ME)
    validate_prepared_certificate(prepared(), membership=membership(), sender=ME)


@pytest.mark.parametrize(
    ("name", "corrupt"),
    [
        ("other epoch", lambda one: replace(one, epoch=Epoch(1))),
        ("one signer short", lambda one: replace(one, signatures=one.signatures[1:])),
        (
            "repeated signer",
            lambda one: replace(one, signatures=(one.signatures[0], *one.signatures[:2])),
        ),
        ("wrong order", lambda one: replace(one, signatures=one.signatures[::-1])),
        (
            "a stranger",
            lambda one: replace(one, signatures=(*one.signatures, (ReplicaId(4), b"x"))),
        ),
        ("signed genesis", lambda one: replace(one, height=Height(0))),
        ("unsigned block", lambda one: replace(one, signatures=())),
    ],
)
def test_corrupt_stable_checkpoint_is_refused(
    name: str, corrupt: Callable[[StableCheckpoint], StableCheckpoint]
) -> None:
    with pytest.raises(RefusedMessage) as caught:
        validate_stable_checkpoint(corrupt(stable(3)), membership=membership(), sender=ME)

    assert caught.value.sender == ME, name


@pytest.mark.parametrize(
    ("name", "corrupt"),
    [
        ("other epoch", lambda one: replace(one, epoch=Epoch(1))),
        ("one signer short", lambda one: replace(one, prepares=one.prepares[1:])),
        ("one too many", lambda one: replace(one, prepares=(*one.prepares, (ReplicaId(3), b"x")))),
        (
            "repeated signer",
            lambda one: replace(one, prepares=(one.prepares[0], one.prepares[0])),
        ),
        ("wrong order", lambda one: replace(one, prepares=one.prepares[::-1])),
        (
            "a stranger",
            lambda one: replace(one, prepares=(one.prepares[0], (ReplicaId(4), b"x"))),
        ),
        (
            "the primary among the backups",
            lambda one: replace(one, prepares=((ReplicaId(0), b"x"), one.prepares[0])),
        ),
    ],
)
def test_corrupt_prepared_certificate_is_refused(
    name: str, corrupt: Callable[[PreparedCertificate], PreparedCertificate]
) -> None:
    with pytest.raises(RefusedMessage) as caught:
        validate_prepared_certificate(corrupt(prepared()), membership=membership(), sender=ME)

    assert caught.value.sender == ME, name


def _validate_set(*certificates: PreparedCertificate, base: StableCheckpoint = GENESIS) -> None:
    validate_prepared_set(
        certificates,
        stable=base,
        new_view=View(2),
        membership=membership(),
        window=Window(size=WINDOW),
        sender=ME,
    )


def test_prepared_set_may_reach_from_the_checkpoint_to_two_windows_above_it() -> None:
    _validate_set()
    _validate_set(prepared(1), prepared(2, view=1), prepared(2 * WINDOW))
    _validate_set(prepared(4), prepared(3 + 2 * WINDOW), base=stable(3))


@pytest.mark.parametrize(
    ("name", "certificates"),
    [
        ("at the checkpoint", (prepared(3),)),
        ("below the checkpoint", (prepared(1),)),
        ("above the window", (prepared(4 + 2 * WINDOW),)),
        ("one sequence twice", (prepared(4), prepared(4, view=1))),
        ("descending", (prepared(5), prepared(4))),
        ("of the new view itself", (prepared(4, view=2),)),
        ("of a later view", (prepared(4, view=3),)),
        ("with an invalid entry", (replace(prepared(4), prepares=()),)),
    ],
)
def test_prepared_set_is_refused_as_a_whole(
    name: str, certificates: tuple[PreparedCertificate, ...]
) -> None:
    with pytest.raises(RefusedMessage) as caught:
        _validate_set(prepared(4), *certificates, base=stable(3))

    assert caught.value.sender == ME, name
