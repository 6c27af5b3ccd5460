"""What holds for contracts whatever is sent: commuting halves, legal transitions, no raising."""

from random import Random

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.registry import CONTRACTS
from contracts.schemas.certificate_states import TRANSITIONS, CertificateState
from contracts.schemas.certificates import CERTIFICATES, FILES, HISTORIES
from contracts.schemas.codes import MEANINGS, Code, Rejection
from contracts.schemas.members import KEYS, KeyRow, Role
from contracts.schemas.shape import encode_part
from contracts.schemas.text import first_illegal
from contracts.sdk import Accepted
from tests.unit.contracts.builders import (
    ACCESS_RECORD,
    ACTIONS,
    CRYPTO,
    DISPUTE_PARTS,
    END_KEY,
    EXCHANGE_PARTS,
    IMPORT,
    ISSUE,
    NOW_MS,
    PARTS,
    PROVIDER,
    REQUESTER,
    REVOKE,
    WRAPPED,
    Caller,
    MemoryState,
    changed,
    identifier,
)

INTEGER_MAX = 2**53 - 1
ACTION_NAMES = sorted(ACTIONS.values())
plain = st.recursive(
    st.integers(-(2**63), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=12)
    | st.floats()
    | st.none()
    | st.booleans(),
    # Up to twenty of them stand in one part: small ones are refused in the same places.
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=8,
)


def outcome_of(caller: Caller, name: str, action: str, public: bytes, private: bytes) -> int:
    """Send bytes; whatever they are, the answer is a record or a well-formed refusal."""
    before = dict(caller.state.rows)
    refused: Rejection | None = None
    try:
        accepted = caller.raw(name, action, public, private)
    except Rejection as refusal:
        refused = refusal
    if refused is not None:
        assert caller.state.rows == before
        assert len(refused.details) == len(MEANINGS[refused.code].details)
        assert all(0 <= detail <= INTEGER_MAX for detail in refused.details)
        return refused.code
    assert isinstance(accepted, Accepted)
    assert 0 <= accepted.outcome <= INTEGER_MAX
    assert list(accepted.index_keys) == sorted(set(accepted.index_keys))
    assert len(accepted.index_keys) <= 10
    assert all(len(key) <= 64 for key in accepted.index_keys)
    return Code.ACCEPTED


@given(st.sampled_from(ACTION_NAMES), st.binary(max_size=300), st.binary(max_size=50))
def test_random_bytes_never_raise(name: tuple[str, str], public: bytes, private: bytes) -> None:
    assert outcome_of(Caller(), *name, public, private) != Code.ACCEPTED


@given(st.sampled_from(ACTION_NAMES), st.lists(plain, max_size=20), st.binary(max_size=50))
def test_random_arrays_never_raise(
    name: tuple[str, str], fields: list[object], private: bytes
) -> None:
    outcome_of(Caller(), *name, msgpack.packb(fields, unicode_errors="surrogatepass"), private)


@given(st.data())
def test_parts_with_changed_bytes_are_refused_or_are_other_parts(data: st.DataObject) -> None:
    part = data.draw(st.sampled_from((*PARTS, *EXCHANGE_PARTS, *DISPUTE_PARTS)))
    public = bytearray(encode_part(part))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(public) - 1))
        public[place] = data.draw(st.integers(0, 255))
    outcome_of(Caller(), *ACTIONS[type(part)], bytes(public), WRAPPED)


@given(st.data())
def test_parts_with_one_other_field_are_refused_or_are_other_parts(data: st.DataObject) -> None:
    part = data.draw(st.sampled_from((*PARTS, *EXCHANGE_PARTS, *DISPUTE_PARTS)))
    fields = msgpack.unpackb(encode_part(part), use_list=True)
    fields[data.draw(st.integers(0, len(fields) - 1))] = data.draw(plain)
    public = msgpack.packb(fields, unicode_errors="surrogatepass")
    outcome_of(Caller(), *ACTIONS[type(part)], public, WRAPPED)


@given(st.text(max_size=64))
def test_what_is_legal_text_is_stable_and_plain(text: str) -> None:
    position = first_illegal(text)
    if position is None:
        assert text == text.strip()
        assert all(character == " " or not character.isspace() for character in text)
    else:
        assert 0 <= position <= len(text)


halves = st.tuples(st.integers(0, 2), st.sampled_from((0, 1)), st.integers(0, 600))


@given(st.lists(halves, max_size=8, unique_by=lambda half: half[:2]), st.randoms())
def test_halves_commute(calls: list[tuple[int, int, int]], order: Random) -> None:
    def states(sequence: list[tuple[int, int, int]]) -> dict[bytes, bytes]:
        state = MemoryState()
        for call, side, status in sequence:
            speaker = (REQUESTER, PROVIDER)[side]
            part = changed(ACCESS_RECORD, call_id=bytes((call,)) * 16, side=side, status=status)
            Caller(state=state, organisation=speaker).send(part)
        return state.rows

    shuffled = list(calls)
    order.shuffle(shuffled)
    assert states(shuffled) == states(calls)


steps = st.lists(
    st.tuples(
        st.sampled_from(("issue", "import", "revoke")),
        st.integers(0, 2),
        st.sampled_from(list(CertificateState)),
    ),
    max_size=12,
)


@given(steps)
def test_no_certificate_leaves_the_state_table(sequence: list[tuple[str, int, int]]) -> None:
    caller = Caller()
    allowed = {(one.action, one.before, one.after) for one in TRANSITIONS}
    for action, number, state in sequence:
        name = identifier(number)
        part = {
            "issue": changed(ISSUE, identifier=name, file_digest=bytes((number,)) * 32),
            "import": changed(
                IMPORT,
                identifier=name,
                file_digest=bytes((number,)) * 32,
                state=int(state),
                code=str(int(state)),
            ),
            "revoke": changed(REVOKE, identifier=name),
        }[action]
        before = caller.state.find(CERTIFICATES, name)
        is_accepted = not outcome_of(caller, "certificates", action, encode_part(part), private=b"")
        after = caller.state.find(CERTIFICATES, name)
        if is_accepted:
            assert after is not None
            step = (action, None if before is None else before.state, after.state)
            assert step in allowed
            history = caller.state.find(HISTORIES, name)
            assert history is not None
            assert after.history_count == len(history)
            assert after.history_root == CRYPTO.merkle_root(history)
            file_row = caller.state.find(FILES, after.file_digest)
            assert file_row is not None
            assert file_row.identifier == name
        else:
            assert after == before


ends = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=20
)


@given(st.lists(st.sampled_from((0, 10, 20, 30)), min_size=4, max_size=4), ends)
def test_the_latest_end_of_member_keys_never_moves_forward(
    first_ends: list[int], calls: list[tuple[int, int, int]]
) -> None:
    state = MemoryState()
    ids = [bytes((number,)) * 20 for number in range(4)]
    for key_id, end in zip(ids, first_ends, strict=True):
        valid_to_ms = NOW_MS + end if end else 0
        row = KeyRow(key_id, REQUESTER, (Role.MEMBER,), 0, valid_to_ms)
        state.put(KEYS, row, key_id)

    def latest() -> int:
        rows = [state.find(KEYS, key_id) for key_id in ids]
        return max(row.valid_to_ms or INTEGER_MAX for row in rows if row is not None)

    before = latest()
    for sender, target, end in calls:
        caller = Caller(state=state, key_id=ids[sender], roles=(1,))
        part = changed(END_KEY, key_id=ids[target], valid_to_ms=NOW_MS + end)
        outcome_of(caller, "members", "end_key", encode_part(part), b"")
        assert latest() == before


@pytest.mark.parametrize("name", sorted({name for name, _ in ACTION_NAMES}))
def test_every_action_of_every_contract_is_under_test(name: str) -> None:
    actions = {action for one, action in ACTION_NAMES if one == name}
    table = CONTRACTS[Caller().rules_of(name)][name, 1]
    known = {
        action
        for action in (*actions, "none")
        if outcome_of(Caller(), name, action, b"", b"") != Code.UNKNOWN_ACTION
    }
    assert known == actions
    assert table.name == name
