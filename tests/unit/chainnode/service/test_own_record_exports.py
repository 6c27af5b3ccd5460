"""Exports of answers in which the ledger itself speaks: with bodies, and after they are gone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chainnode.client import asking, exporting
from chainnode.verify.archive import ROWS, read_archive
from chainnode.verify.export import verify_export
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.index_kinds import IndexKind
from tests.unit.chainnode.api.web import Web, web_of
from tests.unit.chainnode.service.gap_sites import GENESIS, OWN, SUBJECT, grown
from tests.unit.chainnode.service.test_exports import PURPOSE, carried, session_of

# Bodies up to the block of the first deadline; the four records of the ledger in them.
PRUNED_BELOW, PRUNED_OWN = 5, 4


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with web_of(tmp_path, genesis=GENESIS) as opened:
        grown(opened.site)
        opened.site.clock.set(opened.site.ledger.tip.head.time_ms)
        opened.site.orders_at_once = True
        yield opened


async def exported(web: Web) -> tuple[bytes, list[JsonObject]]:
    """Ask about the person, export the answer, verify it; return it and its own rows."""
    session = session_of(web)
    asked = asking.question(
        session, kind=IndexKind.SUBJECT, values=[SUBJECT], period=(0, 0), purpose=PURPOSE
    )
    answer = await carried(web, asked)
    data = (await carried(web, exporting.export(session, [answer], page=None))).data
    assert verify_export(data, web.site.trust).answer.is_complete
    rows = [json.loads(line) for line in read_archive(data)[ROWS].splitlines()]
    return data, [row for row in rows if row["organisation"] == ""]


async def test_own_records_stand_in_an_export_with_their_words_and_without_a_sender(
    web: Web,
) -> None:
    _, rows = await exported(web)

    assert [row["action"] for row in rows] == OWN
    assert {row["submission"] for row in rows} == {"00" * 32}
    assert {(row["call"], row["purpose"], row["contract"]) for row in rows} == {
        (None, None, "access")
    }


async def test_after_pruning_an_export_is_whole_and_says_less(web: Web) -> None:
    before, whole = await exported(web)
    while web.site.ledger.prune_batches(PRUNED_BELOW):
        pass
    after, left = await exported(web)

    assert [row["action"] for row in left] == [None] * PRUNED_OWN + OWN[PRUNED_OWN:]
    assert [{**row, "action": None} for row in left] == [{**row, "action": None} for row in whole]
    # What was exported before stays what it was.
    assert verify_export(before, web.site.trust).answer.is_complete
    assert verify_export(after, web.site.trust).answer.is_complete
