"""Departments that drop a half or bend it: what reaches the spool, and what stays as it was."""

from pathlib import Path

import msgspec

from chainnode.client.calls import AccessCall, AccessReason, access_record
from chainnode.gateway import Spool, SpoolEntry, Waiting
from chainnode.gateway.calling.requesting import new_call_id
from contracts.schemas.access import AccessRecord, Side
from contracts.schemas.shape import Schema
from devnet.demo.telling import TellingQueue, bent, nothing
from devnet.departments import HOUSING, POLICE

_RECORD = Schema(AccessRecord)
_NOW_MS = 1_772_416_800_000


def _entry() -> SpoolEntry:
    call_id = new_call_id(_NOW_MS)
    half = access_record(
        AccessCall(
            call_id=call_id,
            side=Side.REQUESTER,
            requester=HOUSING.organisation,
            provider=POLICE.organisation,
            item=POLICE.serves,
            trace_id=bytes(16),
            status=200,
            count=1,
            requested_ms=_NOW_MS,
            answered_ms=_NOW_MS + 5,
        ),
        AccessReason(purpose_code="housing"),
    )
    return SpoolEntry(
        requester=HOUSING.organisation,
        provider=POLICE.organisation,
        call_id=call_id,
        side=Side.REQUESTER,
        calls=(half,),
        made_ms=_NOW_MS,
    )


def test_a_lie_is_about_the_answer_alone() -> None:
    meant = _entry()

    told = bent(meant)

    lie, truth = (_RECORD.decode(one.calls[0].public) for one in (told, meant))
    assert (lie.status, lie.count) == (404, 0)
    assert msgspec.structs.replace(lie, status=200, count=1) == truth
    assert told.identity == meant.identity
    assert told.calls[0].private == meant.calls[0].private


async def test_the_spool_gets_what_is_told_and_nothing_else(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool", chain_id=bytes(32))
    silent = TellingQueue(spool=spool, tell=nothing)
    lying = TellingQueue(spool=spool, tell=bent)

    dropped = await silent.put(_entry())
    kept = await lying.put(_entry())

    assert await silent.settled(dropped, timeout_s=0.0) == Waiting(entry_id=dropped)
    assert await lying.settled(kept, timeout_s=0.0) == Waiting(entry_id=kept)
    assert silent.status() == lying.status() == spool.status()
    ((entry_id, entry),) = spool.state.waiting()
    assert (entry_id, _RECORD.decode(entry.calls[0].public).status) == (kept, 404)
    await spool.close()
