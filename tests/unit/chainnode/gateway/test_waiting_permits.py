"""What waits in the spool counts against quotas, in every life of the gateway, and once."""

from pathlib import Path

import pytest

from chainnode.gateway import CallIntent, EntryId
from chainnode.gateway.quotas import QuotaCounter
from chainnode.gateway.spool.entries import SpoolEntry
from chainnode.gateway.spool.records import Answered, Died, Recorded
from chainnode.gateway.waiting_permits import WaitingPermits, permitted_grant
from tests.builders_gateway import GRANT, INTENT, World, code_of
from tests.unit.chainnode.gateway.spool_parts import entry, opened

QUOTA = 3
BEFORE, AFTER = 40, 45


def waiting(*ids: int, grant: str = GRANT) -> WaitingPermits:
    permits = WaitingPermits()
    for one in ids:
        permits.kept(EntryId(one), grant)
    return permits


def answered(*, settled: tuple[int, ...] = (), died: tuple[int, ...] = ()) -> Answered:
    """Return an answer from between the two heights at which the tests look."""
    return Answered(
        digest=bytes(32),
        recorded=tuple(
            Recorded(entry_id=EntryId(one), submission_digest=bytes(32), height=42, position=one)
            for one in settled
        ),
        died=tuple(
            Died(entry_id=EntryId(one), died_ms=1, code=32, code_name="X", details=())
            for one in died
        ),
    )


def left(quotas: QuotaCounter, *, proven: int = 0, height: int = BEFORE) -> int:
    """Use up what a grant gives, and return how many calls that were."""
    taken = 0
    while quotas.take(GRANT, 20261122, quota=QUOTA, proven=proven, height=height):
        taken += 1
    return taken


def test_what_waits_is_used_up_and_what_waits_of_other_grants_is_not() -> None:
    assert left(QuotaCounter(waiting(1, 2))) == 1
    assert left(QuotaCounter(waiting(1, 2, grant="G-2"))) == QUOTA


def test_what_was_settled_after_the_proven_height_is_used_up_as_well() -> None:
    permits = waiting(1, 2)
    permits.note_answered(answered(settled=(1, 2)))
    assert left(QuotaCounter(permits), height=BEFORE) == 1


def test_what_was_settled_before_the_proven_height_is_counted_once() -> None:
    permits = waiting(1, 2)
    permits.note_answered(answered(settled=(1, 2)))
    assert left(QuotaCounter(permits), proven=2, height=AFTER) == 1


def test_what_the_proven_count_had_already_is_given_back_when_that_is_known() -> None:
    quotas = QuotaCounter(waiting(1, 2))
    assert left(quotas, proven=2, height=AFTER) == 0
    quotas.permits.note_answered(answered(settled=(1, 2)))
    assert left(quotas, proven=2, height=AFTER) == 1


def test_what_the_ledger_refuses_for_ever_is_given_back() -> None:
    quotas = QuotaCounter(waiting(1, 2))
    assert left(quotas) == 1
    quotas.permits.note_answered(answered(died=(1,)))
    assert left(quotas) == 1


def test_answers_of_calls_that_use_no_grant_change_nothing() -> None:
    quotas = QuotaCounter(waiting(1, 2, grant=""))
    quotas.permits.note_answered(answered(settled=(1,), died=(2, 9)))
    assert left(quotas) == QUOTA


def test_entry_that_the_ledger_will_not_take_uses_no_grant() -> None:
    assert permitted_grant(entry(1)) == ""


async def entries_of(world: World, *, denied: CallIntent) -> list[SpoolEntry]:
    """Make a permitted, a denied and a failed call, and return their halves."""
    await world.call()
    await world.call(denied)
    _, sent = world.signed()
    admitted = await world.gateway.admit(sent)
    await world.gateway.broken(admitted, status=502)  # type: ignore[arg-type]  # it was admitted
    return world.queue.entries


async def test_of_the_halves_of_calls_only_permitted_ones_use_their_grant() -> None:
    world = World()
    unknown = CallIntent(
        provider=INTENT.provider, item=INTENT.item, item_version=2, fields=1, grant="G-NONE"
    )
    made = await entries_of(world, denied=unknown)
    assert [permitted_grant(one) for one in made] == [GRANT, "", ""]


async def test_permits_that_wait_in_the_spool_count_after_a_restart(tmp_path: Path) -> None:
    world, spool = World(), opened(tmp_path / "spool")
    world.gateway = world.new_gateway(queue=spool)
    for _ in range(2):
        assert (await world.call())[1].status == 200
    await spool.close()

    again = opened(tmp_path / "spool")
    quotas = QuotaCounter(WaitingPermits(again.state.waiting()))
    world.gateway = world.new_gateway(queue=again, quotas=quotas)
    assert (await world.call())[1].status == 200
    assert code_of((await world.call())[1]) == "QUOTA_EXCEEDED"
    await again.close()


@pytest.mark.parametrize("settles", [True, False])
async def test_own_permits_of_another_day_that_still_wait_count_on_the_day_that_is(
    settles: bool,  # noqa: FBT001 - a case of a table
) -> None:
    world = World()
    quotas = QuotaCounter()
    world.gateway = world.new_gateway(quotas=quotas)
    for _ in range(2):
        assert (await world.call())[1].status == 200
    if settles:
        quotas.permits.note_answered(answered(settled=(1, 2)))
    day_ms = 24 * 3600 * 1000
    world.clock.now_ms += day_ms
    # The rows of this world are proven at 41 and 42: what was settled at 42 is in their count.
    codes = [(await world.call())[1].status for _ in range(QUOTA + 1)]
    assert codes.count(200) == (QUOTA if settles else 1)
