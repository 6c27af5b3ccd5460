"""What peers send: delivered when every signature holds, dropped and counted otherwise."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode import codec
from chainnode.batch import build_batch
from chainnode.codec import encode
from chainnode.driver.batches import Batches, core_batch
from chainnode.driver.intake import Intake
from chainnode.errors import InvalidInput
from chainnode.submission import Submission
from chainnode.suites import Suite, suite_named
from chainnode.suites.intl import IntlSuite
from consensus.codec import message_to_plain, signed_content
from consensus.errors import InvalidMessage
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    Recall,
    Recollection,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.types import (
    Digest,
    Epoch,
    Height,
    Membership,
    Nonce,
    ReplicaId,
    SequenceNumber,
    Signature,
    View,
    Window,
)
from consensus.validation import validate_message
from tests.builders import NOW_MS, genesis_of, submission_of, vote_key
from tests.integration.p2p.harness import until
from tests.vectors.make_wire import Group, proposal_of, view_change_of

UNSIGNED = Signature(bytes(64))
MessageT = TypeVar("MessageT", bound=Message)
GENESIS = genesis_of()
SUITE = suite_named("intl")


def signed(message: MessageT, *, by: int | None = None) -> MessageT:
    content = signed_content(message, chain_id=GENESIS.chain_id, encoder=codec)
    key = vote_key("intl", message.sender if by is None else by)
    return replace(message, signature=Signature(key.sign(content)))


def vote(
    kind: type[Prepare] | type[Commit] = Prepare, *, sender: int = 1, sequence: int = 1
) -> Prepare | Commit:
    return kind(
        epoch=Epoch(0),
        view=View(0),
        sequence=SequenceNumber(sequence),
        batch_digest=Digest(b"d" * 32),
        sender=ReplicaId(sender),
        signature=UNSIGNED,
    )


def pre_prepare(*submissions: Submission, sender: int = 0, time_ms: int = NOW_MS) -> PrePrepare:
    batch = core_batch(
        build_batch(SUITE, chain_id=GENESIS.chain_id, time_ms=time_ms, submissions=submissions)
    )
    return PrePrepare(
        epoch=Epoch(0),
        view=View(0),
        sequence=SequenceNumber(1),
        batch_digest=batch.digest,
        sender=ReplicaId(sender),
        signature=UNSIGNED,
        batch=batch,
    )


def messages() -> Iterator[Message]:
    """Yield a signed message of every kind."""
    yield signed(vote(Prepare))
    yield signed(vote(Commit))
    yield signed(
        Checkpoint(
            epoch=Epoch(0),
            height=Height(1),
            header_digest=Digest(b"h" * 32),
            sender=ReplicaId(2),
            signature=UNSIGNED,
        )
    )
    yield signed(
        Status(
            epoch=Epoch(0),
            view=View(0),
            stable_height=Height(0),
            prepared=SequenceNumber(0),
            committed=SequenceNumber(0),
            executed=SequenceNumber(0),
            sender=ReplicaId(3),
            signature=UNSIGNED,
        )
    )
    yield RECALL
    yield signed(
        Recollection(
            epoch=Epoch(0),
            asker=ReplicaId(1),
            nonce=RECALL.nonce,
            stable=WISH.stable,
            messages=(signed(vote(Commit)),),
            sender=ReplicaId(3),
            signature=UNSIGNED,
        )
    )
    yield signed(pre_prepare(submission_of(GENESIS)))
    yield WISH
    yield NEW_VIEW


RECALL = signed(
    Recall(epoch=Epoch(0), nonce=Nonce(bytes(range(32))), sender=ReplicaId(2), signature=UNSIGNED)
)
WISH = signed(
    ViewChange(
        epoch=Epoch(0),
        new_view=View(1),
        stable=StableCheckpoint(
            epoch=Epoch(0), height=Height(0), header_digest=Digest(b"g" * 32), signatures=()
        ),
        prepared=(),
        sender=ReplicaId(2),
        signature=UNSIGNED,
    )
)
NEW_VIEW = signed(
    NewView(
        epoch=Epoch(0),
        view=View(1),
        view_changes=(WISH,),
        pre_prepares=(),
        sender=ReplicaId(1),
        signature=UNSIGNED,
    )
)
MESSAGES = tuple(messages())
PAYLOADS = tuple(encode(message_to_plain(one)) for one in MESSAGES)


class NoThreads(Executor):
    """Takes work and never does it, until it is told how it ended."""

    def __init__(self) -> None:
        self.futures: list[Future[object]] = []

    def submit(self, *_: object, **__: object) -> Future[object]:  # type: ignore[override]  # never called
        self.futures.append(Future())
        return self.futures[-1]


class CountingSuite(IntlSuite):
    """Counts the signatures that are checked."""

    def __init__(self) -> None:
        self.verified = 0

    def verify(self, *, public_key: bytes, signature: bytes, content: bytes) -> None:
        self.verified += 1
        super().verify(public_key=public_key, signature=signature, content=content)


def new_intake(threads: Executor | None = None, *, suite: Suite = SUITE) -> Intake:
    batches = Batches(genesis=GENESIS, suite=suite)
    return Intake(
        genesis=GENESIS, suite=suite, batches=batches, threads=threads or ThreadPoolExecutor(1)
    )


class Delivered:
    """What came through, and how to say that the core has seen it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.seen: list[Callable[[], None]] = []

    def __call__(self, message: Message, seen: Callable[[], None]) -> None:
        self.messages.append(message)
        self.seen.append(seen)


def is_refused(payload: bytes) -> bool:
    try:
        new_intake(NoThreads()).open(payload)
    except (InvalidInput, InvalidMessage):
        return True
    return False


async def test_a_message_of_every_kind_comes_through_as_it_was_sent() -> None:
    intake, delivered = new_intake(), Delivered()
    for message, payload in zip(MESSAGES, PAYLOADS, strict=True):
        intake.accept(message.sender, payload, delivered)
    await until(lambda: len(delivered.messages) == len(MESSAGES), what="all messages")

    assert set(map(type, delivered.messages)) == set(map(type, MESSAGES))
    assert sorted(map(repr, delivered.messages)) == sorted(map(repr, MESSAGES))
    assert intake.refused.total() == 0


@pytest.mark.parametrize("payload", PAYLOADS, ids=[type(one).__name__ for one in MESSAGES])
def test_a_message_with_any_bit_flipped_is_refused(payload: bytes) -> None:
    for at in range(len(payload)):
        for bit in (0, 3, 7):
            flipped = bytearray(payload)
            flipped[at] ^= 1 << bit
            assert is_refused(bytes(flipped)), (at, bit)


@pytest.mark.parametrize("payload", PAYLOADS, ids=[type(one).__name__ for one in MESSAGES])
def test_a_message_that_is_cut_or_has_something_after_it_is_refused(payload: bytes) -> None:
    assert is_refused(payload + b"\x00")
    assert all(is_refused(payload[:size]) for size in range(len(payload)))


@given(payload=st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_else_is_raised(payload: bytes) -> None:
    assert is_refused(payload)


@given(
    values=st.lists(st.integers(0, 300) | st.binary(max_size=64) | st.text(max_size=9), max_size=12)
)
def test_any_well_formed_array_is_refused_and_nothing_else_is_raised(
    values: list[int | bytes | str],
) -> None:
    assert is_refused(encode(tuple(values)))


@pytest.mark.parametrize(
    "question", [one for one in MESSAGES if isinstance(one, Status | Recall)], ids=repr
)
async def test_a_question_that_somebody_else_repeats_gets_no_answer(question: Message) -> None:
    intake, delivered = new_intake(), Delivered()
    payload = encode(message_to_plain(question))
    intake.accept((question.sender + 1) % 4, payload, delivered)
    await until(lambda: intake.refused.total() == 1, what="the repetition refused")

    assert delivered.messages == []


async def test_what_is_refused_is_counted_by_what_it_was_and_never_raised() -> None:
    intake, delivered = new_intake(), Delivered()
    for payload in (b"", b"\xc1", encode((1, 2, 3)), encode(message_to_plain(vote()))):
        intake.accept(1, payload, delivered)
    await until(lambda: intake.refused.total() == 4, what="all refused")

    assert delivered.messages == []
    assert intake.refused["InvalidSignature"] == 1


@pytest.mark.parametrize(
    "message",
    [
        signed(vote(sender=1), by=2),
        signed(vote(sender=9), by=1),
        replace(WISH, signature=UNSIGNED),
        signed(replace(pre_prepare(), batch=pre_prepare(submission_of(GENESIS)).batch)),
    ],
    ids=["another's key", "no member", "unsigned", "another's body"],
)
def test_a_message_is_only_as_good_as_every_signature_in_it(message: Message) -> None:
    assert is_refused(encode(message_to_plain(message)))


def test_every_nested_signature_is_verified() -> None:
    group = Group(suite_named("intl"), GENESIS.chain_id)
    batch = build_batch(group.suite, chain_id=GENESIS.chain_id, time_ms=NOW_MS, submissions=())
    good = group.signed(view_change_of(group, proposal_of(batch), 1))
    (certificate,) = good.prepared
    forged_certificates = [
        replace(certificate, primary_signature=UNSIGNED),
        replace(
            certificate,
            prepares=((certificate.prepares[0][0], UNSIGNED), *certificate.prepares[1:]),
        ),
    ]
    assert not is_refused(encode(message_to_plain(good)))
    for one in forged_certificates:
        forged = group.signed(replace(good, prepared=(one,)))
        assert is_refused(encode(message_to_plain(forged)))


def test_a_malformed_new_view_reaches_the_core_at_the_cost_of_one_signature() -> None:
    """Signed by its sender it proves that sender faulty; the core refuses it by its shape."""
    malformed = signed(replace(NEW_VIEW, view_changes=(replace(WISH, signature=UNSIGNED),)))
    opened = new_intake().open(encode(message_to_plain(malformed)))
    assert opened == malformed
    membership = Membership(epoch=Epoch(0), size=4)
    with pytest.raises(InvalidMessage):
        validate_message(opened, membership=membership, window=Window(size=16))


def test_contradictory_certificates_of_a_new_view_reach_the_core_only_if_they_are_genuine() -> None:
    """Genuine ones prove too many liars, and the core halts; forged ones are any peer's lie."""
    group = Group(suite_named("intl"), GENESIS.chain_id)
    one, other = (
        build_batch(group.suite, chain_id=GENESIS.chain_id, time_ms=time_ms, submissions=())
        for time_ms in (NOW_MS, NOW_MS + 1)
    )
    wishes = [group.signed(view_change_of(group, proposal_of(one), sender)) for sender in (0, 1)]
    genuine = view_change_of(group, proposal_of(other), 2)
    (certificate,) = genuine.prepared
    (mine,) = wishes[0].prepared
    forged = replace(certificate, primary_signature=mine.primary_signature, prepares=mine.prepares)

    def announced(wish: ViewChange) -> bytes:
        message = NewView(
            epoch=Epoch(0),
            view=wish.new_view,
            view_changes=(*wishes, group.signed(wish)),
            pre_prepares=(),
            sender=ReplicaId(0),
            signature=UNSIGNED,
        )
        return encode(message_to_plain(group.signed(message)))

    assert isinstance(new_intake().open(announced(genuine)), NewView)
    assert is_refused(announced(replace(genuine, prepared=(forged,))))


def test_a_malformed_view_change_costs_one_signature_and_is_refused() -> None:
    """Its certificates are of no slot that it may name, so none of them is verified."""
    group = Group(suite_named("intl"), GENESIS.chain_id)
    batch = build_batch(group.suite, chain_id=GENESIS.chain_id, time_ms=NOW_MS, submissions=())
    good = view_change_of(group, proposal_of(batch), 1)
    flood = tuple(replace(good.prepared[0], sequence=SequenceNumber(one)) for one in range(2_000))
    message = group.signed(replace(good, prepared=flood))
    suite = CountingSuite()
    with pytest.raises(InvalidMessage):
        new_intake(suite=suite).open(encode(message_to_plain(message)))
    assert suite.verified == 1


def test_a_signature_that_was_verified_once_passes_for_no_other_content() -> None:
    intake = new_intake(NoThreads())
    good = signed(vote(sequence=1))
    intake.open(encode(message_to_plain(good)))
    for other in (vote(sequence=2), vote(Commit), vote(sender=2)):
        stolen = replace(other, signature=good.signature)
        with pytest.raises(InvalidInput):
            intake.open(encode(message_to_plain(stolen)))
    assert intake.open(encode(message_to_plain(good))) == good


@pytest.mark.parametrize(
    "submission",
    [
        submission_of(GENESIS, valid_until_ms=NOW_MS - 1),
        submission_of(GENESIS, valid_until_ms=NOW_MS + 600_001),
        submission_of(GENESIS, chain_id=b"x" * 32),
    ],
    ids=["expired", "valid too long", "another chain"],
)
def test_a_proposal_with_one_submission_that_is_not_proposable_is_refused(
    submission: Submission,
) -> None:
    batch = pre_prepare(submission_of(GENESIS, nonce=1), submission)
    assert is_refused(encode(message_to_plain(signed(batch))))


def test_a_proposal_with_a_forged_submission_is_refused_also_after_the_real_one_was_verified() -> (
    None
):
    real = submission_of(GENESIS)
    forged = replace(real, signature=bytes(64), encoded=real.encoded[:-64] + bytes(64))
    intake = new_intake(NoThreads())
    intake.open(encode(message_to_plain(signed(pre_prepare(real)))))

    with pytest.raises(InvalidInput):
        intake.open(encode(message_to_plain(signed(pre_prepare(forged)))))


def test_bodies_that_nobody_signed_push_no_other_out_of_memory() -> None:
    batches = Batches(genesis=GENESIS, suite=SUITE)
    intake = Intake(genesis=GENESIS, suite=SUITE, batches=batches, threads=NoThreads())
    honest = signed(pre_prepare(submission_of(GENESIS)))
    intake.open(encode(message_to_plain(honest)))
    for number in range(2 * 2 * GENESIS.parameters.window):
        unsigned = pre_prepare(time_ms=NOW_MS + number)
        with pytest.raises(InvalidInput):
            intake.open(encode(message_to_plain(unsigned)))

    assert honest.batch is not None
    assert batches.body(honest.batch_digest) == honest.batch.body


async def _flood(payloads: Sequence[bytes], peer: int = 1) -> tuple[Intake, NoThreads, Delivered]:
    threads, delivered = NoThreads(), Delivered()
    intake = new_intake(threads)
    for payload in payloads:
        intake.accept(peer, payload, delivered)
    return intake, threads, delivered


async def test_a_peer_has_a_budget_of_messages_and_takes_none_from_another() -> None:
    intake, _, delivered = await _flood([b"x"] * 600)
    assert intake.held(1) == 512
    assert intake.refused == {"over_budget": 88}

    intake.accept(2, b"x", delivered)
    assert intake.held(2) == 1
    assert intake.refused == {"over_budget": 88}


async def test_a_flood_of_one_peer_holds_one_thread_at_most() -> None:
    intake, threads, delivered = await _flood([b"x"] * 512)
    assert len(threads.futures) == 1

    intake.accept(2, b"x", delivered)
    assert len(threads.futures) == 2

    threads.futures[0].set_result(MESSAGES[0])
    await until(lambda: len(threads.futures) == 3, what="the next frame of the first peer")


async def test_a_peer_has_a_budget_of_bytes() -> None:
    large = bytes(4 * 1024 * 1024)
    intake, _, _ = await _flood([large] * 17)
    assert intake.held(1) == 16
    assert intake.refused == {"over_budget": 1}


async def test_a_message_weighs_on_the_budget_until_the_core_has_seen_it() -> None:
    intake, threads, delivered = await _flood([b"x"] * 512)
    threads.futures[0].set_result(MESSAGES[0])
    await until(lambda: len(delivered.messages) == 1, what="the first message")
    intake.accept(1, b"x", delivered)
    assert intake.held(1) == 512
    assert intake.refused == {"over_budget": 1}

    delivered.seen[0]()
    intake.accept(1, b"x", delivered)
    assert intake.refused == {"over_budget": 1}


async def test_a_fault_of_our_own_while_opening_is_counted_and_gives_the_budget_back() -> None:
    intake, threads, delivered = await _flood([b"x"] * 512)
    threads.futures[0].set_exception(RuntimeError("ours"))
    await until(lambda: len(threads.futures) == 2, what="the next frame")
    threads.futures[1].cancel()
    await until(lambda: intake.refused.total() == 2, what="both counted")

    assert intake.refused == {"RuntimeError": 1, "CancelledError": 1}
    for _ in range(3):
        intake.accept(1, b"x", delivered)
    assert intake.held(1) == 512
    assert intake.refused == {"RuntimeError": 1, "CancelledError": 1, "over_budget": 1}
    await asyncio.sleep(0)
