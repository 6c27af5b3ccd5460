"""A ledger in memory behind the port of replay: one half of each testimony, each nonce once.

What is done to it (silence, lost answers, refusals) is set by the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from chainnode.client.reports import CannotDecide, NodeRefused, NodeUnreachable
from chainnode.client.results import Final, Outcome, Refused, Unknown
from chainnode.client.submitting import call_results, code_name
from chainnode.ledger.types import CallReceipt, Certificate, Entry, Receipt
from chainnode.submission import Submission
from chainnode.suites.port import PrivateKey
from chainnode.verify.evidence import ReceiptFacts, RecordFacts
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trust import Trust
from contracts.schemas.codes import Code, digest_words
from tests.builders_evidence import synthetic_chain
from tests.unit.chainnode.gateway.spool_parts import NOW_MS

CHAIN = synthetic_chain("intl")
KEY = CHAIN.client_key
OTHER_KEY: PrivateKey = CHAIN.private_keys([10])[0]
NODES = ("http://a", "http://b")


@dataclass(frozen=True, slots=True)
class Half:
    """A half in the log."""

    digest: bytes
    call_index: int
    body_digest: bytes


@dataclass
class LedgerOfTests:
    """Executes what it is offered at once, one block a submission, unless it is told otherwise."""

    now_ms: int = NOW_MS
    silences: int = 0
    lost_answers: int = 0
    refusals: list[Code] = field(default_factory=list)
    refused_numbers: dict[int, Code] = field(default_factory=dict)
    keys: set[bytes] = field(default_factory=lambda: {KEY.public_key})
    door: Callable[[Submission], str | None] = lambda _: None
    told_nonces: list[int] = field(default_factory=list)
    is_reachable: bool = True
    log: list[Half] = field(default_factory=list)
    halves: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    executed: dict[bytes, tuple[Receipt, int]] = field(default_factory=dict)
    offered: list[bytes] = field(default_factory=list)
    nonces: dict[bytes, set[int]] = field(default_factory=dict)
    height: int = 0

    @property
    def trust(self) -> Trust:
        return CHAIN.trust

    @property
    def numbers(self) -> list[int]:
        """The calls whose halves are in the log, in its order."""
        return [int(number) for _, number in self.halves]

    async def settle(self, submission: Submission, *, wait_s: float) -> Outcome:
        assert wait_s > 0
        self.offered.append(submission.encoded)
        if self.silences:
            self.silences -= 1
            return Unknown(submission=submission, reports=())
        code = self.door(submission)
        if code is not None and submission.digest not in self.executed:
            reports = tuple(
                NodeRefused(node=one, detail="refused", status=422, code=code) for one in NODES
            )
            return Refused(digest=submission.digest, reports=reports)
        receipt, height = self._executed(submission)
        if self.lost_answers:
            self.lost_answers -= 1
            return Unknown(submission=submission, reports=())
        return Final(
            digest=submission.digest,
            height=height,
            code=receipt.code,
            code_name=code_name(receipt.code),
            calls=call_results(receipt),
            receipt=receipt,
            evidence={},
            reports=(),
        )

    async def receipt(self, digest: bytes) -> ReceiptFacts:
        if not self.is_reachable:
            raise CannotDecide((NodeUnreachable(node=NODES[0], detail="gone"),))
        if digest not in self.executed:
            refused = NodeRefused(
                node=NODES[0], detail="unknown", status=404, code="UNKNOWN_SUBMISSION"
            )
            raise CannotDecide((refused,))
        receipt, height = self.executed[digest]
        return ReceiptFacts(header=self._header(height), receipt=receipt)

    async def record(self, position: int) -> tuple[RecordFacts, JsonObject]:
        half = self.log[position]
        entry = Entry(
            height=self.executed[half.digest][1],
            time_ms=NOW_MS,
            submission_digest=half.digest,
            call_index=half.call_index,
            organisation="ORG-B",
            key_id=bytes(20),
            contract="access",
            contract_version=1,
            outcome=0,
            index_keys=(),
            body_digest=half.body_digest,
        )
        header = self._header(entry.height)
        return RecordFacts(header=header, position=position, entry=entry, call=None), {}

    async def header_latest(self) -> CertifiedHeader:
        return self._header(self.height)

    async def nonce_next(self, public_key: bytes) -> int:
        if self.told_nonces:
            return self.told_nonces.pop(0)
        return max(self.nonces.get(public_key, {-1})) + 1

    def _header(self, height: int) -> CertifiedHeader:
        header = CHAIN.header(height=height, time_ms=self.now_ms)
        return CertifiedHeader(
            header=header,
            digest=bytes(32),
            certificate=Certificate(epoch=0, height=height, header_digest=bytes(32), signatures=()),
            quorum=3,
            trust=CHAIN.trust,
        )

    def _executed(self, submission: Submission) -> tuple[Receipt, int]:
        known = self.executed.get(submission.digest)
        if known is not None:
            return known
        self.height += 1
        code = self._code(submission)
        first = len(self.log)
        calls: tuple[CallReceipt, ...] = ()
        if code == Code.ACCEPTED:
            self.nonces.setdefault(submission.public_key, set()).add(submission.nonce)
            calls = tuple(self._call(submission, index) for index in range(len(submission.calls)))
        receipt = Receipt(
            submission_digest=submission.digest, code=code, first_position=first, calls=calls
        )
        self.executed[submission.digest] = receipt, self.height
        return receipt, self.height

    def _code(self, submission: Submission) -> Code:
        if self.refusals:
            return self.refusals.pop(0)
        if submission.valid_until_ms < self.now_ms:
            return Code.EXPIRED
        if submission.public_key not in self.keys:
            return Code.UNKNOWN_KEY
        if submission.nonce in self.nonces.get(submission.public_key, ()):
            return Code.NONCE_USED
        return Code.ACCEPTED

    def _call(self, submission: Submission, index: int) -> CallReceipt:
        call = submission.calls[index]
        side, number, _ = call.public.split(b".", 2)
        if int(number) in self.refused_numbers:
            return CallReceipt(code=self.refused_numbers[int(number)])
        half = Half(submission.digest, index, submission.body_digests[index])
        if call.action == "record":
            if (side, number) in self.halves:
                first = self.log[self.halves[side, number]]
                details = (first.call_index, *digest_words(first.digest))
                return CallReceipt(code=Code.ACCESS_DOUBLE_RECORD, details=details)
            self.halves[side, number] = len(self.log)
        self.log.append(half)
        return CallReceipt(code=Code.ACCEPTED)
