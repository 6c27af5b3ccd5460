"""Small chains for execution: a ledger in memory, departments with keys, batches by hand.

Submissions carry a signature of zeros: execution must not depend on it.
"""

from collections.abc import Mapping, Sequence

from chainnode.batch import DecodedBatch, build_batch
from chainnode.codec import encode
from chainnode.execution import Executor, genesis_state
from chainnode.genesis import Genesis, KeyEntry, OrganisationEntry, Parameters, ReplicaEntry
from chainnode.ledger.bucket_map import BucketMap
from chainnode.ledger.codec import decode_entry, decode_receipt
from chainnode.ledger.genesis_block import genesis_block, members_of
from chainnode.ledger.merkle import Frontier
from chainnode.ledger.packed import Changes
from chainnode.ledger.types import Entry, ExecutedBlock, MapUpdate, Receipt
from chainnode.submission import Call, Submission, decode_submission
from chainnode.suites import suite_named
from chainnode.suites.port import Suite
from contracts.schemas.shape import PublicPart, encode_part
from tests.builders import parameters_of_rules_1, parameters_of_rules_2
from tests.unit.contracts.builders import ACTIONS, NOW_MS, PROVIDER, PURPOSE, REQUESTER

ORGANISATIONS = (REQUESTER, PROVIDER, "DEPT-C", "DEPT-D")
ALL_ROLES = (1, 2, 3, 4, 5)
CREATED_MS = NOW_MS - 1_000
VALID_UNTIL_MS = NOW_MS + 60_000


class MemoryMap:
    """One map in memory: the real digests over rows and values in dicts."""

    def __init__(self, suite: Suite, first: MapUpdate) -> None:
        self.h = suite.digest
        self.tree = BucketMap(self.h, bits=8)
        self.tree.load(first.delta.rows.items())
        self.rows = dict(first.delta.rows)
        self.values: dict[bytes, bytes | None] = dict(first.values.items())

    def update(self, values: Changes) -> MapUpdate:
        digests = {key: None if one is None else self.h(one) for key, one in values.items()}
        delta = self.tree.update(digests, lambda bucket: self.rows.get(bucket, b""))
        return MapUpdate(values=values, delta=delta)

    def append(self, update: MapUpdate) -> None:
        self.tree.stage(update.delta)
        self.tree.commit()
        self.rows.update(update.delta.rows)
        self.values.update(update.values.items())


class MemoryLedger:
    """`LedgerView` in memory, over the real maps and the real frontier."""

    def __init__(self, suite: Suite, first: ExecutedBlock) -> None:
        self.h = suite.digest
        self.state = MemoryMap(suite, first.state)
        self.index = MemoryMap(suite, first.index)
        self.tip = first.header
        self.frontier = first.frontier
        self.waiting = first.waiting

    def value(self, key: bytes) -> bytes | None:
        return self.state.values.get(self.h(key))

    def log_frontier(self) -> Frontier:
        return self.frontier.copy()

    def state_update(self, changes: Mapping[bytes, bytes | None]) -> MapUpdate:
        return self.state.update({self.h(key): value for key, value in changes.items()})

    def trail(self, key_digest: bytes) -> bytes | None:
        return self.index.values.get(key_digest)

    def index_update(self, changes: Changes) -> MapUpdate:
        return self.index.update(changes)

    def append(self, block: ExecutedBlock) -> None:
        self.state.append(block.state)
        self.index.append(block.index)
        self.frontier = block.frontier
        self.waiting = block.waiting
        self.tip = block.header


RULES_1 = parameters_of_rules_1()
RULES_2 = parameters_of_rules_2(match_deadline_ms=20_000)
RULES_3 = Parameters(
    devnet=1,
    state_map_bits=8,
    index_map_bits=8,
    match_deadline_ms=20_000,
    dispute_deadline_ms=60_000,
)


def genesis_of(suite: Suite, parameters: Parameters = RULES_1) -> Genesis:
    votes = [suite.load_private_key(bytes((100 + i,)) * 32).public_key for i in range(4)]
    keys = [suite.load_private_key(bytes((1 + i,)) * 32).public_key for i in range(4)]
    return Genesis(
        suite_name=suite.name,
        label="test",
        created_ms=CREATED_MS,
        parameters=parameters,
        replicas=tuple(
            ReplicaEntry(replica_id=i, organisation=ORGANISATIONS[i], vote_key=votes[i])
            for i in range(4)
        ),
        organisations=tuple(
            OrganisationEntry(
                organisation=organisation,
                name=f"Department {i}",
                roles=ALL_ROLES,
                keys=(KeyEntry(public_key=keys[i], roles=ALL_ROLES),),
            )
            for i, organisation in enumerate(ORGANISATIONS)
        ),
    )


class Chain:
    """A chain that executes one batch after another."""

    def __init__(self, suite_name: str = "intl", parameters: Parameters = RULES_1) -> None:
        self.suite = suite_named(suite_name)
        self.genesis = genesis_of(self.suite, parameters)
        block = genesis_block(
            self.suite.digest, self.genesis, genesis_state(self.genesis, self.suite)
        )
        self.ledger = MemoryLedger(self.suite, block)
        self.executor = Executor(self.genesis, self.suite, self.ledger)
        self.nonce = 0

    def public_key(self, number: int = 0) -> bytes:
        return self.suite.load_private_key(bytes((1 + number,)) * 32).public_key

    def submission(
        self,
        *parts: PublicPart,
        sender: int = 0,
        nonce: int | None = None,
        valid_until_ms: int = VALID_UNTIL_MS,
        contract_version: int = 1,
    ) -> Submission:
        name = ACTIONS[type(parts[0])][0]
        calls = [
            Call(action=ACTIONS[type(part)][1], public=encode_part(part), private=PURPOSE)
            for part in parts
        ]
        return self.raw_submission(
            calls,
            public_key=self.public_key(sender),
            nonce=nonce,
            valid_until_ms=valid_until_ms,
            contract=name,
            contract_version=contract_version,
        )

    def raw_submission(
        self,
        calls: Sequence[Call],
        *,
        public_key: bytes,
        nonce: int | None = None,
        valid_until_ms: int = VALID_UNTIL_MS,
        contract: str = "access",
        contract_version: int = 1,
        signature: bytes = bytes(64),
    ) -> Submission:
        if nonce is None:
            nonce, self.nonce = self.nonce, self.nonce + 1
        fields = (public_key, nonce, valid_until_ms, contract, contract_version)
        wire = tuple((call.action, call.public, call.private) for call in calls)
        data = encode(("kun.sub", 1, self.genesis.chain_id, *fields, wire, signature))
        return decode_submission(self.suite, data, self.genesis.parameters)

    def batch(self, *submissions: Submission, time_ms: int = NOW_MS) -> DecodedBatch:
        return build_batch(
            self.suite,
            chain_id=self.genesis.chain_id,
            time_ms=time_ms,
            submissions=submissions,
        )

    def execute_batch(self, batch: DecodedBatch) -> ExecutedBlock:
        return self.executor.execute(
            self.ledger.tip.height + 1, batch, epoch=0, members=members_of(self.genesis)
        )

    def execute(self, *submissions: Submission, time_ms: int = NOW_MS) -> ExecutedBlock:
        block = self.execute_batch(self.batch(*submissions, time_ms=time_ms))
        self.ledger.append(block)
        return block


def receipts(block: ExecutedBlock) -> tuple[Receipt, ...]:
    return tuple(decode_receipt(one) for one in block.receipts)


def entries(block: ExecutedBlock) -> tuple[Entry, ...]:
    return tuple(decode_entry(one) for one in block.entries)


def codes(block: ExecutedBlock) -> list[int]:
    """Code of each submission, in order."""
    return [one.code for one in receipts(block)]


def call_codes(block: ExecutedBlock) -> list[int]:
    """Code of each call of all executed submissions, in order."""
    return [call.code for one in receipts(block) for call in one.calls]
