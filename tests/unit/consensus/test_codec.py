from collections.abc import Callable
from dataclasses import replace

import pytest

from chainnode.codec import encode
from consensus.codec import (
    certificate_from_plain,
    certificate_to_plain,
    message_from_plain,
    message_to_plain,
    record_from_plain,
    record_to_plain,
    signed_content,
    signed_parts,
    slot_of,
)
from consensus.effects import Record
from consensus.errors import InvalidMessage, InvalidShape
from consensus.messages import Message, PrePrepare
from consensus.ports import Plain
from consensus.types import INTEGER_MAX, Epoch
from tests.simulation.stubs import CHAIN_ID, ENCODER, open_batch, stub_signature
from tests.unit.consensus.group import (
    checkpoint,
    commit,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    recall,
    recollection,
    stable,
    status,
    view_change,
)

CHANGE = view_change(0, base=stable(2), certificates=[prepared(3), prepared(5)])
MESSAGES: list[Message] = [
    pre_prepare(),
    replace(pre_prepare(), batch=None),
    prepare(1),
    commit(2),
    checkpoint(3),
    CHANGE,
    new_view(changes=[CHANGE, view_change(1), view_change(2)]),
    status(1, view=2, stable_height=3, prepared_to=4, committed=5, executed=6),
    recall(3),
    recollection(
        0,
        3,
        replace(pre_prepare(), batch=None),
        prepare(3),
        commit(3),
        checkpoint(3),
        CHANGE,
        new_view(),
        base=stable(2),
    ),
]
RECORDS: list[Record] = [
    pre_prepare(),
    prepare(1),
    commit(2),
    CHANGE,
    new_view(),
    prepared(1),
    stable(2),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_message_survives_the_wire(message: Message) -> None:
    assert message_from_plain(message_to_plain(message), open_batch=open_batch) == message


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: type(one).__name__)
def test_record_survives_the_vote_log(record: Record) -> None:
    assert record_from_plain(record_to_plain(record), open_batch=open_batch) == record


def test_certificate_has_the_form_of_the_wire_format() -> None:
    certificate = stable(4)

    plain = certificate_to_plain(certificate)

    assert plain == (0, 4, certificate.header_digest, certificate.signatures)
    assert certificate_from_plain(plain) == certificate


def test_message_is_laid_out_as_the_wire_format_says() -> None:
    vote = prepare(1, 7, view=3)

    assert message_to_plain(vote) == (2, 0, 3, 7, vote.batch_digest, 1, vote.signature)
    assert [message_to_plain(one)[0] for one in MESSAGES] == [1, 1, 2, 3, 4, 5, 6, 7, 10, 11]


def _content(message: Message) -> bytes:
    return signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)


def test_vote_signs_kind_version_chain_epoch_view_sequence_digest_and_sender() -> None:
    vote = commit(2, 7, view=3)

    content = ("kun.commit", 1, CHAIN_ID, 0, 3, 7, vote.batch_digest, 2)

    assert _content(vote) == ENCODER.encode(content)


def test_checkpoint_signs_no_view_and_no_sender() -> None:
    vote = checkpoint(3, 9)

    content = ("kun.checkpoint", 1, CHAIN_ID, 0, 9, vote.header_digest)

    assert _content(vote) == ENCODER.encode(content)


def test_question_what_we_signed_names_our_life() -> None:
    question = recall(3)

    content = ("kun.recall", 1, CHAIN_ID, 0, question.nonce, 3)

    assert _content(question) == ENCODER.encode(content)


def test_answer_signs_whole_messages_and_the_question() -> None:
    vote = commit(3)
    answer = recollection(0, 3, vote, base=stable(2))

    settled, parts = certificate_to_plain(stable(2)), (message_to_plain(vote),)
    content = ("kun.recollection", 1, CHAIN_ID, 0, 3, answer.nonce, settled, parts, 0)

    assert _content(answer) == ENCODER.encode(content)


def test_signature_does_not_cover_the_body_of_a_batch() -> None:
    assert _content(pre_prepare()) == _content(replace(pre_prepare(), batch=None))


def test_contents_of_different_kinds_and_chains_differ() -> None:
    contents = {_content(one) for one in MESSAGES}
    assert len(contents) == len(MESSAGES) - 1  # the proposal with and without its body

    other = signed_content(prepare(1), chain_id=b"another", encoder=ENCODER)
    assert other != _content(prepare(1))
    assert _content(replace(prepare(1), epoch=Epoch(1))) != _content(prepare(1))


def test_slots_name_what_may_be_signed_once() -> None:
    assert [slot_of(one) for one in MESSAGES] == [
        ("preprepare", 0, 0, 1),
        ("preprepare", 0, 0, 1),
        ("prepare", 0, 0, 1),
        ("commit", 0, 0, 1),
        ("checkpoint", 0, 1),
        ("viewchange", 0, 1),
        ("newview", 0, 1),
        (),
        (),
        (),
    ]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_every_nested_signature_is_listed_and_the_outermost_comes_first(message: Message) -> None:
    parts = signed_parts(message, chain_id=CHAIN_ID, encoder=ENCODER, size=4)

    assert parts[0] == (message.sender, message.signature, _content(message))
    for replica, signature, content in parts:
        assert signature == stub_signature(replica, content)


def test_view_change_lists_checkpoint_and_certificate_signatures() -> None:
    parts = signed_parts(CHANGE, chain_id=CHAIN_ID, encoder=ENCODER, size=4)

    assert len(parts) == 1 + 3 + 2 * 3


def test_new_view_lists_the_signatures_of_all_its_parts() -> None:
    message = new_view(changes=[CHANGE, view_change(1), view_change(2)])

    parts = signed_parts(message, chain_id=CHAIN_ID, encoder=ENCODER, size=4)

    assert len(parts) == 1 + len(message.pre_prepares) + (1 + 3 + 2 * 3) + 1 + 1


def test_messages_fit_the_canonical_encoder() -> None:
    for message in MESSAGES:
        assert encode(message_to_plain(message))


def _replaced(index: int, value: Plain) -> Callable[[tuple[Plain, ...]], Plain]:
    return lambda plain: (*plain[:index], value, *plain[index + 1 :])


_SHAPES: list[tuple[str, Message, Callable[[tuple[Plain, ...]], Plain]]] = [
    ("not an array", prepare(1), lambda _: b"x"),
    ("a number", prepare(1), lambda _: 5),
    ("empty", prepare(1), lambda _: ()),
    ("unknown kind", prepare(1), _replaced(0, 8)),
    ("kind zero", prepare(1), _replaced(0, 0)),
    ("kind as text", prepare(1), _replaced(0, "2")),
    ("kind as array", prepare(1), _replaced(0, ())),
    ("one field short", prepare(1), lambda plain: plain[:-1]),
    ("one field too many", prepare(1), lambda plain: (*plain, 0)),
    ("epoch as bytes", prepare(1), _replaced(1, b"0")),
    ("negative view", commit(1), _replaced(2, -1)),
    ("view beyond the range", commit(1), _replaced(2, INTEGER_MAX + 1)),
    ("flag as view", commit(1), _replaced(2, value=True)),
    ("short digest", prepare(1), _replaced(4, bytes(31))),
    ("long digest", prepare(1), _replaced(4, bytes(33))),
    ("digest as text", prepare(1), _replaced(4, "x" * 32)),
    ("short signature", prepare(1), _replaced(6, bytes(63))),
    ("batch not an array", pre_prepare(), _replaced(7, b"")),
    ("two batches", pre_prepare(), _replaced(7, (b"", b""))),
    ("batch as number", pre_prepare(), _replaced(7, (1,))),
    ("batch that does not open", pre_prepare(), _replaced(7, (b"nonsense",))),
    ("stable not an array", CHANGE, _replaced(3, b"")),
    ("certificates not an array", CHANGE, _replaced(4, 1)),
    ("certificate short", CHANGE, _replaced(4, ((0, 0, 3),))),
    ("signer short", CHANGE, _replaced(3, (0, 2, bytes(32), ((0,),)))),
    ("signer not an array", CHANGE, _replaced(3, (0, 2, bytes(32), (5,)))),
    ("wish of another kind", new_view(), _replaced(3, (message_to_plain(prepare(1)),))),
    ("wish not an array", new_view(), _replaced(3, (5,))),
    ("entry of another kind", new_view(), _replaced(4, (message_to_plain(prepare(1)),))),
    ("short nonce", recall(1), _replaced(2, bytes(31))),
    ("nonce as number", recall(1), _replaced(2, 7)),
    ("answer without a certificate", recollection(0, 1), _replaced(4, b"")),
    ("answer without a list", recollection(0, 1), _replaced(5, b"")),
    ("answer with a number", recollection(0, 1), _replaced(5, (5,))),
    (
        "answer with a status",
        recollection(0, 1),
        _replaced(5, (message_to_plain(status(1)),)),
    ),
    (
        "answer in an answer",
        recollection(0, 1),
        _replaced(5, (message_to_plain(recollection(1, 2)),)),
    ),
    (
        "answer with a batch",
        recollection(0, 1),
        _replaced(5, (message_to_plain(pre_prepare()),)),
    ),
    ("entry with a batch", new_view(), _replaced(4, (message_to_plain(pre_prepare()),))),
]


@pytest.mark.parametrize(("name", "message", "spoil"), _SHAPES, ids=[one[0] for one in _SHAPES])
def test_malformed_message_is_refused(
    name: str, message: Message, spoil: Callable[[tuple[Plain, ...]], Plain]
) -> None:
    with pytest.raises(InvalidMessage):
        message_from_plain(spoil(message_to_plain(message)), open_batch=open_batch)
    assert name


@pytest.mark.parametrize("plain", [(8,), (9, 1, 2), message_to_plain(status(1)), ()])
def test_malformed_record_is_refused(plain: Plain) -> None:
    with pytest.raises(InvalidShape):
        record_from_plain(plain, open_batch=open_batch)


@pytest.mark.parametrize(
    "message",
    [status(1), recall(1), recollection(0, 1)],
    ids=lambda one: type(one).__name__,
)
def test_what_binds_nobody_is_no_record(message: Message) -> None:
    with pytest.raises(InvalidShape, match="record kind"):
        record_from_plain(message_to_plain(message), open_batch=open_batch)


def test_refusal_does_not_repeat_the_bytes_of_a_stranger() -> None:
    spoilt = _replaced(4, b"secret" * 7)(message_to_plain(prepare(1)))

    with pytest.raises(InvalidShape) as caught:
        message_from_plain(spoilt, open_batch=open_batch)

    assert "secret" not in str(caught.value)
    assert caught.value.actual == "42 bytes"


def test_opened_batch_is_what_the_opener_returned() -> None:
    message = pre_prepare()
    opened: list[bytes] = []

    def opener(body: bytes) -> object:
        opened.append(body)
        return message.batch

    decoded = message_from_plain(message_to_plain(message), open_batch=opener)  # type: ignore[arg-type]  # returns a batch

    assert message.batch is not None
    assert opened == [message.batch.body]
    assert isinstance(decoded, PrePrepare)
