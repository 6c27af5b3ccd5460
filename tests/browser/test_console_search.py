"""The search page of a console in a real browser: asked, verified there, listed, kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from chainnode.verify.archive import ROWS, write_archive
from tests.browser.served_search import CSRF, SearchSite, served_search
from tests.builders_evidence import OTHER_SUBJECT, SUBJECT
from tests.builders_exports import PURPOSE, QuestionedChain, questioned_chain
from tests.builders_halves import HalvesChain
from tests.builders_several import twice_questioned_chain
from tests.builders_trails import Shown

NUMBER = "110101199003078515"


@pytest.fixture(params=["sm", "intl"])
def chain(request: pytest.FixtureRequest) -> QuestionedChain:
    return questioned_chain(request.param)


@pytest.fixture
def site(chain: QuestionedChain) -> Iterator[SearchSite]:
    with served_search(SearchSite(chain, answer=chain.export())) as served:
        yield served


@pytest.fixture
def page(browser: Browser, site: SearchSite) -> Iterator[Page]:
    context = browser.new_context(locale="zh-CN", timezone_id="America/New_York")
    page = context.new_page()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(f"{site.address}/search")
    yield page
    context.close()
    assert failed == []


def _pin(page: Page) -> None:
    page.click("#pin-chain")


def _ask(page: Page, *subjects: bytes) -> None:
    page.select_option("#ask-kind", "subject")
    page.fill("#ask-value", " ".join(one.hex() for one in subjects or (SUBJECT,)))
    page.select_option("#ask-period", "")
    page.fill("#ask-purpose", "年度检查")
    page.click("button[type=submit]")


def test_nothing_can_be_asked_before_a_person_has_compared_the_chain(page: Page) -> None:
    expect(page.locator(".spoken")).to_have_text(spoken := page.inner_text(".spoken"))
    assert len(spoken.replace(" ", "")) == 30
    expect(page.locator("form.question-form")).to_be_hidden()
    _pin(page)
    expect(page.locator("form.question-form")).to_be_visible()
    page.reload()
    expect(page.locator("form.question-form")).to_be_visible()
    expect(page.locator("#pin-chain")).to_have_count(0)


def test_another_chain_than_the_compared_one_is_refused_loudly(
    page: Page, site: SearchSite
) -> None:
    _pin(page)
    site.chain = questioned_chain(site.chain.suite.name, label="another")
    page.reload()
    expect(page.locator(".seal.red")).to_contain_text("危险")
    expect(page.locator("form.question-form")).to_have_count(1)
    expect(page.locator("form.question-form")).to_be_hidden()


def test_an_answer_is_verified_here_and_kept_as_the_same_bytes(
    page: Page, site: SearchSite, tmp_path: Path
) -> None:
    _pin(page)
    _ask(page)
    banner = page.locator("#completeness")
    expect(banner).to_contain_class("green")
    expect(banner).to_contain_text("20 / 20 条记录")
    expect(banner).to_contain_text("完整至 2026-")
    expect(banner).to_contain_text("3 / 4 个成员签名")
    expect(banner).to_contain_text("在本浏览器核验")
    assert page.locator("table.rows tbody tr").count() == 20
    assert site.asked == [
        {
            "kind": "subject",
            "values": [SUBJECT.hex()],
            "from": "",
            "to": "",
            "purpose": "年度检查",
        }
    ]
    assert site.tokens == [CSRF]
    with page.expect_download() as kept:
        page.click("#download")
    assert kept.value.suggested_filename == "report.kunproof"
    kept.value.save_as(tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == site.answer


def _without_a_row(chain: QuestionedChain) -> bytes:
    members = chain.sealed(chain.members())
    lines = members[ROWS].splitlines(keepends=True)
    return write_archive({**members, ROWS: b"".join(lines[1:])})


def test_a_row_that_is_left_out_is_red_and_nothing_is_listed(page: Page, site: SearchSite) -> None:
    assert isinstance(site.chain, QuestionedChain)
    site.answer = _without_a_row(site.chain)
    _pin(page)
    _ask(page)
    expect(page.locator(".outcome .seal")).to_contain_class("red")
    expect(page.locator(".outcome .seal")).to_contain_text("核验未通过，请勿采信")
    expect(page.locator("table.rows")).to_have_count(0)
    expect(page.locator("#download")).to_have_count(0)


@pytest.mark.parametrize("other", ["value", "kind", "period"])
def test_a_proven_answer_to_another_question_is_red_and_nothing_is_listed(
    page: Page, other: str
) -> None:
    _pin(page)
    page.select_option("#ask-kind", "provider" if other == "kind" else "subject")
    if other != "kind":
        page.fill("#ask-value", (OTHER_SUBJECT if other == "value" else SUBJECT).hex())
    page.select_option("#ask-period", "month" if other == "period" else "")
    page.fill("#ask-purpose", "年度检查")
    page.click("button[type=submit]")
    expect(page.locator(".outcome .seal")).to_contain_class("red")
    expect(page.locator(".outcome .seal")).to_contain_text("另一个问题")
    expect(page.locator("table.rows")).to_have_count(0)
    expect(page.locator("#download")).to_have_count(0)


def test_pages_that_do_not_reach_the_end_are_no_complete_answer(
    page: Page, site: SearchSite
) -> None:
    chain = site.chain
    assert isinstance(chain, QuestionedChain)
    some = chain.pages((Shown(subject=SUBJECT, with_bodies=True, stop=9),))
    site.answer = write_archive(chain.sealed(chain.members(some), pages=some))
    _pin(page)
    _ask(page)
    banner = page.locator("#completeness")
    expect(banner).to_contain_class("amber")
    expect(banner).to_contain_text("不完整")


def test_an_export_of_another_chain_is_not_listed(page: Page, site: SearchSite) -> None:
    site.answer = questioned_chain(site.chain.suite.name, label="another").export()
    _pin(page)
    _ask(page)
    expect(page.locator(".outcome .seal")).to_contain_class("red")
    expect(page.locator("table.rows")).to_have_count(0)


def test_a_refusal_of_the_server_is_grey_and_says_why(page: Page, site: SearchSite) -> None:
    site.status = 403
    site.answer = json.dumps({"title": "无权提问", "code": "ROLE_MISSING"}).encode()
    _pin(page)
    _ask(page)
    expect(page.locator(".outcome .seal")).to_contain_class("grey")
    expect(page.locator(".outcome .seal")).to_contain_text("无权提问 · ROLE_MISSING")


def test_answers_that_no_node_can_prove_are_an_alarm(page: Page, site: SearchSite) -> None:
    site.status = 422
    site.answer = json.dumps({"code": "FALSE_ANSWERS", "status": 422}).encode()
    _pin(page)
    _ask(page)
    expect(page.locator(".outcome .seal")).to_contain_class("red")
    expect(page.locator(".outcome .seal")).to_contain_text("没有一个节点的答复通过核验")


def test_what_is_missing_is_named_and_gets_the_focus(page: Page, site: SearchSite) -> None:
    _pin(page)
    page.fill("#ask-value", "110101199003078515")
    page.click("button[type=submit]")
    expect(page.locator(".field-problem")).to_contain_text("64")
    assert page.evaluate("document.activeElement.id") == "ask-value"
    page.fill("#ask-value", SUBJECT.hex())
    page.click("button[type=submit]")
    expect(page.locator(".field-problem")).to_contain_text("事由")
    assert page.evaluate("document.activeElement.id") == "ask-purpose"
    assert site.asked == []


def test_a_persons_number_is_in_one_body_and_nowhere_else(page: Page, site: SearchSite) -> None:
    _pin(page)
    page.select_option("#ask-kind", "person")
    page.fill("#ask-number", NUMBER)
    page.select_option("#ask-period", "")
    page.fill("#ask-purpose", "年度检查")
    page.click("button[type=submit]")
    expect(page.locator("#completeness")).to_be_visible()
    assert site.asked[0]["person"] == {"id_type": "111", "number": NUMBER}
    assert "values" not in site.asked[0]
    assert not any(NUMBER in path for path in site.paths)
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])")
    assert NUMBER not in kept
    assert NUMBER not in page.content()
    assert page.input_value("#ask-number") == ""


def test_filters_work_on_the_whole_list_and_say_how_much_of_it_is_shown(page: Page) -> None:
    _pin(page)
    _ask(page)
    page.click(".filter-box summary")
    page.select_option("#filter-kind", "=question")
    expect(page.locator("#filtered")).to_contain_text("筛选后 1 条，共 20 条")
    expect(page.locator("table.rows tbody tr")).to_have_count(1)
    expect(page.locator("table.rows tbody tr")).to_contain_text(PURPOSE)
    page.click(".filter-box button[type=reset]")
    expect(page.locator("table.rows tbody tr")).to_have_count(20)


def test_the_page_speaks_english_as_well(page: Page, site: SearchSite) -> None:
    page.goto(f"{site.address}/search?lang=en")
    _pin(page)
    _ask(page)
    banner = page.locator("#completeness")
    expect(banner).to_contain_text("20 of 20 records")
    expect(banner).to_contain_text("3 of 4 signatures")
    expect(banner).to_contain_text("checked in this browser")


@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_that_keeps_people_out(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    _pin(page)
    _ask(page)
    expect(page.locator("#completeness")).to_be_visible()
    page.click(".filter-box summary")
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_several_questions_in_one_file_are_one_list_with_whose_pseudonyms_they_are(
    page: Page, site: SearchSite
) -> None:
    chain = twice_questioned_chain(site.chain.suite.name)
    site.chain, site.answer = chain, chain.export_of_several()
    page.reload()
    _pin(page)
    _ask(page, SUBJECT, OTHER_SUBJECT)
    banner = page.locator("#completeness")
    expect(banner).to_contain_class("green")
    expect(banner).to_contain_text("个部门的化名而言")
    page.click(".proof-facts summary")
    expect(page.locator(".proof-facts dd").first).to_contain_text(f"对象假名 {SUBJECT.hex()}")


class HalvesOfVersion2(QuestionedChain, HalvesChain):
    """A chain of halves, and a question about them."""

    contract_version = 2


class HalvesOfVersion3(HalvesOfVersion2):
    """The same under rules 3."""

    contract_version = 3


@pytest.mark.parametrize("kind", [HalvesOfVersion2, HalvesOfVersion3])
def test_halves_of_every_version_are_listed(
    page: Page, site: SearchSite, kind: type[QuestionedChain]
) -> None:
    chain = kind(site.chain.suite.name)
    site.chain, site.answer = chain, chain.export()
    page.reload()
    _pin(page)
    _ask(page)
    expect(page.locator("#completeness")).to_contain_class("green")
    expect(page.locator("table.rows tbody tr").nth(1)).to_contain_text("population.basic")
