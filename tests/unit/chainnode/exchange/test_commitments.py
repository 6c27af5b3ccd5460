"""Commitments to fields, and disclosures of some of them."""

import hashlib
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.codec import encode
from chainnode.exchange.commitments import (
    FIELDS_MAX,
    Disclosure,
    Field,
    IllegalFields,
    ShownField,
    commitment,
    disclose,
    field_salt,
    verify_disclosure,
)
from chainnode.ledger.merkle import InvalidProof, merkle_root
from chainnode.suites import suite_named

SEED = bytes(range(32))
FIELDS = tuple(
    Field(name, f"value of {name}") for name in ("target", "method", "body.id", "body.名")
)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_a_commitment_is_the_root_over_salted_fields_ascending_by_name() -> None:
    leaves = [
        encode(
            (
                "kun.field",
                1,
                sha256(encode(("kun.fieldsalt", 1, SEED, name)))[:16],
                name,
                f"value of {name}",
            )
        )
        for name in ("body.id", "body.名", "method", "target")
    ]
    assert commitment(sha256, seed=SEED, fields=FIELDS) == merkle_root(sha256, leaves)


def test_the_order_in_which_fields_come_does_not_matter() -> None:
    first = commitment(sha256, seed=SEED, fields=FIELDS)
    assert commitment(sha256, seed=SEED, fields=FIELDS[::-1]) == first


def test_another_seed_gives_another_commitment() -> None:
    first = commitment(sha256, seed=SEED, fields=FIELDS)
    assert commitment(sha256, seed=SEED[::-1], fields=FIELDS) != first


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(IllegalFields, match="distinct names"):
        commitment(sha256, seed=SEED, fields=(Field("a", "1"), Field("a", "2")))


def test_too_many_fields_are_refused() -> None:
    fields = [Field(str(number), "") for number in range(FIELDS_MAX + 1)]
    with pytest.raises(IllegalFields, match=str(FIELDS_MAX)):
        commitment(sha256, seed=SEED, fields=fields)


def test_the_disclosure_of_an_unknown_name_is_refused_without_showing_values() -> None:
    with pytest.raises(IllegalFields, match=r"body\.secret") as refusal:
        disclose(sha256, seed=SEED, fields=FIELDS, names={"body.secret"})
    assert "value of" not in str(refusal.value)


def test_values_are_not_in_the_repr() -> None:
    disclosure = disclose(sha256, seed=SEED, fields=FIELDS, names={"method"})
    assert "value of" not in repr((FIELDS, disclosure))


@pytest.mark.parametrize("suite", ["sm", "intl"])
@given(
    fields=st.dictionaries(st.text(max_size=8), st.text(max_size=8), min_size=1, max_size=40),
    choice=st.randoms(use_true_random=False),
)
def test_every_choice_of_fields_verifies_and_shows_nothing_else(
    suite: str, fields: dict[str, str], choice: random.Random
) -> None:
    h = suite_named(suite).digest
    all_fields = [Field(*one) for one in fields.items()]
    names = {name for name in fields if choice.random() < 0.5}
    root = commitment(h, seed=SEED, fields=all_fields)
    disclosure = disclose(h, seed=SEED, fields=all_fields, names=names)
    verify_disclosure(h, disclosure, root=root)
    assert {one.field.name: one.field.value for one in disclosure.fields} == {
        name: fields[name] for name in names
    }


def _changed(shown: ShownField, **changes: object) -> ShownField:
    return replace(shown, **changes)  # type: ignore[arg-type]  # fields of many types


CORRUPTIONS = {
    "value": lambda one: _changed(one, field=Field(one.field.name, "other")),
    "name": lambda one: _changed(one, field=Field("other", one.field.value)),
    "salt": lambda one: _changed(one, salt=bytes(16)),
    "index + 1": lambda one: _changed(one, index=one.index + 1),
    "index - 1": lambda one: _changed(one, index=one.index - 1),
    "path truncated": lambda one: _changed(one, path=one.path[:-1]),
    "path extended": lambda one: _changed(one, path=(*one.path, bytes(32))),
    "path bit": lambda one: _changed(one, path=(bytes(32), *one.path[1:])),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_changed_disclosure_is_refused(name: str) -> None:
    root = commitment(sha256, seed=SEED, fields=FIELDS)
    disclosure = disclose(sha256, seed=SEED, fields=FIELDS, names={"method"})
    forged = replace(disclosure, fields=(CORRUPTIONS[name](disclosure.fields[0]),))
    with pytest.raises(InvalidProof):
        verify_disclosure(sha256, forged, root=root)


@pytest.mark.parametrize("size", [0, 3, 5, 8])
def test_another_size_is_refused(size: int) -> None:
    fields = FIELDS
    root = commitment(sha256, seed=SEED, fields=fields)
    disclosure = disclose(sha256, seed=SEED, fields=fields, names={"target"})
    with pytest.raises(InvalidProof):
        verify_disclosure(sha256, replace(disclosure, size=size), root=root)


def test_a_field_shown_twice_or_out_of_order_is_refused() -> None:
    root = commitment(sha256, seed=SEED, fields=FIELDS)
    disclosure = disclose(sha256, seed=SEED, fields=FIELDS, names={"method", "target"})
    first, second = disclosure.fields
    for shown in ((first, first), (second, first)):
        with pytest.raises(IllegalFields, match="ascending"):
            verify_disclosure(sha256, Disclosure(size=4, fields=shown), root=root)


def test_two_fields_of_one_name_cannot_both_be_shown() -> None:
    """A dishonest maker can put a name twice under a root; a reader is not told two values."""
    twice = [Field("a", "1"), Field("a", "2")]
    salt = field_salt(sha256, seed=SEED, name="a")
    leaves = [encode(("kun.field", 1, salt, one.name, one.value)) for one in twice]
    root = merkle_root(sha256, leaves)
    hashes = [sha256(b"\x00" + leaf) for leaf in leaves]
    shown = tuple(
        ShownField(index=index, salt=salt, field=one, path=(hashes[1 - index],))
        for index, one in enumerate(twice)
    )
    for one in shown:
        verify_disclosure(sha256, Disclosure(size=2, fields=(one,)), root=root)
    with pytest.raises(IllegalFields):
        verify_disclosure(sha256, Disclosure(size=2, fields=shown), root=root)
