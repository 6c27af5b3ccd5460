"""What audit and the citizen's view must show; `make accept NAME=audit` prints the figures.

People's journeys are walked in a real browser on the demo: the page decides there whether an
answer is whole.
"""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from devnet.departments import HOUSING, POLICE
from tests.acceptance.commands import ROOT
from tests.acceptance.demo_calls import special_calls
from tests.acceptance.main_job import NAMES, MainJob, report
from tests.acceptance.store_lies import STORE_LIES
from tests.acceptance.targets import output_of
from tests.acceptance.visitor import (
    DESK,
    PHONE,
    ask_subject,
    faults_of,
    logged_in,
    pin_chain,
)
from tests.acceptance.waiting import until
from tests.browser.opening import opened_browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

AUDITOR = "auditor-01"
OPERATOR = "operator-01"
CITIZEN = "citizen-001"
IN_STEP_S = 60.0
CONSOLE_PAGES = ("/", "/search", "/findings", "/disputes", "/records/50", "/blocks/5")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


@pytest.fixture
def job(started: MainJob) -> MainJob:
    """The devnet with all four nodes in step, though they may have found that a store lied.

    Such an alarm stays until a node is started again: it calls for a person.
    """
    until(lambda: _are_in_step(started), timeout_s=IN_STEP_S, what="all four nodes in step")
    return started


def _are_in_step(job: MainJob) -> bool:
    nodes = job.kun.status["nodes"]
    heights = [node["height"] or 0 for node in nodes]
    return all(node["state"] == "running" for node in nodes) and max(heights) - min(heights) <= 1


def _console(job: MainJob) -> str:
    return str(job.demo["pages"]["console"])


def _pages(job: MainJob) -> tuple[str, ...]:
    """Return the paths of all kinds of pages, that of a call and its lineage too."""
    parties = f"{HOUSING.organisation}/{POLICE.organisation}"
    return (*CONSOLE_PAGES, f"/calls/{parties}/{special_calls(job)['mismatch']}")


def _citizen(job: MainJob) -> str:
    return str(job.demo["pages"]["citizen"])


@pytest.fixture
def auditor(job: MainJob, browser: Browser) -> Iterator[Page]:
    with logged_in(browser, _console(job), AUDITOR) as page:
        yield page


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the auditor keeps the file."""
    return tmp_path_factory.mktemp("kept") / "report.kunproof"


def test_three_clicks_lead_from_search_to_a_kept_proof(
    auditor: Page, job: MainJob, kept: Path
) -> None:
    pin_first_visit(auditor, job)

    auditor.click("nav a[href='/search']")
    ask_subject(auditor, job.demo["subject"], purpose="年度例行检查")
    auditor.click("form.question-form button[type=submit]")
    banner = auditor.locator("#completeness")
    expect(banner).to_contain_class("green")
    with auditor.expect_download() as download:
        auditor.click("#download")
    download.value.save_as(kept)

    report(f"three clicks: {banner.inner_text()!r}; kept {kept.stat().st_size} bytes")
    assert "在本浏览器核验" in banner.inner_text()


def pin_first_visit(page: Page, job: MainJob) -> None:
    """Compare the chain's code on the first visit, as `kun trust show` says it, and go back."""
    page.goto(f"{_console(job)}/search")
    page.wait_for_selector(".spoken")
    trust = job.folder / "genesis.json"
    told = job.kun.bare("trust", "show", str(trust)).out
    assert page.inner_text(".spoken") in told
    pin_chain(page)
    page.goto(_console(job))


def test_the_kept_proof_stands_on_a_machine_without_a_node_or_network(
    job: MainJob, kept: Path, tmp_path: Path
) -> None:
    for source in (kept, job.folder / "genesis.json"):
        shutil.copy(source, tmp_path)
    words = ["audit", "verify", "report.kunproof", "--trust", "genesis.json"]

    done = subprocess.run(
        ["unshare", "--net", "--map-root-user", sys.executable, "-m", "chainnode.cli", *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "KUN_LANG": "en"},
        timeout=120,
    )

    report(f"kun audit verify, no node, no network: exit {done.returncode}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_row_removed_in_every_store_is_an_alarm_in_the_browser(
    auditor: Page, job: MainJob
) -> None:
    subject = job.demo["subject"]
    for name in NAMES:
        store = job.folder / "nodes" / name / "data" / "audit.sqlite"
        with closing(sqlite3.connect(store, timeout=30)) as rows:
            STORE_LIES[0].tell(rows, bytes.fromhex(subject))
    auditor.goto(f"{_console(job)}/search")
    ask_subject(auditor, subject, purpose="一行被删之后")
    auditor.click("form.question-form button[type=submit]")
    seal = auditor.locator(".outcome .seal").first
    expect(seal).to_be_visible()

    report(f"a row removed in four stores: {seal.inner_text()!r}")
    expect(seal).to_contain_class("red")
    expect(auditor.locator("table.rows")).to_have_count(0)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_open_to_everybody(
    browser: Browser, job: MainJob, size: dict[str, int], language: str, tmp_path: Path
) -> None:
    found: dict[str, list[str]] = {}
    with logged_in(browser, _console(job), AUDITOR, size=size) as page:
        if language == "en":
            with page.expect_navigation():
                page.click("button[name=lang][value=en]")
        for path in _pages(job):
            page.goto(_console(job) + path)
            if path != "/":
                # The overview listens for ever.
                page.wait_for_load_state("networkidle")
            page.screenshot(path=tmp_path / f"{path.replace('/', '_')}.png", full_page=True)
            found[path] = faults_of(page)
            assert page.get_attribute("html", "lang") == ("zh-CN" if language == "zh" else "en")
    report(f"console, {language}, {size['width']} px: {len(found)} pages, faults {found}")
    assert not any(found.values())


def test_a_citizen_sees_who_looked_and_keeps_the_proof(
    browser: Browser, job: MainJob, tmp_path: Path
) -> None:
    with logged_in(browser, _citizen(job), CITIZEN, size=PHONE) as page:
        seal = page.locator(".seal.green").first
        expect(seal).to_contain_text("无遗漏")
        assert faults_of(page) == []
        with page.expect_download() as download:
            page.get_by_text("下载我的证明").click()
        download.value.save_as(tmp_path / "mine.kunproof")
        uses = page.get_by_role("button", name="提出疑问").count()
    trust = str(job.folder / "genesis.json")
    done = job.kun.bare("audit", "verify", str(tmp_path / "mine.kunproof"), "--trust", trust)

    report(f"citizen: {uses} uses shown; kun audit verify of the proof: exit {done.code}")
    assert done.code == 0
    assert uses > 0


def test_the_overview_is_live(browser: Browser, job: MainJob) -> None:
    with logged_in(browser, _console(job), OPERATOR) as page:
        before = page.inner_text("#newest ~ p")
        page.wait_for_selector("main[data-refreshed]", timeout=30_000)
        after = page.inner_text("#newest ~ p")

    report(f"overview, without a reload: {before!r}, then {after!r}")
    assert before != after


def test_who_has_another_role_gets_no_further(browser: Browser, job: MainJob) -> None:
    with logged_in(browser, _console(job), OPERATOR) as page:
        refused = [path for path in _pages(job) if page.goto(_console(job) + path).status == 403]  # type: ignore[union-attr]  # a page always answers

    report(f"an operator is refused {refused}")
    assert {"/search", "/findings", "/records/50", _pages(job)[-1]} <= set(refused)
    assert "/" not in refused


@pytest.mark.parametrize(
    "tests",
    [
        pytest.param("tests/integration/test_console.py", id="console: role x route x method"),
        pytest.param("tests/integration/test_login.py", id="login at a real provider"),
        pytest.param("tests/integration/test_hostile_provider.py", id="a provider that lies"),
        pytest.param("tests/integration/test_interface.py", id="whole OpenAPI: no 5xx"),
        pytest.param("tests/integration/test_citizen_interface.py", id="citizen: whole OpenAPI"),
        pytest.param("tests/unit/chainnode/api/test_doors.py", id="node: everybody x every door"),
        pytest.param("tests/browser/test_console_search.py", id="a lying server is caught"),
        pytest.param("tests/browser/test_citizen_use.py", id="a lying proxy is caught"),
        pytest.param("tests/unit/chainnode/citizen", id="Data Tracker v2; edges of the view"),
    ],
)
def test_what_is_held_by_tests_of_their_own(tests: str) -> None:
    lines = output_of(sys.executable, "-m", "pytest", "-q", tests, timeout_s=900)
    report(f"{tests}: {lines[-1]}")
