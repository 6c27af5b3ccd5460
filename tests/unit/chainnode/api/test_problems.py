"""Every error is a problem document: a code, a hint, a request id, Chinese or English."""

import asyncio
import logging
from pathlib import Path

import pytest
from fastapi import Request
from starlette.types import Message

from chainnode.api import requests as requests_module
from chainnode.api.problems import KINDS, Problem, problem_response
from chainnode.audit import ReadModelUnavailable
from chainnode.errors import StorageError
from chainnode.mempool import Mempool
from chainnode.mempool.limits import PoolLimits
from tests.builders import NOW_MS, secret_key, submission_of
from tests.integration.p2p.harness import until
from tests.sites import Site
from tests.unit.chainnode.api.web import MEDIA_TYPE, Web, problem_of, web_of
from tests.unit.contracts.builders import QUESTION

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [
        ("/nowhere", "NOT_FOUND", 404),
        ("/v1/blocks/9", "NOT_FOUND", 404),
        ("/v1/headers/9", "NOT_FOUND", 404),
        ("/v1/records/0", "NOT_FOUND", 404),
        ("/v1/keys/" + "0" * 40, "NOT_FOUND", 404),
        (f"/v1/submissions/{DIGEST}", "UNKNOWN_SUBMISSION", 404),
        ("/v1/blocks/-1", "INVALID_PARAMETER", 422),
        ("/v1/blocks/x", "INVALID_PARAMETER", 422),
        ("/v1/records/9007199254740992", "INVALID_PARAMETER", 422),
        ("/v1/keys/xyz", "INVALID_PARAMETER", 422),
        ("/v1/submissions/sm3:00", "INVALID_PARAMETER", 422),
        (f"/v1/submissions/{DIGEST.upper()}", "INVALID_PARAMETER", 422),
        ("/v1/submissions/sha256:" + "g" * 64, "INVALID_PARAMETER", 422),
        ("/verify", "INVALID_PARAMETER", 422),
        ("/verify?digest=1", "INVALID_PARAMETER", 422),
        ("/verify?digest=" + "a" * 81, "INVALID_PARAMETER", 422),
        (f"/verify?digest={DIGEST}&as_of=yesterday", "INVALID_PARAMETER", 422),
        (f"/verify?digest={DIGEST}&as_of=2026-01-01T00:00:00", "INVALID_PARAMETER", 422),
        (f"/verify?digest={DIGEST}&as_of=2026-02-30", "INVALID_PARAMETER", 422),
        ("/verify?id=not-an-identifier", "INVALID_IDENTIFIER", 400),
        ("/v1/certificates/1.2.156", "INVALID_IDENTIFIER", 400),
        ("/v1/headers/latest", "NO_BLOCK_YET", 503),
        ("/v1/state/00", "NO_BLOCK_YET", 503),
        ("/v1/headers/0", "GENESIS_UNSIGNED", 404),
        ("/v1/blocks/0", "GENESIS_UNSIGNED", 404),
    ],
)
async def test_each_refusal_of_a_question_is_a_problem(
    web: Web, path: str, code: str, status: int
) -> None:
    document = problem_of(await web.get(path), code, status)
    if status == 503:
        assert (await web.get(path)).headers["retry-after"] == "1"
    assert ("expected" in document) == ("actual" in document)


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/verify"), ("PUT", "/v1/submissions"), ("GET", "/audit")]
)
async def test_another_method_is_refused_and_the_allowed_ones_are_named(
    web: Web, method: str, path: str
) -> None:
    response = await web.client.request(method, path)
    problem_of(response, "METHOD_NOT_ALLOWED", 405)
    assert response.headers["allow"]


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("fr, de", "zh"),
        ("en;q=0.1, zh;q=0.9", "zh"),
        ("zh;q=0.1, en;q=0.9", "en"),
        ("en;q=0", "zh"),
        ("zh;q=0, en;q=0.001", "en"),
        ("en;q=bad", "en"),
        ("sven, hen;q=1", "zh"),
        (",;,;;en", "zh"),
        ("x," * 16 + "en", "zh"),
    ],
)
async def test_the_language_is_the_one_that_the_client_prefers(
    web: Web, header: str, lang: str
) -> None:
    response = await web.client.get("/nowhere", headers={"Accept-Language": header})
    document = problem_of(response, "NOT_FOUND", 404)
    assert document["title"] == {"zh": "不存在", "en": "Not found"}[lang]
    assert response.headers["content-language"] == lang


async def test_what_was_wrong_is_said_in_the_same_language(web: Web) -> None:
    english = await web.get("/v1/submissions/x", **{"Accept-Language": "en"})
    chinese = await web.get("/v1/submissions/x")
    assert "expected sha256:" in problem_of(english, "INVALID_PARAMETER", 422)["detail"]  # type: ignore[operator]  # a text
    assert "应为 sha256:" in problem_of(chinese, "INVALID_PARAMETER", 422)["detail"]  # type: ignore[operator]  # a text


@pytest.mark.parametrize(
    ("code", "status", "fields"),
    [
        ("UNKNOWN_KEY", 403, {"key": secret_key("intl", 77)}),
        ("WRONG_CHAIN", 409, {"chain_id": b"x" * 32}),
        ("EXPIRED", 409, {"valid_until_ms": NOW_MS - 1}),
        ("VALID_TOO_LONG", 400, {"valid_until_ms": NOW_MS + 600_001}),
    ],
)
async def test_each_refusal_of_a_submission_is_a_problem(
    web: Web, code: str, status: int, fields: dict[str, object]
) -> None:
    submission = submission_of(web.site.genesis, **fields)  # type: ignore[arg-type]  # fields of a submission
    document = problem_of(await web.submit(submission), code, status)
    assert document["expected"]
    assert document["actual"]


async def test_a_forged_signature_is_a_problem(web: Web) -> None:
    forged = submission_of(web.site.genesis).encoded[:-64] + bytes(64)
    problem_of(await web.submit(forged), "BAD_SIGNATURE", 403)


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain; charset=utf-8"])
async def test_another_media_type_is_refused(web: Web, content_type: str) -> None:
    for path in ("/v1/submissions", "/audit"):
        response = await web.post_bytes(path, b"x", content_type=content_type)
        document = problem_of(response, "UNSUPPORTED_MEDIA_TYPE", 415)
        assert document["expected"] == MEDIA_TYPE


async def test_a_media_type_may_have_parameters_and_capitals(web: Web) -> None:
    submission = submission_of(web.site.genesis)
    response = await web.submit(submission, content_type=f"{MEDIA_TYPE.title()}; v=1")
    assert response.status_code == 202


async def test_a_full_pool_says_when_to_come_back(tmp_path: Path) -> None:
    async with web_of(tmp_path, pool=Mempool(PoolLimits(key_count_max=1))) as web:
        assert (await web.submit(submission_of(web.site.genesis))).status_code == 202
        response = await web.submit(submission_of(web.site.genesis, nonce=1))
        document = problem_of(response, "KEY_QUOTA", 429)
        assert response.headers["retry-after"] == "1"
        assert document["expected"]


async def test_a_read_model_that_is_not_ready_says_when_to_come_back(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: int) -> None:
        raise ReadModelUnavailable("secret detail")

    monkeypatch.setattr(web.site.audit, "reach", fail)
    web.site.orders_at_once = True
    response = await web.ask(web.site.submission(QUESTION))
    problem_of(response, "CATCHING_UP", 503)
    assert response.headers["retry-after"] == "1"
    assert "secret" not in response.text


async def test_a_fault_of_our_own_tells_nothing_but_a_request_id(
    web: Web, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("/secret/path 110101199003071234")

    monkeypatch.setattr(web.site.ledger, "value", fail)
    with caplog.at_level(logging.ERROR, logger="chainnode"):
        response = await web.get("/v1/keys/" + "0" * 40)
    document = problem_of(response, "INTERNAL", 500)
    assert set(document) == {"type", "title", "status", "code", "hint", "request_id"}
    assert "secret" not in response.text
    assert [record.msg for record in caplog.records] == ["request_failed"]


async def test_a_fault_of_our_own_among_many_submissions_tells_nothing_either(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("/secret/path")

    monkeypatch.setattr(web.site.ledger, "value", fail)
    pair = [submission_of(web.site.genesis, nonce=nonce) for nonce in range(2)]
    response = await web.submit(*pair, prefer="wait=20")
    problem_of(response, "INTERNAL", 500)
    assert "secret" not in response.text


async def test_every_answer_has_an_id_of_its_own_and_forbids_sniffing(web: Web) -> None:
    answers = [await web.get(path) for path in ("/healthz", "/healthz", "/nowhere")]
    assert len({one.headers["x-request-id"] for one in answers}) == 3
    assert {one.headers["x-content-type-options"] for one in answers} == {"nosniff"}


def test_every_kind_of_problem_has_words_in_both_languages() -> None:
    for code, kind in KINDS.items():
        assert kind.zh, code
        assert kind.en, code
        assert bool(kind.hint_zh) == bool(kind.hint_en), code
        assert 400 <= kind.status < 600, code


def test_a_problem_outside_the_gate_still_renders() -> None:
    request = Request({"type": "http", "headers": []})
    assert b'"request_id":""' in problem_response(request, Problem("BUSY")).body


async def test_a_body_that_never_ends_is_given_up(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests_module, "BODY_S_MAX", 0.01)
    status, gone = await _raw(web.site, body=[b"half"], then_waits=True)
    assert (status, gone) == (408, False)


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_fault_of_ours(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        status, _ = await _raw(web.site, body=[b"half"], then_waits=False)
    assert status == 400
    assert caplog.records == []


async def _raw(site: Site, *, body: list[bytes], then_waits: bool) -> tuple[int, bool]:
    """Send pieces of a body, then nothing, or leave."""
    messages: list[Message] = []
    parts = iter(body)
    left = False

    async def receive() -> Message:
        nonlocal left
        part = next(parts, None)
        if part is not None:
            return {"type": "http.request", "body": part, "more_body": True}
        if then_waits:
            await asyncio.Event().wait()
        left = True
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/submissions",
        "raw_path": b"/v1/submissions",
        "query_string": b"",
        "headers": [(b"content-type", MEDIA_TYPE.encode())],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("node", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    await asyncio.wait_for(site.app()(scope, receive, send), 20)
    await until(lambda: bool(messages), what="an answer")
    return int(messages[0]["status"]), left
