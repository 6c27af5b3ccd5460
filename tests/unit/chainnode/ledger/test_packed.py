"""Packed byte strings: what comes out is what was put in, in order, wherever portions end."""

import hashlib

import pytest

from chainnode.ledger.packed import (
    PackedDigests,
    PackedRows,
    PackedStrings,
    PackedValues,
    ascending,
)

STRINGS = [b"first", b"", b"third " * 100, b"", b"x"]


def digest_of(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(4)).digest()


def test_strings_come_out_as_they_were_put_in() -> None:
    packed = PackedStrings()
    for one in STRINGS:
        packed.append(one)

    assert list(packed) == STRINGS
    assert [packed[at] for at in range(len(packed))] == STRINGS


def test_values_come_out_under_their_keys() -> None:
    packed = PackedValues()
    pairs = [(digest_of(number), one) for number, one in enumerate(STRINGS)]
    for key_digest, value in pairs:
        packed.append(key_digest, value)

    assert list(packed.items()) == pairs


def test_rows_are_a_mapping_of_their_buckets() -> None:
    packed = PackedRows()
    expected = dict(zip((0, 3, 4, 70_000, 2**24 - 1), STRINGS, strict=True))
    for number, rows in expected.items():
        packed.append(number, rows)

    assert dict(packed) == expected
    assert list(packed.items()) == list(packed.pairs()) == list(expected.items())
    assert len(packed) == len(expected)


@pytest.mark.parametrize("number", [0, 2, 4, 6])
def test_a_bucket_that_was_not_put_in_has_no_rows(number: int) -> None:
    packed = PackedRows()
    for one in (1, 3, 5):
        packed.append(one, b"rows")

    assert number not in packed
    assert packed.get(number, b"") == b""


def test_digests_come_out_with_their_indexes() -> None:
    packed = PackedDigests()
    expected = [(number * 7, digest_of(number)) for number in range(9)]
    for index, digest in expected:
        packed.append(index, digest)

    assert list(packed) == expected
    assert list(packed.indexes) == [index for index, _ in expected]


@pytest.mark.parametrize("count", [0, 1, 4095, 4096, 4097, 10_000])
def test_changes_are_ascending_wherever_portions_end(count: int) -> None:
    changes = {
        digest_of(one): None if one % 3 == 0 else digest_of(count + one) for one in range(count)
    }

    found = list(ascending(changes))

    assert found == sorted(key_digest + (value or b"") for key_digest, value in changes.items())
