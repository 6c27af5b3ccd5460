"""What a node that stands on a snapshot says of the time before it, and who may know more."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from chainnode.submission import Submission
from chainnode.sync.snapshot_fetching import SnapshotProgress
from chainnode.verify.evidence import verify_record_evidence
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.index_kinds import IndexKind
from tests.builders import ORGANISATIONS
from tests.sites import Site
from tests.unit.chainnode.api.web import Web, problem_of, web_of
from tests.unit.chainnode.sync.late import stand_on_snapshot
from tests.unit.contracts.builders import ACCESS_RECORD, QUESTION, changed

BEFORE = 40
AFTER = 3


def record_of(site: Site, nonce: int) -> Submission:
    part = changed(ACCESS_RECORD, call_id=nonce.to_bytes(16), requester=ORGANISATIONS[0])
    return site.submission(part, nonce=nonce)


def replica_ids(document: JsonObject) -> list[object]:
    others = cast("list[JsonObject]", document["may_be_kept_by"])
    return [one["replica_id"] for one in others]


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path / "source")
    for nonce in range(BEFORE):
        site.grow(record_of(site, nonce))
    yield site
    site.close()


@pytest.fixture
async def late(tmp_path: Path, source: Site) -> AsyncIterator[Web]:
    async with web_of(tmp_path / "late") as web:
        await stand_on_snapshot(web.site, source)
        for nonce in range(BEFORE, BEFORE + AFTER):
            web.site.grow(record_of(web.site, nonce))
        yield web


@pytest.mark.parametrize(
    "path",
    ["/v1/records/0", "/v1/records/31", "/v1/blocks/1", f"/v1/blocks/{BEFORE}", "/v1/headers/7"],
)
async def test_what_lies_below_is_pruned_and_the_others_are_named(late: Web, path: str) -> None:
    document = problem_of(await late.get(path), "PRUNED", 410)
    assert document["serves_from_height"] == BEFORE
    assert document["serves_from_position"] == 32
    assert replica_ids(document) == [1, 2, 3]
    assert document["expected"]


async def test_what_came_after_is_proven(late: Web) -> None:
    for position in range(BEFORE, BEFORE + AFTER):
        evidence = (await late.get(f"/v1/records/{position}")).json()
        assert verify_record_evidence(evidence, late.site.trust).position == position
    latest = (await late.get("/v1/headers/latest")).json()
    assert latest["certificate"]["height"] == BEFORE + AFTER


async def test_a_submission_that_was_executed_before_is_not_ordered_again(
    late: Web, source: Site
) -> None:
    old = record_of(source, 5)
    problem_of(await late.submit(old), "PRUNED", 410)
    assert len(late.site.pool) == 0

    known = await late.submit(record_of(late.site, BEFORE + 1), prefer="wait=20")
    assert known.json()["submissions"][0]["code_name"] == "ACCEPTED"
    fresh = await late.submit(record_of(late.site, BEFORE + AFTER))
    assert fresh.status_code == 202


async def test_what_waited_and_was_executed_before_leaves_the_pool(
    tmp_path: Path, source: Site
) -> None:
    async with web_of(tmp_path / "late") as web:
        for nonce in (3, BEFORE + 9):
            assert (await web.submit(record_of(web.site, nonce))).status_code == 202
        web.site.admission.drop_forgotten()
        assert len(web.site.pool) == 2

        await stand_on_snapshot(web.site, source)
        web.site.admission.drop_forgotten()

        assert [one.nonce for one in web.site.pool.waiting(9)] == [BEFORE + 9]
        assert len(web.site.admission.uncertified_own(count_max=None)) == 1


async def test_a_period_that_begins_before_is_refused_and_a_later_one_answered(late: Web) -> None:
    late.site.orders_at_once = True
    since_ms = late.site.ledger.header(BEFORE).head.time_ms

    def asked(from_ms: int, nonce: int) -> Submission:
        question = changed(
            QUESTION,
            kind=int(IndexKind.REQUESTER),
            values=(ORGANISATIONS[0].encode(),),
            from_ms=from_ms,
            to_ms=0,
        )
        return late.site.submission(question, nonce=nonce)

    for early_ms in (0, since_ms):
        size = late.site.ledger.log_size
        problem_of(await late.ask(asked(early_ms, 900)), "PRUNED", 410)
        assert late.site.ledger.log_size == size, "what cannot be answered is not recorded"
    page = (await late.ask(asked(since_ms + 1, 901))).json()
    assert [one["position"] for one in page["items"]][:AFTER] == [40, 41, 42]


async def test_the_status_says_from_where_on_this_node_serves_and_what_it_fetches(
    late: Web,
) -> None:
    told = (await late.get("/v1/consensus")).json()
    assert told["history"] == {
        "snapshot_height": BEFORE,
        "serves_from_height": BEFORE,
        "bodies_from_height": BEFORE + 1,
    }
    assert told["transfer"] is None

    late.site.transfer.target = 99
    assert (await late.get("/v1/consensus")).json()["transfer"] == {
        "target_height": 99,
        "snapshot": None,
    }
    late.site.transfer.progress = SnapshotProgress(height=98, done=3, total=256)
    assert (await late.get("/v1/consensus")).json()["transfer"]["snapshot"] == {
        "height": 98,
        "parts_done": 3,
        "parts": 256,
    }
