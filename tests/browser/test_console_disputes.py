"""Disputes in a real browser: out of acts as records show them, with their states and due dates."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.served_search import SearchSite, served_search
from tests.builders_exports import questioned_chain

DAY_MS = 86_400_000
ANSWERS = """text => {
  const {acts, deadline, now} = JSON.parse(text);
  return kunlianConsole.disputesIn(acts, deadline, now).map(
    ({id, state, isLate, responsible, dueMs, filer}) =>
      ({id, state, isLate, responsible, dueMs, filer}));
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


def act(day: int, action: str, *, to: str = "", is_late: bool = False) -> dict[str, object]:
    said = {
        "ground": 1,
        "call": None,
        "certificate": "",
        "item": "household",
        "follows": "",
        "forwardedTo": to,
        "reasonCode": "",
        "successor": "",
        "dueMs": 21 * DAY_MS if action == "overdue" else None,
    }
    return {
        "dispute": "ab" * 16,
        "position": day,
        "timeMs": day * DAY_MS,
        "by": "FILER" if action in {"object", "withdraw"} else "FIRST",
        "action": action,
        "isLate": is_late,
        "responsible": ["FIRST", to] if to else ["FIRST"],
        "said": said,
    }


@pytest.mark.parametrize(
    ("acts", "now", "expected"),
    [
        ([act(0, "object")], 1, ("open", False, "FIRST", 21)),
        ([act(0, "object")], 21, ("overdue", False, "FIRST", 21)),
        ([act(0, "object"), act(5, "extend")], 22, ("open", False, "FIRST", 42)),
        ([act(0, "object"), act(5, "forward", to="NEXT")], 6, ("open", False, "NEXT", 26)),
        ([act(0, "object"), act(21, "overdue")], 22, ("overdue", False, "FIRST", 21)),
        (
            [act(0, "object"), act(21, "overdue"), act(22, "forward", to="NEXT")],
            23,
            ("open", False, "NEXT", 43),
        ),
        (
            [act(0, "object"), act(21, "overdue"), act(30, "correct", is_late=True)],
            31,
            ("correct", True, "FIRST", 21),
        ),
        ([act(3, "refuse"), act(0, "object")], 31, ("refuse", False, "FIRST", 21)),
        ([act(0, "object"), act(3, "withdraw")], 31, ("withdraw", False, "FIRST", 21)),
    ],
)
def test_a_dispute_is_what_its_acts_make_of_it(
    page: Page, acts: list[object], now: int, expected: tuple[str, bool, str, int]
) -> None:
    given = {"acts": acts, "deadline": 21 * DAY_MS, "now": now * DAY_MS}

    (found,) = page.evaluate(ANSWERS, json.dumps(given))

    state, is_late, responsible, due = expected
    assert found == {
        "id": "ab" * 16,
        "state": state,
        "isLate": is_late,
        "responsible": responsible,
        "dueMs": due * DAY_MS,
        "filer": "FILER",
    }


def test_a_trail_that_begins_with_the_passing_on_names_no_filer(page: Page) -> None:
    given = {"acts": [act(5, "forward", to="NEXT")], "deadline": DAY_MS, "now": 0}

    (found,) = page.evaluate(ANSWERS, json.dumps(given))

    assert (found["filer"], found["responsible"]) == (None, "NEXT")


def test_what_waits_longest_stands_first(page: Page) -> None:
    acts = [act(0, "object") | {"dispute": "aa"}, act(2, "object") | {"dispute": "bb"}]
    acts += [act(1, "object") | {"dispute": "cc"}, act(2, "refuse") | {"dispute": "cc"}]
    given = {"acts": acts, "deadline": 21 * DAY_MS, "now": 22 * DAY_MS}

    found = page.evaluate(ANSWERS, json.dumps(given))

    assert [(one["id"], one["state"]) for one in found] == [
        ("aa", "overdue"),
        ("bb", "open"),
        ("cc", "refuse"),
    ]


@pytest.mark.parametrize(
    ("to", "block", "expected"),
    [(0, 40, "overdue"), (20, 40, "open"), (22, 40, "overdue"), (60, 20, "open")],
)
def test_a_list_of_a_period_tells_states_at_its_end_and_not_of_today(
    page: Page, to: int, block: int, expected: str
) -> None:
    until = page.evaluate(
        "([to, block]) => kunlianConsole.knownUntil(to, block)", [to * DAY_MS, block * DAY_MS]
    )
    told = json.dumps({"acts": [act(0, "object")], "deadline": 21 * DAY_MS, "now": until})

    (found,) = page.evaluate(ANSWERS, told)

    assert found["state"] == expected
