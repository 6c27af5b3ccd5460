"""Who opens the address of a QR code gets the page; everybody else gets JSON, as before."""

import base64
import hashlib
import re

import pytest

from chainnode.pages import verify_page
from tests.unit.chainnode.api.web import Web, problem_of

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", [BROWSER, "TEXT/HTML", "text/plain, text/html;q=0.1"])
async def test_a_browser_gets_the_built_page_byte_for_byte(web: Web, accept: str) -> None:
    answer = await web.get("/verify", Accept=accept)
    assert (answer.status_code, answer.content) == (200, verify_page())
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-length"] == str(len(verify_page()))


async def test_the_policy_lets_the_page_run_its_own_script_and_reach_nothing(web: Web) -> None:
    answer = await web.get("/verify", Accept=BROWSER)
    rules = dict(
        rule.strip().split(" ", 1) for rule in answer.headers["content-security-policy"].split(";")
    )
    assert (rules["default-src"], rules["frame-ancestors"]) == ("'none'", "'none'")
    assert rules["form-action"] == rules["base-uri"] == "'none'"
    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/verify", "*/*"),
        ("/verify", "application/json"),
        ("/verify", "text/html;q=0"),
        ("/verify", "text/html; q=0.000, application/json"),
        ("/verify", "text/htmlx, x/text/html"),
        ("/verify?as_of=2026-01-01", BROWSER),
        ("/verify?anything=1", BROWSER),
    ],
)
async def test_who_asks_about_something_or_not_for_html_gets_json(
    web: Web, path: str, accept: str
) -> None:
    problem_of(await web.get(path, Accept=accept), "INVALID_PARAMETER", 422)


async def test_a_question_from_a_browser_gets_the_verdict(web: Web) -> None:
    web.site.grow()
    answer = await web.get(f"/verify?digest=sha256:{'00' * 32}", Accept=BROWSER)
    assert answer.json()["verdict"]
    assert answer.headers["content-type"] == "application/json"


async def test_pages_on_their_way_to_slow_readers_are_bounded(web: Web) -> None:
    budget = web.app.state.large_answers
    budget.held = 16
    problem_of(await web.get("/verify", Accept=BROWSER), "BUSY", 429)
    budget.held = 0
    assert (await web.get("/verify", Accept=BROWSER)).status_code == 200
    assert budget.held == 0
