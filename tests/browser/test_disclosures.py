"""Shown fields of a recorded call: the page and the command line give one verdict."""

import json
from itertools import islice
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chainnode.client.disclosing import disclosure_evidence
from chainnode.genesis import write_genesis_file
from chainnode.verify.strict_json import JsonObject
from tests.browser.answers import asked_of, differences, python_answer
from tests.browser.desk import Desk
from tests.builders import SUITES
from tests.builders_halves import (
    FIELDS,
    NOT_A_HALF,
    POSITION,
    SEEDS,
    WITHOUT_COMMITMENT,
    halves_chain,
)
from tests.mutations import mutations

STRIDE = 5


def shown(suite: str, message: str, position: int = POSITION) -> JsonObject:
    chain = halves_chain(suite)
    return disclosure_evidence(
        chain.suite,
        chain.authored_record(position),
        message=message,
        seed=SEEDS[message],
        fields=FIELDS[message],
        names={one.name for one in FIELDS[message]},
    )


@pytest.mark.parametrize("suite", SUITES)
def test_shown_fields_and_their_mutants_get_the_same_answer(
    page: Page, suite: str, tmp_path: Path
) -> None:
    write_genesis_file(tmp_path / "genesis.json", halves_chain(suite).genesis)
    trust = (tmp_path / "genesis.json").read_text()
    whole = [(message, shown(suite, message)) for message in FIELDS]
    changed = mutations(shown(suite, "request"))
    cases = [*whole, *islice(changed, 0, None, STRIDE)]
    questions = [asked_of(one, trust) for _, one in cases]
    assert [python_answer(one) for one in questions[: len(whole)]] == [
        {"accepted": "disclosure"}
    ] * len(whole)
    assert differences(page, questions, [name for name, _ in cases]) == []


@pytest.mark.parametrize("position", [NOT_A_HALF, WITHOUT_COMMITMENT])
def test_what_binds_no_field_shows_none(page: Page, position: int, tmp_path: Path) -> None:
    write_genesis_file(tmp_path / "genesis.json", halves_chain("intl").genesis)
    trust = (tmp_path / "genesis.json").read_text()
    at = halves_chain("intl").authored_record(position)
    names = ("header", "certificate", "epochs", "entry", "place", "body", "authorship")
    evidence = {**shown("intl", "request"), **{name: at[name] for name in names}}
    question = asked_of(json.loads(json.dumps(evidence)), trust)
    assert python_answer(question)["refused"] == "disclosure"
    assert differences(page, [question], ["no commitment"]) == []


def test_shown_fields_stand_on_the_page(desk: Desk) -> None:
    desk.choose(desk.trust(halves_chain("sm")), desk.file("fields.json", shown("sm", "request")))
    expect(desk.page.locator("#verdict .seal")).to_contain_text("证明成立 · proof holds")
    expect(desk.page.locator("#verdict")).to_contain_text("请求中的字段")
    for one in FIELDS["request"]:
        assert one.name in desk.shown
