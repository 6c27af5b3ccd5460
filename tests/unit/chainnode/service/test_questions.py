"""Audit questions: recorded before they are answered, paged under one height, proven row by row."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from chainnode.api.audit import ROWS_PER_PAGE_MAX
from chainnode.genesis import Genesis, KeyEntry, OrganisationEntry
from chainnode.service import Refused
from chainnode.submission import Call, InvalidSubmission, Submission, SubmissionDigest
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trail import TrailRow, verify_trail_evidence
from contracts.schemas.index_kinds import IndexKind
from tests.builders import ORGANISATIONS, genesis_of, submission_key, submission_of
from tests.integration.p2p.harness import until
from tests.sites import Site, calls_of
from tests.unit.chainnode.api.web import problem_of, web_of
from tests.unit.contracts.builders import ACCESS_RECORD, QUESTION, changed

SUBJECT, OTHER = b"\x51" * 32, b"\x52" * 32
RECORDS = 7


def fill(site: Site, count: int = RECORDS) -> None:
    """Record calls about the subject, each followed by one about somebody else."""
    for number in range(count):
        contract, calls = calls_of(
            *(
                changed(
                    ACCESS_RECORD,
                    call_id=bytes([number, at]) * 8,
                    requester=ORGANISATIONS[1],
                    subjects=(subject,),
                )
                for at, subject in enumerate((SUBJECT, OTHER))
            )
        )
        site.grow(
            submission_of(
                site.genesis,
                key=submission_key("intl", 1),
                nonce=number,
                contract=contract,
                calls=calls,
            )
        )
    assert site.ledger.log_size == 2 * count


def question(site: Site, **fields: object) -> Submission:
    asked = changed(
        QUESTION, kind=int(IndexKind.SUBJECT), values=(SUBJECT,), from_ms=0, to_ms=0, **fields
    )
    return site.submission(asked)


def rows_of(page: JsonObject, site: Site) -> tuple[TrailRow, ...]:
    (listing,) = verify_trail_evidence(page["evidence"], site.trust).listings
    return listing.rows


def positions(page: JsonObject, site: Site) -> list[int]:
    return [row.position for row in rows_of(page, site)]


async def recorded(site: Site, asked: Submission) -> SubmissionDigest:
    site.orders_at_once = True
    return await site.questions.record(asked.encoded, timeout_s=20)


async def refusal(site: Site, digest: SubmissionDigest, cursor: str | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        await site.questions.answer(digest, cursor=cursor, limit=9)
    return refused.value


async def test_nothing_is_answered_before_the_question_is_final(site: Site) -> None:
    fill(site)
    asked = question(site)
    recording = asyncio.create_task(site.questions.record(asked.encoded, timeout_s=20))
    await until(lambda: asked.digest in site.pool, what="the question admitted")
    assert (await refusal(site, asked.digest)).code == "NOT_FOUND"

    header = site.execute(asked)
    assert (await refusal(site, asked.digest)).code == "NOT_FOUND"
    assert not recording.done()

    site.certify(header)
    assert await recording == asked.digest
    page = await site.questions.answer(asked.digest, cursor=None, limit=100)
    told = cast("JsonObject", page["question"])
    assert (told["height"], told["position"]) == (header.height, 2 * RECORDS)


async def test_a_question_that_is_not_final_in_time_says_so(site: Site) -> None:
    asked = question(site)
    with pytest.raises(Refused) as refused:
        await site.questions.record(asked.encoded, timeout_s=0.01)
    assert refused.value.code == "NOT_FINAL_YET"
    assert site.finality.waiting == 0


async def test_every_row_of_an_answer_verifies_and_none_is_about_somebody_else(site: Site) -> None:
    fill(site)
    digest = await recorded(site, question(site))

    page = await site.questions.answer(digest, cursor=None, limit=100)

    rows = rows_of(page, site)
    # The question is a record about the subject itself.
    assert positions(page, site) == [*range(0, 2 * RECORDS, 2), 2 * RECORDS]
    assert [row.entry.contract for row in rows] == ["access"] * RECORDS + ["audit"]
    assert page["complete"] is True
    assert page["incomplete_because"] is None
    assert page["next_cursor"] is None
    assert page["as_of_height"] == site.ledger.certified_height
    assert rows[0].call is not None
    assert rows[0].call.public == site.ledger.call_parts(0)[1]  # type: ignore[index]  # not pruned


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_are_disjoint_complete_and_stand_at_one_height(site: Site, limit: int) -> None:
    fill(site)
    digest = await recorded(site, question(site))
    height = site.ledger.certified_height
    seen: list[int] = []
    cursor = None
    for _ in range(20):
        page = await site.questions.answer(digest, cursor=cursor, limit=limit)
        assert page["as_of_height"] == height
        assert len(positions(page, site)) <= limit
        seen += positions(page, site)
        # The chain grows between the pages.
        site.grow(question(site) if cursor is None else site.submission(QUESTION, nonce=3))
        cursor = cast("str | None", page["next_cursor"])
        if cursor is None:
            break
    assert seen == [*range(0, 2 * RECORDS, 2), 2 * RECORDS]


@pytest.mark.parametrize(
    "cursor", ["", "x", "1", "1.", ".1", "-1.0", "1.1.1", "99999999999999999.0", "9999.0", "１.０"]
)
async def test_a_cursor_that_was_not_given_is_refused(site: Site, cursor: str) -> None:
    fill(site, 2)
    digest = await recorded(site, question(site))
    assert (await refusal(site, digest, cursor)).code == "INVALID_PARAMETER"


async def test_a_question_of_a_key_without_the_role_is_recorded_and_refused_by_name(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path, genesis=_with_service_key(genesis_of()))
    digest = await recorded(site, question(site))
    refused = await refusal(site, digest)
    assert (refused.code, refused.actual) == ("QUESTION_REFUSED", "ROLE_MISSING")
    assert site.ledger.receipt_of(digest) is not None
    site.close()


async def test_a_question_whose_nonce_was_used_is_refused_by_name(site: Site) -> None:
    site.grow(submission_of(site.genesis))
    digest = await recorded(site, question(site))
    refused = await refusal(site, digest)
    assert (refused.code, refused.actual) == ("QUESTION_REFUSED", "NONCE_USED")


async def test_another_submission_is_no_question(site: Site) -> None:
    fill(site, 1)
    contract, calls = calls_of(QUESTION)
    two = submission_of(site.genesis, contract=contract, calls=[*calls, *calls])
    elsewhere = submission_of(site.genesis, contract="access", calls=calls)
    action = submission_of(
        site.genesis, contract=contract, calls=[Call(action="ask", public=calls[0].public)]
    )
    for wrong in (two, elsewhere, action):
        with pytest.raises(Refused) as refused:
            await site.questions.record(wrong.encoded, timeout_s=1)
        assert refused.value.code == "NOT_A_QUESTION"
    assert len(site.pool) == 0


@pytest.mark.parametrize("public", [b"", b"\x90", b"\xc1", b"\x91\xc4\x10" + bytes(16)])
async def test_a_malformed_question_is_refused_before_it_is_recorded(
    site: Site, public: bytes
) -> None:
    wrong = submission_of(
        site.genesis, contract="audit", calls=[Call(action="question", public=public)]
    )
    with pytest.raises(InvalidSubmission) as refused:
        await site.questions.record(wrong.encoded, timeout_s=1)
    assert refused.value.code == "MALFORMED"
    assert len(site.pool) == 0


async def test_the_digest_of_what_is_no_question_answers_nothing(site: Site) -> None:
    fill(site, 1)
    (record,) = site.batches.decode(site.ledger.batch_bytes(1) or b"").submissions
    assert (await refusal(site, record.digest)).code == "NOT_FOUND"
    assert (await refusal(site, SubmissionDigest(bytes(32)))).code == "NOT_FOUND"


async def test_over_http_further_pages_need_the_question_and_record_nothing(
    tmp_path: Path,
) -> None:
    async with web_of(tmp_path) as web:
        fill(web.site)
        web.site.orders_at_once = True
        first = await web.ask(question(web.site), "?limit=3")
        assert first.status_code == 200, first.text
        assert first.headers["cache-control"] == "no-store"
        page = first.json()
        size, seen = web.site.ledger.log_size, positions(page, web.site)
        while page["next_cursor"]:
            query = f"?question={page['question']['digest']}&cursor={page['next_cursor']}&limit=3"
            page = (await web.client.post(f"/audit{query}")).json()
            seen += positions(page, web.site)
        assert seen == [*range(0, 2 * RECORDS, 2), 2 * RECORDS]
        assert web.site.ledger.log_size == size


@pytest.mark.parametrize(
    "query", ["?cursor=1.1", f"?limit={ROWS_PER_PAGE_MAX + 1}", "?limit=0", "?question=x"]
)
async def test_over_http_a_wrong_parameter_records_nothing(tmp_path: Path, query: str) -> None:
    async with web_of(tmp_path) as web:
        web.site.orders_at_once = True
        response = await web.ask(question(web.site), query)
        problem_of(response, "INVALID_PARAMETER", 422)
        assert web.site.ledger.height == 0


async def test_over_http_each_refusal_of_a_question_is_a_problem(tmp_path: Path) -> None:
    async with web_of(tmp_path, genesis=_with_service_key(genesis_of())) as web:
        web.site.orders_at_once = True
        problem_of(await web.ask(submission_of(web.site.genesis)), "NOT_A_QUESTION", 400)
        problem_of(await web.ask(question(web.site)), "QUESTION_REFUSED", 403)
        web.site.orders_at_once = False
        late = await web.ask(web.site.submission(QUESTION, nonce=1), prefer="wait=0")
        problem_of(late, "NOT_FINAL_YET", 503)
        assert late.headers["retry-after"] == "1"
        unknown = await web.client.post(f"/audit?question=sha256:{'0' * 64}")
        problem_of(unknown, "NOT_FOUND", 404)


def _with_service_key(genesis: Genesis) -> Genesis:
    first = genesis.organisations[0]
    return Genesis(
        suite_name=genesis.suite_name,
        label=genesis.label,
        created_ms=genesis.created_ms,
        parameters=genesis.parameters,
        replicas=genesis.replicas,
        organisations=(
            OrganisationEntry(
                organisation=first.organisation,
                name=first.name,
                roles=first.roles,
                keys=(KeyEntry(public_key=first.keys[0].public_key, roles=(3,)),),
            ),
            *genesis.organisations[1:],
        ),
    )
