"""A person at "who used my data", in a real browser; and a proxy between them and the service."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from chainnode.verify.archive import read_archive
from contracts.schemas.access import Side
from tests.browser.proof_lies import PROOF_LIES, Forge
from tests.browser.served_search import SearchSite
from tests.builders_exports import questioned_chain
from tests.citizen_site import OTHER, PERSON, PROVIDER, REQUESTER, CitizenSite, citizen_site

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
_PROOF = "**/proof.kunproof*"
_BESIDE = "**/view?*"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CitizenSite]:
    with citizen_site(tmp_path_factory.mktemp("citizen")) as made:
        made.record(1, made.token(PROVIDER))
        made.record(2, made.token(REQUESTER), provider=REQUESTER, sides=(Side.PROVIDER,))
        made.record(3, made.token(PROVIDER, 1, OTHER))
        yield made


@pytest.fixture
def page(browser: Browser, site: CitizenSite) -> Iterator[Page]:
    """A page of somebody who is logged in; at the end no script has failed."""
    context = browser.new_context(locale="zh-CN", viewport=DESK)  # type: ignore[arg-type]  # as it types sizes
    visitor = site.visitor()
    context.add_cookies(
        [{"name": site.door.session_cookie, "value": visitor.session_id, "url": site.url}]
    )
    opened = context.new_page()
    failed: list[str] = []
    opened.on("pageerror", lambda error: failed.append(str(error)))
    yield opened
    context.close()
    assert failed == []


def opened(page: Page, site: CitizenSite) -> Page:
    page.goto(site.url)
    expect(page.locator("#banner .seal")).to_be_visible(timeout=30_000)
    return page


def test_a_person_sees_who_when_what_and_why_and_that_nothing_is_missing(
    page: Page, site: CitizenSite
) -> None:
    opened(page, site)

    expect(page.locator("#banner .seal")).to_contain_class("green")
    expect(page.locator("li.use")).to_have_count(2)
    first = page.locator("#list").inner_text()
    assert "部门 2" in first
    assert "公租房资格审核" in first
    assert "population.basic" in first
    assert "双方都已记录" in first
    assert "没有封存的调用" in page.locator("#seals").inner_text()
    page.click("#language")
    expect(page.locator("h1")).to_have_text("Who used my data")
    assert "recorded by both departments" in page.locator("#list").inner_text()


def test_what_is_downloaded_is_what_was_checked(page: Page, site: CitizenSite) -> None:
    served: list[bytes] = []

    def keep(route: Route) -> None:
        answer = route.fetch()
        served.append(answer.body())
        route.fulfill(response=answer)

    page.route(_PROOF, keep)
    opened(page, site)
    with page.expect_download() as waiting:
        page.click("#downloads a")

    assert waiting.value.path().read_bytes() == served[0]
    assert waiting.value.suggested_filename == "my-data.kunproof"


def test_a_person_objects_by_keyboard_and_sees_it_in_the_proven_list(
    page: Page, site: CitizenSite
) -> None:
    opened(page, site)
    page.locator("li.use button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#objection")).to_be_visible()
    page.select_option("#ground", "2")
    page.locator("#send").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#objected")).to_contain_text("答复期限", timeout=30_000)
    expect(page.locator("#banner .seal")).to_contain_class("green")
    expect(page.locator("#list")).to_contain_text("已提出")
    assert page.locator("li.use button").count() == 1


@pytest.mark.parametrize("forge", PROOF_LIES, ids=lambda one: one.__name__)
def test_a_proxy_that_changes_or_drops_a_record_is_caught_in_red(
    page: Page, site: CitizenSite, forge: Forge
) -> None:
    def lie(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=forge(answer.body()))

    page.route(_PROOF, lie)
    opened(page, site)

    expect(page.locator("#banner .seal")).to_contain_class("red")
    expect(page.locator("#banner")).to_contain_text("收到的内容不可信")
    expect(page.locator("#answer")).to_be_hidden()
    assert page.locator("li.use").count() == 0


def test_a_proxy_that_hands_out_somebody_elses_proof_is_caught_in_red(
    page: Page, site: CitizenSite
) -> None:
    other = site.visitor(OTHER, pseudonym="q" * 16).get("/proof.kunproof").content

    page.route(_PROOF, lambda route: route.fulfill(body=other))
    opened(page, site)

    expect(page.locator("#banner .seal")).to_contain_class("red")


def test_a_site_with_another_ledger_than_last_time_is_caught_in_red(
    page: Page, site: CitizenSite
) -> None:
    opened(page, site)
    other = SearchSite(questioned_chain("intl", label="another")).trust()
    page.evaluate("text => localStorage.setItem('kunlian-trust', text)", other.decode())

    opened(page, site)

    expect(page.locator("#banner")).to_contain_text("账本与上次不同")
    expect(page.locator("#answer")).to_be_hidden()


def test_a_trust_file_with_other_members_takes_the_place_of_none_that_was_kept(
    page: Page, site: CitizenSite
) -> None:
    opened(page, site)
    strange = SearchSite(questioned_chain("intl", label="another")).chain.trust
    forged = strange.pinned_at(epoch=0, height=1, header_digest=bytes(32), time_ms=1).form()
    forged = {**forged, "chain_id": site.trust.chain_id.hex()}
    page.route("**/trust.json", lambda route: route.fulfill(body=json.dumps(forged)))

    opened(page, site)

    expect(page.locator("#banner .seal")).to_contain_class("green")
    assert page.locator("li.use").count() > 0


def test_a_server_that_replays_an_old_answer_is_noticed_with_both_heights(
    page: Page, site: CitizenSite
) -> None:
    visitor, old = site.visitor(), dict[str, bytes]()
    page.route(_PROOF, lambda route: route.fulfill(body=old["/proof.kunproof"]))
    page.route(_BESIDE, lambda route: route.fulfill(body=old["/view"]))
    heights: list[int] = []
    for _ in range(2):
        for path in ("/proof.kunproof", "/view"):
            old.setdefault(f"{len(heights)}{path}", visitor.get(path, userCode="me").content)
        heights.append(json.loads(old[f"{len(heights)}/view"])["covered"]["height"])
        visitor.post("/refresh", userCode="me")
    assert heights[0] < heights[1]

    for shown in ("1", "0"):
        old |= {path: old[f"{shown}{path}"] for path in ("/proof.kunproof", "/view")}
        opened(page, site)
        assert page.locator("#age .seal").count() == (shown == "0")

    note = page.locator("#age .seal")
    expect(note).to_contain_class("amber")
    expect(note).to_contain_text(f"账本高度 {heights[0]}（20")
    expect(note).to_contain_text(f"账本高度 {heights[1]}（20")
    expect(page.locator("#banner .seal")).to_contain_class("green")
    page.click("#language")
    expect(note).to_contain_text("ask again")
    old |= {path: old[f"1{path}"] for path in ("/proof.kunproof", "/view")}
    opened(page, site)
    expect(page.locator("#age .seal")).to_have_count(0)


def test_another_header_of_a_height_that_was_seen_is_red_and_its_proof_can_be_kept(
    page: Page, site: CitizenSite
) -> None:
    opened(page, site)
    page.evaluate(
        """() => {
            const name = Object.keys(localStorage).find((one) => one.includes("newest"));
            const seen = JSON.parse(localStorage.getItem(name));
            localStorage.setItem(name, JSON.stringify({ ...seen, digest: "ab".repeat(32) }));
        }"""
    )

    opened(page, site)

    banner = page.locator("#banner")
    expect(banner.locator(".seal")).to_contain_class("red")
    expect(banner).to_contain_text("同一高度有两个不同的账本")
    expect(banner).to_contain_text("ab" * 32)
    expect(page.locator("#answer")).to_be_hidden()
    with page.expect_download() as waiting:
        page.click("#banner a")
    assert read_archive(waiting.value.path().read_bytes())


@pytest.mark.parametrize("text", ["", "[]", "null", '{"height": 1e99, "digest": "x"}', "{"])
def test_what_is_kept_in_no_form_of_ours_counts_as_nothing(
    page: Page, site: CitizenSite, text: str
) -> None:
    name = f"kunlian.newest.{site.trust.chain_id.hex()}"
    page.add_init_script(f"localStorage.setItem({name!r}, {json.dumps(text)})")

    opened(page, site)

    expect(page.locator("#banner .seal")).to_contain_class("green")
    expect(page.locator("#age .seal")).to_have_count(0)


def test_a_browser_that_keeps_nothing_shows_the_list_and_says_so(
    page: Page, site: CitizenSite
) -> None:
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage',"
        " { get() { throw new DOMException('off', 'SecurityError'); } })"
    )

    opened(page, site)

    expect(page.locator("#banner .seal")).to_contain_class("green")
    expect(page.locator("#age")).to_contain_text("此浏览器不保存任何内容")
    assert page.locator("li.use").count() > 0


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_for_everybody_and_fits_the_screen(
    page: Page, site: CitizenSite, viewport: dict[str, int], language: str, tmp_path: Path
) -> None:
    page.set_viewport_size(viewport)  # type: ignore[arg-type]  # as it types sizes
    opened(page, site)
    if language == "en":
        page.click("#language")
    page.click("#large")

    page.screenshot(path=tmp_path / "citizen.png", full_page=True)

    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.classList.contains('large')")


def test_somebody_who_is_not_logged_in_is_shown_the_way_in_and_no_data(
    browser: Browser, site: CitizenSite
) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(site.url)

    expect(page.locator("#in a")).to_have_attribute("href", "/login")
    expect(page.locator("#answer")).to_be_hidden()
    context.close()


def test_no_address_and_no_storage_of_the_browser_holds_the_number(
    page: Page, site: CitizenSite
) -> None:
    asked: list[str] = []
    page.on("requestfinished", lambda one: asked.append(one.url + str(one.all_headers())))
    opened(page, site)

    kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage}) + document.cookie")

    assert asked
    assert not any(PERSON in one for one in (*asked, kept))
    assert not any("referer" in one.lower() for one in asked)


# How many lines each word of "Checked: nothing is missing" takes.
_LINES_OF_WORDS = """() => {
  const text = document.querySelector("#banner .word").firstChild;
  return [...text.data.matchAll(/[^ ]+/g)].map((found) => {
    const range = document.createRange();
    range.setStart(text, found.index);
    range.setEnd(text, found.index + found[0].length);
    return new Set([...range.getClientRects()].map((one) => one.top)).size;
  });
}"""


def test_in_large_type_on_a_phone_no_word_of_the_verdict_is_broken(
    page: Page, site: CitizenSite
) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # as it types sizes
    opened(page, site)
    page.click("#language")
    page.click("#large")

    assert page.evaluate(_LINES_OF_WORDS) == [1, 1, 1, 1]
