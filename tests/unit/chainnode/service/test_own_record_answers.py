"""Answers in which the ledger itself speaks: which call each record is about, and its halves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chainnode.cli.audit_words import answer_document, rows_of
from chainnode.client import asking
from contracts.schemas.index_kinds import IndexKind
from tests.unit.chainnode.api.web import Web, web_of
from tests.unit.chainnode.service.gap_sites import (
    GENESIS,
    OWN,
    PROVIDER,
    REQUESTER,
    SUBJECT,
    grown,
)
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


async def answered(web: Web) -> list[dict[str, object]]:
    """Return the rows of an answer about the person of every half, verified by the client."""
    asked = asking.question(
        session_of(web), kind=IndexKind.SUBJECT, values=[SUBJECT], period=(0, 0), purpose=PURPOSE
    )
    answer = await carried(web, asked)
    assert answer.complete
    return rows_of(answer_document(answer, limit=100), "items")


def found_in(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [one for row in rows if isinstance(one := row["found"], dict)]


async def test_each_record_of_the_ledger_names_its_call_and_where_the_halves_of_it_stand(
    web: Web,
) -> None:
    rows = await answered(web)
    halves = {
        (str(row["submission"]), str(call["call_id"]))
        for row in rows
        if isinstance(call := row["call"], dict)
    }
    own = [row for row in rows if row["found"] is not None]

    assert [row["action"] for row in own] == OWN
    assert {row["submission"] for row in own} == {None}
    for found in found_in(rows):
        places = found["halves"]
        assert isinstance(places, list)
        assert len(places) == (1 if "due" in found else 2)
        assert {(digest, found["call_id"]) for digest, _ in places} <= halves
    assert [found["call_id"] for found in found_in(rows)] == [
        (bytes([number]) * 16).hex() for number in (0, 1, 2, 3, 1, 2)
    ]


async def test_a_record_of_the_ledger_says_who_called_whom_for_what_and_what_was_found(
    web: Web,
) -> None:
    found = found_in(await answered(web))

    assert [(one["outcome"], one["side"]) for one in found] == [
        ("mismatched", "provider"),
        *[("one_sided_claimed", "requester")] * 3,
        ("matched", "provider"),
        ("mismatched", "provider"),
    ]
    assert {(one["requester"], one["provider"]) for one in found} == {(REQUESTER, PROVIDER)}
    assert {one["made_by"] for one in found} == {"ledger"}
    assert found[0]["differs"] == ["answer"]
    assert found[5]["differs"] == ["fields"]
    assert None not in {one["item"] for one in found}


async def test_without_its_body_a_record_of_the_ledger_says_what_its_entry_says(web: Web) -> None:
    whole = found_in(await answered(web))
    while web.site.ledger.prune_batches(PRUNED_BELOW):
        pass
    left = found_in(await answered(web))

    assert [one["call_id"] for one in left[:PRUNED_OWN]] == [None] * PRUNED_OWN
    assert left[PRUNED_OWN:] == whole[PRUNED_OWN:]
    for before, after in zip(whole, left, strict=True):
        same = ("requester", "provider", "item", "outcome", "held_against", "made_at_height")
        assert {name: after[name] for name in same} == {name: before[name] for name in same}
