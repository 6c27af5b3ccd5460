"""The page of disputes on a real console: asked, verified in the browser, followed to the call."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from chainnode.client import Client, Final
from chainnode.client.dispute_calls import Objection, new_dispute_id, object_to
from contracts.schemas.disputes import Ground, Target
from tests.acceptance.visitor import faults_of
from tests.builders import ORGANISATIONS, submission_key
from tests.console_site import (
    SUITE,
    ConsoleSite,
    Visitor,
    console_site,
    record_call,
    trust_of,
)

CALL_ID = bytes(range(16))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """A chain with one call to which somebody objects, and its console."""
    with console_site(tmp_path_factory.mktemp("console")) as found:
        record_call(found)
        object_to_call(found)
        yield found


def object_to_call(site: ConsoleSite) -> None:
    objection = Objection(
        ground=Ground.RECORD_WRONG,
        target=Target.CALL,
        requester=ORGANISATIONS[0],
        provider=ORGANISATIONS[1],
        call_id=CALL_ID,
        item="population.basic",
    )
    with Client([site.served.url], trust_of(site), submission_key(SUITE, 0)) as client:
        outcome = client.submit("disputes", [object_to(new_dispute_id(), objection)])
    assert isinstance(outcome, Final)
    assert outcome.is_accepted, outcome.calls


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_disputes_are_listed_from_proofs_and_lead_to_the_call(
    browser: Browser, site: ConsoleSite, width: int, language: str
) -> None:
    locale = "zh-CN" if language == "zh" else "en-US"
    context = browser.new_context(viewport={"width": width, "height": 800}, locale=locale)
    page = context.new_page()
    visitor = Visitor(site, "kun-auditor", subject=f"{width} {language}")
    context.add_cookies(
        [
            {"name": one.name, "value": one.value or "", "url": site.url}
            for one in visitor.http.cookies.jar
        ]
    )
    page.goto(f"{site.url}/disputes?lang={language}")
    page.click("#pin-chain")
    page.fill("#ask-purpose", "异议处理")
    page.click("main button[type=submit]")

    expect(page.locator("#completeness")).to_contain_class("green")
    dispute = page.locator("article.dispute")
    expect(dispute).to_have_count(1)
    expect(dispute).to_contain_text("待答复" if language == "zh" else "open")
    expect(dispute).to_contain_text("还有" if language == "zh" else "days left")
    page.click(".dispute summary")
    expect(page.locator("ol.trail li")).to_have_count(1)
    assert faults_of(page) == []
    _looked_at(page)
    page.click(".dispute dl a")
    expect(page.locator("h1")).to_contain_text("调用" if language == "zh" else "call")
    assert faults_of(page) == []
    context.close()


def _looked_at(page: Page) -> None:
    """A dispute leads to its own whole trail: only the purpose is missing then."""
    page.click(".dispute p a")
    expect(page.locator("#ask-kind")).to_have_value("dispute")
    assert len(page.input_value("#ask-value")) == 32
