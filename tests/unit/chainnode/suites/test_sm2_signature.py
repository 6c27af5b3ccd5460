"""The two encodings of an SM2 signature: each signature has exactly one of each."""

import pytest

from chainnode.suites.port import InvalidSignature
from chainnode.suites.sm2_signature import ORDER, der_of, raw_of


def raw(first: int, second: int) -> bytes:
    """Return r ‖ s without any check."""
    return first.to_bytes(32) + second.to_bytes(32)


@pytest.mark.parametrize(
    ("first", "second", "der"),
    [
        (1, 1, "3006020101020101"),
        (127, 128, "300702017f02020080"),
        (2**240, 255, "3025021f01" + "00" * 30 + "020200ff"),
        (ORDER - 1, 2**255, f"3046022100{ORDER - 1:064x}02210080" + "00" * 31),
    ],
    ids=["smallest", "one sign byte", "one byte less", "largest"],
)
def test_both_forms_are_made_of_each_other(first: int, second: int, der: str) -> None:
    assert der_of(raw(first, second)).hex() == der
    assert raw_of(bytes.fromhex(der)) == raw(first, second)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        raw(1, 1)[:-1],
        raw(1, 1) + b"\x00",
        raw(0, 1),
        raw(1, 0),
        raw(ORDER, 1),
        raw(1, ORDER),
        raw(1 + ORDER, 1),
        raw(2**256 - 1, 2**256 - 1),
    ],
    ids=["empty", "short", "trailing byte", "r 0", "s 0", "r n", "s n", "r + n", "all ones"],
)
def test_what_is_not_two_scalars_in_range_is_refused(signature: bytes) -> None:
    with pytest.raises(InvalidSignature):
        der_of(signature)


@pytest.mark.parametrize(
    "der",
    [
        "",
        "30",
        "3006",
        "30060201010201",
        "300602010102010100",
        "3106020101020101",
        "3006030101020101",
        "3006020101030101",
        "308106020101020101",
        "3007020101020101",
        "30070202000102010100"[:18],
        "3006020100020101",
        "3006020181020101",
        "3009020101020101020101",
        f"3026022100{ORDER:064x}020101",
        "30" + "2a" + "0225" + "01" * 37 + "020101",
    ],
    ids=[
        "empty",
        "tag alone",
        "no integers",
        "cut",
        "trailing byte",
        "set instead of sequence",
        "bit string first",
        "bit string second",
        "long length form",
        "wrong outer length",
        "padded integer",
        "zero",
        "negative",
        "three integers",
        "r n",
        "integer beyond 32 bytes",
    ],
)
def test_any_other_der_is_refused(der: str) -> None:
    with pytest.raises(InvalidSignature):
        raw_of(bytes.fromhex(der))
