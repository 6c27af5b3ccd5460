"""Contract `members`: keys of organisations, added, ended, never locked out."""

import pytest

from chainnode.suites import suite_named
from contracts.members import genesis_entries
from contracts.schemas.codes import Code
from contracts.schemas.members import KEYS, ORGANISATIONS, EndKey, KeyRow, OrganisationRow
from contracts.schemas.shape import PublicPart
from tests.unit.contracts.builders import (
    ADD_KEY,
    CRYPTO,
    END_KEY,
    NOW_MS,
    PROVIDER,
    REQUESTER,
    Caller,
    MemoryState,
    changed,
)

SUITE = suite_named("intl")


def public_key(number: int) -> bytes:
    return SUITE.load_private_key(bytes((number,)) * 32).public_key


def key_row(number: int, *, roles: tuple[int, ...], valid_to_ms: int = 0) -> KeyRow:
    return KeyRow(
        public_key=public_key(number),
        organisation=REQUESTER,
        roles=roles,
        valid_from_ms=0,
        valid_to_ms=valid_to_ms,
    )


def founded(*keys: KeyRow, roles: tuple[int, ...] = (1, 3)) -> MemoryState:
    organisations = {REQUESTER: OrganisationRow(name="Housing", roles=roles)}
    return MemoryState(dict(genesis_entries(organisations, keys, key_id=CRYPTO.key_id)))


def sender(state: MemoryState, number: int) -> Caller:
    return Caller(state=state, roles=(1,), key_id=CRYPTO.key_id(public_key(number)))


def end_of(state: MemoryState, number: int) -> int:
    row = state.find(KEYS, CRYPTO.key_id(public_key(number)))
    assert row is not None
    return row.valid_to_ms


def end(number: int, valid_to_ms: int) -> EndKey:
    return changed(END_KEY, key_id=CRYPTO.key_id(public_key(number)), valid_to_ms=valid_to_ms)


def test_genesis_puts_organisations_and_keys_under_their_ids() -> None:
    state = founded(key_row(1, roles=(1,)))
    assert state.find(ORGANISATIONS, REQUESTER) == OrganisationRow(name="Housing", roles=(1, 3))
    assert state.find(KEYS, CRYPTO.key_id(public_key(1))) == key_row(1, roles=(1,))


def test_member_adds_a_key_with_roles_of_its_organisation() -> None:
    caller = sender(founded(key_row(1, roles=(1,))), 1)
    part = changed(ADD_KEY, public_key=public_key(2), roles=(1, 3), valid_to_ms=NOW_MS + 9)
    assert caller.send(part).outcome == 1
    assert caller.state.find(KEYS, CRYPTO.key_id(public_key(2))) == KeyRow(
        public_key=public_key(2),
        organisation=REQUESTER,
        roles=(1, 3),
        valid_from_ms=NOW_MS,
        valid_to_ms=NOW_MS + 9,
    )


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"roles": (2,)}, (Code.MEMBERS_ROLE_NOT_HELD, 2)),
        ({"roles": (1, 5)}, (Code.MEMBERS_ROLE_NOT_HELD, 5)),
        ({"roles": (3, 1)}, (Code.NOT_ASCENDING, 2, 1)),
        ({"roles": (3, 3)}, (Code.NOT_ASCENDING, 2, 1)),
        ({"roles": ()}, (Code.WRONG_LENGTH, 2, 1, 5, 0)),
        ({"roles": (6,)}, (Code.OUT_OF_RANGE, 2, 1, 5, 6)),
        ({"public_key": b""}, (Code.WRONG_LENGTH, 1, 1, 33, 0)),
        ({"public_key": b"\x01" * 31}, (Code.MEMBERS_INVALID_KEY,)),
        ({"public_key": bytes(32)}, (Code.MEMBERS_INVALID_KEY,)),
        ({"valid_to_ms": NOW_MS - 1}, (Code.PERIOD_REVERSED, NOW_MS, NOW_MS - 1)),
    ],
)
def test_bad_key_is_refused(fields: dict[str, object], refused: tuple[int, ...]) -> None:
    caller = sender(founded(key_row(1, roles=(1,))), 1)
    before = dict(caller.state.rows)
    part = changed(ADD_KEY, public_key=public_key(2))
    assert caller.refused(changed(part, **fields)) == refused
    assert caller.state.rows == before


def test_known_key_is_not_added_again_by_anybody() -> None:
    state = founded(key_row(1, roles=(1,)))
    again = changed(ADD_KEY, public_key=public_key(1))
    assert sender(state, 1).refused(again) == (Code.MEMBERS_KEY_KNOWN,)


def test_organisation_that_is_not_in_the_state_holds_no_role() -> None:
    caller = Caller(organisation=PROVIDER)
    assert caller.refused(ADD_KEY) == (Code.MEMBERS_ROLE_NOT_HELD, 3)


@pytest.mark.parametrize("part", [ADD_KEY, END_KEY])
def test_keys_need_the_role_member(part: PublicPart) -> None:
    assert Caller(roles=(2, 3, 4, 5)).refused(part) == (Code.ROLE_MISSING, 1)


def test_member_ends_a_key_of_its_organisation() -> None:
    state = founded(key_row(1, roles=(1,)), key_row(2, roles=(3,)))
    assert sender(state, 1).send(end(2, NOW_MS)).outcome == 2
    row = state.find(KEYS, CRYPTO.key_id(public_key(2)))
    assert row is not None
    assert not row.is_valid_at(NOW_MS)
    assert row.is_valid_at(NOW_MS - 1)


def test_unknown_key_cannot_be_ended() -> None:
    state = founded(key_row(1, roles=(1,)))
    assert sender(state, 1).refused(END_KEY) == (Code.MEMBERS_NO_SUCH_KEY,)


def test_key_of_another_organisation_cannot_be_ended() -> None:
    state = founded(key_row(1, roles=(1,)))
    caller = Caller(state=state, organisation=PROVIDER)
    assert caller.refused(end(1, NOW_MS)) == (Code.FOREIGN_ORGANISATION,)


@pytest.mark.parametrize("valid_to_ms", [0, NOW_MS - 1])
def test_key_cannot_end_in_the_past(valid_to_ms: int) -> None:
    state = founded(key_row(1, roles=(1,)), key_row(2, roles=(3,)))
    refused = sender(state, 1).refused(end(2, valid_to_ms))
    assert refused == (Code.MEMBERS_END_IN_PAST, NOW_MS, valid_to_ms)


@pytest.mark.parametrize("later_ms", [0, 1])
def test_end_of_a_key_only_moves_forward(later_ms: int) -> None:
    present = NOW_MS + 10
    state = founded(key_row(1, roles=(1,)), key_row(2, roles=(3,), valid_to_ms=present))
    refused = sender(state, 1).refused(end(2, present + later_ms))
    assert refused == (Code.MEMBERS_END_NOT_EARLIER, present, present + later_ms)
    sender(state, 1).send(end(2, present - 1))
    assert end_of(state, 2) == present - 1


def test_member_key_cannot_end_itself() -> None:
    state = founded(key_row(1, roles=(1,)), key_row(2, roles=(1,)))
    assert sender(state, 1).refused(end(1, NOW_MS + 1)) == (Code.MEMBERS_OWN_KEY,)


def test_two_member_keys_cannot_end_each_other() -> None:
    state = founded(key_row(1, roles=(1,)), key_row(2, roles=(1,)))
    sender(state, 1).send(end(2, NOW_MS + 50))
    refused = sender(state, 2).refused(end(1, NOW_MS + 10))
    assert refused == (Code.MEMBERS_KEY_OUTLIVES_SENDER, NOW_MS + 50, 0)


def test_member_key_is_ended_by_one_that_lasts_as_long() -> None:
    ends = NOW_MS + 100
    state = founded(
        key_row(1, roles=(1,), valid_to_ms=ends), key_row(2, roles=(1,), valid_to_ms=ends)
    )
    sender(state, 1).send(end(2, NOW_MS))
    assert end_of(state, 2) == NOW_MS


def test_member_key_that_ends_later_outlives_the_sender() -> None:
    state = founded(
        key_row(1, roles=(1,), valid_to_ms=NOW_MS + 100),
        key_row(2, roles=(1,), valid_to_ms=NOW_MS + 101),
    )
    refused = sender(state, 1).refused(end(2, NOW_MS))
    assert refused == (Code.MEMBERS_KEY_OUTLIVES_SENDER, NOW_MS + 100, NOW_MS + 101)
    sender(state, 2).send(end(1, NOW_MS))
    assert end_of(state, 1) == NOW_MS


@pytest.mark.parametrize(
    ("valid_from_ms", "valid_to_ms", "is_valid"),
    [(100, 0, True), (101, 0, False), (0, 101, True), (0, 100, False), (100, 100, False)],
)
def test_key_is_valid_from_its_begin_until_before_its_end(
    valid_from_ms: int, valid_to_ms: int, *, is_valid: bool
) -> None:
    row = KeyRow(b"", REQUESTER, (1,), valid_from_ms, valid_to_ms)
    assert row.is_valid_at(100) is is_valid
