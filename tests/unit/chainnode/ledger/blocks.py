"""Real blocks for ledger tests: genesis with real keys, submissions signed, batches encoded.

`BlockMaker` plays execution: it accepts every call, so that what the ledger keeps can be told
from what went in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from chainnode.batch import build_batch
from chainnode.codec import encode
from chainnode.execution.index_advance import advanced
from chainnode.genesis import Genesis, OrganisationEntry, Parameters, ReplicaEntry
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import (
    decode_entry,
    encode_certificate,
    encode_entry,
    encode_receipt,
)
from chainnode.ledger.genesis_block import members_of
from chainnode.ledger.merkle import Frontier, hash_leaf, merkle_root
from chainnode.ledger.types import (
    CallReceipt,
    Certificate,
    Entry,
    ExecutedBlock,
    Head,
    Header,
    MapUpdate,
    Receipt,
    Rest,
    checkpoint_content,
    members_digest,
)
from chainnode.ledger.waiting import Waiting
from chainnode.submission import Call, Submission, key_id, sign_submission
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey, Suite

CREATED_MS = 1_700_000_000_000
BLOCK_MS = 1_000


@cache
def vote_key(suite_name: str, replica_id: int, *, of: str = "chain") -> PrivateKey:
    """Return the vote key of a replica, the same in every run."""
    suite = suite_named(suite_name)
    return suite.load_private_key(suite.digest(f"{of} replica {replica_id}".encode()))


@cache
def sender_key(suite_name: str) -> PrivateKey:
    """Return the key that signs submissions."""
    suite = suite_named(suite_name)
    return suite.load_private_key(suite.digest(b"sender"))


@cache
def genesis_of(suite_name: str = "intl", *, label: str = "test", bits: int = 8) -> Genesis:
    """Return a genesis of four departments."""
    organisations = tuple(
        OrganisationEntry(organisation=f"DEPT-{one}", name=f"部门 {one}", roles=(1, 2, 3))
        for one in range(4)
    )
    replicas = tuple(
        ReplicaEntry(
            replica_id=one,
            organisation=f"DEPT-{one}",
            vote_key=vote_key(suite_name, one).public_key,
        )
        for one in range(4)
    )
    return Genesis(
        suite_name=suite_name,
        label=label,
        created_ms=CREATED_MS,
        parameters=Parameters(
            devnet=1,
            state_map_bits=bits,
            index_map_bits=8,
            rules=1,
            match_deadline_ms=0,
            dispute_deadline_ms=0,
        ),
        replicas=replicas,
        organisations=organisations,
    )


def initial_state(genesis: Genesis) -> dict[bytes, bytes]:
    """Return some first state, made from genesis."""
    return {
        encode(("members", "org", one.organisation)): encode((one.name, one.roles))
        for one in genesis.organisations
    }


def open_ledger(path: Path, genesis: Genesis | None = None) -> Ledger:
    """Open a ledger of the default chain, or of another one."""
    genesis = genesis or genesis_of()
    return Ledger.open(
        path,
        genesis=genesis,
        suite=suite_named(genesis.suite_name),
        initial_state=initial_state(genesis),
    )


def state_key(name: str) -> bytes:
    """Return an encoded state key."""
    return encode(("test", "thing", name))


@dataclass(kw_only=True)
class BlockMaker:
    """Makes blocks that continue a ledger, and the certificates for them."""

    genesis: Genesis = field(default_factory=genesis_of)
    nonce: int = 0

    @property
    def suite(self) -> Suite:
        """The suite of the chain."""
        return suite_named(self.genesis.suite_name)

    def submission(self, *, calls: int = 1) -> Submission:
        """Return a new signed submission."""
        self.nonce += 1
        return sign_submission(
            self.suite,
            sender_key(self.genesis.suite_name),
            chain_id=self.genesis.chain_id,
            nonce=self.nonce,
            valid_until_ms=CREATED_MS + 600_000,
            contract="access",
            calls=[
                Call(
                    action="record",
                    public=encode((bytes(16), f"public {self.nonce}/{one}")),
                    private=encode((bytes(16), f"private {self.nonce}/{one}")),
                )
                for one in range(calls)
            ],
        )

    def block(
        self,
        ledger: Ledger,
        submissions: Sequence[Submission] = (),
        *,
        refused: Sequence[int] = (),
        state: Mapping[bytes, bytes | None] | None = None,
        time_ms: int | None = None,
    ) -> ExecutedBlock:
        """Execute submissions on top of the ledger; those in `refused` leave only a receipt."""
        height = ledger.height + 1
        batch = build_batch(
            self.suite,
            chain_id=self.genesis.chain_id,
            time_ms=CREATED_MS + height * BLOCK_MS if time_ms is None else time_ms,
            submissions=submissions,
        )
        entries: list[bytes] = []
        receipts: list[Receipt] = []
        for index, submission in enumerate(submissions):
            if index in refused:
                receipts.append(_refusal(submission))
                continue
            receipts.append(_acceptance(submission, ledger.log_size + len(entries)))
            entries.extend(self._entries(submission, height=height, time_ms=batch.time_ms))
        changes = state if state is not None else {state_key("height"): encode((height,))}
        update = ledger.state_update(changes)
        frontier = ledger.log_frontier()
        leaf_hashes = [hash_leaf(self.suite.digest, one) for one in entries]
        nodes = frontier.extend(leaf_hashes)
        index_keys = [decode_entry(one).index_keys for one in entries]
        waiting, advance = self._index(ledger, leaf_hashes, index_keys, time_ms=batch.time_ms)
        encoded = tuple(encode_receipt(one) for one in receipts)
        head = Head(
            chain_id=self.genesis.chain_id,
            epoch=0,
            height=height,
            time_ms=batch.time_ms,
            parent_digest=ledger.tip_digest,
            batch_digest=batch.digest,
            log_size=frontier.size,
            index_size=waiting.start,
        )
        roots = (advance.root, update.root)
        return ExecutedBlock(
            header=Header(head=head, rest=self._rest(frontier, entries, encoded, roots)),
            batch=batch.encoded,
            outcomes=tuple((one.submission_digest, one.is_executed) for one in receipts),
            receipts=encoded,
            entries=tuple(entries),
            log_nodes=tuple(nodes),
            frontier=frontier,
            state=update,
            index=advance,
            waiting=waiting,
        )

    def grow(self, ledger: Ledger, *, blocks: int = 1, calls: int = 3) -> None:
        """Append blocks of one submission each."""
        for _ in range(blocks):
            ledger.append(self.block(ledger, [self.submission(calls=calls)]))

    def certificate(
        self, header: Header, *, signers: Sequence[int] = (0, 1, 2), keys_of: str = "chain"
    ) -> Certificate:
        """Return a certificate with real signatures."""
        digest = header.digest(self.suite.digest)
        content = checkpoint_content(
            chain_id=header.head.chain_id,
            epoch=header.head.epoch,
            height=header.height,
            header_digest=digest,
        )
        return Certificate(
            epoch=header.head.epoch,
            height=header.height,
            header_digest=digest,
            signatures=tuple(
                (one, vote_key(self.genesis.suite_name, one, of=keys_of).sign(content))
                for one in signers
            ),
        )

    def encoded_certificate(self, header: Header) -> bytes:
        """Return the bytes of a good certificate."""
        return encode_certificate(self.certificate(header))

    def _entries(self, submission: Submission, *, height: int, time_ms: int) -> list[bytes]:
        return [
            encode_entry(
                Entry(
                    height=height,
                    time_ms=time_ms,
                    submission_digest=submission.digest,
                    call_index=index,
                    organisation="DEPT-0",
                    key_id=key_id(self.suite, submission.public_key),
                    contract=submission.contract,
                    contract_version=1,
                    outcome=0,
                    index_keys=(b"\x01" + submission.digest, b"\x02DEPT-0", b"\x03DEPT-1"),
                    body_digest=body,
                )
            )
            for index, body in enumerate(submission.body_digests)
        ]

    def _index(
        self,
        ledger: Ledger,
        leaf_hashes: Sequence[bytes],
        keys: Sequence[tuple[bytes, ...]],
        *,
        time_ms: int,
    ) -> tuple[Waiting, MapUpdate]:
        h = self.suite.digest
        waiting = ledger.waiting.extended(h, leaf_hashes, keys, time_ms=time_ms)
        if not waiting.is_due(time_ms):
            return waiting, ledger.index_update({})
        changes = advanced(h, waiting, ledger.trail)
        return Waiting(start=waiting.stop), ledger.index_update(changes)

    def _rest(
        self,
        frontier: Frontier,
        entries: Sequence[bytes],
        receipts: Sequence[bytes],
        roots: tuple[bytes, bytes],
    ) -> Rest:
        h = self.suite.digest
        members = members_digest(h, epoch=0, members=members_of(self.genesis))
        return Rest(
            log_root=frontier.root(),
            records_root=merkle_root(h, entries),
            index_root=roots[0],
            state_root=roots[1],
            receipts_root=merkle_root(h, receipts),
            members_digest=members,
            next_members_digest=members,
        )


def _refusal(submission: Submission) -> Receipt:
    return Receipt(submission_digest=submission.digest, code=7, first_position=0, calls=())


def _acceptance(submission: Submission, position: int) -> Receipt:
    return Receipt(
        submission_digest=submission.digest,
        code=0,
        first_position=position,
        calls=tuple(CallReceipt(code=0) for _ in submission.calls),
    )
