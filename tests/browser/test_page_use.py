"""The page as people use it: files in, verdict out; by keyboard, in large type, under attack."""

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.contrast import contrast_ratio
from tests.browser.desk import Desk
from tests.browser.opening import PAGE
from tests.builders_evidence import (
    TIME_MS,
    Sample,
    SyntheticChain,
    sample,
    synthetic_chain,
)
from tests.builders_trails import indexed_chain

if TYPE_CHECKING:
    from chainnode.verify.strict_json import JsonObject, JsonValue

SUITES = ("sm", "intl")
MARKUP = "<img src=x onerror=document.title='broken'>"
# WCAG 2.2 AA: texts, and the borders of controls.
TEXT_CONTRAST, CONTROL_CONTRAST = 4.5, 3.0
FILE_BYTES = 3 * 1024 * 1024 + 17


@pytest.mark.parametrize("suite", SUITES)
def test_a_certificate_with_its_file_is_shown_valid_in_word_colour_and_icon(
    desk: Desk, suite: str
) -> None:
    chain, one = synthetic_chain(suite), sample("valid")
    evidence = desk.file("evidence.json", chain.certificate(digest=chain.digest_of(one)))
    desk.choose(desk.trust(chain), evidence, desk.file("file.pdf", one.content))
    desk.judge_for_the_time_of_the_chain()

    seal = desk.page.locator("#verdict .seal")
    expect(seal).to_contain_text("有效 · valid")
    expect(seal).to_contain_class("green")
    expect(seal.locator(".icon")).to_have_text("✓")
    checks = desk.page.locator("#verdict ul.checks li")
    assert [" ".join(text.split()) for text in checks.all_inner_texts()] == [
        "✓ 内容：通过 手中的文件就是登记的文件",
        "✓ 签发：通过 部门 1 11430000006122244L 有签发权",
        "✓ 历史：通过 全部 1 条，条数与根均已证明",
        "✓ 签名：通过 3 个签名，需要 3 个，区块 12",
        "✓ 时效：通过 证明于 2026-03-02T10:00:12.000+08:00，判断时点 2026-03-02T23:59:59.999+08:00",
    ]
    assert one.identifier in desk.shown
    assert "区块高度\n12" in desk.shown
    digest = f"{chain.suite.hash_name}:{chain.digest_of(one).hex()}"
    expect(desk.page.locator("#chosen-document")).to_contain_text(digest)


def test_another_file_and_an_altered_proof_are_never_green(desk: Desk) -> None:
    chain, one = synthetic_chain("sm"), sample("valid")
    document = chain.certificate(digest=chain.digest_of(one))
    trust = desk.trust(chain)
    desk.choose(trust, desk.file("evidence.json", document), desk.file("other.pdf", b"%PDF-other"))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("CANNOT_DECIDE")
    header = document["header"]
    assert isinstance(header, dict)
    rest: list[JsonValue] = ["00" * 32] * 7
    altered: JsonObject = {**document, "header": {**header, "rest": rest}}
    desk.page.click("#clear-document")
    desk.choose(desk.file("altered.json", altered))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("内容被改 · content changed")
    expect(desk.page.locator("#verdict .seal")).to_contain_class("red")
    assert "header: expected" in desk.shown


def test_a_revoked_certificate_is_red_and_says_its_state(desk: Desk) -> None:
    chain = synthetic_chain("intl")
    evidence = desk.file("evidence.json", chain.certificate_of(sample("revoked")))
    desk.choose(desk.trust(chain), evidence)
    desk.judge_for_the_time_of_the_chain()
    expect(desk.page.locator("#verdict .seal")).to_contain_text("已撤销 · revoked")
    expect(desk.page.locator("#verdict .seal")).to_contain_class("red")
    assert "证照状态\n撤销" in desk.shown


def test_files_are_told_apart_when_they_are_dropped_anywhere(desk: Desk) -> None:
    chain = synthetic_chain("sm")
    files = {
        "genesis.json": Path(desk.trust(chain)).read_text(),
        "evidence.json": json.dumps(chain.record(3)),
    }
    desk.page.evaluate(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of Object.entries(files))
                transfer.items.add(new File([text], name));
            document.querySelector("footer").dispatchEvent(
                new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        files,
    )
    expect(desk.page.locator("#verdict .seal")).to_contain_text("证明成立 · proof holds")
    expect(desk.page.locator("#chosen-trust")).to_contain_text("genesis.json")
    expect(desk.page.locator("#chosen-evidence")).to_contain_text("evidence.json")


@pytest.mark.parametrize("suite", SUITES)
def test_a_large_file_is_hashed_piece_by_piece(desk: Desk, suite: str) -> None:
    chain = synthetic_chain(suite)
    content = bytes(range(251)) * (FILE_BYTES // 251)
    desk.choose(desk.trust(chain), desk.file("large.bin", content))
    digest = f"{chain.suite.hash_name}:{chain.suite.digest(content).hex()}"
    expect(desk.page.locator("#chosen-document")).to_contain_text(digest)


@pytest.mark.parametrize(
    "stamp",
    [
        "/KunlianCertificate ({})",
        "/KunlianCertificate(wrong) x /KunlianCertificate\n({})",
        "x" * 70_000 + "/KunlianCertificate ({})",
    ],
    ids=["literal", "last one counts", "beyond the first piece"],
)
def test_the_identifier_that_a_pdf_carries_belongs_to_the_question(desk: Desk, stamp: str) -> None:
    chain, one = synthetic_chain("intl"), sample("valid")
    content = b"%PDF-1.7\n" + stamp.format(one.identifier).encode()
    digest = chain.suite.digest(content)
    evidence = chain.certificate(digest=digest, identifier=one.identifier)
    desk.choose(desk.trust(chain), desk.file("e.json", evidence), desk.file("changed.pdf", content))
    desk.judge_for_the_time_of_the_chain()
    expect(desk.page.locator("#verdict .seal")).to_contain_text("内容被改")
    assert "链上这个标识登记的是另一份内容" in desk.shown


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"format":"kunlian-evidence"}'])
def test_what_is_no_evidence_is_grey(desk: Desk, content: bytes) -> None:
    trust = desk.trust(synthetic_chain("sm"))
    desk.choose(trust)
    desk.page.set_input_files("#pick-evidence", desk.file("evidence.json", content))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("无法识别 · unreadable")
    expect(desk.page.locator("#verdict .seal")).to_contain_class("grey")


def test_an_unusable_trust_file_gives_no_verdict(desk: Desk) -> None:
    chain = synthetic_chain("sm")
    desk.choose(desk.file("evidence.json", chain.record(3)))
    expect(desk.page.locator("#verdict")).to_contain_text("信任文件")
    desk.choose(desk.file("trust.json", {"format": "kunlian-trust", "version": 1}))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("信任文件无法使用")
    foreign = synthetic_chain("sm", label="another chain")
    desk.choose(desk.trust(foreign))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("签发机构不可信")


def test_a_trail_is_shown_as_a_table_under_its_banner(desk: Desk) -> None:
    chain = indexed_chain("sm")
    evidence = json.loads(
        (Path(__file__).parents[1] / "vectors/evidence/sm/trail_with_bodies.json").read_text()
    )["evidence"]
    desk.choose(desk.trust(chain), desk.file("trail.json", evidence))
    banner = desk.page.locator("#verdict p.seal")
    expect(banner).to_contain_text("20 / 20")
    expect(banner).to_contain_text("完整至 2026-03-02T10:00:11.000+08:00")
    expect(banner).to_contain_text("签名 3 / 4 · 在本浏览器核验")
    table = desk.page.locator("#verdict table")
    assert table.locator("tbody tr").count() == 20
    assert table.locator("th[scope=col]").all_inner_texts() == [
        *("日志位置", "账本时间", "调用时间", "请求部门", "提供部门", "数据项", "用途", "结果"),
        "调用编号",
    ]


def test_a_trial_chain_carries_its_banner_all_the_time(desk: Desk) -> None:
    banner = desk.page.locator("#devnet")
    expect(banner).to_be_hidden()
    desk.choose(desk.trust(synthetic_chain("sm")))
    expect(banner).to_contain_text("试验链")
    desk.choose(desk.file("evidence.json", synthetic_chain("sm").record(1)))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("证明成立")
    expect(banner).to_be_visible()


def test_every_word_changes_with_the_language(desk: Desk) -> None:
    chain = synthetic_chain("sm")
    desk.choose(desk.trust(chain), desk.file("e.json", chain.certificate_of(sample("valid"))))
    expect(desk.page.locator("#verdict .seal")).to_be_visible()
    assert desk.page.get_attribute("html", "lang") == "zh-CN"
    desk.page.click("#language")
    expect(desk.page.locator("#result-title")).to_have_text("Result")
    expect(desk.page.locator("#verdict ul.checks li")).to_have_count(5)
    assert desk.page.get_attribute("html", "lang") == "en"
    assert desk.page.locator("#language").inner_text() == "中文"
    # What rests on a decision stands in both languages; names in the data stay as they are.
    mine = desk.page.evaluate(
        """() => [...document.querySelectorAll("[data-word]")].map(node => node.textContent)
            .filter(text => /\\p{Script=Han}/u.test(text))"""
    )
    assert mine == []


def test_large_type_is_half_as_large_again(desk: Desk) -> None:
    size = "parseFloat(getComputedStyle(document.body).fontSize)"
    before = desk.page.evaluate(size)
    button = desk.page.get_by_role("button", name="长者版")
    button.click()
    assert desk.page.evaluate(size) == before * 1.5
    assert button.get_attribute("aria-pressed") == "true"
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    desk.page.set_viewport_size({"width": 480, "height": 800})
    assert desk.page.evaluate(overflow) <= 0


def test_every_control_is_reached_by_keyboard_has_a_name_and_shows_its_focus(desk: Desk) -> None:
    chain = synthetic_chain("sm")
    desk.choose(desk.trust(chain), desk.file("e.json", chain.record(1)))
    expect(desk.page.locator("#verdict .seal")).to_be_visible()
    desk.page.locator("#files details summary").click()
    desk.page.evaluate("document.activeElement.blur()")
    wanted = set(
        desk.page.evaluate(
            """() => [...document.querySelectorAll("a, button, input, textarea, summary")]
                .filter(node => node.checkVisibility()).map(node => node.id || node.textContent)"""
        )
    )
    reached = {}
    for _ in range(40):
        desk.page.keyboard.press("Tab")
        name, label, outline = desk.page.evaluate(
            """() => {
                const node = document.activeElement;
                const ring = node.closest(".pick") ?? node;
                const label = node.getAttribute("aria-label") || node.labels?.[0]?.textContent;
                return [node.id || node.textContent, label || node.textContent,
                    getComputedStyle(ring).outlineStyle];
            }"""
        )
        reached[name] = (label.strip(), outline)
    assert wanted <= set(reached)
    assert [name for name in wanted if not reached[name][0] or reached[name][1] == "none"] == []


def test_headings_landmarks_and_live_regions_say_what_is_where(page: Page) -> None:
    assert page.locator("main").count() == page.locator("h1").count() == 1
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3')].map(node => Number(node.tagName[1]))"
    )
    assert all(right - left <= 1 for left, right in pairwise(levels))
    assert page.get_attribute("#result", "aria-live") == "polite"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    for name in page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')]"
        ".map(node => node.getAttribute('aria-labelledby'))"
    ):
        assert page.locator(f"#{name}").inner_text()


@pytest.mark.parametrize("name", ["valid", "revoked", "expired"])
def test_texts_stand_out_from_their_ground(desk: Desk, name: str) -> None:
    chain = synthetic_chain("sm")
    desk.choose(desk.trust(chain), desk.file("e.json", chain.certificate_of(sample(name))))
    desk.judge_for_the_time_of_the_chain()
    expect(desk.page.locator("#verdict ul.checks")).to_be_visible()
    pairs = desk.page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter(node => node.checkVisibility()
                && [...node.childNodes].some(one => one.nodeType === 3 && one.data.trim()))
            .map(node => {
                let ground = node;
                while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)")
                    ground = ground.parentElement;
                return [node.className || node.tagName, getComputedStyle(node).color,
                    ground ? getComputedStyle(ground).backgroundColor : "rgb(255, 255, 255)"];
            })"""
    )
    assert len(pairs) >= 30
    weak = [one for one in pairs if contrast_ratio(one[1], one[2]) < TEXT_CONTRAST]
    assert weak == []
    border = desk.page.evaluate("getComputedStyle(document.getElementById('large')).borderTopColor")
    assert contrast_ratio(border, "rgb(255, 255, 255)") >= CONTROL_CONTRAST


def hostile_chain() -> SyntheticChain:
    """A chain whose every free text is markup."""
    chain = SyntheticChain("intl", label=MARKUP)
    chain.register(Sample(name=MARKUP, issuer=MARKUP[:18]))
    return chain


def test_markup_in_any_text_stays_text(desk: Desk) -> None:
    chain = hostile_chain()
    one = Sample(name=MARKUP, issuer=MARKUP[:18])
    desk.choose(
        desk.trust(chain),
        desk.file(
            f"{MARKUP.replace('/', '')}.json", chain.certificate(digest=chain.digest_of(one))
        ),
        desk.file("<b>file<b>.pdf", one.content),
    )
    desk.judge_for_the_time_of_the_chain()
    expect(desk.page.locator("#verdict .seal")).to_contain_text("签发机构不可信")
    assert MARKUP in desk.page.inner_text("#chosen-trust")
    assert MARKUP[:18] in desk.shown
    assert desk.page.locator("img, b, script[src]").count() == 0
    assert desk.page.title() == "昆链 · 证据核验"


@pytest.mark.parametrize("place", ["chain_id", "suite", "kind", "format", "<b>name</b>"])
def test_markup_in_refused_evidence_stays_text(desk: Desk, place: str) -> None:
    chain = synthetic_chain("intl")
    desk.choose(desk.trust(chain), desk.file("e.json", {**chain.record(1), place: MARKUP}))
    desk.page.set_input_files("#pick-evidence", str(desk.folder / "e.json"))
    expect(desk.page.locator("#verdict .seal")).to_be_visible()
    assert desk.page.locator("img, b").count() == 0


def test_the_page_lets_no_script_reach_out_or_make_markup(browser: Browser) -> None:
    page = browser.new_page()
    blocked: list[tuple[str, str | None]] = []
    page.on("requestfailed", lambda one: blocked.append((one.url, one.failure)))
    page.on("requestfinished", lambda one: blocked.append((one.url, "it went out")))
    page.goto(f"file://{PAGE}")
    refused = page.evaluate(
        """async () => {
            const refused = [];
            const tried = {
                fetch: () => fetch("https://example.org/"),
                markup: () => { document.body.innerHTML = "<p>x</p>"; },
                script: () => { document.createElement("script").text = "1"; },
            };
            for (const [name, attempt] of Object.entries(tried)) {
                try { await attempt(); } catch { refused.push(name); }
            }
            const image = new Image();
            const failed = new Promise(done => { image.onerror = () => done("image"); });
            image.src = "https://example.org/x.png";
            refused.push(await failed);
            return refused;
        }"""
    )
    page.close()
    assert refused == ["fetch", "markup", "script", "image"]
    assert [one for one in blocked if one[1] != "csp" and not one[0].startswith("file:")] == []


def test_judging_by_the_clock_takes_the_later_of_header_and_now(desk: Desk) -> None:
    chain = synthetic_chain("sm")
    desk.page.clock.set_fixed_time(TIME_MS / 1000 + 1)
    desk.choose(desk.trust(chain), desk.file("e.json", chain.certificate_of(sample("valid"))))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("有效")
    assert "判断时点\n2026-03-02T10:00:13.000+08:00" in desk.shown
    desk.page.clock.set_fixed_time(TIME_MS / 1000 + 25 * 3_600)
    desk.page.click("#language")
    expect(desk.page.locator("#verdict .seal")).to_contain_text("CANNOT_DECIDE")
