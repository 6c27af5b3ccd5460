"""Four departments that object, pass on, answer and forget; and what must hold of it.

Every block is executed a second time by `tests/second_reader`, which must come to the same
header. Beside that the laws are looked up one by one: a small model of what each dispute should
be by docs/wire-format.md §18 is kept here and held against the state and the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chainnode.ledger.types import ExecutedBlock, OwnBody
from chainnode.submission import Call, Submission
from contracts.schemas.catalog import Publish
from contracts.schemas.dispute_states import DisputeState
from contracts.schemas.disputes import (
    DISPUTES,
    FORWARDS_MAX,
    LATE,
    OPEN,
    Correct,
    DisputeOutcome,
    DisputeRow,
    Extend,
    Forward,
    Object,
    OpenRow,
    Refuse,
    WithdrawDispute,
    decode_overdue,
)
from contracts.schemas.due import SLOT_MS, slot_of
from contracts.schemas.shape import PublicPart, encode_part
from tests.second_reader.chain import Chain as SecondChain
from tests.second_reader.cryptography_of import Reader
from tests.unit.chainnode.execution.chains import ORGANISATIONS, RULES_3, Chain, entries, receipts
from tests.unit.contracts.builders import NOW_MS, SALT

DEADLINE_MS = RULES_3.dispute_deadline_ms
LONG_MS = 600_000
ITEMS = ("population/basic", "housing/basic")
ENDS = {"correct": DisputeState.CORRECTED, "refuse": DisputeState.REFUSED}
_NUMBERS = st.integers(0, 5)
_SENDERS = st.sampled_from([None, None, None, 0, 1, 2, 3])


@dataclass(frozen=True, kw_only=True)
class Act:
    """What somebody does with a dispute; `sender` None: whose it is."""

    action: str
    number: int
    sender: int | None
    other: int


acts = st.builds(
    Act,
    action=st.sampled_from(["object", "forward", "extend", "correct", "refuse", "withdraw"]),
    number=_NUMBERS,
    sender=_SENDERS,
    other=st.integers(0, 3),
)


@dataclass(kw_only=True)
class Expected:
    """A dispute as §18 says that it should be."""

    filer: int
    responsible: int
    filed_ms: int
    due_ms: int
    since_ms: int
    state: DisputeState = DisputeState.OPEN
    forwards: int = 0
    is_extended: bool = False
    is_overdue: bool = False
    # Deadlines that the queue still holds: each finds the dispute once.
    waiting: list[int] = field(default_factory=list)

    @property
    def facts(self) -> tuple[object, ...]:
        """What the row of the state must say."""
        return (
            ORGANISATIONS[self.filer],
            ORGANISATIONS[self.responsible],
            self.state,
            self.forwards,
            int(self.is_extended),
            self.filed_ms,
            self.due_ms,
            self.since_ms,
            int(self.is_overdue),
        )


def facts_of(row: DisputeRow) -> tuple[object, ...]:
    """Return the same of a row."""
    return (
        row.filer,
        row.responsible,
        row.state,
        row.forwards,
        row.is_extended,
        row.filed_ms,
        row.due_ms,
        row.since_ms,
        row.is_overdue,
    )


class Desk(RuleBasedStateMachine):
    """Disputes of two items, of which departments 0 and 1 are the owners."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = Chain("intl", RULES_3)
        self.second = SecondChain(Reader(suite="intl"), self.chain.genesis.encoded)
        self.now_ms = NOW_MS
        self.disputes: dict[bytes, Expected] = {}
        self.counts = [[0, 0, 0] for _ in ORGANISATIONS]

    # What happens.

    @initialize()
    def begin(self) -> None:
        """Let each of the two owners publish its item."""
        self.block(
            *(
                self.submission(
                    "catalog",
                    "publish",
                    owner,
                    Publish(
                        salt=SALT,
                        item=item,
                        version=1,
                        title="people",
                        grade=1,
                        share=1,
                        fields=("name",),
                        supervisor="",
                    ),
                )
                for owner, item in enumerate(ITEMS)
            ),
            own=(),
        )

    @rule(step_ms=st.sampled_from([1, 999, 10_000, DEADLINE_MS, DEADLINE_MS + SLOT_MS]))
    def time_passes(self, step_ms: int) -> None:
        """An idle chain: a block without submissions."""
        self.now_ms += step_ms
        self.block(own=self.expire())

    @rule(done=st.lists(acts, min_size=1, max_size=4))
    def something_is_done(self, done: list[Act]) -> None:
        self.do(done)

    def do(self, done: Sequence[Act]) -> None:
        """Do several things in one block, each in a submission of its own."""
        own = self.expire()
        sent, expected = [], []
        for one in done:
            submission, outcome = self.act(one)
            sent.append(submission)
            expected.append(outcome)
        block = self.block(*sent, own=own)
        accepted = [one.calls[0].code == 0 for one in receipts(block)]
        assert accepted == [one is not None for one in expected]
        made = [one.outcome for one in entries(block) if not one.is_ledgers_own]
        assert made == [one for one in expected if one is not None]

    @rule(number=_NUMBERS, others=st.lists(st.integers(0, 3), min_size=2, max_size=6))
    def it_is_passed_round(self, number: int, others: list[int]) -> None:
        """An objection, and whoever has it passes it on: within one block."""
        filed = Act(action="object", number=number, sender=None, other=3)
        passed = [Act(action="forward", number=number, sender=None, other=one) for one in others]
        self.do([filed, *passed])

    def act(self, one: Act) -> tuple[Submission, int | None]:
        """Return what is sent, and the outcome it must have; None: it must be refused."""
        dispute_id = one.number.to_bytes(16)
        known = self.disputes.get(dispute_id)
        sender = one.sender
        if sender is None and known is not None:
            sender = known.filer if one.action == "withdraw" else known.responsible
        if sender is None:
            sender = one.other
        part = self.part(one, dispute_id)
        outcome = (
            self.objected(one, dispute_id, sender)
            if one.action == "object"
            else self.acted(one, known, sender)
        )
        return self.submission("disputes", one.action, sender, part), outcome

    def part(self, one: Act, dispute_id: bytes) -> PublicPart:
        match one.action:
            case "object":
                return Object(
                    salt=SALT,
                    dispute_id=dispute_id,
                    ground=1,
                    target=3,
                    requester="",
                    provider="",
                    call_id=b"",
                    certificate="",
                    subjects=(),
                    person=b"",
                    item=ITEMS[one.number % 2],
                    grant="",
                    follows=b"",
                    statement_commitment=b"",
                )
            case "forward":
                return Forward(SALT, dispute_id, ORGANISATIONS[one.other], "x")
            case "extend":
                return Extend(SALT, dispute_id, "x")
            case "correct":
                return Correct(SALT, dispute_id, "x", b"", "")
            case "refuse":
                return Refuse(SALT, dispute_id, "x", b"")
            case _:
                return WithdrawDispute(SALT, dispute_id)

    # What §18 says of it.

    def objected(self, one: Act, dispute_id: bytes, sender: int) -> int | None:
        if dispute_id in self.disputes:
            return None
        due_ms = self.now_ms + DEADLINE_MS
        self.disputes[dispute_id] = Expected(
            filer=sender,
            responsible=one.number % 2,
            filed_ms=self.now_ms,
            due_ms=due_ms,
            since_ms=self.now_ms,
            waiting=[due_ms],
        )
        self.counts[one.number % 2][0] += 1
        return DisputeOutcome.OBJECTED

    def acted(self, one: Act, known: Expected | None, sender: int) -> int | None:
        """Say what an act on a dispute does, and note it."""
        if known is None or known.state is not DisputeState.OPEN:
            return None
        if sender != (known.filer if one.action == "withdraw" else known.responsible):
            return None
        if one.action == "forward":
            return self.forwarded(known, one.other)
        if one.action == "extend":
            return self.extended(known)
        known.state = ENDS.get(one.action, DisputeState.WITHDRAWN)
        known.since_ms = self.now_ms
        self.counts[known.responsible][1] += 1
        if one.action == "withdraw":
            return DisputeOutcome.WITHDRAWN
        answer = DisputeOutcome.CORRECTED if one.action == "correct" else DisputeOutcome.REFUSED
        return answer + LATE * known.is_overdue

    def forwarded(self, known: Expected, to: int) -> int | None:
        if known.forwards == FORWARDS_MAX or to == known.responsible:
            return None
        self.counts[known.responsible][1] += 1
        self.counts[to][0] += 1
        known.responsible, known.forwards = to, known.forwards + 1
        known.is_extended = known.is_overdue = False
        known.since_ms, known.due_ms = self.now_ms, self.now_ms + DEADLINE_MS
        known.waiting.append(known.due_ms)
        return DisputeOutcome.FORWARDED

    def extended(self, known: Expected) -> int | None:
        if known.is_extended or known.is_overdue or self.now_ms > known.due_ms:
            return None
        known.is_extended, known.due_ms = True, known.due_ms + DEADLINE_MS
        known.waiting.append(known.due_ms)
        return DisputeOutcome.EXTENDED

    def expire(self) -> list[bytes]:
        """Note what becomes overdue before the acts of a block; return of which disputes."""
        found = []
        for dispute_id, one in self.disputes.items():
            passed = [due for due in one.waiting if slot_of(due) * SLOT_MS <= self.now_ms]
            one.waiting = [due for due in one.waiting if due not in passed]
            for due in passed:
                if one.state is DisputeState.OPEN and due == one.due_ms:
                    one.is_overdue = True
                    self.counts[one.responsible][2] += 1
                    found.append(dispute_id)
        return found

    # How it is told.

    def submission(self, contract: str, action: str, sender: int, part: PublicPart) -> Submission:
        return self.chain.raw_submission(
            [Call(action=action, public=encode_part(part))],
            public_key=self.chain.public_key(sender),
            contract=contract,
            contract_version=1,
            valid_until_ms=self.now_ms + LONG_MS,
        )

    def block(self, *sent: Submission, own: Sequence[bytes]) -> ExecutedBlock:
        """Execute, twice, and look at what the ledger itself recorded."""
        block = self.chain.execute(*sent, time_ms=self.now_ms)
        self.require_same_header(block, sent)
        overdue = [decode_overdue("disputes", *one) for one in map(body_of, block.own_bodies)]
        assert sorted(one.dispute_id for one in overdue if one is not None) == sorted(own)
        assert len(overdue) == len(own)
        return block

    def require_same_header(self, block: ExecutedBlock, sent: Sequence[Submission]) -> None:
        """The second implementation comes to the same header."""
        encoded = [one.encoded for one in sent]
        again = self.second.execute(self.now_ms, encoded, list(block.receipts))
        assert again.digest == block.header.digest(self.chain.suite.digest)

    # The laws.

    @invariant()
    def every_row_is_what_was_done(self) -> None:
        """No dispute is lost, and none is answered, extended or passed on by another."""
        for dispute_id, expected in self.disputes.items():
            value = self.chain.ledger.value(DISPUTES.key(dispute_id))
            assert value is not None
            row = DISPUTES.decode(value)
            assert facts_of(row) == expected.facts
            assert row.forwards <= FORWARDS_MAX

    @invariant()
    def an_open_dispute_is_overdue_once_its_deadline_has_passed(self) -> None:
        for dispute_id in self.disputes:
            value = self.chain.ledger.value(DISPUTES.key(dispute_id))
            assert value is not None
            row = DISPUTES.decode(value)
            if row.is_open:
                has_passed = slot_of(row.due_ms) * SLOT_MS <= self.now_ms
                assert bool(row.is_overdue) == has_passed

    @invariant()
    def counters_say_how_many_wait(self) -> None:
        """What came less what left is what is open, at each organisation."""
        open_at = [0] * len(ORGANISATIONS)
        for one in self.disputes.values():
            open_at[one.responsible] += one.state is DisputeState.OPEN
        for number, organisation in enumerate(ORGANISATIONS):
            value = self.chain.ledger.value(OPEN.key(organisation))
            row = OpenRow() if value is None else OPEN.decode(value)
            assert [row.opened, row.closed, row.overdue] == self.counts[number]
            assert row.opened - row.closed == open_at[number]


def body_of(body: OwnBody) -> tuple[str, bytes]:
    """Return action and public part of a record of the ledger itself."""
    return body.action, body.public


class LawsAlone(Desk):
    """The same without the second implementation: the laws must see a mistake by themselves."""

    def require_same_header(self, block: ExecutedBlock, sent: Sequence[Submission]) -> None:
        """Look at one execution alone."""
