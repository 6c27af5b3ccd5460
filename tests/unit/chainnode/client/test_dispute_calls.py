"""Calls of `disputes`, and texts that only filer, responsible and auditors open."""

from dataclasses import replace

import pytest

from chainnode.client.calls import InvalidCall
from chainnode.client.dispute_calls import (
    DisputeKey,
    Objection,
    TextDiffers,
    Written,
    correct_dispute,
    extend_dispute,
    forward_dispute,
    new_dispute_id,
    object_to,
    read_written,
    refuse_dispute,
    withdraw_dispute,
    written,
)
from chainnode.exchange.private_parts import read_encrypted
from chainnode.submission import Call
from chainnode.suites import suite_named
from chainnode.suites.port import InvalidSignature
from contracts.schemas import disputes
from contracts.schemas.disputes import Ground, Target
from contracts.schemas.shape import PublicPart, Schema
from tests.builders import SUITES

TEXT = "这不是我的住址。"
ID = b"d" * 16
OBJECTION = Objection(
    ground=Ground.DATA_WRONG,
    target=Target.CALL,
    requester="11220000013544541J",
    provider="11430000006122244L",
    call_id=b"c" * 16,
    subjects=(b"t" * 32, b"s" * 32),
    item="population.basic",
)


def key_of(suite_name: str) -> DisputeKey:
    return DisputeKey(
        chain_id=b"h" * 32,
        filer="11220000013544541J",
        responsible="11430000006122244L",
        dispute_id=ID,
        period=202611,
        pair_key=b"k" * suite_named(suite_name).aead_key_bytes,
    )


def opened(suite_name: str, words: Written, key: DisputeKey) -> str:
    found = read_encrypted(words.private)
    assert found is not None
    return read_written(suite_named(suite_name), found, key, commitment=words.commitment)


@pytest.mark.parametrize(
    ("call", "part_type"),
    [
        (object_to(ID, OBJECTION), disputes.Object),
        (forward_dispute(ID, organisation="POLICE", reason_code="source"), disputes.Forward),
        (extend_dispute(ID, reason_code="archive"), disputes.Extend),
        (correct_dispute(ID, reason_code="fixed", successor="x/2"), disputes.Correct),
        (refuse_dispute(ID, reason_code="right"), disputes.Refuse),
        (withdraw_dispute(ID), disputes.WithdrawDispute),
    ],
    ids=["object", "forward", "extend", "correct", "refuse", "withdraw"],
)
def test_a_call_reads_back_as_its_part(call: Call, part_type: type[PublicPart]) -> None:
    part = Schema(part_type).decode(call.public)
    assert isinstance(part, disputes.DisputePart)
    assert part.dispute_id == ID
    assert call.private == b""


def test_subjects_are_brought_into_order() -> None:
    part = Schema(disputes.Object).decode(object_to(ID, OBJECTION).public)
    assert part.subjects == (b"s" * 32, b"t" * 32)


def test_what_the_contract_would_refuse_is_not_built() -> None:
    with pytest.raises(InvalidCall):
        object_to(ID, replace(OBJECTION, target=Target.ITEM))
    with pytest.raises(InvalidCall):
        extend_dispute(ID, reason_code="")


@pytest.mark.parametrize("suite_name", SUITES)
def test_a_text_is_opened_by_its_key_and_held_against_its_commitment(suite_name: str) -> None:
    key = key_of(suite_name)
    words = written(suite_named(suite_name), TEXT, key)
    call = object_to(ID, OBJECTION, words)

    assert TEXT.encode() not in call.private + call.public
    part = Schema(disputes.Object).decode(call.public)
    assert part.statement_commitment == words.commitment
    assert opened(suite_name, words, key) == TEXT
    assert written(suite_named(suite_name), TEXT, key).commitment != words.commitment


@pytest.mark.parametrize("suite_name", SUITES)
@pytest.mark.parametrize("change", ["chain_id", "filer", "responsible", "dispute_id", "pair_key"])
def test_a_text_is_opened_for_its_own_dispute_alone(suite_name: str, change: str) -> None:
    key = key_of(suite_name)
    words = written(suite_named(suite_name), TEXT, key)
    before = getattr(key, change)
    other = replace(key, **{change: before[:-1] + (b"?" if isinstance(before, bytes) else "X")})
    with pytest.raises(InvalidSignature):
        opened(suite_name, words, other)


@pytest.mark.parametrize("suite_name", SUITES)
def test_another_text_than_was_committed_to_is_found(suite_name: str) -> None:
    key = key_of(suite_name)
    words = written(suite_named(suite_name), TEXT, key)
    with pytest.raises(TextDiffers):
        opened(suite_name, replace(words, commitment=b"?" * 32), key)


@pytest.mark.parametrize("text", ["", "x" * 1001], ids=["none", "too long"])
def test_no_text_and_one_that_is_too_long_are_refused(text: str) -> None:
    with pytest.raises(InvalidCall):
        written(suite_named("intl"), text, key_of("intl"))


def test_an_id_is_drawn_anew() -> None:
    assert len(new_dispute_id()) == 16
    assert new_dispute_id() != new_dispute_id()
