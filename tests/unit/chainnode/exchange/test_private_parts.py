"""Private parts of access records, encrypted for the pair and the auditors."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.codec import InvalidEncoding, encode
from chainnode.exchange.private_parts import (
    Half,
    Pair,
    WrappedKey,
    decode_wrapped_keys,
    decrypt_private,
    encrypt_private,
    key_check,
    read_encrypted,
    wrap_purpose,
)
from chainnode.suites import InvalidSignature, suite_named

SUITES = ("sm", "intl")
CLEAR = encode((bytes(16), "housing", "公租房资格审核"))
HALF = Half(chain_id=b"c" * 32, requester="HOUSING", provider="POLICE", call_id=b"i" * 16, side=1)
PERIOD = 202611


def pair_key(suite: str) -> bytes:
    return bytes(range(suite_named(suite).aead_key_bytes))


def encrypted(suite: str) -> bytes:
    return encrypt_private(
        suite_named(suite),
        CLEAR,
        pair_key=pair_key(suite),
        period=PERIOD,
        half=HALF,
        nonce=bytes(12),
    )


@pytest.mark.parametrize("suite", SUITES)
def test_who_has_the_pair_key_reads_it(suite: str) -> None:
    found = read_encrypted(encrypted(suite))
    assert found is not None
    assert found.period == PERIOD
    opened = decrypt_private(suite_named(suite), found, pair_key=pair_key(suite), half=HALF)
    assert opened == CLEAR


@pytest.mark.parametrize("suite", SUITES)
def test_nothing_of_it_shows(suite: str) -> None:
    assert "公租房".encode() not in encrypted(suite)
    assert "公租房" not in repr(read_encrypted(encrypted(suite)))


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": b"d" * 32},
        {"requester": "TAX"},
        {"provider": "TAX"},
        {"call_id": b"j" * 16},
        {"side": 0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_it_opens_for_no_other_half(suite: str, change: dict[str, object]) -> None:
    found = read_encrypted(encrypted(suite))
    assert found is not None
    other = replace(HALF, **change)  # type: ignore[arg-type]  # by name
    with pytest.raises(InvalidSignature):
        decrypt_private(suite_named(suite), found, pair_key=pair_key(suite), half=other)


@pytest.mark.parametrize("suite", SUITES)
def test_without_the_key_it_does_not_open(suite: str) -> None:
    """What remains when both parties and the auditors have destroyed the key of a month."""
    found = read_encrypted(encrypted(suite))
    assert found is not None
    with pytest.raises(InvalidSignature):
        decrypt_private(suite_named(suite), found, pair_key=pair_key(suite)[::-1], half=HALF)


def test_a_private_part_in_clear_is_told_apart() -> None:
    assert read_encrypted(CLEAR) is None


@pytest.mark.parametrize(
    "private",
    [
        b"",
        b"\x90",
        encode(("kun.enc", 2, PERIOD, bytes(12), b"x")),
        encode(("kun.enc", 1, PERIOD, bytes(11), b"x")),
        encode(("kun.enc", 1, PERIOD, bytes(12))),
        encode(("salt",)),
        encode((bytes(15), "x")),
    ],
    ids=str,
)
def test_what_is_neither_is_refused(private: bytes) -> None:
    with pytest.raises(InvalidEncoding):
        read_encrypted(private)


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_else(private: bytes) -> None:
    for read in (read_encrypted, decode_wrapped_keys):
        try:
            read(private)
        except InvalidEncoding:
            continue


def test_wrapped_keys_are_read_in_their_order() -> None:
    rows = (("HOUSING", b"1" * 145), ("POLICE", b"2" * 145))
    assert decode_wrapped_keys(encode((bytes(16), rows))) == tuple(WrappedKey(*row) for row in rows)


@pytest.mark.parametrize("order", [("B", "A"), ("A", "A")])
def test_wrapped_keys_in_another_order_are_refused(order: tuple[str, str]) -> None:
    private = encode((bytes(16), tuple((name, b"w") for name in order)))
    with pytest.raises(InvalidEncoding, match="ascending"):
        decode_wrapped_keys(private)


def test_a_key_is_wrapped_for_one_reader_pair_and_month() -> None:
    pair = Pair(requester="HOUSING", provider="POLICE", period=PERIOD)
    base = {"chain_id": b"c" * 32, "pair": pair, "organisation": "POLICE", "public_key": b"k" * 33}
    changed = (
        {"chain_id": b"d" * 32},
        {"pair": replace(pair, requester="TAX")},
        {"pair": replace(pair, provider="TAX")},
        {"pair": replace(pair, period=PERIOD + 1)},
        {"organisation": "HOUSING"},
        {"public_key": b"j" * 33},
    )
    purposes = {wrap_purpose(**{**base, **one}) for one in ({}, *changed)}  # type: ignore[arg-type]  # by name
    assert len(purposes) == 1 + len(changed)


@pytest.mark.parametrize("suite", SUITES)
def test_the_check_of_a_key_shows_which_and_not_what(suite: str) -> None:
    h = suite_named(suite).digest
    key = pair_key(suite)
    assert key_check(h, key) == h(encode(("kun.keycheck", 1, key)))
    assert key_check(h, key) != key_check(h, key[::-1])
