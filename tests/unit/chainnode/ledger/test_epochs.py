"""Epochs hand over to each other, by a header or by a recovery record; nothing else leads on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chainnode.ledger.epochs import (
    EpochEnd,
    EpochLink,
    EpochRecovery,
    EpochStart,
    follow_link,
    recovery_content,
)
from chainnode.ledger.merkle import InvalidProof
from chainnode.ledger.types import Member, members_digest
from tests.unit.chainnode.ledger.blocks import vote_key
from tests.unit.chainnode.ledger.test_proofs import case


def handover(
    epoch: int,
    members: tuple[Member, ...],
    next_members: tuple[Member, ...],
    *,
    height: int,
    signers: tuple[int, ...] = (0, 1, 2),
) -> EpochEnd:
    of = case()
    header = replace(
        of.header,
        head=replace(of.header.head, epoch=epoch, height=height),
        rest=replace(
            of.header.rest,
            members_digest=members_digest(of.h, epoch=epoch, members=members),
            next_members_digest=members_digest(of.h, epoch=epoch + 1, members=next_members),
        ),
    )
    certificate = of.maker.certificate(header, signers=signers)
    return EpochEnd(header=header, certificate=certificate, next_members=next_members)


def recovered(
    epoch: int,
    *,
    height: int,
    base_epoch: int | None = None,
    digest: bytes = b"d" * 32,
    members: tuple[Member, ...] = (),
    signers: tuple[int, ...] = (0, 1, 3),
) -> EpochRecovery:
    of = case()
    unsigned = EpochRecovery(
        epoch=epoch,
        base_epoch=epoch if base_epoch is None else base_epoch,
        height=height,
        header_digest=digest,
        batches=(b"b" * 32,),
        signatures=(),
    )
    content = recovery_content(
        unsigned,
        chain_id=of.header.head.chain_id,
        next_members=members_digest(of.h, epoch=epoch + 1, members=members or FIRST),
    )
    signatures = tuple((one, vote_key("intl", one).sign(content)) for one in signers)
    return replace(unsigned, signatures=signatures)


FIRST = case().members
FIFTH = replace(FIRST[0], replica_id=4, organisation="DEPT-4")
SECOND = (*FIRST, FIFTH)
END_0 = handover(0, FIRST, SECOND, height=40)
# With five members the quorum is four.
END_1 = handover(1, SECOND, FIRST, height=80, signers=(0, 1, 2, 3))
RECORD_0 = recovered(0, height=40)
RECORD_1 = recovered(1, height=60)
# Epoch 1 certified no block: the base is still that of epoch 0.
EMPTY_1 = recovered(1, base_epoch=0, height=40)


def beginning(
    members: tuple[Member, ...] = FIRST,
    *,
    epoch: int = 0,
    height: int = 0,
    digest: bytes | None = None,
) -> EpochStart:
    return EpochStart(
        epoch=epoch, members=members, base_epoch=epoch, base_height=height, base_digest=digest
    )


def follow(*links: EpochLink, start: EpochStart | None = None, chain_id: bytes = b"") -> None:
    of = case()
    place = start or beginning()
    for link in links:
        place = follow_link(
            of.suite, chain_id=chain_id or of.header.head.chain_id, start=place, link=link
        )


def test_a_chain_of_epochs_leads_from_trusted_members_to_present_ones() -> None:
    follow()
    follow(END_0)
    follow(END_0, END_1)
    follow(END_1, start=beginning(SECOND, epoch=1))


def test_a_recovery_record_leads_on_with_the_same_members() -> None:
    follow(RECORD_0)
    follow(RECORD_0, RECORD_1)
    follow(RECORD_0, EMPTY_1, recovered(2, height=41))
    follow(RECORD_0, EMPTY_1, recovered(2, base_epoch=0, height=40))
    follow(recovered(0, height=0), recovered(1, base_epoch=0, height=0))
    follow(RECORD_0, handover(1, FIRST, SECOND, height=41))


def test_the_start_of_the_next_epoch_names_its_members_and_its_base() -> None:
    of = case()
    chain_id = of.header.head.chain_id
    start = follow_link(of.suite, chain_id=chain_id, start=beginning(), link=END_0)
    assert (start.epoch, start.members) == (1, SECOND)
    assert (start.base_epoch, start.base_height) == (0, 40)
    assert start.base_digest == END_0.header.digest(of.h)
    start = follow_link(of.suite, chain_id=chain_id, start=beginning(), link=RECORD_0)
    assert (start.epoch, start.members, start.base_digest) == (1, FIRST, b"d" * 32)


def test_the_pinned_block_itself_may_be_the_last_of_its_epoch() -> None:
    digest = END_0.header.digest(case().h)
    follow(END_0, start=beginning(height=40, digest=digest))
    follow(RECORD_0, start=beginning(height=40, digest=b"d" * 32))


def with_signature_of_another_record() -> EpochRecovery:
    other = recovered(0, height=41).signatures[0]
    return replace(RECORD_0, signatures=(other, *RECORD_0.signatures[1:]))


CORRUPTIONS: dict[str, tuple[str, Callable[[], None]]] = {
    "epoch left out": ("epoch", lambda: follow(END_1)),
    "epoch repeated": ("epoch", lambda: follow(END_0, END_0)),
    "epochs in another order": ("epoch", lambda: follow(END_1, END_0)),
    "other members trusted": ("members digest", lambda: follow(END_0, start=beginning(SECOND))),
    "other members handed over": (
        "next members digest",
        lambda: follow(replace(END_0, next_members=FIRST)),
    ),
    "members handed over in another order": (
        "next members digest",
        lambda: follow(replace(END_0, next_members=SECOND[::-1])),
    ),
    "heights that stand still": (
        "epoch end",
        lambda: follow(END_0, handover(1, SECOND, FIRST, height=40, signers=(0, 1, 2, 3))),
    ),
    "heights that fall": (
        "epoch end",
        lambda: follow(END_0, handover(1, SECOND, FIRST, height=39, signers=(0, 1, 2, 3))),
    ),
    "an end below the pinned block": (
        "epoch end",
        lambda: follow(END_0, start=beginning(height=41, digest=b"p" * 32)),
    ),
    "another end at the pinned height": (
        "epoch end",
        lambda: follow(END_0, start=beginning(height=40, digest=b"p" * 32)),
    ),
    "certificate of another end": (
        "certificate epoch",
        lambda: follow(replace(END_0, certificate=END_1.certificate)),
    ),
    "quorum of the smaller epoch": (
        "certificate signers",
        lambda: follow(END_0, handover(1, SECOND, FIRST, height=80)),
    ),
    "another chain": ("chain id", lambda: follow(END_0, chain_id=bytes(32))),
    "record left out": ("epoch", lambda: follow(RECORD_1)),
    "record of too few": (
        "recovery signers",
        lambda: follow(recovered(0, height=40, signers=(0, 1))),
    ),
    "record with a signer twice": (
        "recovery signers",
        lambda: follow(replace(RECORD_0, signatures=RECORD_0.signatures[:1] * 3)),
    ),
    "record with a signature of another": (
        "recovery signature",
        lambda: follow(with_signature_of_another_record()),
    ),
    "record of another chain": (
        "recovery signature",
        lambda: follow(RECORD_0, chain_id=bytes(32)),
    ),
    "record at another height": (
        "recovery signature",
        lambda: follow(replace(RECORD_0, height=41)),
    ),
    "record of another block": (
        "recovery signature",
        lambda: follow(replace(RECORD_0, header_digest=bytes(32))),
    ),
    "record with other batches": (
        "recovery signature",
        lambda: follow(replace(RECORD_0, batches=())),
    ),
    "record of other members": (
        "recovery signature",
        lambda: follow(recovered(0, height=40, members=SECOND)),
    ),
    "record below the pinned block": (
        "epoch end",
        lambda: follow(RECORD_0, start=beginning(height=41)),
    ),
    "record with another base than the end before": (
        "epoch end",
        lambda: follow(RECORD_0, recovered(1, base_epoch=0, height=41)),
    ),
    "record with another block of the end before": (
        "epoch end",
        lambda: follow(RECORD_0, recovered(1, base_epoch=0, height=40, digest=b"e" * 32)),
    ),
    "record at the end of the epoch before as its own": (
        "epoch end",
        lambda: follow(RECORD_0, recovered(1, height=40)),
    ),
    "record with the base of an epoch that certified nothing": (
        "epoch end",
        lambda: follow(RECORD_0, EMPTY_1, recovered(2, base_epoch=1, height=41)),
    ),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_chain_of_epochs_is_refused_by_the_check_that_names_it(name: str) -> None:
    what, attempt = CORRUPTIONS[name]

    with pytest.raises(InvalidProof) as caught:
        attempt()

    assert caught.value.what == what
