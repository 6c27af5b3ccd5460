from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.desk import Desk
from tests.browser.opening import opened_browser, opened_page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file."""
    with opened_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """The page as a file, without a network; whatever asks for anything fails the test."""
    with opened_page(browser) as page:
        yield page


@pytest.fixture
def desk(page: Page, tmp_path: Path) -> Desk:
    """A person at that page."""
    return Desk(page, tmp_path)
