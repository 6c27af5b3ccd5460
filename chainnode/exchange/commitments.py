"""Commitments to the fields of a message, and disclosures of some of them. Pure.

docs/wire-format.md §15. A commitment is the RFC 9162 root over salted fields, so it shows
nothing; who knows the seed can later show any of the fields, and nobody can show another value.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter

import msgspec

from chainnode.errors import InvalidInput
from chainnode.ledger.merkle import (
    Hash,
    hash_leaf,
    inclusion_path,
    merkle_root_of_hashes,
    verify_inclusion,
)
from contracts.schemas.fields import encode_field

SEED_BYTES = 32
SALT_BYTES = 16
FIELDS_MAX = 4096
_SALT_TAG = "kun.fieldsalt"
_SALT_VERSION = 1
# The types are known here, so this is the canonical encoding of chainnode.codec.
_ENCODER = msgspec.msgpack.Encoder()


class IllegalFields(InvalidInput):
    """Fields that no commitment can bind, or names that it does not bind."""

    def __init__(self, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"fields: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True)
class Field:
    """One named value of a message; the value may be personal data and is in no `repr`."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """A field, where it stands among `size` fields, its salt and its path to the commitment."""

    index: int
    salt: bytes
    field: Field
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """Some of the fields under one commitment, ascending by their place."""

    size: int
    fields: tuple[ShownField, ...]


def commitment(h: Hash, *, seed: bytes, fields: Sequence[Field]) -> bytes:
    """Return the 32-byte commitment to fields in any order; their names are distinct.

    Raises:
        IllegalFields: a name twice, or more than `FIELDS_MAX`.

    """
    return merkle_root_of_hashes(h, _leaf_hashes(h, seed, _ordered(fields)))


def disclose(
    h: Hash, *, seed: bytes, fields: Sequence[Field], names: Collection[str]
) -> Disclosure:
    """Show the fields of these names, and nothing of the others.

    Raises:
        IllegalFields: as `commitment`, or a name that none of them has.

    """
    ordered = _ordered(fields)
    known = {one.name for one in ordered}
    missing = sorted(set(names) - known)
    if missing:
        # Names are chosen by the service's interface; values never stand in an error.
        raise IllegalFields(expected="names out of the committed ones", actual=", ".join(missing))
    hashes = _leaf_hashes(h, seed, ordered)
    return Disclosure(
        size=len(ordered),
        fields=tuple(
            ShownField(
                index=index,
                salt=field_salt(h, seed=seed, name=one.name),
                field=one,
                path=inclusion_path(h, hashes, index),
            )
            for index, one in enumerate(ordered)
            if one.name in names
        ),
    )


def verify_disclosure(h: Hash, disclosure: Disclosure, *, root: bytes) -> None:
    """Check that every shown field stands under the commitment `root`, each at its own place.

    Ascending names at ascending places are part of the format: a commitment whose names are
    not is none, so two shown fields of one name are refused too.

    Raises:
        InvalidProof: a field is not under the commitment.
        IllegalFields: the shown fields are out of order.

    """
    for left, right in pairwise(disclosure.fields):
        if not (left.index < right.index and left.field.name < right.field.name):
            raise IllegalFields(
                expected="shown fields ascending by place and name",
                actual=f"place {right.index} after place {left.index}",
            )
    for one in disclosure.fields:
        verify_inclusion(
            h,
            leaf_hash=hash_leaf(h, _leaf(one.salt, one.field)),
            index=one.index,
            size=disclosure.size,
            path=one.path,
            root=root,
        )


def field_salt(h: Hash, *, seed: bytes, name: str) -> bytes:
    """Return the salt of one field, which shows nothing of the seed."""
    return h(_ENCODER.encode((_SALT_TAG, _SALT_VERSION, seed, name)))[:SALT_BYTES]


def _ordered(fields: Sequence[Field]) -> list[Field]:
    if len(fields) > FIELDS_MAX:
        raise IllegalFields(expected=f"at most {FIELDS_MAX}", actual=f"{len(fields)}")
    ordered = sorted(fields, key=attrgetter("name"))
    for left, right in pairwise(ordered):
        if left.name == right.name:
            raise IllegalFields(expected="distinct names", actual=f"{left.name!r:.80} twice")
    return ordered


def _leaf_hashes(h: Hash, seed: bytes, ordered: Sequence[Field]) -> list[bytes]:
    return [hash_leaf(h, _leaf(field_salt(h, seed=seed, name=one.name), one)) for one in ordered]


def _leaf(salt: bytes, one: Field) -> bytes:
    return encode_field(salt=salt, name=one.name, value=one.value)
