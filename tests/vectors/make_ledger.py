"""Write the vectors of the ledger's proofs: run `python -m tests.vectors.make_ledger`.

Formats: tests/vectors/ledger/README.md. `tests/unit/chainnode/ledger/test_vectors.py` reads the
files and checks that this script makes them again as they are. SM2 signatures are made by `gmssl`
with nonces fixed here, so that they repeat and come from another hand than the one that is tested.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chainnode.ledger.bucket_map import BucketMap, MapProof, bucket_number
from chainnode.ledger.codec import (
    encode_certificate,
    encode_entry,
    encode_head,
    encode_receipt,
)
from chainnode.ledger.merkle import Hash, MerkleTree, hash_leaf
from chainnode.ledger.types import (
    CallReceipt,
    Certificate,
    Entry,
    Head,
    Header,
    Member,
    Receipt,
    Rest,
    checkpoint_content,
    members_digest,
)
from chainnode.suites import SUITE_NAMES, PrivateKey, Suite, suite_named
from tests.vectors.signing import signature

FOLDER = Path(__file__).parent / "ledger"
SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 13)
MAP_BITS = 8
MAP_KEYS = 300

Json = int | str | None | list["Json"] | dict[str, "Json"]


def merkle_vectors(h: Hash) -> Json:
    """Return roots, all inclusion paths and all consistency paths of small trees."""
    leaves = [f"leaf {one}".encode() for one in range(max(SIZES))]
    trees = {size: MerkleTree(h, [hash_leaf(h, one) for one in leaves[:size]]) for size in SIZES}
    return {
        "leaves": [leaf.hex() for leaf in leaves],
        "roots": [[size, tree.root.hex()] for size, tree in trees.items()],
        "inclusion": [
            [size, index, _hex(tree.inclusion_path(index))]
            for size, tree in trees.items()
            for index in range(size)
        ],
        "consistency": [
            [old_size, size, _hex(tree.consistency_path(old_size))]
            for size, tree in trees.items()
            for old_size in range(size + 1)
        ],
    }


def map_vectors(h: Hash) -> Json:
    """Return a small map with proofs of keys that are in it and of keys that are not."""
    content = {f"key {one}".encode(): f"value {one}".encode() for one in range(MAP_KEYS)}
    made = BucketMap(h, bits=MAP_BITS)
    delta = made.update({h(key): h(value) for key, value in content.items()}, lambda _: b"")
    made.stage(delta)
    made.commit()
    asked = [f"key {one}".encode() for one in (0, 1, MAP_KEYS - 1, MAP_KEYS, MAP_KEYS + 1)]
    proofs = []
    for key in asked:
        rows = delta.rows.get(bucket_number(h(key), MAP_BITS), b"")
        proofs.append(_map_row(key, content.get(key), made.prove(h(key), rows, 1)))
    return {
        "bits": MAP_BITS,
        "content": [[key.hex(), value.hex()] for key, value in content.items()],
        "empty_root": BucketMap(h, bits=MAP_BITS).root.hex(),
        "root": made.root.hex(),
        "proofs": proofs,
    }


def header_vectors(suite: Suite) -> Json:
    """Return an entry, receipts, a header over them, its members and certificates."""
    h = suite.digest
    keys = [suite.load_private_key(h(b"vector replica %d" % one)) for one in range(4)]
    members = tuple(
        Member(replica_id=one, organisation=f"DEPT-{one}", vote_key=key.public_key)
        for one, key in enumerate(keys)
    )
    entry, receipts = _entry(h), _receipts(h)
    header = _header(h, members, entry, receipts)
    certificate = _certificate(suite, header, keys[:3])
    return {
        "entry": encode_entry(entry).hex(),
        "receipts": [encode_receipt(one).hex() for one in receipts],
        "head": encode_head(header.head).hex(),
        "rest": _hex(header.rest.roots),
        "header_digest": header.digest(h).hex(),
        "members": [[one.replica_id, one.organisation, one.vote_key.hex()] for one in members],
        "members_digest": header.rest.members_digest.hex(),
        "checkpoint": _content(header, header.digest(h)).hex(),
        "certificate": encode_certificate(certificate).hex(),
        "refused_certificates": _refused(suite, header, keys, certificate),
    }


def _entry(h: Hash) -> Entry:
    return Entry(
        height=7,
        time_ms=1_700_000_000_000,
        submission_digest=h(b"submission"),
        call_index=0,
        organisation="DEPT-0",
        key_id=h(b"key")[:20],
        contract="access",
        contract_version=1,
        outcome=0,
        index_keys=(b"\x01" + h(b"subject"), b"\x02DEPT-0", b"\x03DEPT-1"),
        body_digest=h(b"body"),
    )


def _receipts(h: Hash) -> tuple[Receipt, ...]:
    return (
        Receipt(
            submission_digest=h(b"submission"),
            code=0,
            first_position=0,
            calls=(CallReceipt(code=0), CallReceipt(code=21, details=(4, 5))),
        ),
        Receipt(submission_digest=h(b"refused"), code=3, first_position=0, calls=()),
    )


def _header(
    h: Hash, members: tuple[Member, ...], entry: Entry, receipts: tuple[Receipt, ...]
) -> Header:
    log = MerkleTree(h, [hash_leaf(h, encode_entry(entry))]).root
    members_now = members_digest(h, epoch=0, members=members)
    return Header(
        head=Head(
            chain_id=h(b"chain"),
            epoch=0,
            height=7,
            time_ms=1_700_000_000_000,
            parent_digest=h(b"parent"),
            batch_digest=h(b"batch"),
            log_size=1,
        ),
        rest=Rest(
            log_root=log,
            records_root=log,
            index_root=BucketMap(h, bits=MAP_BITS).root,
            state_root=BucketMap(h, bits=MAP_BITS).root,
            receipts_root=MerkleTree(
                h, [hash_leaf(h, encode_receipt(one)) for one in receipts]
            ).root,
            members_digest=members_now,
            next_members_digest=members_now,
        ),
    )


def _content(header: Header, digest: bytes) -> bytes:
    head = header.head
    return checkpoint_content(
        chain_id=head.chain_id, epoch=head.epoch, height=head.height, header_digest=digest
    )


def _certificate(suite: Suite, header: Header, keys: Sequence[PrivateKey]) -> Certificate:
    digest = header.digest(suite.digest)
    return Certificate(
        epoch=header.head.epoch,
        height=header.height,
        header_digest=digest,
        signatures=tuple(
            (one, signature(suite, key, _content(header, digest))) for one, key in enumerate(keys)
        ),
    )


def _refused(
    suite: Suite, header: Header, keys: Sequence[PrivateKey], good: Certificate
) -> list[Json]:
    """Return certificates that decode, each with the reason why it does not prove the header."""
    first, second, third = good.signatures
    other = _certificate(suite, replace(header, head=replace(header.head, time_ms=1)), keys[:3])
    cases = {
        "a signature too few": replace(good, signatures=(first, second)),
        "signed by no member": replace(good, signatures=(first, second, (4, third[1]))),
        "two signatures exchanged": replace(
            good, signatures=((0, second[1]), (1, first[1]), third)
        ),
        "flipped bit": replace(
            good, signatures=(first, second, (2, third[1][:63] + bytes([third[1][63] ^ 1])))
        ),
        "another header": other,
        "signatures of another header": replace(good, signatures=other.signatures),
        "another height": replace(good, height=8),
        "another epoch": replace(good, epoch=1),
    }
    return [[encode_certificate(one).hex(), reason] for reason, one in cases.items()]


def _map_row(key: bytes, value: bytes | None, proof: MapProof) -> Json:
    return {
        "key": key.hex(),
        "value": None if value is None else value.hex(),
        "rows": proof.rows.hex(),
        "siblings": _hex(proof.siblings),
    }


def _hex(digests: Sequence[bytes]) -> list[Json]:
    return [one.hex() for one in digests]


def all_vectors() -> dict[str, str]:
    """Return the text of every file by its path below the folder."""
    made: dict[str, Json] = {}
    for name in SUITE_NAMES:
        suite = suite_named(name)
        made[f"merkle/{name}.json"] = merkle_vectors(suite.digest)
        made[f"map/{name}.json"] = map_vectors(suite.digest)
        made[f"header/{name}.json"] = header_vectors(suite)
    return {path: json.dumps(content, indent=1) + "\n" for path, content in made.items()}


def main() -> None:
    """Write all files."""
    for path, text in all_vectors().items():
        target = FOLDER / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
