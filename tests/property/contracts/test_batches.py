"""Whatever a batch holds, execution answers with a block that depends on the batch alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.ledger.codec import decode_entry
from chainnode.submission import Call, Submission, key_id
from contracts.schemas.nonces import WINDOWS
from contracts.schemas.shape import encode_part
from tests.unit.chainnode.execution.chains import Chain, call_codes, receipts
from tests.unit.contracts.builders import ACTIONS, NOW_MS, PARTS

CHAIN = Chain()
WINDOW_KEYS = {
    CHAIN.ledger.h(WINDOWS.key(key_id(CHAIN.suite, CHAIN.public_key(number))))
    for number in range(4)
}
calls = st.one_of(
    st.builds(
        Call, action=st.text(max_size=32), public=st.binary(max_size=64), private=st.binary()
    ),
    st.sampled_from(PARTS).map(
        lambda part: Call(action=ACTIONS[type(part)][1], public=encode_part(part), private=b"")
    ),
)
submissions = st.builds(
    CHAIN.raw_submission,
    st.lists(calls, min_size=1, max_size=6),
    public_key=st.sampled_from([CHAIN.public_key(number) for number in range(4)])
    | st.binary(max_size=33),
    nonce=st.integers(0, 3) | st.integers(0, 2**53 - 1),
    valid_until_ms=st.sampled_from((0, NOW_MS - 1, NOW_MS, 2**53 - 1)),
    contract=st.sampled_from(("access", "audit", "certificates", "members", "nonces"))
    | st.text(max_size=32),
    contract_version=st.integers(0, 2),
    signature=st.binary(min_size=64, max_size=64),
)


@settings(max_examples=60)
@given(st.lists(submissions, max_size=5))
def test_any_batch_becomes_the_same_block_twice(sent: list[Submission]) -> None:
    batch = CHAIN.batch(*sent)
    block, again = CHAIN.execute_batch(batch), CHAIN.execute_batch(batch)
    assert block.header == again.header
    assert len(block.receipts) == len(block.outcomes) == len(sent)
    assert len(block.entries) == call_codes(block).count(0)
    position = 0
    for receipt in receipts(block):
        accepted = sum(call.code == 0 for call in receipt.calls)
        assert receipt.first_position == (position if accepted else 0)
        position += accepted
    for encoded in block.entries:
        decode_entry(encoded)


@settings(max_examples=30)
@given(st.lists(submissions, max_size=5))
def test_refused_calls_leave_the_state_root_alone(sent: list[Submission]) -> None:
    block = CHAIN.execute_batch(CHAIN.batch(*sent))
    if not any(is_executed for _, is_executed in block.outcomes):
        assert dict(block.state.values.items()) == {}
        assert block.header.rest.state_root == CHAIN.ledger.tip.rest.state_root
    if not block.entries:
        assert set(dict(block.state.values.items())) <= WINDOW_KEYS
