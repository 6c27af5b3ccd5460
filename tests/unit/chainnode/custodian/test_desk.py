"""Who gets tokens, who does not, and that either is counted before anything leaves."""

from pathlib import Path

import pytest

from chainnode.custodian.asks import TOKENS_PATH, AskBody, AskTarget, Place, signed_header
from chainnode.custodian.desk import WINDOW_MS, DeskLimits, EpochInForce, SignedAsk
from chainnode.custodian.refusals import AskCode, AskRefused
from chainnode.identity.numbers import IdType
from chainnode.rates import Rate
from chainnode.submission import key_id
from chainnode.suites import SUITE_NAMES
from contracts.schemas.days import local_day
from contracts.schemas.members import KeyRow, Role
from tests.builders_custodian import (
    CHAIN_ID,
    DATA,
    GRANT,
    HOUSING,
    NOW_MS,
    PERSON,
    POLICE,
    World,
    ask_for,
)
from tests.builders_identity import citizen_number


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def refused(world: World, ask: SignedAsk) -> AskRefused:
    with pytest.raises(AskRefused) as caught:
        world.desk.answer(ask)
    assert PERSON not in str(caught.value) + str(caught.value.document())
    return caught.value


@pytest.mark.parametrize("suite", SUITE_NAMES)
def test_a_service_gets_the_tokens_in_force_of_its_own_department(
    tmp_path: Path, suite: str
) -> None:
    world = World(tmp_path, suite=suite)
    others = (PERSON, citizen_number(serial=7))
    (place,) = world.desk.answer(world.signed(ask_for(*others))).places
    expected = world.root.epoch_key(POLICE, 1).tokens(IdType.CITIZEN, others)
    assert (place.department, place.epoch) == (POLICE, 1)
    assert place.tokens == tuple(one.hex() for one in expected)
    assert world.counters.totals() == (2, 0)


def test_every_way_to_write_a_number_gives_one_token(world: World) -> None:
    written = (PERSON, PERSON.lower(), f"{PERSON[:6]} {PERSON[6:]}")
    (place,) = world.desk.answer(world.signed(ask_for(*written))).places
    assert len(set(place.tokens)) == 1


def test_a_caller_gets_tokens_of_the_provider_under_a_grant_in_force(world: World) -> None:
    ask = ask_for(grant=GRANT)
    answer = world.desk.answer(world.signed(ask, key=world.housing, organisation=HOUSING))
    assert answer.places[0].department == POLICE
    world.ledger.grants.clear()
    refusal = refused(world, world.signed(ask, key=world.housing, organisation=HOUSING))
    assert refusal.code is AskCode.NOT_ENTITLED


def test_a_caller_gets_tokens_of_who_shares_an_item_without_condition(world: World) -> None:
    ask = AskBody(
        places=(Place(department=POLICE),),
        id_type="111",
        identifiers=(PERSON,),
        item="population.basic",
    )
    signed = world.signed(ask, key=world.housing, organisation=HOUSING)
    assert refused(world, signed).code is AskCode.NOT_ENTITLED
    world.ledger.free_items.add((POLICE, "population.basic"))
    assert world.desk.answer(world.signed(ask, key=world.housing, organisation=HOUSING)).places


@pytest.mark.parametrize(
    "ask",
    [
        ask_for(department=HOUSING),
        ask_for(epoch=1),
        ask_for(purpose="统计"),
        AskBody(
            places=(Place(department=POLICE), Place(department=HOUSING)),
            id_type="111",
            identifiers=(PERSON,),
        ),
    ],
    ids=["another department", "a named epoch", "with a purpose", "two departments"],
)
def test_a_service_gets_nothing_beyond_its_own_calls(world: World, ask: AskBody) -> None:
    assert refused(world, world.signed(ask)).code is AskCode.NOT_ENTITLED


def test_an_auditor_gets_a_persons_tokens_over_departments_and_old_epochs(world: World) -> None:
    before = world.desk.answer(world.signed(ask_for())).places[0].tokens
    world.open_epoch(POLICE, 2)
    ask = AskBody(
        places=(Place(department=POLICE, epoch=1), Place(department=POLICE), Place(HOUSING, 1)),
        id_type="111",
        identifiers=(PERSON,),
        purpose="本人申请查询 2026-17",
    )
    answer = world.desk.answer(world.signed(ask, key=world.auditor, organisation=DATA))
    assert [(one.department, one.epoch) for one in answer.places] == [
        (POLICE, 1),
        (POLICE, 2),
        (HOUSING, 1),
    ]
    assert answer.places[0].tokens == before
    assert len({one.tokens for one in answer.places}) == 3


@pytest.mark.parametrize(
    ("purpose", "code"),
    [
        ("", AskCode.PURPOSE_MISSING),
        (" \u3000", AskCode.PURPOSE_MISSING),
        (f"查询 {PERSON}", AskCode.PERSONAL_TEXT),
    ],
)
def test_an_auditor_states_a_purpose_that_names_nobody(
    world: World, purpose: str, code: AskCode
) -> None:
    ask = world.signed(ask_for(purpose=purpose), key=world.auditor, organisation=DATA)
    assert refused(world, ask).code is code


def test_a_key_without_a_fitting_role_gets_nothing(world: World) -> None:
    member = world.new_key(POLICE, Role.MEMBER, Role.CUSTODIAN)
    assert refused(world, world.signed(ask_for(), key=member)).code is AskCode.NOT_ENTITLED


@pytest.mark.parametrize("change", ["method", "path", "body", "custodian", "organisation"])
def test_no_part_of_an_ask_can_be_changed(world: World, change: str) -> None:
    ask = world.signed(ask_for(), custodian=POLICE if change == "custodian" else DATA)
    changed = SignedAsk(
        method="PUT" if change == "method" else ask.method,
        path=ask.path + "?x" if change == "path" else ask.path,
        header=ask.header,
        body=ask.body + b" " if change == "body" else ask.body,
    )
    if change == "organisation":
        changed = world.signed(ask_for(department=HOUSING), organisation=HOUSING)
        assert refused(world, changed).code is AskCode.UNKNOWN_KEY
    else:
        assert refused(world, changed).code is AskCode.BAD_SIGNATURE
    assert world.counters.totals() == (0, 0)


def test_an_ask_is_taken_once_within_its_time_and_not_from_before_a_restart(world: World) -> None:
    ask = world.signed(ask_for())
    world.desk.answer(ask)
    assert refused(world, ask).code is AskCode.REPLAYED
    world.times.pass_s(WINDOW_MS / 1000)
    assert refused(world, ask).code is AskCode.REPLAYED
    world.times.pass_s(0.001)
    assert refused(world, ask).code is AskCode.CLOCK
    early = world.signed(ask_for(), at_ms=world.times.ms + WINDOW_MS + 1)
    assert refused(world, early).code is AskCode.CLOCK
    fresh = world.signed(ask_for())
    world.times.pass_s(0.001)
    world.desk = world.new_desk()
    assert refused(world, fresh).code is AskCode.CLOCK


def test_an_ask_signed_ahead_of_our_clock_cannot_be_repeated_later(world: World) -> None:
    ahead = world.signed(ask_for(), at_ms=world.times.ms + WINDOW_MS)
    world.desk.answer(ahead)
    world.times.pass_s(2 * WINDOW_MS / 1000)
    assert refused(world, ahead).code is AskCode.REPLAYED


def test_a_key_that_is_unknown_or_has_ended_gets_nothing(world: World) -> None:
    stranger = world.suite.generate_private_key()
    assert refused(world, world.signed(ask_for(), key=stranger)).code is AskCode.UNKNOWN_KEY
    ended = key_id(world.suite, world.police.public_key)
    world.ledger.keys[ended] = KeyRow(
        public_key=world.police.public_key,
        organisation=POLICE,
        roles=(int(Role.SERVICE),),
        valid_from_ms=0,
        valid_to_ms=NOW_MS,
    )
    assert refused(world, world.signed(ask_for())).code is AskCode.UNKNOWN_KEY


def test_without_the_ledger_nobody_gets_anything(world: World) -> None:
    world.ledger.is_reachable = False
    refusal = refused(world, world.signed(ask_for()))
    assert (refusal.code, refusal.retry_after_s) == (AskCode.UNAVAILABLE, 1)


def test_what_cannot_be_counted_is_not_made(world: World) -> None:
    world.counters.close()
    assert refused(world, world.signed(ask_for())).code is AskCode.UNAVAILABLE


def test_an_epoch_that_is_not_there_or_not_ours_gives_nothing(world: World) -> None:
    auditor = {"key": world.auditor, "organisation": DATA}
    for ask in (ask_for(epoch=2, purpose="核查"), ask_for(department=DATA, purpose="核查")):
        assert refused(world, world.signed(ask, **auditor)).code is AskCode.NO_EPOCH  # type: ignore[arg-type]  # two named arguments
    known = world.ledger.epochs[POLICE]
    world.ledger.epochs[POLICE] = EpochInForce(
        custodian=HOUSING, epoch=1, since_ms=0, key_check=known.key_check
    )
    assert refused(world, world.signed(ask_for())).code is AskCode.NO_EPOCH
    world.ledger.epochs[POLICE] = EpochInForce(
        custodian=DATA, epoch=1, since_ms=0, key_check=bytes(32)
    )
    assert refused(world, world.signed(ask_for())).code is AskCode.WRONG_ROOT


def test_a_number_that_is_none_refuses_the_whole_ask_and_says_which(world: World) -> None:
    ask = ask_for(PERSON, PERSON[:-1] + ("1" if PERSON[-1] != "1" else "2"))
    refusal = refused(world, world.signed(ask))
    assert (refusal.code, refusal.place) == (AskCode.INVALID_IDENTIFIER, 1)
    assert world.counters.totals() == (0, 2)
    assert refused(world, world.signed(ask_for(id_type="414"))).code is AskCode.INVALID_IDENTIFIER


def test_an_ask_over_a_bound_is_malformed(world: World) -> None:
    many = ask_for(*[PERSON] * 1001)
    assert refused(world, world.signed(many)).code is AskCode.MALFORMED


@pytest.mark.parametrize("body", [b'{"cod\x8ae": 1}', b'{"id_type": "\\ud800"}', b"[" * 100_000])
def test_a_signed_body_that_is_no_text_is_malformed(world: World, body: bytes) -> None:
    """Found by fuzzing: bytes that are no UTF-8 came out of the decoder as another error."""
    target = AskTarget(
        chain_id=CHAIN_ID, custodian=DATA, method="POST", path=TOKENS_PATH, body=body
    )
    header = signed_header(
        target, organisation=POLICE, key=world.police, suite=world.suite, now_ms=NOW_MS
    )
    ask = SignedAsk(method="POST", path=TOKENS_PATH, header=header, body=body)
    assert refused(world, ask).code is AskCode.MALFORMED


def test_a_key_that_asks_too_fast_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    rate = Rate(per_second=2, burst=10)
    world = World(tmp_path, limits=DeskLimits(key=rate, organisation=Rate(per_second=9, burst=99)))
    world.desk.answer(world.signed(ask_for(*[PERSON] * 10)))
    refusal = refused(world, world.signed(ask_for(*[PERSON] * 5)))
    assert (refusal.code, refusal.retry_after_s) == (AskCode.RATE, 3)
    world.times.pass_s(3)
    world.desk.answer(world.signed(ask_for(*[PERSON] * 5)))
    world.times.pass_s(2.9)
    early = refused(world, world.signed(ask_for(*[PERSON] * 6)))
    assert (early.code, early.retry_after_s) == (AskCode.RATE, 1)
    world.times.pass_s(1)
    world.desk.answer(world.signed(ask_for(*[PERSON] * 6)))


def test_a_second_key_of_an_organisation_does_not_double_its_rate(tmp_path: Path) -> None:
    slow = Rate(per_second=1, burst=10)
    world = World(tmp_path, limits=DeskLimits(organisation=slow))
    second = world.new_key(POLICE, Role.SERVICE)
    world.desk.answer(world.signed(ask_for(*[PERSON] * 10)))
    refusal = refused(world, world.signed(ask_for(), key=second))
    assert (refusal.code, refusal.retry_after_s) == (AskCode.RATE, 2)


def test_an_ask_that_is_refused_is_charged_as_if_it_were_answered(tmp_path: Path) -> None:
    slow = Rate(per_second=1, burst=10)
    world = World(tmp_path, limits=DeskLimits(key=slow))
    probe = ask_for(*[PERSON] * 10, department=HOUSING)
    assert refused(world, world.signed(probe)).code is AskCode.NOT_ENTITLED
    refusal = refused(world, world.signed(ask_for(*[PERSON] * 10)))
    assert (refusal.code, refusal.retry_after_s) == (AskCode.RATE, 11)


def test_who_asks_too_fast_is_looked_up_nothing_and_owes_no_more_than_a_burst(
    tmp_path: Path,
) -> None:
    slow = Rate(per_second=1, burst=3)
    world = World(tmp_path, limits=DeskLimits(key=slow, organisation=slow))
    world.desk.answer(world.signed(ask_for(*[PERSON] * 3)))
    world.ledger.grants.clear()
    world.ledger.asked_for.clear()
    for _ in range(10):
        probe = world.signed(ask_for(grant="G-0", department=HOUSING))
        assert refused(world, probe).code is AskCode.RATE
    # Only whether the department to count under exists.
    assert world.ledger.asked_for == [POLICE] * 10
    world.times.pass_s(4)
    world.desk.answer(world.signed(ask_for()))


def test_a_signed_body_that_is_no_ask_is_charged_and_counted(tmp_path: Path) -> None:
    world = World(tmp_path, limits=DeskLimits(per_day=2))
    for _ in range(2):
        assert refused(world, world.signed(ask_for(*[PERSON] * 1001))).code is AskCode.MALFORMED
    assert world.counters.totals() == (0, 2)
    assert refused(world, world.signed(ask_for())).code is AskCode.CEILING


def test_what_is_refused_counts_to_the_ceiling_of_the_day(tmp_path: Path) -> None:
    world = World(tmp_path, limits=DeskLimits(per_day=3))
    probe = ask_for(PERSON, PERSON, department=HOUSING)
    assert refused(world, world.signed(probe)).code is AskCode.NOT_ENTITLED
    assert refused(world, world.signed(ask_for(PERSON, PERSON))).code is AskCode.CEILING


def test_a_department_that_asks_too_fast_keeps_no_other_from_asking(tmp_path: Path) -> None:
    slow = Rate(per_second=1, burst=3)
    world = World(tmp_path, limits=DeskLimits(key=slow, organisation=slow))
    noisy = {"key": world.housing, "organisation": HOUSING}
    for _ in range(20):
        refused(world, world.signed(ask_for(*[PERSON] * 9), **noisy))  # type: ignore[arg-type]  # two named arguments
    world.desk.answer(world.signed(ask_for(*[PERSON] * 3)))


def test_what_an_asker_owes_outlives_a_restart(tmp_path: Path) -> None:
    slow = Rate(per_second=1, burst=10)
    world = World(tmp_path, limits=DeskLimits(key=slow, organisation=slow))
    world.desk.answer(world.signed(ask_for(*[PERSON] * 10)))
    world.times.pass_s(4)
    world.desk = world.new_desk()
    refusal = refused(world, world.signed(ask_for(*[PERSON] * 5)))
    assert (refusal.code, refusal.retry_after_s) == (AskCode.RATE, 2)
    world.times.pass_s(2)
    world.desk.answer(world.signed(ask_for(*[PERSON] * 5)))


def test_an_ask_from_ahead_of_our_clock_does_not_come_again_after_a_restart(world: World) -> None:
    ahead = world.signed(ask_for(), at_ms=world.times.ms + WINDOW_MS)
    world.desk.answer(ahead)
    world.times.pass_s(1)
    world.desk = world.new_desk()
    assert refused(world, ahead).code is AskCode.REPLAYED


def test_an_ask_that_was_forgotten_does_not_come_again_when_the_clock_steps_back(
    world: World,
) -> None:
    early = world.signed(ask_for())
    world.desk.answer(early)
    for _ in range(2):
        world.times.pass_s(600)
        world.desk.answer(world.signed(ask_for()))
    world.times.pass_s(-1200)
    assert refused(world, early).code is AskCode.CLOCK
    world.times.ms = NOW_MS
    world.desk = world.new_desk()
    assert refused(world, early).code is AskCode.CLOCK


def test_the_ceiling_of_a_day_outlives_a_restart_and_ends_at_midnight(tmp_path: Path) -> None:
    world = World(tmp_path, limits=DeskLimits(per_day=3))
    world.desk.answer(world.signed(ask_for(*[PERSON] * 2)))
    world.desk = world.new_desk()
    refusal = refused(world, world.signed(ask_for(*[PERSON] * 2)))
    assert refusal.code is AskCode.CEILING
    today = local_day(world.times.ms)
    assert local_day(world.times.ms + refusal.retry_after_s * 1000) > today
    assert local_day(world.times.ms + (refusal.retry_after_s - 2) * 1000) == today
    world.times.pass_s(refusal.retry_after_s)
    world.desk.answer(world.signed(ask_for(*[PERSON] * 2)))


def test_audits_have_a_ceiling_of_their_own(tmp_path: Path) -> None:
    world = World(tmp_path, limits=DeskLimits(auditor_per_day=1))
    ask = ask_for(purpose="核查")
    world.desk.answer(world.signed(ask, key=world.auditor, organisation=DATA))
    again = world.signed(ask, key=world.auditor, organisation=DATA)
    assert refused(world, again).code is AskCode.CEILING


def test_naming_strangers_keeps_no_refusal_from_being_counted(world: World) -> None:
    world.ledger.unanswered = {"STRANGER"}
    places = (Place(department="STRANGER"), Place(department=POLICE))
    ask = AskBody(places=places, id_type="111", identifiers=(PERSON,))
    signed = world.signed(ask, key=world.housing, organisation=HOUSING)
    assert refused(world, signed).code is AskCode.NOT_ENTITLED
    assert world.counters.totals() == (0, 1)


def test_ask_about_a_grant_that_is_not_looked_up_is_counted_as_refused(world: World) -> None:
    world.ledger.unanswered = {GRANT}
    signed = world.signed(ask_for(grant=GRANT), key=world.housing, organisation=HOUSING)
    assert refused(world, signed).code is AskCode.UNAVAILABLE
    assert world.counters.totals() == (0, 1)
