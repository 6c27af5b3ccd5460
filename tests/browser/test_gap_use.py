"""Records of the ledger itself on the page: which call each is about, and that nobody sent it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from chainnode.genesis import write_genesis_file
from tests.browser.desk import Desk
from tests.sites import Site
from tests.unit.chainnode.service.gap_sites import OWN, grown, opened, own_positions

# The call that each of the site's own records is about: its id is this byte throughout.
CALLS = (0, 1, 2, 3, 1, 2)
PRUNED_BELOW = 5


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = grown(opened(tmp_path / "site"))
    yield site
    site.close()


def shown(desk: Desk, site: Site, position: int) -> str:
    """Return what the page says of the proof of a record."""
    trust = desk.folder / "genesis.json"
    write_genesis_file(trust, site.genesis)
    desk.choose(str(trust), desk.file("record.json", site.proofs.record(position)))
    expect(desk.page.locator("#verdict .seal").first).to_contain_text("证明成立")
    return desk.shown


@pytest.mark.parametrize("number", range(len(OWN)))
def test_a_record_of_the_ledger_itself_is_shown_with_its_call_and_no_submission(
    desk: Desk, site: Site, number: int
) -> None:
    position = own_positions(site)[number]

    told = shown(desk, site, position)

    assert f"调用编号\n{bytes([CALLS[number]]).hex() * 16}" in told
    assert "提交摘要\n账本自身 · 区块高度 " in told
    assert "00" * 32 not in told


def test_without_its_body_a_record_of_the_ledger_is_shown_without_its_call(
    desk: Desk, site: Site
) -> None:
    position = own_positions(site)[0]
    while site.ledger.prune_batches(PRUNED_BELOW):
        pass

    told = shown(desk, site, position)

    assert "调用编号" not in told
    assert "双方记录不一致" in told
    assert "提交摘要\n账本自身 · 区块高度 1" in told


def test_a_half_is_shown_with_the_id_that_the_ledgers_own_record_names(
    desk: Desk, site: Site
) -> None:
    told = shown(desk, site, 1)

    assert f"调用编号\n{bytes([CALLS[1]]).hex() * 16}" in told
