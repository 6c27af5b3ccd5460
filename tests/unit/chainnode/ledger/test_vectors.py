"""The published vectors of the ledger's proofs: they hold, and the script makes them again."""

import json
from typing import Any

import pytest

from chainnode.ledger.bucket_map import MapProof, empty_root, verify_map_proof
from chainnode.ledger.codec import (
    decode_certificate,
    decode_entry,
    decode_receipt,
    header_from_parts,
)
from chainnode.ledger.merkle import (
    InvalidProof,
    hash_leaf,
    merkle_root,
    verify_consistency,
    verify_inclusion,
)
from chainnode.ledger.proofs import verify_certificate, verify_receipt, verify_record
from chainnode.ledger.types import Member, checkpoint_content, members_digest
from chainnode.suites import suite_named
from tests.vectors.make_ledger import FOLDER, all_vectors

SUITES = ("intl", "sm")


def published(kind: str, suite: str) -> dict[str, Any]:
    text = (FOLDER / kind / f"{suite}.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def unhex(values: list[str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(one) for one in values)


def test_the_script_makes_every_file_again_as_it_is() -> None:
    for path, text in all_vectors().items():
        assert (FOLDER / path).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("suite", SUITES)
def test_published_roots_and_paths_are_accepted(suite: str) -> None:
    h = suite_named(suite).digest
    vectors = published("merkle", suite)
    leaves = unhex(vectors["leaves"])
    roots = {size: bytes.fromhex(root) for size, root in vectors["roots"]}

    for size, root in roots.items():
        assert merkle_root(h, leaves[:size]) == root
    for size, index, path in vectors["inclusion"]:
        verify_inclusion(
            h,
            leaf_hash=hash_leaf(h, leaves[index]),
            index=index,
            size=size,
            path=unhex(path),
            root=roots[size],
        )
    for old_size, size, path in vectors["consistency"]:
        verify_consistency(
            h,
            old_size=old_size,
            new_size=size,
            old_root=merkle_root(h, leaves[:old_size]),
            new_root=roots[size],
            path=unhex(path),
        )


@pytest.mark.parametrize("suite", SUITES)
def test_published_map_proofs_are_accepted(suite: str) -> None:
    h = suite_named(suite).digest
    vectors = published("map", suite)
    content = {bytes.fromhex(key): bytes.fromhex(value) for key, value in vectors["content"]}

    assert empty_root(h, bits=vectors["bits"]).hex() == vectors["empty_root"]
    for row in vectors["proofs"]:
        key = bytes.fromhex(row["key"])
        value = None if row["value"] is None else bytes.fromhex(row["value"])
        assert content.get(key) == value
        verify_map_proof(
            h,
            bits=vectors["bits"],
            root=bytes.fromhex(vectors["root"]),
            key=key,
            value=value,
            proof=MapProof(rows=bytes.fromhex(row["rows"]), siblings=unhex(row["siblings"])),
        )


@pytest.mark.parametrize("suite_name", SUITES)
def test_the_published_header_proves_what_it_should_and_nothing_else(suite_name: str) -> None:
    suite = suite_named(suite_name)
    h = suite.digest
    vectors = published("header", suite_name)
    header = header_from_parts(bytes.fromhex(vectors["head"]), unhex(vectors["rest"]))
    members = tuple(
        Member(replica_id=one, organisation=organisation, vote_key=bytes.fromhex(key))
        for one, organisation, key in vectors["members"]
    )
    keys = {one.replica_id: one.vote_key for one in members}

    def certify(encoded: str) -> None:
        verify_certificate(
            suite,
            chain_id=header.head.chain_id,
            header=header,
            certificate=decode_certificate(bytes.fromhex(encoded)),
            members=keys,
        )

    digest = header.digest(h)
    content = checkpoint_content(
        chain_id=header.head.chain_id, epoch=0, height=header.height, header_digest=digest
    )
    assert digest.hex() == vectors["header_digest"]
    assert content.hex() == vectors["checkpoint"]
    assert members_digest(h, epoch=0, members=members) == header.rest.members_digest
    certify(vectors["certificate"])
    for encoded, _reason in vectors["refused_certificates"]:
        with pytest.raises(InvalidProof):
            certify(encoded)
    entry = bytes.fromhex(vectors["entry"])
    assert decode_entry(entry).height == header.height
    verify_record(h, header=header, entry=entry, position=0, path=())
    receipts = unhex(vectors["receipts"])
    for index, receipt in enumerate(receipts):
        decode_receipt(receipt)
        path = (hash_leaf(h, receipts[1 - index]),)
        verify_receipt(h, header=header, receipt=receipt, index=index, count=2, path=path)
