"""Compact proofs made by a naive copy of docs/wire-format.md §13: plain arrays, no product code.

A block of some entries, of which one is a real call; a header over it; a quorum that signs.
What the product encodes, decodes and verifies is held against this.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from chainnode.codec import Plain, encode
from chainnode.genesis import Genesis
from chainnode.suites import suite_named
from chainnode.suites.port import Suite
from chainnode.verify.trust import Trust
from contracts.schemas.certificates import Import, Issue
from contracts.schemas.identifiers import CertificateIdentifier, generic_identifier
from tests.builders import ORGANISATIONS, genesis_of, submission_key, vote_key

Digester = Callable[[bytes], bytes]
HEIGHT = 4_711
TIME_MS = 1_780_000_123_456
VALIDITY_MS = 60_000
GENERIC = str(generic_identifier(issuer=ORGANISATIONS[1], entropy=b"compact record"))
TYPED = str(
    CertificateIdentifier(
        type_code="11100000000013338W032", issuer=ORGANISATIONS[1], serial="2430599"
    )
)
PLAIN_ISSUE = Issue(
    salt=bytes(range(16)),
    identifier=GENERIC,
    type="generic",
    file_digest=b"\xf1" * 32,
    metadata_root=b"",
    holder_commitment=b"",
    valid_from=20260101,
    valid_to=0,
)
FULL_ISSUE = Issue(
    salt=bytes(range(16)),
    identifier=TYPED,
    type="11100000000013338W032",
    file_digest=b"\xf2" * 32,
    metadata_root=b"\xa2" * 32,
    holder_commitment=b"\xb2" * 32,
    valid_from=20260101,
    valid_to=20361231,
)
PLAIN_IMPORT = Import(
    salt=bytes(range(16)),
    identifier=GENERIC,
    type="generic",
    file_digest=b"\xf3" * 32,
    metadata_root=b"",
    holder_commitment=b"\xb3" * 32,
    valid_from=20200101,
    valid_to=0,
    code_system="kun",
    code="2",
    state=2,
    since_ms=TIME_MS - 86_400_000,
)


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One call in one block of one group; everything else follows."""

    suite_name: str = "intl"
    members: int = 4
    entries: int = 16
    index: int = 5
    part: Issue | Import = PLAIN_ISSUE
    private: bytes = b""
    calls: int = 1
    call_index: int = 0
    withheld: bool = False
    epoch: int = 0
    height: int = HEIGHT
    nonce: int = 0
    label: str = "test"
    signers: tuple[int, ...] | None = None

    @property
    def suite(self) -> Suite:
        return suite_named(self.suite_name)

    @property
    def genesis(self) -> Genesis:
        return genesis_named(self.suite_name, self.members, self.label)

    @property
    def trust(self) -> Trust:
        anchor = Trust.from_genesis(self.genesis)
        return replace(anchor, epochs={self.epoch: anchor.epochs[0]})

    @property
    def h(self) -> Digester:
        return self.suite.digest

    @property
    def quorum(self) -> int:
        return (self.members + (self.members - 1) // 3) // 2 + 1

    @property
    def public(self) -> bytes:
        part = self.part
        fields: tuple[Plain, ...] = (
            *(part.salt, part.identifier, part.type, part.file_digest, part.metadata_root),
            *(part.holder_commitment, part.valid_from, part.valid_to),
        )
        if isinstance(part, Import):
            fields += (part.code_system, part.code, part.state, part.since_ms)
        return encode(fields)

    @property
    def outcome(self) -> int:
        return 2 if isinstance(self.part, Import) else 1

    @property
    def issuer(self) -> str:
        return self.part.identifier.split(".")[6]

    @property
    def body_digest(self) -> bytes:
        action = "import" if isinstance(self.part, Import) else "issue"
        parts = self.h(b"\x00" + self.public), self.h(b"\x00" + self.private)
        return self.h(encode(("kun.body", 1, action, *parts)))

    @property
    def body_digests(self) -> list[bytes]:
        bodies = [self.h(b"another body %d" % one) for one in range(self.calls)]
        bodies[self.call_index] = self.body_digest
        return bodies

    @property
    def public_key(self) -> bytes:
        return submission_key(self.suite_name, 1).public_key

    @property
    def key_id(self) -> bytes:
        return self.h(encode(("kun.key", 1, self.public_key)))[:20]

    @property
    def submission_header(self) -> bytes:
        return encode(
            (
                *("kun.sub", 1, self.genesis.chain_id, self.public_key, self.nonce),
                *(TIME_MS + VALIDITY_MS, "certificates", 1, self.calls),
                tree_root(self.h, self.body_digests),
            )
        )

    @property
    def index_keys(self) -> tuple[bytes, ...]:
        identifier = self.part.identifier.encode()
        if len(identifier) > 63:
            identifier = self.h(identifier)
        return (b"\x03" + self.issuer.encode(), b"\x06" + identifier)

    @property
    def entry(self) -> bytes:
        return encode(
            (
                *("kun.entry", 1, self.height, TIME_MS, self.h(self.submission_header)),
                *(self.call_index, self.issuer, self.key_id, "certificates", 1, self.outcome),
                *(self.index_keys, self.body_digest),
            )
        )

    @property
    def block(self) -> list[bytes]:
        entries = [b"another entry %d" % one for one in range(self.entries)]
        entries[self.index] = self.entry
        return entries

    @property
    def rest(self) -> list[bytes]:
        """The seven roots; those that the proof does not use are any 32 bytes."""
        roots = [self.h(b"root %d" % one) for one in range(7)]
        roots[1] = tree_root(self.h, self.block)
        return roots

    @property
    def head_digest(self) -> bytes:
        return self.h(b"\x00 some head")

    @property
    def header_digest(self) -> bytes:
        return self.h(b"\x01" + self.head_digest + tree_root(self.h, self.rest))

    @property
    def signatures(self) -> list[bytes]:
        chain_id, digest = self.genesis.chain_id, self.header_digest
        content = encode(("kun.checkpoint", 1, chain_id, self.epoch, self.height, digest))
        return [vote_key(self.suite_name, one).sign(content) for one in self.replicas]

    @property
    def replicas(self) -> tuple[int, ...]:
        """Who signs: all but the first ones, unless the test says who."""
        return self.signers or tuple(range(self.members - self.quorum, self.members))

    @property
    def record(self) -> tuple[Plain, ...]:
        if self.withheld:
            keys, body = self.index_keys, self.body_digest
            return (0, self.issuer, "certificates", 1, self.outcome, keys, body)
        return self.claim

    @property
    def claim(self) -> tuple[Plain, ...]:
        part = self.part
        private = self.h(b"\x00" + self.private) if self.private else b""
        shown = bool(part.metadata_root) | bool(part.holder_commitment) << 1 | bool(private) << 2
        parts = part.salt + part.file_digest + part.metadata_root + part.holder_commitment + private
        claim: tuple[Plain, ...] = (
            *(self.outcome, packed_identifier(part.identifier, part.type), int(shown), parts),
            *(part.valid_from, part.valid_to),
        )
        if isinstance(part, Import):
            claim += (part.code_system, part.code, part.state, part.since_ms)
        return claim

    @property
    def mark(self) -> int:
        return self.genesis.chain_id[0] << 8 | self.genesis.chain_id[1]

    def proof(self) -> list[Plain]:
        """Return the array of a proof, its parts as lists that a test may change."""
        path, sides = way(self.h, [self.h(b"\x00" + one) for one in self.block], self.index)
        rest, _ = way(self.h, [self.h(b"\x00" + one) for one in self.rest], 1)
        origin: tuple[Plain, ...] = (self.public_key, self.nonce, VALIDITY_MS)
        if self.calls > 1:
            origin = (self.h(self.submission_header) + self.key_id, self.call_index)
        bits = sum(1 << one for one in self.replicas)
        return [
            *("kun.qr", 1, self.mark, self.record, origin),
            (TIME_MS, sides, b"".join((*path, *rest, self.head_digest))),
            (self.epoch, self.height, bits, b"".join(self.signatures)),
        ]

    def reference(self) -> list[Plain]:
        """Return the array of a reference."""
        path, _ = way(self.h, [self.h(b"\x00" + one) for one in self.body_digests], self.call_index)
        signature = submission_key(self.suite_name, 1).sign(self.submission_header)
        origin = (
            *(self.public_key, self.nonce, TIME_MS + VALIDITY_MS),
            *(self.calls, self.call_index, b"".join(path)),
        )
        return ["kun.qrref", 1, self.mark, self.claim, origin, self.height, signature]


@cache
def genesis_named(suite_name: str, members: int, label: str) -> Genesis:
    return replace(genesis_of(suite_name, size=members), label=label)


def packed(array: Sequence[Plain]) -> bytes:
    """Return the canonical bytes of an array that a test built or changed."""
    return encode(tuple(array))


def packed_identifier(identifier: str, certificate_type: str) -> bytes:
    """Return the number whose base 36 digits are a mark and the characters."""
    type_code, issuer, serial, version, _ = identifier.split(".")[5:]
    characters = f"1{issuer}" if certificate_type == "generic" else f"2{type_code}{issuer}"
    number = int(characters + serial + version, 36)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def tree_root(h: Digester, leaves: Sequence[bytes]) -> bytes:
    """Return MTH of RFC 9162 §2.1.1 as it is worded there: recursively."""
    if len(leaves) == 1:
        return h(b"\x00" + leaves[0])
    middle = _split(len(leaves))
    return h(b"\x01" + tree_root(h, leaves[:middle]) + tree_root(h, leaves[middle:]))


def way(h: Digester, hashes: Sequence[bytes], index: int) -> tuple[list[bytes], int]:
    """Return PATH of RFC 9162 §2.1.3.1, and bit i for a sibling i that stands left."""
    if len(hashes) == 1:
        return [], 0
    middle = _split(len(hashes))
    if index < middle:
        path, sides = way(h, hashes[:middle], index)
        return [*path, _root(h, hashes[middle:])], sides
    path, sides = way(h, hashes[middle:], index - middle)
    return [*path, _root(h, hashes[:middle])], sides | 1 << len(path)


def _root(h: Digester, hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    middle = _split(len(hashes))
    return h(b"\x01" + _root(h, hashes[:middle]) + _root(h, hashes[middle:]))


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
