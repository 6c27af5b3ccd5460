"""Filters, counts and rules of the search page give the answers of `chainnode.analysis`."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from chainnode.analysis.rows import audit_rows
from chainnode.verify import InvalidEvidence, Trust
from chainnode.verify.export import verify_export
from tests.browser.served_search import SearchSite, served_search
from tests.builders_exports import questioned_chain

EXPORTS = Path(__file__).parents[1] / "vectors" / "exports"
FOLDER = Path(__file__).parents[1] / "vectors" / "analysis"
NAMES = sorted(one.stem for one in FOLDER.glob("*.json"))
ANSWERS = """text => {
  const {anomaly, facet, filtered} = kunlianConsole;
  const {rows, facets, filters, anomalies} = JSON.parse(text);
  return JSON.stringify({
    facets: facets.map(one => facet(rows, one.dimension)),
    filters: filters.map(one => filtered(rows, one.conditions)),
    anomalies: anomalies.map(one => anomaly(rows, one.rule, one.parameters)),
  });
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """The search page, of which its functions alone are used."""
    with served_search(SearchSite(questioned_chain("sm"))) as site:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{site.address}/search")
        yield page
        context.close()


@pytest.fixture(params=NAMES)
def vectors(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One published list with its answers."""
    document = json.loads((FOLDER / f"{request.param}.json").read_bytes())
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("is_reversed", [False, True])
def test_every_published_list_is_answered_alike(
    page: Page, vectors: dict[str, Any], *, is_reversed: bool
) -> None:
    rows = vectors["rows"][::-1] if is_reversed else vectors["rows"]
    found = json.loads(page.evaluate(ANSWERS, json.dumps(vectors | {"rows": rows})))
    assert found["facets"] == vectors["facets"]
    for answer, expected in zip(found["filters"], vectors["filters"], strict=True):
        answer["matched"].sort()
        answer["cannot_tell"].sort()
        assert answer == {name: expected[name] for name in answer}, expected["conditions"]
    for answer, expected in zip(found["anomalies"], vectors["anomalies"], strict=True):
        assert answer.pop("words") == {"zh": expected["zh"], "en": expected["en"]}
        answer["cannot_tell"] = answer.pop("cannotTell")
        assert answer == {name: expected[name] for name in answer}, expected["rule"]


CHECKED = """([text, trust]) => {
  const data = Uint8Array.from(atob(text), one => one.charCodeAt(0));
  const {kind, check, proven} = kunlianConsole.checked({trust, data});
  return {kind, check: check ?? null, rows: proven ? proven.rows.map(one => one.row) : []};
}"""


def checked(page: Page, case: dict[str, Any]) -> dict[str, Any]:
    found = page.evaluate(CHECKED, [case["archive"], json.dumps(case["trust"])])
    assert isinstance(found, dict)
    return found


def python_checked(case: dict[str, Any]) -> dict[str, Any]:
    trust = Trust.load(json.dumps(case["trust"]).encode())
    try:
        facts = verify_export(base64.b64decode(case["archive"]), trust)
    except InvalidEvidence as error:
        return {"kind": "refused", "check": error.check, "rows": []}
    rows = json.loads(msgspec.json.encode(audit_rows(facts.answer.rows)))
    for one in rows:
        if one["reasons"]:
            # Of use to lineage alone, which the page has not.
            del one["reasons"]["derived_from"]
    return {"kind": "proven", "check": None, "rows": rows}


@pytest.mark.parametrize("suite", ["sm", "intl"])
@pytest.mark.parametrize("start", range(4))
def test_every_published_export_gets_the_verdict_and_the_rows_of_python(
    page: Page, suite: str, start: int
) -> None:
    cases = [json.loads(one.read_bytes()) for one in sorted((EXPORTS / suite).glob("*.json"))]
    answers = {one["name"]: checked(page, one) for one in cases[start::4]}
    assert len(answers) >= 20
    assert answers == {one["name"]: python_checked(one) for one in cases[start::4]}
