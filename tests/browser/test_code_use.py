"""A QR code on the page: by the address it opens, by pasting, as a file; beside evidence."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from chainnode.verify.strict_json import JsonObject
from tests.browser.desk import Desk
from tests.browser.opening import PAGE

VECTORS = Path(__file__).parents[1] / "vectors" / "compact" / "intl"
PASTE = """([selector, text]) => {
    const data = new DataTransfer();
    data.setData("text", text);
    const options = { clipboardData: data, bubbles: true, cancelable: true };
    document.querySelector(selector).dispatchEvent(new ClipboardEvent("paste", options));
}"""


def case(name: str) -> JsonObject:
    found = json.loads((VECTORS / f"{name}.json").read_bytes())
    assert isinstance(found, dict)
    return found


def trust_of(desk: Desk, one: JsonObject) -> str:
    trust = one["trust"]
    assert isinstance(trust, dict)
    return desk.file("trust.json", trust)


def test_an_address_with_a_code_is_judged_at_once_and_the_code_goes_nowhere(
    browser: Browser, tmp_path: Path
) -> None:
    one = case("proof_block_of_1")
    page = browser.new_page(locale="zh-CN")
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.partition("#")[0])

    page.on("request", note)
    page.goto(f"file://{PAGE}#{one['text']}")
    seal = page.locator("#verdict .seal")
    expect(seal).to_contain_text("暂时无法核验 · cannot decide now")
    expect(seal).to_contain_text("请选择信任文件")
    expect(page.locator("#verdict")).to_contain_text(identifier_of(one))
    page.set_input_files("#pick-trust", trust_of(Desk(page, tmp_path), one))
    expect(page.locator("#verdict ul.checks li.pass")).to_have_count(2)
    expect(page.locator("#verdict")).to_contain_text("二维码证明签发于")
    page.close()
    assert asked == [f"file://{PAGE}"]


def identifier_of(one: JsonObject) -> str:
    facts = one["facts"]
    assert isinstance(facts, dict)
    return str(facts["identifier"])


def test_a_broken_code_is_refused_before_there_is_any_trust(page: Page) -> None:
    page.goto(f"file://{PAGE}#KUN:A")
    expect(page.locator("#verdict .seal")).to_contain_text("无法识别 · unreadable")
    expect(page.locator("#verdict")).to_contain_text("qr text")


def test_another_fragment_is_a_place_on_the_page_and_no_code(page: Page) -> None:
    page.goto(f"file://{PAGE}#files")
    expect(page.locator("#result")).to_be_hidden()
    assert page.input_value("#code") == ""


def test_a_new_fragment_replaces_the_code_before(desk: Desk) -> None:
    good, bad = case("proof_block_of_1"), case("file_digest_one_bit")
    desk.choose(trust_of(desk, good))
    for text, shown in ((good["text"], "暂时无法核验"), (bad["text"], "内容被改")):
        desk.page.evaluate("text => { location.hash = text; }", text)
        expect(desk.page.locator("#verdict .seal")).to_contain_text(shown)


@pytest.mark.parametrize("form", ["{}", "https://verify.example/verify#{}", "  {}\n"])
def test_a_pasted_code_is_judged_wherever_it_is_pasted(desk: Desk, form: str) -> None:
    one = case("proof_block_of_1")
    desk.choose(trust_of(desk, one))
    desk.page.evaluate(PASTE, ["footer", form.format(one["text"])])
    expect(desk.page.locator("#verdict .seal")).to_contain_text("暂时无法核验")
    expect(desk.page.locator("#verdict")).to_contain_text(identifier_of(one))
    desk.page.fill("#code", "")
    expect(desk.page.locator("#verdict")).to_contain_text("请再选择：② 证据")


def test_pasting_any_other_text_changes_nothing(desk: Desk) -> None:
    desk.page.evaluate(PASTE, ["footer", "some words"])
    assert desk.page.input_value("#code") == ""
    expect(desk.page.locator("#result")).to_be_hidden()


def test_a_file_with_the_text_of_a_code_is_a_code(desk: Desk) -> None:
    one = case("another_chain")
    desk.choose(desk.file("code.txt", f"{one['text']}\n".encode()), trust_of(desk, one))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("签发机构不可信")
    assert desk.page.input_value("#code") == one["text"]


def test_a_code_with_a_file_in_hand_says_whether_it_is_that_file(desk: Desk) -> None:
    one = case("proof_block_of_1")
    desk.choose(trust_of(desk, one), desk.file("another.pdf", b"%PDF-another"))
    desk.page.fill("#code", str(one["text"]))
    content = desk.page.locator("#verdict ul.checks li").first
    expect(content).to_contain_text("手中的是另一个文件")
    expect(content).to_contain_class("fail")


def test_words_in_a_code_stay_text(desk: Desk) -> None:
    one = case("proof_block_of_1")
    desk.choose(trust_of(desk, one))
    desk.page.fill("#code", "KUN:<img src=x onerror=document.title='broken'>")
    expect(desk.page.locator("#verdict .seal")).to_contain_text("无法识别")
    assert desk.page.locator("img").count() == 0
