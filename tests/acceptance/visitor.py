"""Somebody at a browser: logs in at the devnet's provider, clicks, looks, keeps files."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 780}
_WAIT_MS = 60_000


@contextmanager
def logged_in(
    browser: Browser, address: str, login: str, *, size: dict[str, int] | None = None
) -> Iterator[Page]:
    """Open a page of ours as `login`; at the end no script of ours failed."""
    width, height = (size or DESK).values()
    context = browser.new_context(
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        viewport={"width": width, "height": height},
        accept_downloads=True,
    )
    context.set_default_timeout(_WAIT_MS)
    # What a page verifies takes its time beside four nodes.
    expect.set_options(timeout=_WAIT_MS)
    page = context.new_page()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(f"{address}/login")
    page.click(f"button:has-text('{login}')")
    page.wait_for_url(f"{address}/**")
    yield page
    context.close()
    assert failed == []


def ask_subject(page: Page, subject: str, *, purpose: str) -> None:
    """Fill the form of the search page for this month; the click is the caller's."""
    pin_chain(page)
    page.select_option("#ask-kind", "subject")
    page.fill("#ask-value", subject)
    page.fill("#ask-purpose", purpose)


def pin_chain(page: Page) -> None:
    """Say once that the code of the chain was compared."""
    page.wait_for_selector(".spoken")
    if page.locator("#pin-chain").count():
        page.click("#pin-chain")


def faults_of(page: Page) -> list[str]:
    """Return what axe-core finds on a page that keeps people out, and whether it is too wide."""
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    faults = [str(one["id"]) for one in found.response["violations"]]
    if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        faults.append("wider than the screen")
    return faults
