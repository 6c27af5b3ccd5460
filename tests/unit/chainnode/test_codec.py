"""The canonical encoding: what has one, what is refused, and what a hostile input may cost."""

import threading
import tracemalloc

import pytest

from chainnode.codec import (
    DEPTH_CAP,
    INTEGER_MAX,
    EncodingError,
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    decode_part,
    encode,
)

LIMITS = Limits(bytes_max=1024 * 1024)

# Each length and integer at the edges of its forms, as the MessagePack specification says.
SHORTEST_FORMS = [
    (0, b"\x00"),
    (127, b"\x7f"),
    (128, b"\xcc\x80"),
    (255, b"\xcc\xff"),
    (256, b"\xcd\x01\x00"),
    (65535, b"\xcd\xff\xff"),
    (65536, b"\xce\x00\x01\x00\x00"),
    (2**32 - 1, b"\xce\xff\xff\xff\xff"),
    (2**32, b"\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
    (INTEGER_MAX, b"\xcf\x00\x1f\xff\xff\xff\xff\xff\xff"),
    (b"", b"\xc4\x00"),
    (b"a" * 255, b"\xc4\xff" + b"a" * 255),
    (b"a" * 256, b"\xc5\x01\x00" + b"a" * 256),
    (b"a" * 65536, b"\xc6\x00\x01\x00\x00" + b"a" * 65536),
    ("", b"\xa0"),
    ("a" * 31, b"\xbf" + b"a" * 31),
    ("a" * 32, b"\xd9\x20" + b"a" * 32),
    ("a" * 256, b"\xda\x01\x00" + b"a" * 256),
    ("a" * 65536, b"\xdb\x00\x01\x00\x00" + b"a" * 65536),
    ("昆", b"\xa3\xe6\x98\x86"),
    ((), b"\x90"),
    ((1,) * 15, b"\x9f" + b"\x01" * 15),
    ((1,) * 16, b"\xdc\x00\x10" + b"\x01" * 16),
    (("kun.x", 1, (b"",), ()), b"\x94\xa5kun.x\x01\x91\xc4\x00\x90"),
]
# The same values in forms that are legal MessagePack and not the shortest.
LONGER_FORMS = {
    "0 in 8 bits": b"\xcc\x00",
    "127 in 8 bits": b"\xcc\x7f",
    "255 in 16 bits": b"\xcd\x00\xff",
    "65535 in 32 bits": b"\xce\x00\x00\xff\xff",
    "2^32 - 1 in 64 bits": b"\xcf\x00\x00\x00\x00\xff\xff\xff\xff",
    "short bytes, 16-bit length": b"\xc5\x00\x01a",
    "short bytes, 32-bit length": b"\xc6\x00\x00\x00\x01a",
    "short string, 8-bit length": b"\xd9\x01a",
    "short string, 16-bit length": b"\xda\x00\x01a",
    "short string, 32-bit length": b"\xdb\x00\x00\x00\x01a",
    "short array, 16-bit length": b"\xdc\x00\x01\x01",
    "short array, 32-bit length": b"\xdd\x00\x00\x00\x01\x01",
    "long form inside an array": b"\x92\x01\xcc\x01",
}
OTHER_TYPES = {
    "nil": b"\xc0",
    "never used": b"\xc1",
    "false": b"\xc2",
    "true": b"\xc3",
    "extension 8": b"\xc7\x01\x01a",
    "float 32": b"\xca\x00\x00\x00\x00",
    "float 64": b"\xcb" + bytes(8),
    "signed 8": b"\xd0\x01",
    "signed 64": b"\xd3" + bytes(8),
    "fixed extension": b"\xd4\x01a",
    "timestamp": b"\xd6\xff" + bytes(4),
    "map": b"\x80",
    "map 16": b"\xde\x00\x00",
    "negative": b"\xff",
    "nil inside": b"\x91\xc0",
    "2^53": b"\xcf\x00\x20" + bytes(6),
    "2^64 - 1": b"\xcf" + b"\xff" * 8,
}
TRUNCATED_OR_LONGER = {
    "nothing": b"",
    "integer without its bytes": b"\xcd\x01",
    "wide integer without its bytes": b"\xcf\x00",
    "bytes without a length": b"\xc4",
    "bytes without a 16-bit length": b"\xc5\x01",
    "bytes without a 32-bit length": b"\xc6\x00\x00",
    "bytes shorter than they claim": b"\xc4\x02a",
    "string shorter than it claims": b"\xa2a",
    "long string shorter than it claims": b"\xd9\x21a",
    "array shorter than it claims": b"\x92\x01",
    "array without a length": b"\xdc\x00",
    "array whose length is cut to zero": b"\xdd\x00\x00",
    "a second value": b"\x01\x02",
    "a byte after an array": b"\x91\x01\x00",
}
BAD_TEXT = {
    "lone byte": b"\xa1\xff",
    "overlong slash": b"\xa2\xc0\xaf",
    "surrogate": b"\xa3\xed\xa0\x80",
    "beyond U+10FFFF": b"\xa4\xf4\x90\x80\x80",
}


@pytest.mark.parametrize(("value", "data"), SHORTEST_FORMS)
def test_each_value_has_its_shortest_form_in_both_directions(value: Plain, data: bytes) -> None:
    assert encode(value) == data
    assert decode(data, LIMITS) == value


def test_a_list_is_encoded_as_an_array_and_comes_back_as_a_tuple() -> None:
    # The type says tuple; what a caller builds in a loop is a list.
    data = encode([1, [b"a"]])  # type: ignore[arg-type] # a list on purpose
    assert decode(data, LIMITS) == (1, (b"a",))


@pytest.mark.parametrize("data", LONGER_FORMS.values(), ids=LONGER_FORMS.keys())
def test_longer_forms_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidEncoding, match="shortest forms"):
        decode(data, LIMITS)


@pytest.mark.parametrize("data", OTHER_TYPES.values(), ids=OTHER_TYPES.keys())
def test_other_types_and_larger_integers_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidEncoding, match=r"type|2\^53"):
        decode(data, LIMITS)


@pytest.mark.parametrize("data", TRUNCATED_OR_LONGER.values(), ids=TRUNCATED_OR_LONGER.keys())
def test_anything_but_exactly_one_value_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidEncoding, match="exactly one value"):
        decode(data, LIMITS)


@pytest.mark.parametrize("data", BAD_TEXT.values(), ids=BAD_TEXT.keys())
def test_strings_that_are_not_utf_8_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidEncoding, match="UTF-8"):
        decode(data, LIMITS)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0.0,
        1.5,
        -1,
        INTEGER_MAX + 1,
        2**64,
        {},
        {"a": 1},
        object(),
        "\ud800",
        (1, (None,)),
        (b"", [1.0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_encode_refuses_what_the_format_cannot_express(value: object) -> None:
    with pytest.raises(EncodingError):
        encode(value)  # type: ignore[arg-type] # the type is what is tested


def nested(depth: int) -> Plain:
    """Return an integer inside `depth` arrays."""
    value: Plain = 1
    for _ in range(depth):
        value = (value,)
    return value


def test_encode_refuses_more_arrays_inside_each_other_than_any_decoder_takes() -> None:
    assert encode(nested(DEPTH_CAP)) == b"\x91" * DEPTH_CAP + b"\x01"
    with pytest.raises(EncodingError, match="depth"):
        encode(nested(DEPTH_CAP + 1))
    with pytest.raises(EncodingError):
        encode(nested(100_000))


def test_a_refused_value_leaves_nothing_behind_in_the_next_encoding() -> None:
    with pytest.raises(EncodingError):
        encode((b"left over", object()))  # type: ignore[arg-type] # the type is what is tested
    assert encode(7) == b"\x07"


def test_limits_hold_to_the_byte_the_level_and_the_element() -> None:
    data = encode(((1, 2), (3,)))
    assert decode(data, Limits(bytes_max=len(data), depth_max=2, elements_max=6))
    for tight in (
        Limits(bytes_max=len(data) - 1, depth_max=2, elements_max=6),
        Limits(bytes_max=len(data), depth_max=1, elements_max=6),
        Limits(bytes_max=len(data), depth_max=2, elements_max=5),
    ):
        with pytest.raises(InvalidEncoding, match="≤"):
            decode(data, tight)


def test_a_scalar_needs_no_depth() -> None:
    assert decode(b"\x01", Limits(bytes_max=1, depth_max=0)) == 1
    with pytest.raises(InvalidEncoding):
        decode(b"\x90", Limits(bytes_max=1, depth_max=0))


def test_limits_beyond_the_encoder_are_our_own_fault() -> None:
    with pytest.raises(EncodingError, match="depth_max"):
        Limits(bytes_max=1, depth_max=DEPTH_CAP + 1)


@pytest.mark.parametrize(
    "data",
    [
        b"\x91" * 65536,
        b"\xdc\xff\xff" * 21846,
        b"\xdd\xff\xff\xff\xff" * 13107,
        b"\xdc\xff\xff" * 8 + b"\x01" * 65512,
        (b"\xdc\x20\x00" + b"\x90" * 8191) * 8,
    ],
    ids=["nested", "nested wide", "nested widest", "eight wide, then elements", "wide in wide"],
)
def test_hostile_headers_cost_no_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidEncoding):
            decode(data, LIMITS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The error and the walk; decoding the same bytes without limits takes tens of MiB.
    assert peak < 64 * 1024


def test_threads_do_not_mix_their_bytes() -> None:
    values = [(n, bytes([n]) * 5000, str(n)) for n in range(8)]
    wrong: list[int] = []

    def repeat(value: tuple[int, bytes, str]) -> None:
        expected = encode(value)
        wrong.extend(value[0] for _ in range(300) if encode(value) != expected)

    threads = [threading.Thread(target=repeat, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_shape_helpers_return_the_value_with_its_type() -> None:
    assert as_array((1, 2), 2, "pair") == (1, 2)
    assert as_array((1, 2), None, "list", maximum=2) == (1, 2)
    assert as_int(5, "count", 5) == 5
    assert as_bytes(b"ab", "digest", 2) == b"ab"
    assert as_bytes(b"ab", "part", maximum=2) == b"ab"
    assert as_text("昆链", "name", 2) == "昆链"


def test_shape_helpers_refuse_other_types_and_name_both() -> None:
    for read, value, expected, actual in (
        (lambda v: as_array(v, 1, "x"), 1, "an array", "an integer"),
        (lambda v: as_int(v, "x"), b"", "an integer", "a byte string"),
        (lambda v: as_bytes(v, "x"), "", "a byte string", "a string"),
        (lambda v: as_text(v, "x", 9), (), "a string", "an array"),
    ):
        with pytest.raises(InvalidEncoding) as caught:
            read(value)
        assert (caught.value.what, caught.value.expected, caught.value.actual) == (
            "x",
            expected,
            actual,
        )


def test_shape_helpers_refuse_one_too_many_and_one_too_few() -> None:
    for refuse in (
        lambda: as_array((1,), 2, "x"),
        lambda: as_array((1, 2, 3), 2, "x"),
        lambda: as_array((1, 2, 3), None, "x", maximum=2),
        lambda: as_int(6, "x", 5),
        lambda: as_bytes(b"a", "x", 2),
        lambda: as_bytes(b"abc", "x", 2),
        lambda: as_bytes(b"abc", "x", maximum=2),
        lambda: as_text("abc", "x", 2),
    ):
        with pytest.raises(InvalidEncoding):
            refuse()


def test_a_part_is_what_decoding_everything_finds_there() -> None:
    value = (1, b"ab", ("x", (2, b""), 2**53 - 1), "末")
    data = encode(value)
    limits = Limits(bytes_max=100)

    assert decode_part(data, what="x") == decode(data, limits) == value
    for path, expected in (((0,), 1), ((1,), b"ab"), ((2, 1), (2, b"")), ((2, 2), 2**53 - 1)):
        assert decode_part(data, *path, what="x") == expected


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (encode((1, 2)), (2,)),
        (encode((1, 2)), (-1,)),
        (encode((1, (2,))), (0, 0)),
        (encode((1, (2,)))[:-1], (1, 0)),
        (b"", (0,)),
        (b"\xc1", ()),
        (b"\x93\x01", (2,)),
    ],
    ids=["behind", "before", "no array", "cut short", "nothing", "no value", "claims more"],
)
def test_a_part_that_is_not_there_is_refused(data: bytes, path: tuple[int, ...]) -> None:
    with pytest.raises(InvalidEncoding):
        decode_part(data, *path, what="x")
