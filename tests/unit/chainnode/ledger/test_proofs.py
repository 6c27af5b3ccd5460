"""What a sceptic checks offline, each in named corruptions that must be refused."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from chainnode.codec import InvalidEncoding
from chainnode.ledger.bucket_map import BucketMap, MapProof, bucket_number
from chainnode.ledger.codec import encode_entry, encode_receipt
from chainnode.ledger.genesis_block import genesis_block, members_of
from chainnode.ledger.merkle import InvalidProof, MerkleTree, hash_leaf
from chainnode.ledger.proofs import (
    quorum_of,
    verify_certificate,
    verify_receipt,
    verify_record,
    verify_record_in_block,
    verify_state_item,
    vote_keys,
)
from chainnode.ledger.types import (
    Certificate,
    Header,
    Receipt,
)
from consensus.types import Epoch, Membership
from tests.unit.chainnode.ledger.blocks import BlockMaker, genesis_of, initial_state
from tests.unit.chainnode.ledger.test_codec import ENTRY

SUITES = ("intl", "sm")
POSITION = 3


@pytest.mark.parametrize("size", range(4, 41))
def test_the_quorum_is_the_one_of_consensus(size: int) -> None:
    assert quorum_of(size) == Membership(epoch=Epoch(0), size=size).quorum


@pytest.mark.parametrize("size", [0, 1, 3])
def test_a_group_that_tolerates_no_fault_has_no_quorum(size: int) -> None:
    with pytest.raises(InvalidProof, match="members: expected at least 4"):
        quorum_of(size)


class Case:
    """A header over known entries, receipts and state, its certificate and members."""

    def __init__(self, suite_name: str = "intl") -> None:
        self.maker = BlockMaker(genesis=genesis_of(suite_name))
        self.suite = self.maker.suite
        self.h = h = self.suite.digest
        self.entries = [self.entry(height=1, call_index=one) for one in range(5)]
        self.receipts = [
            encode_receipt(
                Receipt(submission_digest=h(bytes([one])), code=one, first_position=0, calls=())
            )
            for one in range(1, 6)
        ]
        self.log = MerkleTree(h, [hash_leaf(h, one) for one in self.entries])
        self.receipt_tree = MerkleTree(h, [hash_leaf(h, one) for one in self.receipts])
        self.key, self.value = next(iter(initial_state(self.maker.genesis).items()))
        block = genesis_block(h, self.maker.genesis, initial_state(self.maker.genesis))
        self.rows = block.state.delta.rows
        self.state = BucketMap(h, bits=8)
        self.state.stage(block.state.delta)
        self.state.commit()
        self.members = members_of(self.maker.genesis)
        self.header = Header(
            head=replace(
                block.header.head,
                height=1,
                parent_digest=block.header.digest(h),
                log_size=len(self.entries),
            ),
            rest=replace(
                block.header.rest,
                log_root=self.log.root,
                records_root=self.log.root,
                receipts_root=self.receipt_tree.root,
            ),
        )
        self.certificate = self.maker.certificate(self.header)

    def entry(self, *, height: int, call_index: int) -> bytes:
        return encode_entry(replace(ENTRY, height=height, call_index=call_index))

    def map_proof(self, key: bytes) -> MapProof:
        digest = self.h(key)
        return self.state.prove(digest, self.rows.get(bucket_number(digest, 8), b""), 1)


@cache
def case(suite_name: str = "intl") -> Case:
    return Case(suite_name)


# Certificates.


def certify(
    certificate: Certificate,
    *,
    header: Header | None = None,
    chain_id: bytes | None = None,
    members: dict[int, bytes] | None = None,
    suite_name: str = "intl",
) -> None:
    of = case(suite_name)
    verify_certificate(
        of.suite,
        chain_id=of.header.head.chain_id if chain_id is None else chain_id,
        header=of.header if header is None else header,
        certificate=certificate,
        members=vote_keys(of.members) if members is None else members,
    )


@pytest.mark.parametrize("suite_name", SUITES)
def test_a_certificate_of_a_quorum_and_one_of_all_are_accepted(suite_name: str) -> None:
    of = case(suite_name)

    certify(of.certificate, suite_name=suite_name)
    certify(of.maker.certificate(of.header, signers=(1, 2, 3)), suite_name=suite_name)
    certify(of.maker.certificate(of.header, signers=(0, 1, 2, 3)), suite_name=suite_name)


def signed_by(*signers: int, keys_of: str = "chain") -> Certificate:
    return case().maker.certificate(case().header, signers=signers, keys_of=keys_of)


def with_signatures(*rows: tuple[int, bytes]) -> Certificate:
    return replace(case().certificate, signatures=rows)


def other_header() -> Header:
    header = case().header
    return replace(header, head=replace(header.head, time_ms=header.head.time_ms + 1))


def of_another_chain() -> tuple[Header, Certificate]:
    header = case().header
    other = replace(header, head=replace(header.head, chain_id=bytes(32)))
    return other, case().maker.certificate(other)


def flipped(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


ROWS = case().certificate.signatures
CERTIFICATE_CORRUPTIONS: dict[str, tuple[str, Callable[[], None]]] = {
    "one signer too few": ("certificate signers", lambda: certify(signed_by(0, 1))),
    "no signers": ("certificate signers", lambda: certify(with_signatures())),
    "duplicate signer": (
        "certificate signers",
        lambda: certify(with_signatures(ROWS[0], ROWS[0], ROWS[1])),
    ),
    "duplicate signer beside a quorum": (
        "certificate signers",
        lambda: certify(with_signatures(ROWS[0], ROWS[0], ROWS[1], ROWS[2])),
    ),
    "signers in another order": (
        "certificate signers",
        lambda: certify(with_signatures(ROWS[1], ROWS[0], ROWS[2])),
    ),
    "stranger": ("certificate signers", lambda: certify(signed_by(0, 1, 2, 4))),
    "wrong keys": (
        "certificate signature",
        lambda: certify(signed_by(0, 1, 2, keys_of="other chain")),
    ),
    "signature of another member": (
        "certificate signature",
        lambda: certify(with_signatures((0, ROWS[1][1]), ROWS[1], ROWS[2])),
    ),
    "bit in the last signature": (
        "certificate signature",
        lambda: certify(with_signatures(ROWS[0], ROWS[1], (2, flipped(ROWS[2][1], 40)))),
    ),
    "bad fourth signature": (
        "certificate signature",
        lambda: certify(with_signatures(*ROWS, (3, bytes(64)))),
    ),
    "another header": (
        "certified header digest",
        lambda: certify(case().certificate, header=other_header()),
    ),
    "digest of another header": (
        "certified header digest",
        lambda: certify(replace(case().certificate, header_digest=bytes(32))),
    ),
    "another height": (
        "certificate height",
        lambda: certify(replace(case().certificate, height=2)),
    ),
    "another epoch": ("certificate epoch", lambda: certify(replace(case().certificate, epoch=1))),
    "another chain": (
        "chain id",
        lambda: certify(of_another_chain()[1], header=of_another_chain()[0]),
    ),
    "chain id of the trust": ("chain id", lambda: certify(case().certificate, chain_id=bytes(32))),
    "no members": ("certificate signers", lambda: certify(case().certificate, members={})),
    "no members and no signers": ("members", lambda: certify(with_signatures(), members={})),
    "three members": (
        "members",
        lambda: certify(case().certificate, members=vote_keys(case().members[:3])),
    ),
    "members whose quorum is larger": (
        "certificate signers",
        lambda: certify(
            case().certificate,
            members={one: case().members[one % 4].vote_key for one in range(7)},
        ),
    ),
}


@pytest.mark.parametrize("name", CERTIFICATE_CORRUPTIONS)
def test_a_corrupted_certificate_is_refused_by_the_check_that_names_it(name: str) -> None:
    what, attempt = CERTIFICATE_CORRUPTIONS[name]

    with pytest.raises(InvalidProof) as caught:
        attempt()

    assert caught.value.what == what


# Records, receipts, state.


def record(
    *,
    entry: bytes | None = None,
    position: int = POSITION,
    path: tuple[bytes, ...] | None = None,
    header: Header | None = None,
) -> None:
    of = case()
    verify_record(
        of.h,
        header=header or of.header,
        entry=of.entries[POSITION] if entry is None else entry,
        position=position,
        path=of.log.inclusion_path(POSITION) if path is None else path,
    )


def record_in_block(
    *, index: int = POSITION, count: int = 5, header: Header | None = None, at: int = POSITION
) -> None:
    of = case()
    verify_record_in_block(
        of.h,
        header=header or of.header,
        entry=of.entries[at],
        index=index,
        count=count,
        path=of.log.inclusion_path(POSITION),
    )


def receipt(*, index: int = 1, count: int = 5, at: int = 1, path_of: int = 1) -> None:
    of = case()
    verify_receipt(
        of.h,
        header=of.header,
        receipt=of.receipts[at],
        index=index,
        count=count,
        path=of.receipt_tree.inclusion_path(path_of),
    )


def state_item(*, key: bytes | None = None, value: bytes | None = None, bits: int = 8) -> None:
    of = case()
    key = of.key if key is None else key
    verify_state_item(
        of.h, header=of.header, bits=bits, key=key, value=value, proof=of.map_proof(key)
    )


def lower_header() -> Header:
    header = case().header
    return replace(header, head=replace(header.head, height=0))


def size_header(log_size: int) -> Header:
    header = case().header
    return replace(header, head=replace(header.head, log_size=log_size))


def test_the_uncorrupted_record_receipt_and_state_are_accepted() -> None:
    record()
    record_in_block()
    receipt()
    state_item(value=case().value)
    state_item(key=b"absent", value=None)


CONTENT_CORRUPTIONS: dict[str, tuple[str, Callable[[], None]]] = {
    "record at the next position": ("inclusion proof", lambda: record(position=POSITION - 1)),
    "record at a position of another shape": (
        "path length",
        lambda: record(position=POSITION + 1),
    ),
    "record beyond the log": ("leaf index", lambda: record(position=5)),
    "another entry": ("inclusion proof", lambda: record(entry=case().entries[0])),
    "record under a longer log": ("path length", lambda: record(header=size_header(9))),
    "record under a shorter log": ("leaf index", lambda: record(header=size_header(3))),
    "record above its header": ("entry height", lambda: record(header=lower_header())),
    "record with a node as entry": (
        "inclusion proof",
        lambda: record(entry=case().log.inclusion_path(0)[1]),
    ),
    "record with swapped siblings": (
        "inclusion proof",
        lambda: record(path=case().log.inclusion_path(POSITION)[::-1]),
    ),
    "record in block at another index": (
        "inclusion proof",
        lambda: record_in_block(index=POSITION - 1),
    ),
    "record in block of another count": ("path length", lambda: record_in_block(count=4)),
    "another entry of the block": ("inclusion proof", lambda: record_in_block(at=2)),
    "entry of another height": ("entry height", lambda: record_in_block(header=lower_header())),
    "receipt at another index": ("inclusion proof", lambda: receipt(index=0)),
    "receipt index equal to count": ("leaf index", lambda: receipt(index=5)),
    "receipt count of another shape": ("path length", lambda: receipt(count=9)),
    "another receipt": ("inclusion proof", lambda: receipt(at=2)),
    "path of another receipt": ("inclusion proof", lambda: receipt(path_of=2)),
    "state value changed": ("map value", lambda: state_item(value=b"other")),
    "state key hidden": ("map value", lambda: state_item(value=None)),
    "state key invented": ("map value", lambda: state_item(key=b"absent", value=b"other")),
    "state map of another size": ("map siblings", lambda: state_item(bits=10)),
}


@pytest.mark.parametrize("name", CONTENT_CORRUPTIONS)
def test_a_corrupted_content_proof_is_refused_by_the_check_that_names_it(name: str) -> None:
    what, attempt = CONTENT_CORRUPTIONS[name]

    with pytest.raises(InvalidProof) as caught:
        attempt()

    assert caught.value.what == what


def test_a_leaf_that_is_no_entry_is_refused_even_with_a_good_path() -> None:
    of = case()
    tree = MerkleTree(of.h, [hash_leaf(of.h, b"no entry")])
    header = replace(
        size_header(1), rest=replace(of.header.rest, log_root=tree.root, records_root=tree.root)
    )

    with pytest.raises(InvalidEncoding):
        record(entry=b"no entry", position=0, path=(), header=header)
