"""`/v1/submissions`: one or many, waiting for finality, exact limits."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.api import submissions as module
from chainnode.api.problems import Problem
from chainnode.api.submissions import split_submissions
from chainnode.genesis import Parameters
from chainnode.mempool import Mempool
from chainnode.mempool.limits import PoolLimits
from chainnode.verify.evidence import verify_receipt_evidence
from tests.builders import genesis_of, secret_key, sized_submission, submission_key, submission_of
from tests.integration.p2p.harness import until
from tests.unit.chainnode.api.web import MEDIA_TYPE, Web, problem_of, web_of
from tests.unit.contracts.builders import ISSUE, REVOKE


async def test_a_submission_is_pending_until_its_block_is_certified(web: Web) -> None:
    submission = submission_of(web.site.genesis)
    name = f"sha256:{submission.digest.hex()}"

    response = await web.submit(submission)
    assert response.status_code == 202
    (outcome,) = response.json()["submissions"]
    assert (outcome["digest"], outcome["status"], outcome["evidence"]) == (name, "pending", None)
    assert (await web.get(f"/v1/submissions/{name}")).json()["status"] == "pending"

    header = web.site.execute(submission)
    assert (await web.get(f"/v1/submissions/{name}")).json()["status"] == "pending"
    web.site.certify(header)
    final = (await web.get(f"/v1/submissions/{name}")).json()
    assert (final["status"], final["height"]) == ("final", 1)
    facts = verify_receipt_evidence(final["evidence"], web.site.trust)
    assert facts.receipt.submission_digest == submission.digest


async def test_waiting_ends_when_the_block_is_certified(web: Web) -> None:
    web.site.orders_at_once = True
    submission = web.site.submission(ISSUE)
    response = await web.submit(submission, prefer="respond-async, wait=20")
    assert response.status_code == 200
    (outcome,) = response.json()["submissions"]
    assert outcome["status"] == "final"
    again = await web.submit(submission)
    assert again.status_code == 200
    assert again.json()["submissions"][0] == outcome


async def test_waiting_for_a_known_submission_works_by_its_digest_too(web: Web) -> None:
    submission = submission_of(web.site.genesis)
    await web.submit(submission)
    path = f"/v1/submissions/sha256:{submission.digest.hex()}"
    waiting = asyncio.create_task(web.get(path, Prefer="wait=20"))
    await until(lambda: web.site.finality.waiting == 1, what="somebody waits")
    web.site.grow(submission)
    assert (await waiting).json()["status"] == "final"
    assert web.site.finality.waiting == 0


@pytest.mark.parametrize("prefer", ["wait=0", "", "wait=x", "await=9", "wait=99999"])
async def test_without_a_legible_wish_nobody_waits(web: Web, prefer: str) -> None:
    async with asyncio.timeout(10):
        response = await web.submit(submission_of(web.site.genesis), prefer=prefer)
    assert response.status_code == 202


async def test_many_concatenated_submissions_are_answered_in_their_order(web: Web) -> None:
    genesis = web.site.genesis
    good = [submission_of(genesis, nonce=nonce) for nonce in range(3)]
    stranger = submission_of(genesis, key=secret_key("intl", 9))
    broken = msgpack.packb(["no submission"])

    response = await web.submit(good[0], stranger, good[1], broken, good[2])

    assert response.status_code == 202
    outcomes = response.json()["submissions"]
    assert [one["status"] for one in outcomes] == [
        "pending",
        "refused",
        "pending",
        "refused",
        "pending",
    ]
    problems = [one["problem"] for one in outcomes if one["status"] == "refused"]
    assert [one["code"] for one in problems] == ["UNKNOWN_KEY", "MALFORMED"]
    assert {one["request_id"] for one in problems} == {response.headers["x-request-id"]}
    assert all(one["expected"] and one["actual"] and one["title"] for one in problems)
    assert [one.digest in web.site.pool for one in good] == [True] * 3


async def test_when_all_of_many_are_refused_or_final_nothing_is_pending(web: Web) -> None:
    strangers = [
        submission_of(web.site.genesis, key=secret_key("intl", 9), nonce=n) for n in (0, 1)
    ]
    response = await web.submit(*strangers, prefer="wait=20")
    assert response.status_code == 200


async def test_the_outcome_names_the_code_of_each_call(web: Web) -> None:
    web.site.orders_at_once = True
    (outcome,) = (await web.submit(web.site.submission(REVOKE), prefer="wait=20")).json()[
        "submissions"
    ]
    (call,) = outcome["calls"]
    assert outcome["code_name"] == "ACCEPTED"
    assert call["code"] != 0
    assert call["code_name"] == call["code_name"].upper()
    assert call["position"] is None


@given(values=st.lists(st.binary(max_size=400) | st.text(max_size=40), min_size=2, max_size=20))
def test_concatenated_values_are_split_where_they_end(values: list[bytes | str]) -> None:
    parts = [msgpack.packb([one, [one, 1]]) for one in values]
    assert split_submissions(b"".join(parts)) == parts


@given(body=st.binary(max_size=200))
def test_any_body_is_split_without_loss_or_refused(body: bytes) -> None:
    try:
        parts = split_submissions(body)
    except Problem:
        return
    assert b"".join(parts) == body
    assert all(parts)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 5_000,
        b"\x91" * 2_000_000,
        b"\x01" * 4097,
        b"\x01\x92\x01",
    ],
)
async def test_a_body_of_no_whole_submissions_is_refused(web: Web, body: bytes) -> None:
    problem_of(await web.submit(body), "MALFORMED", 400)


async def test_a_request_holds_at_most_so_many_submissions(web: Web) -> None:
    assert len(split_submissions(b"\x01" * 4096)) == 4096
    problem_of(await web.submit(b"\x01" * 4097), "MALFORMED", 400)


@pytest.mark.parametrize("way", ["announced", "streamed"])
async def test_a_body_has_a_limit_to_the_byte(
    web: Web, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(module, "_BODY_BYTES_MAX", 1_000)

    async def send(size: int) -> int:
        content = b"\x01" * size

        async def pieces() -> AsyncIterator[bytes]:
            yield content[:600]
            yield content[600:]

        response = await web.client.post(
            "/v1/submissions",
            content=content if way == "announced" else pieces(),
            headers={"Content-Type": MEDIA_TYPE},
        )
        if response.status_code == 413:
            problem_of(response, "OVERSIZE", 413)
        return response.status_code

    assert await send(1_000) == 200
    assert await send(1_001) == 413


async def test_the_body_limit_of_the_product_is_reachable(web: Web) -> None:
    problem_of(await web.submit(bytes(4 * 1024 * 1024 + 1)), "OVERSIZE", 413)
    problem_of(await web.submit(bytes(4 * 1024 * 1024)), "MALFORMED", 400)


async def test_a_submission_has_a_limit_to_the_byte(tmp_path: Path) -> None:
    genesis = genesis_of(
        parameters=Parameters(
            devnet=1, state_map_bits=8, index_map_bits=8, submission_bytes_max=20_000
        )
    )
    async with web_of(tmp_path, genesis=genesis) as web:
        problem_of(await web.submit(sized_submission(genesis, 20_001)), "OVERSIZE", 413)
        assert (await web.submit(sized_submission(genesis, 20_000))).status_code == 202


async def test_a_client_that_leaves_while_it_waits_leaves_no_waiter_behind(web: Web) -> None:
    submission = submission_of(web.site.genesis, key=submission_key("intl", 1))
    sending = asyncio.create_task(_leaving(web, submission.encoded))
    await until(lambda: web.site.finality.waiting == 1, what="somebody waits")
    sending.cancel()
    await until(lambda: web.site.finality.waiting == 0, what="nobody waits")
    assert submission.digest in web.site.pool


async def _leaving(web: Web, content: bytes) -> None:
    """Ask as a server does whose client hangs up when this task is cancelled."""
    gone = asyncio.Event()
    sent = False

    async def receive() -> dict[str, object]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": content, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        return

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/submissions",
        "raw_path": b"/v1/submissions",
        "query_string": b"",
        "headers": [(b"content-type", MEDIA_TYPE.encode()), (b"prefer", b"wait=60")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("node", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    serving = asyncio.create_task(web.app(scope, receive, send))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        gone.set()
        await serving


async def test_of_many_those_beyond_the_quota_are_refused_in_their_place(tmp_path: Path) -> None:
    async with web_of(tmp_path, pool=Mempool(PoolLimits(key_count_max=1))) as web:
        pair = [submission_of(web.site.genesis, nonce=nonce) for nonce in range(2)]
        response = await web.submit(*pair)
        outcomes = response.json()["submissions"]
        assert sorted(one["status"] for one in outcomes) == ["pending", "refused"]
        (problem,) = [one["problem"] for one in outcomes if one["status"] == "refused"]
        assert (problem["code"], problem["status"]) == ("KEY_QUOTA", 429)
