"""Properties of the core over generated inputs: codec, quorums, new view, hostile messages."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.codec import Limits, decode, encode
from consensus.codec import message_from_plain, message_to_plain
from consensus.errors import InvalidMessage
from consensus.messages import Message, PreparedCertificate, ViewChange
from consensus.new_view import latest_stable, new_view_proposals
from consensus.ports import Plain
from consensus.types import INTEGER_MAX, NULL_BATCH_DIGEST, View
from tests.simulation.stubs import open_batch
from tests.unit.consensus.group import (
    WINDOW,
    Subject,
    batch,
    checkpoint,
    commit,
    membership,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    stable,
    status,
    view_change,
)

LIMITS = Limits(bytes_max=1 << 20, depth_max=10, elements_max=1 << 16)
SEQUENCES = st.integers(1, 2 * WINDOW)
VIEWS = st.integers(0, 6)
NUMBERS = st.integers(1, 3)
SENDERS = st.integers(0, 4)


@st.composite
def votes(draw: st.DrawFn) -> Message:
    """Any vote of anybody, plausible enough to reach the state."""
    sequence, view, sender = draw(SEQUENCES), draw(VIEWS), draw(SENDERS)
    digest = batch(draw(NUMBERS)).digest
    choice = draw(st.integers(0, 3))
    if choice == 0:
        return pre_prepare(sequence, view=view, body=batch(draw(NUMBERS)))
    if choice == 1:
        return checkpoint(sender, sequence, digest=digest)
    if choice == 2:
        return prepare(sender, sequence, view=view, digest=digest)
    return commit(sender, sequence, view=view, digest=digest)


@st.composite
def certificates(draw: st.DrawFn) -> tuple[PreparedCertificate, ...]:
    """A set P whose digest is a function of view and sequence, as at most f liars ensure."""
    sequences = sorted(draw(st.sets(st.integers(3, 2 * WINDOW), max_size=4)))
    made = []
    for sequence in sequences:
        view = draw(st.integers(0, 3))
        made.append(prepared(sequence, view=view, digest=batch(10 * sequence + view).digest))
    return tuple(made)


@st.composite
def wishes(draw: st.DrawFn) -> tuple[ViewChange, ...]:
    """View changes of all four members for view 4."""
    made = []
    for sender in range(4):
        base = stable(draw(st.integers(1, 2)))
        made.append(view_change(sender, 4, base=base, certificates=draw(certificates())))
    return tuple(made)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    choice = draw(st.integers(0, 3))
    if choice == 0:
        return draw(votes())
    if choice == 1:
        return view_change(draw(st.integers(0, 3)), draw(st.integers(1, 6)))
    if choice == 2:
        return new_view(view := draw(st.integers(1, 6)), sender=view % 4)
    return status(draw(st.integers(0, 3)), view=draw(VIEWS), committed=draw(SEQUENCES))


@given(message=messages())
def test_message_survives_canonical_bytes(message: Message) -> None:
    data = encode(message_to_plain(message))

    assert message_from_plain(decode(data, LIMITS), open_batch=open_batch) == message


PLAIN: st.SearchStrategy[Plain] = st.recursive(
    st.integers(0, INTEGER_MAX) | st.binary(max_size=70) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=9).map(tuple),
    max_leaves=30,
)


@given(plain=PLAIN)
def test_no_plain_value_raises_anything_but_a_refusal(plain: Plain) -> None:
    try:
        message = message_from_plain(plain, open_batch=open_batch)
    except InvalidMessage:
        return
    assert message_to_plain(message) == plain


@given(message=messages(), path=st.lists(st.integers(0, 8), min_size=1, max_size=4), value=PLAIN)
def test_message_with_one_element_replaced_is_refused_or_read_exactly(
    message: Message, path: list[int], value: Plain
) -> None:
    spoilt = _replace_at(message_to_plain(message), path, value)
    try:
        read = message_from_plain(spoilt, open_batch=open_batch)
    except InvalidMessage:
        return
    assert message_to_plain(read) == spoilt


def _replace_at(plain: Plain, path: list[int], value: Plain) -> Plain:
    if not isinstance(plain, tuple) or not plain or not path:
        return value
    index = path[0] % len(plain)
    return (*plain[:index], _replace_at(plain[index], path[1:], value), *plain[index + 1 :])


@given(size=st.integers(4, 100))
def test_quorums_are_safe_and_live(size: int) -> None:
    group = membership(size)

    assert 2 * group.quorum > size + group.max_faulty
    assert 2 * (group.quorum - 1) <= size + group.max_faulty
    assert group.quorum <= size - group.max_faulty


@settings(max_examples=40, deadline=None)
@given(changes=wishes())
def test_new_view_re_proposes_each_position_once_with_its_latest_certificate(
    changes: tuple[ViewChange, ...],
) -> None:
    for quorum in combinations(changes, 3):
        proposals = new_view_proposals(View(4), quorum, membership=membership())

        low = latest_stable(quorum).height
        known = [one for change in quorum for one in change.prepared if one.sequence > low]
        high = max((one.sequence for one in known), default=low)
        assert [one.sequence for one in proposals] == list(range(low + 1, high + 1))
        for one in proposals:
            here = [cert for cert in known if cert.sequence == one.sequence]
            latest = max(here, key=lambda cert: cert.view, default=None)
            expected = NULL_BATCH_DIGEST if latest is None else latest.batch_digest
            assert one.batch_digest == expected


@settings(max_examples=150, deadline=None)
@given(script=st.lists(messages(), max_size=30))
def test_hostile_messages_raise_nothing_but_refusals_and_memory_stays_bounded(
    script: list[Message],
) -> None:
    backup = Subject(1)
    for message in script:
        try:
            backup.receive(message)
        except InvalidMessage:
            continue
        except Exception as error:
            # Two certificates for one slot need more liars than the group tolerates.
            if type(error).__name__ in {"ConflictingCertificates", "Diverged"}:
                return
            raise
    description = backup.replica.describe()
    assert len(description.slots) <= 4 * WINDOW
    assert len(backup.replica.restatement()) <= 4 * WINDOW * 12 + 3
