"""Opens the page in a real browser that can reach no network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

PAGE = files("chainnode.pages") / "assets" / "verify.html"


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """Start the browser of the system; without one the test is skipped."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("needs the package chromium")
    with sync_playwright() as playwright:
        # A test machine runs as root, where the browser's own sandbox does not start.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened_page(browser: Browser) -> Iterator[Page]:
    """Open `verify.html` as a file, offline; at the end nothing was asked for, nothing failed."""
    context = browser.new_context(offline=True, locale="zh-CN", timezone_id="America/New_York")
    page = context.new_page()
    asked: list[str] = []
    failed: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: failed.append(str(error)))
    address = f"file://{PAGE}"
    page.goto(address)
    yield page
    context.close()
    assert asked == [address]
    assert failed == []
