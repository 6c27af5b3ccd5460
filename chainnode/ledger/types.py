"""What the ledger keeps, as frozen values: entries, receipts, headers, certificates, blocks.

Fields and limits are those of docs/wire-format.md §6 and §7; `chainnode.ledger.codec` reads and
writes them. Nothing here knows consensus: a certificate is numbers and byte strings.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from chainnode.codec import Plain, encode
from chainnode.errors import InvariantBroken
from chainnode.ledger.bucket_map import MapDelta, MapProof
from chainnode.ledger.merkle import (
    DIGEST_BYTES,
    LEAF_TAG,
    NODE_TAG,
    Frontier,
    Hash,
    TreeNode,
    merkle_root,
)
from chainnode.ledger.packed import Changes
from chainnode.ledger.waiting import Waiting

FORMAT_VERSION = 1
ENTRY_TAG = "kun.entry"
RECEIPT_TAG = "kun.receipt"
HEAD_TAG = "kun.head"
MEMBERS_TAG = "kun.members"
CHECKPOINT_TAG = "kun.checkpoint"

KEY_ID_BYTES = 20
SIGNATURE_BYTES = 64
# docs/wire-format.md §6: more keys would make one record cost more than ten in the index.
INDEX_KEYS_MAX = 12
# One byte of kind and a value of at most 63 bytes.
INDEX_KEY_BYTES_MAX = 64
# docs/wire-format.md §4, the widest submission.
CALLS_MAX = 4096
# Records of the ledger itself in one block: one for each call of its batch at most, and those due.
OWN_RECORDS_MAX = 65_536
# docs/wire-format.md §14: what stands in their entries for submission, sender and key.
NO_SUBMISSION = bytes(DIGEST_BYTES)
NOBODY = ""
NOBODYS_KEY_ID = bytes(KEY_ID_BYTES)
# A rejection explains itself with a few numbers (expected, actual, a bound).
DETAILS_MAX = 16
# docs/wire-format.md §3 and §4: organisation ids and names of contracts.
NAME_CHARACTERS_MAX = 32
# Twice the largest group that genesis allows.
MEMBERS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The public envelope of one accepted call: a leaf of the log."""

    height: int
    time_ms: int
    submission_digest: bytes
    call_index: int
    organisation: str
    key_id: bytes
    contract: str
    contract_version: int
    outcome: int
    index_keys: tuple[bytes, ...]
    body_digest: bytes

    def __post_init__(self) -> None:
        keys = self.index_keys
        if len(keys) > INDEX_KEYS_MAX or any(left >= right for left, right in pairwise(keys)):
            raise InvariantBroken(
                f"index keys: expected at most {INDEX_KEYS_MAX}, ascending and distinct, "
                f"got {len(keys)} in this order"
            )

    @property
    def is_ledgers_own(self) -> bool:
        """Tell whether the rules of the chain made this record: nobody sent or signed it."""
        return self.submission_digest == NO_SUBMISSION

    @property
    def has_one_form(self) -> bool:
        """Tell whether it is wholly a sender's record or wholly the ledger's own."""
        marks = (self.organisation == NOBODY, self.key_id == NOBODYS_KEY_ID)
        return marks == (self.is_ledgers_own, self.is_ledgers_own)

    @property
    def plain(self) -> Plain:
        """The array that is hashed into the log."""
        return (
            ENTRY_TAG,
            FORMAT_VERSION,
            self.height,
            self.time_ms,
            self.submission_digest,
            self.call_index,
            self.organisation,
            self.key_id,
            self.contract,
            self.contract_version,
            self.outcome,
            self.index_keys,
            self.body_digest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBody:
    """Body of a record of the ledger itself: as of a call whose private part is empty."""

    action: str
    public: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReceipt:
    """What became of one call: code 0 accepted, else why not, in numbers."""

    code: int
    details: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one submission; `calls` is empty when it was refused as a whole."""

    submission_digest: bytes
    code: int
    first_position: int
    calls: tuple[CallReceipt, ...]

    @property
    def is_executed(self) -> bool:
        """Tell whether its calls ran and its nonce is consumed."""
        return self.code == 0

    @property
    def plain(self) -> Plain:
        """The array that is hashed into the receipts root."""
        return (
            RECEIPT_TAG,
            FORMAT_VERSION,
            self.submission_digest,
            self.code,
            self.first_position,
            tuple((call.code, call.details) for call in self.calls),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The half of a header that says where in the chain it stands."""

    chain_id: bytes
    epoch: int
    height: int
    time_ms: int
    parent_digest: bytes
    batch_digest: bytes
    log_size: int
    index_size: int = 0
    index_rules: int = 1

    @property
    def plain(self) -> Plain:
        """The array that is hashed into the header digest."""
        return (
            HEAD_TAG,
            FORMAT_VERSION,
            self.chain_id,
            self.epoch,
            self.height,
            self.time_ms,
            self.parent_digest,
            self.batch_digest,
            self.log_size,
            self.index_size,
            self.index_rules,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The half of a header that commits to contents; each root can be shown without the others.

    `next_members_digest` names the members of the height above.
    """

    log_root: bytes
    records_root: bytes
    index_root: bytes
    state_root: bytes
    receipts_root: bytes
    members_digest: bytes
    next_members_digest: bytes

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The seven values in the order in which they are hashed."""
        return (
            self.log_root,
            self.records_root,
            self.index_root,
            self.state_root,
            self.receipts_root,
            self.members_digest,
            self.next_members_digest,
        )

    def map_root(self, name: str) -> bytes:
        """Return the root of the map "state" or "index"."""
        return {"state": self.state_root, "index": self.index_root}[name]

    def __post_init__(self) -> None:
        if any(len(root) != DIGEST_BYTES for root in self.roots):
            raise InvariantBroken(f"header roots: expected {DIGEST_BYTES} bytes each")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A block header; its digest is what a quorum signs."""

    head: Head
    rest: Rest

    @property
    def height(self) -> int:
        """Height of the block."""
        return self.head.height

    def digest(self, h: Hash) -> bytes:
        """Return H(0x01 ‖ H(0x00 ‖ head) ‖ root over rest): a proof shows what it needs."""
        return h(NODE_TAG + self.head_digest(h) + merkle_root(h, self.rest.roots))

    def head_digest(self, h: Hash) -> bytes:
        """Return what stands for the head where only the roots are shown."""
        return h(LEAF_TAG + encode(self.head.plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Signatures of members over one header: a quorum of them makes the block final.

    Signatures stand ascending by replica id. Which members signed may differ from node to node,
    so a certificate is never hashed. `verify_certificate` checks it; this type does not.
    """

    epoch: int
    height: int
    header_digest: bytes
    signatures: tuple[tuple[int, bytes], ...]

    @property
    def plain(self) -> Plain:
        """The array that travels and is stored."""
        return (self.epoch, self.height, self.header_digest, self.signatures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A replica of an epoch as the members digest binds it."""

    replica_id: int
    organisation: str
    vote_key: bytes


def members_digest(h: Hash, *, epoch: int, members: tuple[Member, ...]) -> bytes:
    """Return the digest of the members of an epoch, in ascending order of replica ids."""
    rows = tuple((one.replica_id, one.organisation, one.vote_key) for one in members)
    return h(encode((MEMBERS_TAG, FORMAT_VERSION, epoch, rows)))


def checkpoint_content(*, chain_id: bytes, epoch: int, height: int, header_digest: bytes) -> bytes:
    """Return the bytes that a replica's checkpoint signs (docs/wire-format.md §7)."""
    return encode((CHECKPOINT_TAG, FORMAT_VERSION, chain_id, epoch, height, header_digest))


@dataclass(frozen=True, slots=True, kw_only=True)
class MapUpdate:
    """New values of a map by digest of their key (None: gone), and what they make of it."""

    values: Changes = field(repr=False)
    delta: MapDelta = field(repr=False)

    @property
    def root(self) -> bytes:
        """The map's root afterwards."""
        return self.delta.root


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutedBlock:
    """All that one executed batch leaves behind: what `Ledger.append` writes, computed once.

    `entries` and `receipts` are the encoded leaves in order; `outcomes` says per submission of
    the batch, in order, its digest and whether it was executed. `log_nodes` are the log nodes
    that the entries completed and `frontier` is the log's right edge after them; `state` and
    `index` are what changed in the two maps, as `Ledger.state_update` and `index_update` say;
    `waiting` is what the index does not cover after it. `own_bodies` are those of the ledger's
    own records, which no batch holds, in the order of their call indexes.
    """

    header: Header
    batch: bytes = field(repr=False)
    outcomes: tuple[tuple[bytes, bool], ...] = field(repr=False)
    receipts: tuple[bytes, ...] = field(repr=False)
    entries: tuple[bytes, ...] = field(repr=False)
    log_nodes: tuple[TreeNode, ...] = field(repr=False)
    frontier: Frontier = field(repr=False)
    state: MapUpdate = field(repr=False)
    index: MapUpdate = field(repr=False)
    waiting: Waiting = field(repr=False)
    own_bodies: tuple[OwnBody, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapItem:
    """A key of state or index, its value at some height (None: absent) and the proof of that."""

    key: bytes
    value: bytes | None
    proof: MapProof


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptProof:
    """An encoded receipt: leaf `index` of `count` in its block, and its path."""

    receipt: bytes
    index: int
    count: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the receipt of a submission is; `index` is its place in the batch."""

    height: int
    index: int
    is_executed: bool
