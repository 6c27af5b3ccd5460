"""A synthetic chain of four departments with real keys, trees and signatures, for evidence.

Nothing here uses a node or a store. The authenticated map is built by a naive copy of
docs/wire-format.md §2, so that evidence made here also checks the production map's verifier.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from chainnode import codec
from chainnode.codec import encode
from chainnode.genesis import (
    Genesis,
    KeyEntry,
    OrganisationEntry,
    Parameters,
    ReplicaEntry,
)
from chainnode.ledger.codec import encode_entry, encode_head, encode_receipt
from chainnode.ledger.merkle import hash_leaf, inclusion_path, merkle_root
from chainnode.ledger.types import (
    CallReceipt,
    Entry,
    Head,
    Header,
    Member,
    Receipt,
    Rest,
    checkpoint_content,
    members_digest,
)
from chainnode.submission import Call, key_id, sign_submission
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey, Suite
from chainnode.verify.equivocation import equivocation_evidence
from chainnode.verify.forms import (
    Anchor,
    MapItem,
    RecordItem,
    certificate_evidence,
    receipt_evidence,
    record_evidence,
    state_evidence,
)
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trust import Trust
from consensus.codec import signed_content
from consensus.messages import Message, Prepare
from consensus.new_view import UNSIGNED
from consensus.state import Signable
from consensus.types import Digest, Epoch, ReplicaId, SequenceNumber, Signature, View
from contracts.schemas.certificate_states import CertificateState
from contracts.schemas.certificates import (
    CERTIFICATES,
    FILES,
    CertificateRow,
    FileRow,
    HistoryEntry,
    encode_history_entry,
)
from contracts.schemas.identifiers import generic_identifier
from contracts.schemas.index_kinds import IndexKind, index_key
from contracts.schemas.members import ORGANISATIONS, OrganisationRow

MAP_BITS = 8
ISSUER = "11430000006122244L"
POLICE = "11220000013544541J"
ORGANISATION_IDS = (POLICE, ISSUER, "115100000080001234", "12100000MB0000001X")
# 2026-03-02T10:00:00+08:00, a block every second.
GENESIS_MS = 1_772_416_800_000
HEIGHT = 12
TIME_MS = GENESIS_MS + HEIGHT * 1000
SUBJECT = b"\x51" * 32
OTHER_SUBJECT = b"\x52" * 32


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One certificate of the synthetic registry."""

    name: str
    state: CertificateState = CertificateState.VALID
    valid_from: int = 20260101
    valid_to: int = 0
    issuer: str = ISSUER
    history: tuple[tuple[int, CertificateState], ...] = ()

    @property
    def content(self) -> bytes:
        return f"content of the file {self.name}".encode()

    @property
    def identifier(self) -> str:
        return str(generic_identifier(issuer=ISSUER, entropy=self.name.encode().ljust(16)))


SAMPLES = (
    Sample(name="valid"),
    Sample(
        name="revoked",
        state=CertificateState.REVOKED,
        history=(
            (GENESIS_MS + 2000, CertificateState.VALID),
            (GENESIS_MS + 8000, CertificateState.REVOKED),
        ),
    ),
    Sample(name="expired", valid_to=20260301),
    Sample(name="last day", valid_to=20260302),
    Sample(name="not yet valid", valid_from=20260303),
    Sample(name="foreign issuer", issuer="11999999999999999X"),
    Sample(name="issuer without right", issuer=POLICE),
    *(
        Sample(name=f"state {state.name}", state=state)
        for state in CertificateState
        if state not in {CertificateState.VALID, CertificateState.REVOKED}
    ),
)


def sample(name: str) -> Sample:
    """Return the sample of this name."""
    return next(one for one in SAMPLES if one.name == name)


class NaiveMap:
    """The authenticated map as the wire format words it, computed whole."""

    def __init__(self, suite: Suite, values: dict[bytes, bytes]) -> None:
        self._h = suite.digest
        buckets: list[list[bytes]] = [[] for _ in range(1 << MAP_BITS)]
        for key, value in values.items():
            row = self._h(key) + self._h(value)
            buckets[row[0]].append(row)
        self._rows = [b"".join(sorted(one)) for one in buckets]
        self._levels = [[self._h(b"\x00" + rows) for rows in self._rows]]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            groups = [below[at : at + 4] for at in range(0, len(below), 4)]
            self._levels.append([self._h(b"\x01" + b"".join(group)) for group in groups])

    @property
    def root(self) -> bytes:
        return self._levels[-1][0]

    def item(self, key: bytes, value: bytes | None) -> MapItem:
        index = bucket = self._h(key)[0]
        siblings = []
        for level in self._levels[:-1]:
            start = index // 4 * 4
            group = [level[at] for at in range(start, start + 4) if at != index]
            siblings.append(b"".join(group))
            index //= 4
        return MapItem(key=key, value=value, rows=self._rows[bucket], siblings=siblings)


class SyntheticChain:
    """Headers, entries, receipts and a state that a quorum of four keys vouches for."""

    # Of `access`, which all records say they are of.
    contract_version = 1

    def __init__(self, suite_name: str, *, label: str = "synthetic") -> None:
        self.suite = suite_named(suite_name)
        self.vote_keys = self.private_keys(range(1, 5))
        self.client_key = self.private_keys([9])[0]
        self.genesis = self._genesis(label)
        self.trust = Trust.from_genesis(self.genesis)
        self.values: dict[bytes, bytes] = {}
        self.histories: dict[str, tuple[bytes, ...]] = {}
        self._fill_state()
        self.calls = [self._call(index) for index in range(11)]
        self.entries = [self._entry(index) for index in range(11)]
        self.receipts = [self._receipt(index) for index in range(3)]
        self._map: NaiveMap | None = None

    def private_keys(self, numbers: Iterable[int]) -> list[PrivateKey]:
        """Return the keys with which this chain signs; published vectors sign repeatably."""
        return keys_of(self.suite, numbers)

    @property
    def map(self) -> NaiveMap:
        if self._map is None:
            self._map = NaiveMap(self.suite, self.values)
        return self._map

    def digest_of(self, one: Sample) -> bytes:
        return self.suite.digest(one.content)

    def header(
        self,
        *,
        height: int = HEIGHT,
        time_ms: int = TIME_MS,
        receipts: Sequence[bytes] | None = None,
    ) -> Header:
        members = tuple(
            Member(replica_id=one.replica_id, organisation=one.organisation, vote_key=one.vote_key)
            for one in self.genesis.replicas
        )
        epoch_digest = members_digest(self.suite.digest, epoch=0, members=members)
        return Header(
            head=Head(
                chain_id=self.genesis.chain_id,
                epoch=0,
                height=height,
                time_ms=time_ms,
                parent_digest=self.suite.digest(b"parent"),
                batch_digest=self.suite.digest(b"batch"),
                log_size=len(self.entries),
            ),
            rest=Rest(
                log_root=merkle_root(self.suite.digest, self.entries),
                records_root=merkle_root(self.suite.digest, self.entries[-2:]),
                index_root=self.suite.digest(b"index"),
                state_root=self.map.root,
                receipts_root=merkle_root(
                    self.suite.digest, self.receipts if receipts is None else receipts
                ),
                members_digest=epoch_digest,
                next_members_digest=epoch_digest,
            ),
        )

    def anchor(self, header: Header | None = None, *, signers: Iterable[int] = (0, 1, 3)) -> Anchor:
        header = header or self.header()
        return signed_anchor(self, header, keys=self.vote_keys, signers=signers)

    def record_item(self, position: int, *, with_body: bool = True) -> RecordItem:
        call = self.calls[position]
        leaves = [hash_leaf(self.suite.digest, one) for one in self.entries]
        return RecordItem(
            position=position,
            entry=self.entries[position],
            path=inclusion_path(self.suite.digest, leaves, position),
            body=(call.action, call.public, call.private) if with_body else None,
        )

    def record(self, position: int, *, anchor: Anchor | None = None) -> JsonObject:
        return record_evidence(anchor or self.anchor(), self.record_item(position))

    def receipt(self, index: int, *, anchor: Anchor | None = None) -> JsonObject:
        leaves = [hash_leaf(self.suite.digest, one) for one in self.receipts]
        return receipt_evidence(
            anchor or self.anchor(),
            receipt=self.receipts[index],
            index=index,
            count=len(leaves),
            path=inclusion_path(self.suite.digest, leaves, index),
        )

    def state_items(self, keys: Sequence[bytes]) -> list[MapItem]:
        return [self.map.item(key, self.values.get(key)) for key in keys]

    def state(self, keys: Sequence[bytes], *, anchor: Anchor | None = None) -> JsonObject:
        return state_evidence(anchor or self.anchor(), self.state_items(keys))

    def certificate(
        self,
        *,
        digest: bytes | None = None,
        identifier: str | None = None,
        anchor: Anchor | None = None,
    ) -> JsonObject:
        """Return what an honest node answers."""
        keys = [FILES.key(digest)] if digest is not None else []
        keys += [CERTIFICATES.key(identifier)] if identifier is not None else []
        found = self.found(digest=digest, identifier=identifier)
        if found is not None:
            row = CERTIFICATES.decode(self.values[CERTIFICATES.key(found)])
            keys += [CERTIFICATES.key(found), ORGANISATIONS.key(row.issuer)]
        return certificate_evidence(
            anchor or self.anchor(),
            self.state_items(list(dict.fromkeys(keys))),
            digest=digest,
            identifier=identifier,
            history=() if found is None else self.histories[found],
        )

    def vote(self, digest: bytes, *, replica: int = 2, sequence: int = 7, view: int = 3) -> Prepare:
        """Return a PREPARE of one member for the batch of `digest`."""
        unsigned = Prepare(
            epoch=Epoch(0),
            view=View(view),
            sequence=SequenceNumber(sequence),
            batch_digest=Digest(digest),
            sender=ReplicaId(replica),
            signature=UNSIGNED,
        )
        return self.signed(unsigned, replica)

    def signed(self, message: Signable, replica: int) -> Signable:
        """Return `message` under the vote key of `replica`."""
        content = signed_content(message, chain_id=self.genesis.chain_id, encoder=codec)
        return replace(message, signature=Signature(self.vote_keys[replica].sign(content)))

    def equivocation(
        self, first: Message | None = None, second: Message | None = None
    ) -> JsonObject:
        """Return the proof that member 2 voted for two batches, or that of two messages."""
        return equivocation_evidence(
            first or self.vote(b"a" * 32),
            second or self.vote(b"b" * 32),
            chain_id=self.genesis.chain_id,
            suite_name=self.suite.name,
        )

    def found(self, *, digest: bytes | None, identifier: str | None) -> str | None:
        if digest is not None and FILES.key(digest) in self.values:
            return FILES.decode(self.values[FILES.key(digest)]).identifier
        is_known = identifier is not None and CERTIFICATES.key(identifier) in self.values
        return identifier if is_known else None

    def certificate_of(self, one: Sample, *, anchor: Anchor | None = None) -> JsonObject:
        return self.certificate(
            digest=self.digest_of(one), identifier=one.identifier, anchor=anchor
        )

    def register(self, one: Sample) -> None:
        """Put a certificate, its file and its history into the state."""
        changes = one.history or ((GENESIS_MS + 2000, one.state),)
        leaves = tuple(
            encode_history_entry(
                HistoryEntry(
                    height=2 + index,
                    since_ms=since_ms,
                    code_system="kun",
                    code=str(int(state)),
                    state=int(state),
                    submission_digest=self.suite.digest(b"submission"),
                    call_index=0,
                )
            )
            for index, (since_ms, state) in enumerate(changes)
        )
        row = CertificateRow(
            issuer=one.issuer,
            type="generic",
            file_digest=self.digest_of(one),
            metadata_root=b"",
            holder_commitment=b"",
            valid_from=one.valid_from,
            valid_to=one.valid_to,
            code_system="kun",
            code=str(int(one.state)),
            state=int(one.state),
            history_count=len(leaves),
            history_root=merkle_root(self.suite.digest, leaves),
        )
        self.values[CERTIFICATES.key(one.identifier)] = CERTIFICATES.encode(row)
        self.values[FILES.key(row.file_digest)] = FILES.encode(FileRow(one.identifier))
        self.histories[one.identifier] = leaves
        self._map = None

    def _genesis(self, label: str) -> Genesis:
        organisations = tuple(
            OrganisationEntry(
                organisation=one,
                name=f"部门 {index}",
                roles=(1, 2, 3, 4) if one == ISSUER else (1, 3),
                keys=(KeyEntry(public_key=self.client_key.public_key, roles=(1, 2, 3, 4)),)
                if one == ISSUER
                else (),
            )
            for index, one in sorted(enumerate(ORGANISATION_IDS), key=lambda pair: pair[1])
        )
        replicas = tuple(
            ReplicaEntry(replica_id=index, organisation=organisation, vote_key=key.public_key)
            for index, (organisation, key) in enumerate(
                zip(ORGANISATION_IDS, self.vote_keys, strict=True)
            )
        )
        return Genesis(
            suite_name=self.suite.name,
            label=label,
            created_ms=GENESIS_MS,
            parameters=Parameters(
                devnet=1,
                state_map_bits=MAP_BITS,
                index_map_bits=8,
                rules=1,
                match_deadline_ms=0,
                dispute_deadline_ms=0,
            ),
            replicas=replicas,
            organisations=organisations,
        )

    def _fill_state(self) -> None:
        for one in self.genesis.organisations:
            row = OrganisationRow(name=one.name, roles=one.roles)
            self.values[ORGANISATIONS.key(one.organisation)] = ORGANISATIONS.encode(row)
        for certificate in SAMPLES:
            self.register(certificate)

    def _call(self, index: int) -> Call:
        salt = bytes([index]) * 16
        return Call(
            action="record",
            public=encode((salt, f"public {index}")),
            private=encode((salt, f"private {index}")),
        )

    def _entry(self, index: int) -> bytes:
        subject = SUBJECT if index % 2 else OTHER_SUBJECT
        keys = (
            index_key(self.suite.digest, IndexKind.SUBJECT, subject),
            index_key(self.suite.digest, IndexKind.REQUESTER, POLICE),
        )
        return encode_entry(
            Entry(
                height=index + 1,
                time_ms=GENESIS_MS + (index + 1) * 1000,
                submission_digest=self.suite.digest(b"submission %d" % index),
                call_index=0,
                organisation=POLICE,
                key_id=key_id(self.suite, self.client_key.public_key),
                contract="access",
                contract_version=self.contract_version,
                outcome=0,
                index_keys=keys,
                body_digest=self.calls[index].body_digest(self.suite),
            )
        )

    def _receipt(self, index: int) -> bytes:
        submission = sign_submission(
            self.suite,
            self.client_key,
            chain_id=self.genesis.chain_id,
            nonce=index,
            valid_until_ms=TIME_MS + 1000,
            contract="access",
            calls=self.calls[index : index + 1],
        )
        return encode_receipt(
            Receipt(
                submission_digest=submission.digest,
                code=0,
                first_position=index,
                calls=(CallReceipt(code=0), CallReceipt(code=31, details=(3,))),
            )
        )


def keys_of(suite: Suite, numbers: Iterable[int]) -> list[PrivateKey]:
    """Return throw-away keys that are the same in every run."""
    return [suite.load_private_key(bytes(31) + bytes([number])) for number in numbers]


def signed_anchor(
    chain: SyntheticChain,
    header: Header,
    *,
    keys: Sequence[PrivateKey],
    signers: Iterable[int],
) -> Anchor:
    """Return a header with the signatures of some of the replicas that have these keys."""
    digest = header.digest(chain.suite.digest)
    content = checkpoint_content(
        chain_id=header.head.chain_id,
        epoch=header.head.epoch,
        height=header.height,
        header_digest=digest,
    )
    return Anchor(
        chain_id=chain.genesis.chain_id,
        suite_name=chain.suite.name,
        head=encode_head(header.head),
        rest=header.rest.roots,
        epoch=header.head.epoch,
        height=header.height,
        header_digest=digest,
        signatures=[(one, keys[one].sign(content)) for one in signers],
    )


@cache
def synthetic_chain(suite_name: str, label: str = "synthetic") -> SyntheticChain:
    """Return the chain of this suite and label; treat it as read-only."""
    return SyntheticChain(suite_name, label=label)
