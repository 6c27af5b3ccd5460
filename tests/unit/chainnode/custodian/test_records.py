"""Epochs and use on the ledger: told once, without a gap, whatever is lost on the way."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from chainnode.client import CallResult, Final, Outcome, Refused
from chainnode.custodian.counters import Counters
from chainnode.custodian.desk import DeskIdentity, EpochInForce, LedgerUnavailable
from chainnode.custodian.records import NotRecorded, Records
from chainnode.ledger.types import Receipt
from chainnode.submission import Call
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.pseudonyms import EPOCHS, USED, UsedRow
from tests.builders_custodian import CHAIN_ID, DATA, HOUSING, POLICE, World
from tests.unit.contracts.builders import Caller

DAY = 20_260_301


@dataclass(slots=True)
class RecordingInMemory:
    """The port `RecordingLedger` over the real contract; loses answers when told to."""

    chain: Caller
    loses_answers: bool = False
    is_reachable: bool = True
    submissions: int = 0

    def epoch_now(self, department: str) -> EpochInForce | None:
        if not self.is_reachable:
            raise LedgerUnavailable
        row = self.chain.state.find(EPOCHS, department)
        if row is None:
            return None
        return EpochInForce(
            custodian=row.custodian,
            epoch=row.epoch,
            since_ms=row.since_ms,
            key_check=row.key_check,
        )

    def used(self, department: str) -> UsedRow | None:
        return self.chain.state.find(USED, department)

    def time_ms(self) -> int:
        return self.chain.now_ms

    def submit(self, *calls: Call) -> Outcome:
        self.submissions += 1
        results = tuple(self._result(call) for call in calls)
        if self.loses_answers:
            return Refused(digest=b"", reports=())
        receipt = Receipt(submission_digest=b"", code=0, first_position=0, calls=())
        return Final(
            digest=b"",
            height=1,
            code=0,
            code_name="OK",
            calls=results,
            receipt=receipt,
            evidence={},
            reports=(),
        )

    def _result(self, call: Call) -> CallResult:
        code = 0
        try:
            self.chain.raw("pseudonyms", call.action, call.public, b"")
        except Rejection as error:
            code = int(error.code)
        name = Code(code).name if code else "OK"
        return CallResult(code=code, code_name=name, details=(), position=0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def ledger() -> RecordingInMemory:
    return RecordingInMemory(Caller(organisation=DATA))


@pytest.fixture
def records(world: World, ledger: RecordingInMemory) -> Records:
    identity = DeskIdentity(
        organisation=DATA, chain_id=CHAIN_ID, suite=world.suite, root=world.root
    )
    return Records(identity, ledger=ledger, counters=world.counters)


def count(counters: Counters, made: int) -> None:
    counters.count_made({POLICE: made}, asker=POLICE, day=DAY, ceiling=10**9)


def test_epochs_follow_each_other_and_bind_their_keys(
    world: World, ledger: RecordingInMemory, records: Records
) -> None:
    opened = [records.open_epochs([POLICE]) for _ in range(3)]
    assert opened == [{POLICE: 1}, {POLICE: 2}, {POLICE: 3}]
    row = ledger.chain.state.find(EPOCHS, POLICE)
    assert row is not None
    assert row.key_check == world.root.epoch_key(POLICE, 3).check(world.suite)


def test_an_epoch_of_another_custodian_is_not_ours_to_follow(
    ledger: RecordingInMemory, records: Records
) -> None:
    records.open_epochs([POLICE])
    ledger.chain.organisation = POLICE
    with pytest.raises(NotRecorded) as caught:
        records.open_epochs([POLICE])
    assert caught.value.reason == "FOREIGN_ORGANISATION"


def test_epochs_of_many_departments_are_opened_by_one_submission(
    ledger: RecordingInMemory, records: Records
) -> None:
    records.open_epochs([POLICE])

    assert records.open_epochs([POLICE, HOUSING, POLICE]) == {POLICE: 2, HOUSING: 1}
    assert ledger.submissions == 2


def test_of_many_epochs_the_one_that_is_refused_is_named(
    ledger: RecordingInMemory, records: Records
) -> None:
    ledger.chain.organisation = HOUSING
    records.open_epochs([HOUSING])
    ledger.chain.organisation = DATA

    with pytest.raises(NotRecorded) as caught:
        records.open_epochs([POLICE, HOUSING])

    assert caught.value.what == f"epoch 2 of {HOUSING}"


def test_use_is_told_once_and_adds_up(
    world: World, ledger: RecordingInMemory, records: Records
) -> None:
    records.open_epochs([POLICE])
    for made in (3, 5):
        count(world.counters, made)
        world.counters.count_refused({POLICE: 2}, asker=POLICE, day=DAY)
        ledger.chain.now_ms += 1000
        assert records.tell_usage() == 1
        assert records.tell_usage() == 0
    used = ledger.chain.state.find(USED, POLICE)
    assert used == UsedRow(to_ms=ledger.chain.now_ms, made=8, refused=4)


def test_an_answer_that_was_lost_is_neither_told_twice_nor_forgotten(
    world: World, ledger: RecordingInMemory, records: Records
) -> None:
    records.open_epochs([POLICE])
    count(world.counters, 3)
    ledger.chain.now_ms += 1000
    ledger.loses_answers = True
    assert records.tell_usage() == 0
    count(world.counters, 4)
    ledger.loses_answers = False
    assert records.tell_usage() == 0
    ledger.chain.now_ms += 1000
    assert records.tell_usage() == 1
    used = ledger.chain.state.find(USED, POLICE)
    assert used is not None
    assert used.made == 7


def test_what_the_ledger_does_not_take_stays_for_the_next_time(
    world: World, ledger: RecordingInMemory, records: Records
) -> None:
    count(world.counters, 3)
    assert records.tell_usage() == 0
    records.open_epochs([POLICE])
    ledger.is_reachable = False
    assert records.tell_usage() == 0
    ledger.is_reachable = True
    ledger.chain.now_ms += 1
    assert records.tell_usage() == 1
    used = ledger.chain.state.find(USED, POLICE)
    assert used is not None
    assert used.made == 3
