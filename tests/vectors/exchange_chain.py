"""The chain of the exchange vectors: four departments, keys with one role each, blocks by hand.

Executed by the product on a ledger in memory that also remembers which rows a block changed.
Every signature and salt is the same in each run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from chainnode.batch import build_batch
from chainnode.execution import Executor, genesis_state
from chainnode.genesis import Genesis, KeyEntry, OrganisationEntry, Parameters, ReplicaEntry
from chainnode.ledger.codec import encode_head
from chainnode.ledger.genesis_block import genesis_block, members_of
from chainnode.ledger.types import ExecutedBlock, MapUpdate
from chainnode.submission import Call, Submission, key_id, sign_submission
from chainnode.suites import suite_named
from chainnode.verify.strict_json import JsonObject, JsonValue
from contracts.registry import contract_named
from tests.builders import NOW_MS, parameters_of_rules_1, parameters_of_rules_2, secret_key
from tests.unit.chainnode.execution.chains import MemoryLedger
from tests.vectors.signing import RepeatableKey

HOUSING, POLICE, DATA, AUDIT = (
    "11440300000000011A",
    "11440300000000022B",
    "11440300000000033C",
    "11440300000000044D",
)
NAMES = {HOUSING: "住房局", POLICE: "公安局", DATA: "数据局", AUDIT: "审计局"}
# 2026-05-29 in +08:00.
CREATED_MS = NOW_MS
PERIOD = 202605
DEADLINE_MS = 20_000
MEMBER, SERVICE, AUDITOR, CUSTODIAN = 1, 3, 4, 5


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A key of the vectors: whose it is, what it may do, its secret number."""

    organisation: str
    role: int
    number: int


SEATS = {
    "housing member": Seat(organisation=HOUSING, role=MEMBER, number=3001),
    "housing service": Seat(organisation=HOUSING, role=SERVICE, number=3002),
    "police member": Seat(organisation=POLICE, role=MEMBER, number=3003),
    "police service": Seat(organisation=POLICE, role=SERVICE, number=3004),
    "data member": Seat(organisation=DATA, role=MEMBER, number=3005),
    "data custodian": Seat(organisation=DATA, role=CUSTODIAN, number=3006),
    "audit member": Seat(organisation=AUDIT, role=MEMBER, number=3007),
    "audit auditor": Seat(organisation=AUDIT, role=AUDITOR, number=3008),
    # Registered nowhere.
    "stranger": Seat(organisation="", role=0, number=3009),
}
PARAMETERS = parameters_of_rules_2(match_deadline_ms=DEADLINE_MS)


class RememberingLedger(MemoryLedger):
    """Remembers the rows by which the state of the newest block differs from its parent's."""

    changes: Mapping[bytes, bytes | None] = {}

    def state_update(self, changes: Mapping[bytes, bytes | None]) -> MapUpdate:
        """Remember, and compute as ever."""
        self.changes = dict(changes)
        return super().state_update(changes)


class ExchangeChain:
    """A chain, with rules 2 if no others are given; `blocks` is what the vectors say of it."""

    def __init__(
        self,
        suite_name: str,
        *,
        parameters: Parameters = PARAMETERS,
        seats: Mapping[str, Seat] = SEATS,
    ) -> None:
        self.suite = suite_named(suite_name)
        self.seats = seats
        self.genesis = self.genesis_with(parameters)
        self.first_state = genesis_state(self.genesis, self.suite)
        first = genesis_block(self.suite.digest, self.genesis, self.first_state)
        self.ledger = RememberingLedger(self.suite, first)
        self.blocks = [self._document(first, (), self.first_state)]
        self._executor = Executor(self.genesis, self.suite, self.ledger)
        self._nonces = dict.fromkeys(seats, 0)
        self._salts = 0

    @cached_property
    def keys(self) -> dict[str, RepeatableKey]:
        """The keys of `seats`."""
        name = self.suite.name
        return {
            seat: RepeatableKey(suite=self.suite, key=secret_key(name, one.number))
            for seat, one in self.seats.items()
        }

    @property
    def chain_id(self) -> bytes:
        """The chain's id."""
        return self.genesis.chain_id

    @property
    def time_ms(self) -> int:
        """Time of the newest block."""
        return self.ledger.tip.head.time_ms

    def key_id(self, seat: str) -> bytes:
        """Return the id of a key."""
        return key_id(self.suite, self.keys[seat].public_key)

    def genesis_with(self, parameters: Parameters) -> Genesis:
        """Return the genesis of these departments; rules follow from the parameters."""
        organisations = tuple(
            OrganisationEntry(
                organisation=one,
                name=name,
                roles=tuple(
                    sorted(seat.role for seat in self.seats.values() if seat.organisation == one)
                ),
                keys=tuple(
                    KeyEntry(public_key=self.keys[named].public_key, roles=(seat.role,))
                    for named, seat in self.seats.items()
                    if seat.organisation == one
                ),
            )
            for one, name in NAMES.items()
        )
        return Genesis(
            suite_name=self.suite.name,
            label="exchange vectors",
            created_ms=CREATED_MS,
            parameters=parameters,
            replicas=tuple(
                ReplicaEntry(
                    replica_id=number,
                    organisation=one,
                    vote_key=secret_key(self.suite.name, 3100 + number).public_key,
                )
                for number, one in enumerate(NAMES)
            ),
            organisations=organisations,
        )

    def genesis_of_rules_1(self) -> Genesis:
        """Return the same departments under rules 1: two parameters less, version 1."""
        return self.genesis_with(parameters_of_rules_1())

    def salt(self) -> bytes:
        """Return the next salt: as good as random, and the same in each run."""
        self._salts += 1
        return self.suite.digest(b"salt %d" % self._salts)[:16]

    def submission(
        self,
        seat: str,
        contract: str,
        *calls: Call,
        version: int | None = None,
        nonce: int | None = None,
        valid_ms: int = 300_000,
    ) -> Submission:
        """Sign calls of one contract; nonces of a key count from 0."""
        rules = self.genesis.parameters.rules
        if nonce is None:
            nonce = self._nonces[seat]
            self._nonces[seat] += 1
        return sign_submission(
            self.suite,
            self.keys[seat],
            chain_id=self.chain_id,
            nonce=nonce,
            valid_until_ms=self.time_ms + valid_ms,
            contract=contract,
            contract_version=contract_named(rules, contract).version
            if version is None
            else version,
            calls=calls,
        )

    def execute(self, time_ms: int, *said: tuple[str, Submission]) -> ExecutedBlock:
        """Execute a block of submissions, each with a word on what it is for."""
        batch = build_batch(
            self.suite,
            chain_id=self.chain_id,
            time_ms=time_ms,
            submissions=[one for _, one in said],
        )
        block = self._executor.execute(
            self.ledger.tip.height + 1, batch, epoch=0, members=members_of(self.genesis)
        )
        self.ledger.append(block)
        self.blocks.append(self._document(block, said, self.ledger.changes))
        return block

    def _document(
        self,
        block: ExecutedBlock,
        said: Sequence[tuple[str, Submission]],
        changes: Mapping[bytes, bytes | None],
    ) -> JsonObject:
        header = block.header
        rows: list[JsonValue] = [
            [key.hex(), None if value is None else value.hex()]
            for key, value in sorted(changes.items())
        ]
        return {
            "height": header.height,
            "time_ms": header.head.time_ms,
            "submissions": [
                {
                    "what": what,
                    "encoded": one.encoded.hex(),
                    "digest": one.digest.hex(),
                    "body_digests": [digest.hex() for digest in one.body_digests],
                }
                for what, one in said
            ],
            "batch_digest": header.head.batch_digest.hex(),
            "receipts": [one.hex() for one in block.receipts],
            "entries": [one.hex() for one in block.entries],
            "own": [[one.action, one.public.hex()] for one in block.own_bodies],
            "state": rows,
            "head": encode_head(header.head).hex(),
            "rest": [one.hex() for one in header.rest.roots],
            "header_digest": header.digest(self.suite.digest).hex(),
        }
