"""Small parts of a gateway: cutting of answers, quotas, memory of calls."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.gateway.quotas import QuotaCounter
from chainnode.gateway.releasing import release
from chainnode.gateway.seen_calls import (
    ANSWER_BYTES_MAX,
    CallInFlight,
    CallMemory,
    MemoryFull,
    StoredAnswer,
)
from chainnode.gateway.spool.entries import EntryId

FIELDS = ("name", "sex", "address")
KEY = ("REQUESTER", b"c" * 16)


def test_members_without_a_given_field_are_cut_and_others_stay_byte_for_byte() -> None:
    body = b'{"name": "\\u5f20", "sex":1.50, "address": {"a": [1]}, "extra": null}'
    released = release(body, given=0b101, item_fields=FIELDS, field_of={})
    assert released is not None
    assert released.body == b'{"name":"\\u5f20","address":{"a": [1]}}'
    assert (released.count, released.removed) == (1, 2)


def test_member_is_released_under_the_field_that_it_is_mapped_to() -> None:
    mapped = {"full_name": "name", "name": "nothing"}
    released = release(
        b'{"full_name":1,"name":2}', given=0b111, item_fields=FIELDS, field_of=mapped
    )
    assert released is not None
    assert released.body == b'{"full_name":1}'


def test_objects_of_an_array_are_cut_and_counted() -> None:
    released = release(b'[{"name":1,"x":2},{"sex":3}]', given=1, item_fields=FIELDS, field_of={})
    assert released is not None
    assert (released.body, released.count, released.removed) == (b'[{"name":1},{}]', 2, 2)


@pytest.mark.parametrize(
    "body",
    [b"", b"1", b'"name"', b"[1]", b"[[]]", b"{", b"\xff", b"[" * 100_000, b'{"name":1}x'],
)
def test_what_is_no_object_or_array_of_objects_cannot_be_cut(body: bytes) -> None:
    assert release(body, given=7, item_fields=FIELDS, field_of={}) is None


@given(
    members=st.dictionaries(st.sampled_from([*FIELDS, "x", "y"]), st.integers(0, 9)),
    bits=st.integers(0, 7),
)
def test_nothing_leaves_but_given_fields(members: dict[str, int], bits: int) -> None:
    released = release(json.dumps(members).encode(), given=bits, item_fields=FIELDS, field_of={})
    assert released is not None
    allowed = {name for number, name in enumerate(FIELDS) if bits >> number & 1}
    expected = {name: value for name, value in members.items() if name in allowed}
    assert json.loads(released.body) == expected


def test_quota_is_counted_by_grant_and_day() -> None:
    quotas = QuotaCounter()
    assert quotas.take("a", 1, quota=1, proven=0, height=1)
    assert not quotas.take("a", 1, quota=1, proven=0, height=1)
    assert quotas.take("a", 2, quota=1, proven=0, height=1)
    assert quotas.take("b", 1, quota=1, proven=0, height=1)


def test_permit_that_was_given_back_may_be_taken_again_and_only_once() -> None:
    quotas = QuotaCounter()
    quotas.take("a", 1, quota=1, proven=0, height=1)
    for _ in range(2):
        quotas.give_back("a", 1)
    assert quotas.take("a", 1, quota=1, proven=0, height=1)
    assert not quotas.take("a", 1, quota=1, proven=0, height=1)


def answer(body: bytes) -> StoredAnswer:
    return StoredAnswer(status=200, headers=(), body=body, reply="r", entry_id=EntryId(1))


def claim(
    memory: CallMemory, key: tuple[str, bytes] = KEY, *, now_ms: int = 0
) -> StoredAnswer | None:
    return memory.claim(key, token=b"t", header="h", now_ms=now_ms, until_ms=now_ms + 10)


@pytest.mark.parametrize("body", [bytes(ANSWER_BYTES_MAX + 1), bytes(200)], ids=["one", "all"])
def test_answers_beyond_the_room_are_remembered_without_their_body(body: bytes) -> None:
    memory = CallMemory(answers_bytes_max=199)
    claim(memory)
    memory.answered(KEY, answer(body), until_ms=0)
    stored = claim(memory)
    assert stored is not None
    assert (stored.body, stored.reply) == (None, "r")


def test_room_of_forgotten_answers_is_given_back() -> None:
    memory = CallMemory(answers_bytes_max=100)
    claim(memory)
    memory.answered(KEY, answer(bytes(100)), until_ms=0)
    other = ("OTHER", b"c" * 16)
    claim(memory, other, now_ms=11)
    memory.answered(other, answer(bytes(100)), until_ms=0)
    stored = claim(memory, other, now_ms=11)
    assert stored is not None
    assert stored.body == bytes(100)
    assert claim(memory, now_ms=11) is None


def test_call_within_its_window_is_never_forgotten_for_a_new_one() -> None:
    memory = CallMemory(calls_max=1)
    claim(memory)
    with pytest.raises(MemoryFull):
        claim(memory, ("OTHER", b"c" * 16), now_ms=10)
    with pytest.raises(CallInFlight):
        claim(memory, now_ms=10)


def test_call_that_was_released_may_come_again() -> None:
    memory = CallMemory()
    claim(memory)
    memory.release(KEY)
    assert claim(memory) is None
