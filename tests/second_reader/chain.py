"""A chain computed again from its genesis and submissions (wire-format §3 to §10, §14, §18).

Out of receipts only the codes are taken: which submissions and calls were refused. Everything
else of a block follows, down to the header digest.
"""

from dataclasses import dataclass, field
from typing import Any

from tests import naive_index
from tests.second_reader.cryptography_of import Reader
from tests.second_reader.deadlines import add_due, take_due
from tests.second_reader.disputes import Disputes
from tests.second_reader.encoding import dec, enc, tagged
from tests.second_reader.town import Own, Row, Sender

ZERO = bytes(32)
_RULES_2 = {
    "access": 2,
    "audit": 1,
    "catalog": 1,
    "certificates": 1,
    "content": 1,
    "grants": 1,
    "members": 1,
    "pseudonyms": 1,
}
# By the rules of a chain, which are the version of its genesis.
VERSIONS = {2: _RULES_2, 3: _RULES_2 | {"access": 3, "audit": 2, "disputes": 1}}


@dataclass(frozen=True, kw_only=True)
class SubmissionOf:
    """A submission as it travels, and what follows from it."""

    public_key: bytes
    nonce: int
    contract: str
    version: int
    calls: list[Row]
    header: bytes
    digest: bytes
    signature: bytes
    body_digests: list[bytes]


@dataclass(kw_only=True)
class BlockOf:
    """What a block left."""

    receipts: list[bytes] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    own: list[tuple[str, bytes]] = field(default_factory=list)
    head: bytes = b""
    rest: list[bytes] = field(default_factory=list)
    digest: bytes = b""


def body_digest(reader: Reader, action: str, public: bytes, private: bytes) -> bytes:
    """§4."""
    parts = [reader.h(b"\x00" + public), reader.h(b"\x00" + private)]
    return reader.h(enc(["kun.body", 1, action, *parts]))


def submission_of(reader: Reader, data: bytes) -> SubmissionOf:
    """Read a submission of §4."""
    _, _, chain_id, public_key, nonce, valid, contract, version, calls, signature = tagged(
        data, "kun.sub", 10
    )
    bodies = [body_digest(reader, *one) for one in calls]
    root = naive_index.tree_root(reader.h, bodies)
    said = [chain_id, public_key, nonce, valid, contract, version, len(calls), root]
    header = enc(["kun.sub", 1, *said])
    return SubmissionOf(
        public_key=public_key,
        nonce=nonce,
        contract=contract,
        version=version,
        calls=calls,
        header=header,
        digest=reader.h(header),
        signature=signature,
        body_digests=bodies,
    )


class Chain:
    """Executes blocks; `blocks` are what they left, from height 0."""

    def __init__(self, reader: Reader, genesis: bytes) -> None:
        self.reader, self.h = reader, reader.h
        self.rules: int = dec(genesis)[1]
        wire = tagged(genesis, "kun.genesis", 8, version=self.rules)
        self.chain_id = self.h(genesis)
        self.parameters: dict[str, int] = dict(wire[5])
        self.town = Disputes(reader, wire)
        self.members = wire[6]
        self.entries: list[bytes] = []
        self.indexed = 0
        # Rows of each advance, by index key: one chunk each.
        self.chunks: dict[bytes, list[list[bytes]]] = {}
        self.time_ms: int = wire[4]
        self.blocks: list[BlockOf] = []
        first = BlockOf()
        self._close(first, parent=self.chain_id, batch_digest=ZERO)
        self.blocks.append(first)

    def execute(self, time_ms: int, submissions: list[bytes], receipts: list[bytes]) -> BlockOf:
        """Execute a batch; of the receipts only the codes are believed."""
        block = BlockOf()
        self.time_ms = max(self.time_ms, time_ms)
        read = [submission_of(self.reader, one) for one in submissions]

        def wake(item: Row) -> int:
            left = self.town.woken(item, self.chain_id)
            for one in left:
                self._enter_own(block, one)
            return len(left)

        take_due(self.town.state, self.time_ms, wake)
        caused: list[Own] = []
        due: list[tuple[int, Row]] = []
        for one, receipt in zip(read, receipts, strict=True):
            self._run(block, one, tagged(receipt, "kun.receipt", 6), caused, due)
        for record in caused:
            self._enter_own(block, record)
        add_due(self.town.state, due)
        leaves = [one.digest + one.signature for one in read]
        root = naive_index.tree_root(self.h, leaves)
        batch = ["kun.batch", 1, self.chain_id, time_ms, len(read), root]
        self._close(block, parent=self.blocks[-1].digest, batch_digest=self.h(enc(batch)))
        self.blocks.append(block)
        return block

    def _run(
        self,
        block: BlockOf,
        one: SubmissionOf,
        receipt: Row,
        caused: list[Own],
        due: list[tuple[int, Row]],
    ) -> None:
        code, said = receipt[3], receipt[5]
        first = len(self.entries)
        key_id = self.reader.key_id(one.public_key)
        if not code:
            assert VERSIONS[self.rules][one.contract] == one.version
            self.town.use_nonce(key_id, one.nonce)
        for index, (refusal, _) in enumerate(said):
            if refusal:
                continue
            key = self.town.state.find("members", "key", key_id)
            assert key is not None
            action, public, _private = one.calls[index]
            sender = Sender(
                organisation=key[1],
                now_ms=self.time_ms,
                height=len(self.blocks),
                digest=one.digest,
                index=index,
                public=public,
            )
            left = self.town.apply(one.contract, action, sender)
            caused += left.own
            due += [left.due] if left.due else []
            place = [one.digest, index, key[1], key_id, one.contract, one.version]
            self._enter(block, place, left.outcome, left.keys, one.body_digests[index])
        position = first if len(self.entries) > first else 0
        block.receipts.append(enc(["kun.receipt", 1, one.digest, code, position, said]))

    def _enter_own(self, block: BlockOf, own: Own) -> None:
        place = [ZERO, len(block.own), "", bytes(20), own.contract]
        place.append(VERSIONS[self.rules][own.contract])
        block.own.append((own.action, own.public))
        body = body_digest(self.reader, own.action, own.public, b"")
        self._enter(block, place, own.outcome, own.keys, body)

    def _enter(
        self, block: BlockOf, place: Row, outcome: int, keys: list[bytes], body: bytes
    ) -> None:
        head = ["kun.entry", 1, len(self.blocks), self.time_ms]
        entry = enc([*head, *place, outcome, sorted(set(keys)), body])
        block.entries.append(entry)
        self.entries.append(entry)

    def _close(self, block: BlockOf, *, parent: bytes, batch_digest: bytes) -> None:
        """Compute the header of a block."""
        self._advance()
        height = len(self.blocks)
        index = {key: enc(naive_index.trail(self.h, chunks)) for key, chunks in self.chunks.items()}
        members = self.h(enc(["kun.members", 1, 0, self.members]))
        block.head = enc(
            [
                *["kun.head", 1, self.chain_id, 0, height, self.time_ms, parent, batch_digest],
                *[len(self.entries), self.indexed, 1],
            ]
        )
        block.rest = [
            naive_index.tree_root(self.h, self.entries),
            naive_index.tree_root(self.h, block.entries),
            self._map("index_map_bits", index),
            self._map("state_map_bits", self.town.state.rows),
            naive_index.tree_root(self.h, block.receipts),
            members,
            members,
        ]
        rest = naive_index.tree_root(self.h, block.rest)
        block.digest = self.h(b"\x01" + self.h(b"\x00" + block.head) + rest)

    def _map(self, bits: str, rows: dict[bytes, bytes]) -> bytes:
        return naive_index.Map(self.h, self.parameters[bits], rows).root

    def _advance(self) -> None:
        """§10: let the index cover all entries once they waited for a second."""
        waiting = self.entries[self.indexed :]
        if not waiting or self.time_ms < _time_of(waiting[0]) + 1000:
            return
        added: dict[bytes, list[bytes]] = {}
        for position, entry in enumerate(waiting, self.indexed):
            for key in dec(entry)[11]:
                added.setdefault(key, []).append(naive_index.row(self.h, position, entry))
        for key, rows in added.items():
            self.chunks.setdefault(key, []).append(rows)
        self.indexed = len(self.entries)


def _time_of(entry: bytes) -> int:
    time_ms: Any = dec(entry)[3]
    assert isinstance(time_ms, int)
    return time_ms
