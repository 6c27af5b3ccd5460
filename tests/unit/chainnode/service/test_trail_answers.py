"""Answers are complete because the evidence says so, page by page, and never because of SQL."""

import itertools
from collections.abc import Callable
from typing import cast

import pytest

from chainnode.proving.trail_pages import TrailPages, TrailQuestion
from chainnode.service import Refused
from chainnode.verify.answer import join_pages
from chainnode.verify.trail import TrailFacts, require_continuation, verify_trail_evidence
from contracts.schemas.index_kinds import IndexKind
from tests.sites import BLOCK_MS, Site
from tests.unit.chainnode.service.trail_sites import (
    FIRST_MS,
    OTHER,
    RECORDS,
    SUBJECT,
    facts_of,
    fill,
    item_positions,
    pages,
    positions,
    question,
    recorded,
    rows_of_key,
    settle,
    subject_key,
)


async def test_an_answer_is_complete_to_as_of_and_holds_every_row_of_the_subject(
    site: Site,
) -> None:
    fill(site)
    (page,) = await pages(site, recorded(site, question(site, SUBJECT)))
    facts = facts_of(site, page)
    assert page["complete"] is True
    assert page["incomplete_because"] is None
    assert facts.is_complete
    assert facts.index_keys == (subject_key(site),)
    # The question is a record about the subject itself.
    assert positions(facts) == [*range(0, 2 * RECORDS, 2), 2 * RECORDS]
    assert all(row.call is not None for row in facts.rows())
    assert page["as_of_ms"] == facts.as_of_ms == site.ledger.tip.head.time_ms


async def test_that_nothing_was_recorded_is_proven_too(site: Site) -> None:
    fill(site)
    other = question(site, SUBJECT, kind=IndexKind.GRANT)
    (page,) = await pages(site, recorded(site, other))
    facts = facts_of(site, page)
    assert page["complete"] is True
    assert facts.is_complete
    assert facts.listings[0].trail.rows == 0
    assert positions(facts) == []


@pytest.mark.parametrize(
    ("first", "last"), [(0, 2), (1, 3), (2, 2), (3, 6), (5, 20), (21, 22), (0, 0)]
)
async def test_a_period_shows_two_boundaries_and_no_body_of_theirs(
    site: Site, first: int, last: int
) -> None:
    fill(site, 20)
    period = (FIRST_MS + first * BLOCK_MS, FIRST_MS + last * BLOCK_MS)
    (page,) = await pages(site, recorded(site, question(site, SUBJECT, period=period)))
    facts = facts_of(site, page)
    assert page["complete"] is True
    assert facts.is_complete
    assert positions(facts) == [2 * one for one in range(first, min(last, 20))]
    shown = facts.listings[0].rows
    boundaries = [one for one in shown if not period[0] <= one.entry.time_ms < period[1]]
    assert all(one.call is None for one in boundaries)
    assert len(boundaries) <= 2


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8, 9])
async def test_pages_are_gapless_each_proven_alone_while_the_chain_grows(
    site: Site, limit: int
) -> None:
    fill(site, per_block=3)
    digest = recorded(site, question(site, OTHER, SUBJECT))
    pinned = site.ledger.tip.head.index_size
    joined: list[TrailFacts] = []
    found: dict[bytes, list[int]] = {}
    cursor: str | None = None
    count = 0
    while count == 0 or cursor is not None:
        page = await site.questions.answer(digest, cursor=cursor, limit=limit)
        facts = facts_of(site, page)
        joined.append(facts)
        for listing in facts.listings:
            before = found.setdefault(listing.index_key, [])
            assert listing.first_row == len(before)
            before += [row.position for row in listing.rows if row.call is not None]
            assert all(row.position >= pinned for row in listing.rows if row.call is None)
        cursor = cast("str | None", page["next_cursor"])
        assert page["complete"] is (cursor is None)
        assert page["incomplete_because"] == (None if cursor is None else "MORE_PAGES")
        fill(site, 1, first=100 + count)
        settle(site)
        count += 1
        assert count < 100
    assert count > 1 or limit > 40
    for value in (OTHER, SUBJECT):
        key = subject_key(site, value)
        assert found[key] == rows_of_key(site, key, pinned)
    answer = join_pages(joined, keys=frozenset(found), from_ms=0, to_ms=0)
    assert answer.is_complete
    assert [row.position for row in answer.rows] == sorted({*itertools.chain(*found.values())})


async def test_a_page_of_a_later_header_shows_one_boundary_above_the_pin(site: Site) -> None:
    fill(site, 3)
    digest = recorded(site, question(site, SUBJECT))
    first = await site.questions.answer(digest, cursor=None, limit=3)
    fill(site, 3, first=10)
    settle(site)
    second = await site.questions.answer(digest, cursor=cast("str", first["next_cursor"]), limit=3)
    rows = facts_of(site, second).listings[0].rows
    assert [(row.position, row.call is None) for row in rows] == [(6, False), (7, True)]
    assert second["next_cursor"] is None
    assert second["as_of_height"] == first["as_of_height"]


async def test_a_trail_that_began_after_the_first_page_shows_a_boundary_and_no_body(
    site: Site,
) -> None:
    fill(site, 3, item="ITEM-A")
    asked = question(site, b"ITEM-A", b"ITEM-Z", kind=IndexKind.ITEM)
    digest = recorded(site, asked)
    first = await site.questions.answer(digest, cursor=None, limit=4)
    assert first["next_cursor"] is not None
    fill(site, 2, first=10, item="ITEM-Z")
    settle(site)

    second = await site.questions.answer(digest, cursor=cast("str", first["next_cursor"]), limit=4)

    early, late = facts_of(site, second).listings
    assert second["next_cursor"] is None
    assert [row.call is None for row in early.rows] == [False, False]
    assert [row.call is None for row in late.rows] == [True]


async def test_a_period_that_is_not_over_is_not_complete(site: Site) -> None:
    fill(site)
    later = site.ledger.tip.head.time_ms + 3_600_000
    (page,) = await pages(site, recorded(site, question(site, SUBJECT, period=(0, later))))
    facts = facts_of(site, page)
    assert page["complete"] is False
    assert page["incomplete_because"] == "NOT_COVERED_YET"
    assert not facts.is_complete
    assert facts.complete_to_ms == page["as_of_ms"]


async def test_what_the_index_does_not_cover_is_not_shown_and_said(
    site: Site,
) -> None:
    fill(site)
    settle(site)
    asked = question(site, SUBJECT, period=(0, site.ledger.tip.head.time_ms + BLOCK_MS // 2))
    site.grow(asked, time_ms=site.ledger.tip.head.time_ms + BLOCK_MS)
    assert site.ledger.tip.head.index_size < site.ledger.log_size
    page = await site.questions.answer(asked.digest, cursor=None, limit=100)
    facts = facts_of(site, page)
    # The tail begins with the question, whose time is after the period: all of it is covered.
    assert page["complete"] is True
    assert facts.as_of_ms == site.ledger.tip.head.time_ms
    assert 2 * RECORDS not in positions(facts)


async def test_a_client_that_holds_chunks_gets_what_follows_them(site: Site) -> None:
    fill(site)
    digest = recorded(site, question(site, SUBJECT))
    (before,) = await pages(site, digest)
    held = facts_of(site, before).listings[0].trail
    fill(site, 4, first=50)
    settle(site)
    (delta,) = await pages(site, digest, held_chunks=(held.chunks,))
    facts = facts_of(site, delta)
    require_continuation(facts.listings[0], held)
    assert facts.listings[0].first_row == held.rows
    assert len(facts.listings[0].rows) == 4
    assert delta["complete"] is True

    (nothing,) = await pages(site, digest, held_chunks=(facts.listings[0].trail.chunks,))
    assert facts_of(site, nothing).listings[0].rows == ()


@pytest.mark.parametrize("held", [(99,), (1, 1)])
async def test_chunks_that_nobody_can_hold_are_refused(site: Site, held: tuple[int, ...]) -> None:
    fill(site)
    digest = recorded(site, question(site, SUBJECT))
    with pytest.raises(Refused) as refused:
        await site.questions.answer(digest, cursor=None, limit=9, held_chunks=held)
    assert refused.value.code == "INVALID_PARAMETER"
    assert site.audit.differences == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: [parts[0], parts[1], parts[2], "1"],
        lambda parts: [parts[0], parts[1], "1", parts[3]],
        lambda parts: [parts[0], "999999", parts[2], parts[3]],
        lambda parts: [*parts, "0"],
        lambda parts: parts[:3],
        lambda parts: [parts[0], parts[1], parts[2], "99999999"],
    ],
)
async def test_a_cursor_that_was_not_given_is_refused_and_alarms_nobody(
    site: Site, change: Callable[[list[str]], list[str]]
) -> None:
    fill(site)
    digest = recorded(site, question(site, SUBJECT))
    page = await site.questions.answer(digest, cursor=None, limit=2)
    parts = cast("str", page["next_cursor"]).split(".")
    forged = ".".join(change(parts))
    with pytest.raises(Refused) as refused:
        await site.questions.answer(digest, cursor=forged, limit=2)
    assert refused.value.code == "INVALID_PARAMETER"
    assert site.audit.differences == 0


async def test_a_question_without_values_is_answered_and_never_complete(site: Site) -> None:
    fill(site)
    digest = recorded(site, question(site, kind=IndexKind.SUBJECT))
    seen: list[int] = []
    for page in await pages(site, digest, limit=4):
        assert page["complete"] is False
        assert page["incomplete_because"] == "NO_KEY"
        seen += item_positions(page)
    assert seen == list(range(2 * RECORDS))


async def test_a_page_that_takes_too_long_ends_with_the_row_that_it_has(site: Site) -> None:
    fill(site)
    recorded(site, question(site, SUBJECT))
    height = site.ledger.certified_height
    await site.audit.reach(site.ledger.tip.head.index_size)
    seconds = itertools.count()
    slow = TrailPages(
        genesis=site.genesis,
        suite=site.suite,
        ledger=site.ledger,
        proofs=site.proofs,
        now_s=lambda: float(next(seconds)),
    )
    asked = TrailQuestion(keys=(subject_key(site),), from_ms=0, to_ms=0)
    page = await site.audit.ask(
        lambda database: slow.page(database, asked, height=height, cursor=None, limit=100)
    )
    facts = verify_trail_evidence(page.evidence, site.trust)
    assert [row.position for row in facts.listings[0].rows] == [0]
    assert page.next_cursor is not None
    assert page.next_cursor.at == 2


@pytest.mark.slow
async def test_a_long_trail_is_shown_from_its_middle(
    site: Site,
) -> None:
    count = 1_100
    fill(site, count)
    low = FIRST_MS + 500 * BLOCK_MS
    (page,) = await pages(
        site, recorded(site, question(site, SUBJECT, period=(low, low + 5 * BLOCK_MS)))
    )
    facts = facts_of(site, page)
    assert facts.listings[0].trail.chunks > 500
    assert facts.is_complete
    assert positions(facts) == [2 * one for one in range(500, 505)]
    assert page["complete"] is True


async def test_later_pages_claim_no_more_than_the_first_covers(site: Site) -> None:
    fill(site, 3)
    to_ms = site.ledger.tip.head.time_ms + 10 * BLOCK_MS
    digest = recorded(site, question(site, SUBJECT, period=(0, to_ms)))
    first = await site.questions.answer(digest, cursor=None, limit=3)
    fill(site, 12, first=10)
    settle(site)
    cursor = cast("str", first["next_cursor"])
    second = await site.questions.answer(digest, cursor=cursor, limit=100)
    facts = [facts_of(site, one) for one in (first, second)]
    assert facts[1].as_of_ms > to_ms
    answer = join_pages(facts, keys=frozenset({subject_key(site)}), from_ms=0, to_ms=to_ms)
    assert answer.complete_to_ms is not None
    assert facts[0].as_of_ms <= answer.complete_to_ms < to_ms
    assert second["complete"] is answer.is_complete is False
    assert second["incomplete_because"] == "NOT_COVERED_YET"


async def test_a_period_that_has_not_begun_is_never_complete(site: Site) -> None:
    fill(site)
    later = site.ledger.tip.head.time_ms + 100 * BLOCK_MS
    (page,) = await pages(site, recorded(site, question(site, SUBJECT, period=(later, 0))))
    assert not facts_of(site, page).is_complete
    assert page["complete"] is False
    assert page["incomplete_because"] == "NOT_COVERED_YET"


async def test_a_cursor_of_another_index_size_than_its_height_had_is_refused(site: Site) -> None:
    fill(site, 3)
    digest = recorded(site, question(site, SUBJECT))
    first = await site.questions.answer(digest, cursor=None, limit=3)
    height, size, *place = cast("str", first["next_cursor"]).split(".")
    for changed in ((height, f"{int(size) - 1}"), (f"{int(height) + 1}", size)):
        with pytest.raises(Refused):
            await site.questions.answer(digest, cursor=".".join((*changed, *place)), limit=3)
