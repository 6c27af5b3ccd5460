"""Pages joined: whole where they show one gapless run for every value, never by a node's word."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from chainnode.verify import InvalidEvidence
from chainnode.verify.answer import AnswerFacts, join_pages
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trail import verify_trail_evidence
from tests.builders_evidence import GENESIS_MS, OTHER_SUBJECT, SUBJECT
from tests.builders_trails import (
    ABSENT_SUBJECT,
    INDEX_SIZE,
    IndexedChain,
    Shown,
    indexed_chain,
    positions_of,
)

SUITES = ("sm", "intl")
AS_OF_MS = GENESIS_MS + 11_000


@pytest.fixture(params=SUITES)
def chain(request: pytest.FixtureRequest) -> IndexedChain:
    return indexed_chain(request.param)


def joined(
    chain: IndexedChain,
    *pages: JsonObject,
    subjects: tuple[bytes, ...] = (SUBJECT,),
    period: tuple[int, int] = (0, 0),
) -> AnswerFacts:
    facts = [verify_trail_evidence(one, chain.trust) for one in pages]
    keys = frozenset(chain.key(one) for one in subjects)
    return join_pages(facts, keys=keys, from_ms=period[0], to_ms=period[1])


def shown(start: int = 0, stop: int | None = None, subject: bytes = SUBJECT) -> Shown:
    return Shown(subject=subject, start=start, stop=stop)


def positions(answer: AnswerFacts) -> list[int]:
    return [one.position for one in answer.rows]


@pytest.mark.parametrize("cuts", [(), (1,), (4, 5), (2, 9, 17, 19)])
def test_pages_in_order_are_the_whole_list_however_they_are_cut(
    chain: IndexedChain, cuts: tuple[int, ...]
) -> None:
    edges = (0, *cuts, None)
    pages = [chain.trail(shown(start or 0, stop)) for start, stop in pairwise(edges)]
    answer = joined(chain, *pages)
    assert answer.is_complete
    assert (answer.to_ms, answer.complete_to_ms) == (AS_OF_MS, AS_OF_MS)
    assert positions(answer) == positions_of(chain, SUBJECT)


def test_several_values_are_whole_when_each_of_them_is(chain: IndexedChain) -> None:
    both = chain.trail(shown(), shown(subject=OTHER_SUBJECT))
    answer = joined(chain, both, subjects=(SUBJECT, OTHER_SUBJECT))
    assert (answer.is_complete, positions(answer)) == (True, [*range(INDEX_SIZE)])
    one_by_one = joined(
        chain,
        chain.trail(shown()),
        chain.trail(shown(subject=OTHER_SUBJECT)),
        subjects=(SUBJECT, OTHER_SUBJECT),
    )
    assert (one_by_one.is_complete, one_by_one.rows) == (True, answer.rows)


def test_nothing_found_is_whole_too(chain: IndexedChain) -> None:
    answer = joined(chain, chain.trail(shown(subject=ABSENT_SUBJECT)), subjects=(ABSENT_SUBJECT,))
    assert (answer.is_complete, answer.rows) == (True, ())


def test_a_value_that_no_page_shows_makes_nothing_complete(chain: IndexedChain) -> None:
    answer = joined(chain, chain.trail(shown()), subjects=(SUBJECT, OTHER_SUBJECT))
    assert (answer.is_complete, answer.complete_to_ms) == (False, None)


def test_a_first_row_left_out_makes_nothing_complete(chain: IndexedChain) -> None:
    answer = joined(chain, chain.trail(shown(1)))
    assert (answer.is_complete, answer.complete_to_ms) == (False, None)


def test_a_last_row_left_out_is_complete_to_the_last_one_that_is_shown(
    chain: IndexedChain,
) -> None:
    answer = joined(chain, chain.trail(shown(0, 19)))
    assert not answer.is_complete
    assert answer.complete_to_ms == answer.rows[-1].entry.time_ms < AS_OF_MS


def test_a_period_is_whole_between_its_two_boundary_rows(chain: IndexedChain) -> None:
    period = (GENESIS_MS + 3000, GENESIS_MS + 6000)
    # Two rows of the subject a block: blocks 3, 4 and 5 are asked for, rows 4 to 9.
    first, last = chain.trail(shown(3, 7), period=period), chain.trail(shown(7, 11), period=period)
    answer = joined(chain, first, last, period=period)
    assert answer.is_complete
    assert positions(answer) == positions_of(chain, SUBJECT)[4:10]
    without_begin = joined(chain, chain.trail(shown(4, 11), period=period), period=period)
    assert without_begin.complete_to_ms is None
    without_end = joined(chain, chain.trail(shown(3, 10), period=period), period=period)
    assert (without_end.is_complete, without_end.complete_to_ms) == (False, GENESIS_MS + 5000)


def test_a_period_that_is_not_over_is_complete_as_far_as_the_index_goes(
    chain: IndexedChain,
) -> None:
    period = (0, AS_OF_MS + 1)
    answer = joined(chain, chain.trail(shown(), period=period), period=period)
    assert (answer.is_complete, answer.complete_to_ms) == (False, AS_OF_MS)


Pages = Callable[[IndexedChain], tuple[JsonObject, ...]]
CORRUPTIONS: dict[str, tuple[str, Pages]] = {
    "a page left out": ("rows", lambda of: (of.trail(shown(0, 4)), of.trail(shown(5)))),
    "a page twice": ("rows", lambda of: (of.trail(shown(0, 4)), of.trail(shown(0, 4)))),
    "pages that overlap": ("rows", lambda of: (of.trail(shown(0, 4)), of.trail(shown(3)))),
    "pages in another order": ("rows", lambda of: (of.trail(shown(4)), of.trail(shown(0, 4)))),
    "trails of another value": (
        "question",
        lambda of: (of.trail(shown(subject=OTHER_SUBJECT)),),
    ),
    "another period": (
        "period",
        lambda of: (of.trail(shown(), period=(GENESIS_MS, AS_OF_MS)),),
    ),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_pages_that_do_not_belong_together_are_refused(chain: IndexedChain, name: str) -> None:
    check, pages = CORRUPTIONS[name]
    with pytest.raises(InvalidEvidence) as caught:
        joined(chain, *pages(chain))
    assert caught.value.check == check
