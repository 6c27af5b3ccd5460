"""The encoding over random values and random bytes."""

import contextlib

from hypothesis import example, given
from hypothesis import strategies as st

from chainnode.codec import INTEGER_MAX, InvalidEncoding, Limits, Plain, decode, encode

LIMITS = Limits(bytes_max=1024 * 1024, depth_max=8)

scalars: st.SearchStrategy[Plain] = st.one_of(
    st.integers(0, INTEGER_MAX),
    st.binary(max_size=300),
    st.text(max_size=80),
)
plains: st.SearchStrategy[Plain] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=20).map(tuple), max_leaves=40
).filter(lambda value: depth_of(value) <= 8)


def depth_of(value: Plain) -> int:
    """Count the arrays around the deepest element."""
    if not isinstance(value, tuple):
        return 0
    return 1 + max((depth_of(one) for one in value), default=0)


@given(plains)
def test_what_was_encoded_decodes_to_itself(value: Plain) -> None:
    assert decode(encode(value), LIMITS) == value


@given(plains, plains)
def test_two_values_share_an_encoding_only_when_they_are_equal(one: Plain, two: Plain) -> None:
    assert (encode(one) == encode(two)) == (one == two)


@given(st.binary(max_size=600))
@example(b"\xc4\xff")
@example(b"\xdd\xff\xff\xff\xff")
def test_random_bytes_are_refused_or_are_the_one_encoding_of_what_they_decode_to(
    data: bytes,
) -> None:
    try:
        value = decode(data, LIMITS)
    except InvalidEncoding:
        return
    assert encode(value) == data


@given(plains, st.data())
def test_a_damaged_encoding_is_refused_or_decodes_to_another_value(
    value: Plain, data: st.DataObject
) -> None:
    encoded = bytearray(encode(value))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(InvalidEncoding):
        assert decode(bytes(encoded), LIMITS) != value


@given(plains, st.integers(1, 20), st.binary(min_size=1, max_size=8))
def test_truncation_and_trailing_bytes_are_refused(value: Plain, cut: int, more: bytes) -> None:
    encoded = encode(value)
    for damaged in (encoded[:-cut], encoded + more):
        try:
            decode(damaged, LIMITS)
        except InvalidEncoding:
            continue
        raise AssertionError(damaged)


def _widened(value: Plain) -> st.SearchStrategy[bytes]:
    """Encode `value` with at least one form that is longer than needed, at a random place."""
    if isinstance(value, tuple) and value:
        places = st.integers(0, len(value) - 1)
        head = encode((0,) * len(value))[: -len(value)]
        inside = places.flatmap(
            lambda n: _widened(value[n]).map(
                lambda one: (
                    head + b"".join(one if n == m else encode(v) for m, v in enumerate(value))
                )
            )
        )
        return st.one_of(inside, st.just(_wider_head(value)))
    return st.just(_wider_head(value))


def _wider_head(value: Plain) -> bytes:
    match value:
        case int():
            return b"\xcf" + value.to_bytes(8)
        case bytes():
            return b"\xc6" + len(value).to_bytes(4) + value
        case str():
            text = value.encode()
            return b"\xdb" + len(text).to_bytes(4) + text
        case _:
            return b"\xdd" + len(value).to_bytes(4) + b"".join(encode(one) for one in value)


@given(st.data())
def test_every_longer_form_of_a_value_is_refused(data: st.DataObject) -> None:
    # Below 2^32 and 65,536 elements the widest form is never the shortest.
    value = data.draw(plains.filter(lambda one: not isinstance(one, int) or one < 2**32))
    widened = data.draw(_widened(value))
    try:
        decode(widened, LIMITS)
    except InvalidEncoding:
        return
    # An integer of 2^32 or more inside an array has no longer form: it is the same encoding.
    assert widened == encode(value)
