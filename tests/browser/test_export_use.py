"""An export on the page: a `.kunproof` dropped with the trust file, and what is then shown."""

import io
import zipfile

import pytest
from playwright.sync_api import expect

from chainnode.verify.archive import ROWS, write_archive
from tests.browser.desk import Desk
from tests.builders_exports import PURPOSE, questioned_chain


def test_an_export_is_shown_whole_with_who_asked_and_why(desk: Desk) -> None:
    chain = questioned_chain("sm")
    desk.choose(desk.trust(chain), desk.file("report.kunproof", chain.export()))
    seal = desk.page.locator("#verdict .seal")
    expect(seal.first).to_contain_text("证明成立 · proof holds")
    expect(seal.first).to_contain_text("审计导出")
    expect(seal.nth(1)).to_contain_text("20 / 20")
    expect(seal.nth(1)).to_contain_class("green")
    assert desk.page.locator("#verdict tbody tr").count() == 20
    assert PURPOSE in desk.shown
    assert f"2 · {chain.trust.epochs[0][2].organisation}" in desk.shown
    desk.page.click("#language")
    expect(seal.first).to_contain_text("proof holds · 证明成立")
    assert "Asked by" in desk.shown


def test_an_export_that_no_node_signed_says_so(desk: Desk) -> None:
    chain = questioned_chain("intl")
    desk.choose(desk.trust(chain), desk.file("report.kunproof", chain.export(node=None)))
    expect(desk.page.locator("#verdict")).to_contain_text("共同签名的节点")
    assert "共同签名的节点\n无" in desk.shown


@pytest.mark.parametrize("name", ["report.kunproof", "renamed.zip"])
def test_a_changed_export_is_refused_in_words_and_names_the_check(desk: Desk, name: str) -> None:
    chain = questioned_chain("intl")
    members = chain.sealed(chain.members())
    changed = write_archive({**members, ROWS: members[ROWS] + b"\n"})
    desk.choose(desk.trust(chain), desk.file(name, changed))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("内容被改 · content changed")
    expect(desk.page.locator("#verdict .seal")).to_contain_class("red")
    assert "未通过的检查\nmembers" in desk.shown


def test_what_only_bears_the_name_of_an_export_is_unreadable(desk: Desk) -> None:
    chain = questioned_chain("intl")
    desk.choose(desk.trust(chain), desk.file("report.kunproof", b"PK\x03\x04" + b"\xff" * 40))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("无法识别 · unreadable")
    assert "未通过的检查\narchive" in desk.shown


def test_another_zip_file_is_a_document_to_be_hashed(desk: Desk) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("OFD.xml", "<ofd:OFD/>")
    desk.choose(desk.file("certificate.ofd", written.getvalue()))
    expect(desk.page.locator("#chosen-document")).to_contain_text("certificate.ofd")
    expect(desk.page.locator("#chosen-evidence")).to_have_text("尚未选择")


def test_an_export_of_another_chain_is_not_believed(desk: Desk) -> None:
    other = questioned_chain("intl", label="another")
    export = desk.file("report.kunproof", other.export())
    desk.choose(desk.trust(questioned_chain("intl")), export)
    expect(desk.page.locator("#verdict .seal")).to_contain_text("签发机构不可信")
