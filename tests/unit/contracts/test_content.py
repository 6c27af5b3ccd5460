"""Contract `content`: wrapping keys once a period, pair keys shared once by the provider."""

import pytest

from contracts.schemas.codes import Code, digest_of_words
from contracts.schemas.content import (
    PRIVATE_BYTES_MIN,
    SHARED,
    WRAPPINGS,
    SharedRow,
    SharePrivate,
    WrappingRow,
)
from contracts.schemas.shape import PublicPart, encode_part
from tests.unit.contracts.builders import (
    PROVIDER,
    PUBLISH_KEY,
    REQUESTER,
    SALT,
    SHARE_KEY,
    WRAPPED,
    Caller,
    changed,
)


def provider() -> Caller:
    return Caller(organisation=PROVIDER)


def test_a_wrapping_key_is_published_once_a_period() -> None:
    caller = Caller()
    accepted = caller.send(PUBLISH_KEY)
    assert accepted.outcome == 1
    assert accepted.index_keys == (b"\x03" + REQUESTER.encode(),)
    assert caller.state.find(WRAPPINGS, REQUESTER, 202510) == WrappingRow(b"w" * 32)
    assert caller.refused(changed(PUBLISH_KEY, public_key=b"x" * 65)) == (Code.CONTENT_KEY_KNOWN,)
    caller.send(changed(PUBLISH_KEY, period=202511))
    Caller(state=caller.state, organisation=PROVIDER).send(PUBLISH_KEY)


def test_a_pair_key_is_shared_once_and_the_refusal_names_where() -> None:
    caller = provider()
    accepted = caller.send(SHARE_KEY, WRAPPED)
    assert accepted.outcome == 2
    assert accepted.index_keys == (b"\x02" + REQUESTER.encode(), b"\x03" + PROVIDER.encode())
    row = caller.state.find(SHARED, REQUESTER, PROVIDER, 202510)
    assert row == SharedRow(b"k" * 32, (b"D" * 32, 0))
    code, call_index, *words = caller.refused(changed(SHARE_KEY, key_check=b"x" * 32), WRAPPED)
    assert (code, call_index) == (Code.CONTENT_SHARED_BEFORE, 0)
    assert digest_of_words(tuple(words)) == b"D" * 32
    caller.send(changed(SHARE_KEY, period=202511), WRAPPED)


def test_only_the_provider_shares_the_key_of_its_pair() -> None:
    assert Caller().refused(SHARE_KEY, WRAPPED) == (Code.FOREIGN_ORGANISATION,)


def test_a_share_carries_at_least_one_wrapped_key() -> None:
    shortest = encode_part(SharePrivate(SALT, (("AB", bytes(92)),)))
    assert len(shortest) == PRIVATE_BYTES_MIN
    refused = provider().refused(SHARE_KEY, shortest[:-1])
    assert refused == (Code.PRIVATE_PART_TOO_SHORT, PRIVATE_BYTES_MIN, PRIVATE_BYTES_MIN - 1)
    provider().send(SHARE_KEY, shortest)


@pytest.mark.parametrize(
    ("part", "roles", "role"), [(PUBLISH_KEY, (2, 3, 4, 5), 1), (SHARE_KEY, (1, 2, 4, 5), 3)]
)
def test_keys_of_content_need_their_roles(
    part: PublicPart, roles: tuple[int, ...], role: int
) -> None:
    assert Caller(roles=roles).refused(part, WRAPPED) == (Code.ROLE_MISSING, role)


@pytest.mark.parametrize(
    ("part", "refused"),
    [
        (changed(PUBLISH_KEY, period=202513), (Code.ILLEGAL_DATE, 1, 202513)),
        (changed(PUBLISH_KEY, period=0), (Code.ILLEGAL_DATE, 1, 0)),
        (changed(PUBLISH_KEY, period=20251001), (Code.ILLEGAL_DATE, 1, 20251001)),
        (changed(PUBLISH_KEY, public_key=b"w" * 31), (Code.WRONG_LENGTH, 2, 32, 65, 31)),
        (changed(PUBLISH_KEY, public_key=b"w" * 66), (Code.WRONG_LENGTH, 2, 32, 65, 66)),
        (changed(SHARE_KEY, requester="a-"), (Code.ILLEGAL_TEXT, 1, 0, ord("a"))),
        (changed(SHARE_KEY, provider="B b"), (Code.ILLEGAL_TEXT, 2, 1, 32)),
        (changed(SHARE_KEY, period=202500), (Code.ILLEGAL_DATE, 3, 202500)),
        (changed(SHARE_KEY, key_check=b""), (Code.WRONG_LENGTH, 4, 32, 32, 0)),
    ],
)
def test_malformed_parts_are_refused_naming_field_and_bound(
    part: PublicPart, refused: tuple[int, ...]
) -> None:
    caller = provider()
    assert caller.refused(part, WRAPPED) == refused
    assert caller.state.rows == {}
