"""The ledger's own records over everything that happens to a ledger: same trail, same proofs.

Their bodies stand beside the batch by height. A rebuilt read model, an export, pruning, a joiner
that stands on a snapshot and a write that fails must all tell the same of them, or say that the
body is gone.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest

from chainnode.ledger.store import Change, StoreFailed
from chainnode.verify.evidence import RecordFacts, verify_record_evidence
from chainnode.verify.record import BlockRecordFacts, verify_any_record_evidence
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.access_gaps import decode_gap
from contracts.schemas.index_kinds import IndexKind
from tests.sites import Site
from tests.unit.chainnode.service.gap_sites import (
    BLOCKS,
    OWN,
    PROVIDER,
    REQUESTER,
    SUBJECT,
    grown,
    opened,
    own_actions,
    own_positions,
)
from tests.unit.chainnode.service.trail_sites import facts_of, pages, positions, question
from tests.unit.chainnode.sync.late import stand_on_snapshot

# Height of the first block whose deadline nobody waits for, and of the base of a joiner.
DUE_HEIGHT, BASE_HEIGHT = 4, 2
# Every grown block is written once, and its certificate once.
WRITES = 2 * BLOCKS
ABOUT_PERSON = (IndexKind.SUBJECT, (SUBJECT,))
ABOUT_GAPS = (IndexKind.UNMATCHED, (REQUESTER.encode(), PROVIDER.encode()))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = grown(opened(tmp_path / "site"))
    yield made
    made.close()


def records(site: Site, *, start: int = 0) -> list[JsonObject]:
    """Return the proofs of all own records, in the log and in their block."""
    found = []
    for one in own_positions(site, start=start):
        found += [
            site.proofs.record(one),
            site.proofs.authored_record(one, None),
            site.proofs.record_in_block(one, None),
        ]
    return found


def facts(site: Site, evidence: JsonObject) -> RecordFacts | BlockRecordFacts:
    if evidence["version"] == 1:
        return verify_record_evidence(evidence, site.trust)
    return verify_any_record_evidence(evidence, site.trust)


async def asked(
    site: Site, kind: IndexKind, values: tuple[bytes, ...], *, nonce: int = 40
) -> list[JsonObject]:
    """Record a question, let the index cover it, and return the pages of its answer."""
    sent = question(site, *values, kind=kind, nonce=nonce)
    site.grow(sent)
    site.grow()
    site.grow()
    return await pages(site, sent.digest)


async def test_every_own_record_is_proven_with_its_body_and_has_no_author(site: Site) -> None:
    assert own_actions(site) == OWN
    for evidence in records(site):
        shown = facts(site, evidence)
        assert shown.entry.is_ledgers_own
        assert shown.call is not None
        assert decode_gap("access", shown.call.action, shown.call.public) is not None
        assert shown.author is None


@pytest.mark.parametrize("question_about", [ABOUT_PERSON, ABOUT_GAPS], ids=["person", "gaps"])
async def test_a_rebuilt_read_model_answers_the_same(
    tmp_path: Path, question_about: tuple[IndexKind, tuple[bytes, ...]]
) -> None:
    first = grown(opened(tmp_path / "site"))
    sent = question(first, *question_about[1], kind=question_about[0], nonce=40)
    for submissions in ((sent,), (), ()):
        first.grow(*submissions)
    before = await pages(first, sent.digest)
    first.close()
    for one in (tmp_path / "site").glob("audit.sqlite*"):
        one.unlink()

    again = opened(tmp_path / "site")
    again.audit.notify()
    await again.audit.reach(again.ledger.tip.head.index_size)
    after = await pages(again, sent.digest)

    assert after == before
    shown = facts_of(again, after[0])
    assert shown.is_complete
    own = set(own_positions(again)) & set(positions(shown))
    assert len(own) == (len(OWN) if question_about is ABOUT_PERSON else len(OWN) - 1)
    again.close()


async def test_a_trail_shows_own_records_until_they_are_pruned_and_stays_complete(
    site: Site,
) -> None:
    (before,) = await asked(site, *ABOUT_PERSON)
    while site.ledger.prune_batches(DUE_HEIGHT + 1):
        pass
    (after,) = await asked(site, *ABOUT_PERSON, nonce=41)

    told, left = facts_of(site, before), facts_of(site, after)
    assert told.is_complete
    assert left.is_complete
    rows = {row.position: row for row in left.rows()}
    for row in told.rows():
        assert row.call is not None
        kept = rows[row.position]
        assert kept.entry == row.entry
        assert kept.call == (row.call if row.entry.height > DUE_HEIGHT else None)
    assert own_actions(site) == [None] * 4 + OWN[4:]
    # Without a body the entry is proven as ever.
    for evidence in records(site):
        shown = facts(site, evidence)
        assert (shown.call is None) == (shown.entry.height <= DUE_HEIGHT)


async def test_pruning_takes_bodies_and_batch_of_a_height_in_one_write(site: Site) -> None:
    for below in range(1, BLOCKS + 1):
        site.ledger.prune_batches(below, count_max=1)
        for height in range(1, BLOCKS + 1):
            is_gone = site.ledger.batch_bytes(height) is None
            assert is_gone == (height < below)
            assert (site.ledger.own_bodies(height) is not None) <= (not is_gone)
        # Never a damaged ledger between two steps.
        assert len(own_actions(site)) == len(OWN)


async def joined(tmp_path: Path, height: int) -> tuple[Site, Site]:
    """Return a source at a height, and a site that stands on its snapshot there."""
    source = grown(opened(tmp_path / "source"), to=height)
    here = opened(tmp_path / "here")
    await stand_on_snapshot(here, source)
    assert here.ledger.base_height == height
    return source, here


@pytest.mark.parametrize("height", [BASE_HEIGHT, DUE_HEIGHT + 1])
async def test_a_joiner_finds_what_is_due_and_proves_it_as_its_source_does(
    tmp_path: Path, height: int
) -> None:
    source, here = await joined(tmp_path, height)
    start = here.ledger.log_size

    for one in (source, here):
        grown(one)

    assert here.ledger.tip == source.ledger.tip
    assert own_actions(here, start=start) == own_actions(source, start=start) != []
    assert records(here, start=start) == records(source, start=start)
    for evidence in records(here, start=start):
        assert facts(here, evidence).call is not None
    # Of what was before the snapshot the edge of the log is here, and no body.
    for below in (one for one in own_positions(source) if one < start):
        shown = facts(here, here.proofs.record(below))
        assert shown.call is None
        assert shown.entry == facts(source, source.proofs.record(below)).entry
    for one in (source, here):
        one.close()


async def test_a_joiner_of_a_pruned_source_is_pruned_no_further(tmp_path: Path) -> None:
    source, here = await joined(tmp_path, BASE_HEIGHT)
    start = here.ledger.log_size
    grown(here)
    here.ledger.prune_batches(DUE_HEIGHT + 1)

    assert own_actions(here, start=start) == [None] * 3 + OWN[4:]
    here.close()
    again = opened(tmp_path / "here")
    assert own_actions(again, start=start) == [None] * 3 + OWN[4:]
    again.close()
    source.close()


Cut = Callable[[Callable[[], None]], None]


def never_written(_write: Callable[[], None]) -> None:
    """The write fails before anything is on the disk."""


def written_unnoticed(write: Callable[[], None]) -> None:
    """The write fails after everything is on the disk: nobody can know."""
    write()


@pytest.mark.parametrize("cut", [never_written, written_unnoticed])
@pytest.mark.parametrize("writes", range(WRITES))
async def test_a_crash_at_any_write_leaves_a_block_with_its_own_bodies_or_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int, cut: Cut
) -> None:
    whole = grown(opened(tmp_path / "whole"))
    first = opened(tmp_path / "site")
    left = writes
    store = first.ledger._store  # noqa: SLF001 - the writes to be cut
    write = store.write

    def failing(changes: Iterable[Change], *, sync: bool) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            return write(changes, sync=sync)
        kept = [*changes]
        cut(lambda: write(kept, sync=sync))
        raise StoreFailed(operation="write", cause="cut by the test")

    monkeypatch.setattr(store, "write", failing)
    with pytest.raises(StoreFailed):
        grown(first)
    first.close()

    again = opened(tmp_path / "site")
    height = again.ledger.height
    assert height == writes // 2 + (writes % 2 or cut is written_unnoticed)
    known = [one for one in own_positions(whole) if one < again.ledger.log_size]
    assert own_positions(again) == known
    assert own_actions(again) == OWN[: len(known)]
    certify_again(again)
    grown(again)
    assert again.ledger.tip == whole.ledger.tip
    assert records(again) == records(whole)
    for one in (whole, again):
        one.close()


def certify_again(site: Site) -> None:
    """Sign the newest block once more, as peers do for one whose certificate was lost."""
    if site.ledger.height > site.ledger.certified_height:
        site.certify(site.ledger.tip)
