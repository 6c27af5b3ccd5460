"""The page and the command line: one verdict for every published case of epochs and forks."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from chainnode.verify.strict_json import JsonObject, as_object
from tests.browser.answers import Question, asked_of, differences, page_answers

FOLDER = Path(__file__).parents[1] / "vectors" / "epochs"
SUITES = ("sm", "intl")


def published(suite: str) -> Iterator[tuple[JsonObject, Question]]:
    """Yield every published case, and what a person with its files asks."""
    for path in sorted((FOLDER / suite).glob("*.json")):
        case = json.loads(path.read_text())
        yield case, asked_of(case["evidence"], json.dumps(case["trust"]), case=case)


@pytest.mark.parametrize("suite", SUITES)
def test_every_case_of_epochs_gets_the_verdict_of_the_command_line(page: Page, suite: str) -> None:
    cases = list(published(suite))
    assert len(cases) >= 140
    names = [str(case["name"]) for case, _ in cases]
    assert differences(page, [question for _, question in cases], names) == []


@pytest.mark.parametrize("suite", SUITES)
def test_every_case_of_epochs_is_judged_as_it_says(page: Page, suite: str) -> None:
    cases = list(published(suite))
    answers = page_answers(page, [question for _, question in cases])
    found = {str(case["name"]): outcome(one) for (case, _), one in zip(cases, answers, strict=True)}
    assert found == {str(case["name"]): case["expect"] for case, _ in cases}


def outcome(answer: JsonObject) -> str:
    """Return what a case expects: see tests/vectors/epochs/README.md."""
    if "accepted" in answer:
        return "accepted"
    verdict = as_object(answer["verdict"], "verdict")
    return f"{verdict['verdict']} {answer.get('refused') or verdict['state'] or refusal(verdict)}"


def refusal(verdict: JsonObject) -> str:
    """Return the check that refused a certificate; no verdict names it elsewhere."""
    checks = verdict["checks"]
    assert isinstance(checks, list)
    (failed,) = (
        one["detail"] for one in checks if isinstance(one, dict) and one["result"] == "fail"
    )
    return str(failed)
