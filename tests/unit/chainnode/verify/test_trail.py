"""What trails prove, and when a list may be called complete."""

import pytest

from chainnode.ledger.trails import EMPTY_TRAIL
from chainnode.verify import (
    InvalidEvidence,
    TrailFacts,
    require_continuation,
    verify_evidence,
)
from chainnode.verify.strict_json import JsonObject
from tests.builders_evidence import GENESIS_MS, OTHER_SUBJECT, SUBJECT, TIME_MS
from tests.builders_trails import (
    ABSENT_SUBJECT,
    ALL_OF_REQUESTER,
    ALL_OF_SUBJECT,
    ENTRIES,
    INDEX_SIZE,
    RARE_SUBJECT,
    IndexedChain,
    Shown,
    indexed_chain,
    positions_of,
)

SUITES = ("sm", "intl")
# The tail is in the eleventh block, a block every second.
AS_OF_MS = GENESIS_MS + 11_000


def block_ms(block: int) -> int:
    return GENESIS_MS + block * 1000


def facts_of(chain: IndexedChain, evidence: JsonObject) -> TrailFacts:
    facts = verify_evidence(evidence, chain.trust)
    assert isinstance(facts, TrailFacts)
    return facts


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    "subject", [SUBJECT, RARE_SUBJECT, ABSENT_SUBJECT, None], ids=["often", "rare", "never", "all"]
)
def test_a_whole_trail_is_complete_to_the_time_of_the_tail(
    suite: str, subject: bytes | None
) -> None:
    chain = indexed_chain(suite)
    facts = facts_of(chain, chain.trail(Shown(subject=subject, with_bodies=True)))

    assert [row.position for row in facts.rows()] == positions_of(chain, subject)
    assert all(row.call == chain.calls[row.position] for row in facts.rows())
    assert facts.index_keys == (chain.key(subject),)
    assert facts.listings[0].trail.rows == len(positions_of(chain, subject))
    assert (facts.as_of_ms, facts.complete_to_ms, facts.to_ms) == (AS_OF_MS,) * 3
    assert facts.is_complete


def test_an_index_without_a_tail_is_complete_to_the_time_of_the_header() -> None:
    chain = indexed_chain("intl")
    facts = facts_of(chain, chain.trail(Shown(subject=RARE_SUBJECT), index_size=ENTRIES))

    assert [row.position for row in facts.rows()] == [17, 41]
    assert facts.as_of_ms == TIME_MS
    assert facts.is_complete


def test_entries_of_several_trails_are_listed_once_and_in_order() -> None:
    chain = indexed_chain("intl")
    facts = facts_of(
        chain,
        chain.trail(ALL_OF_SUBJECT, Shown(subject=OTHER_SUBJECT), Shown(subject=RARE_SUBJECT)),
    )
    assert [row.position for row in facts.rows()] == list(range(INDEX_SIZE))
    assert facts.is_complete


# Four entries a block: positions 8 to 15 are those of the third and fourth block.
PERIOD = (block_ms(3), block_ms(5))


@pytest.mark.parametrize(
    ("start", "stop", "complete_to_ms"),
    [
        (7, 17, PERIOD[1]),
        (0, 40, PERIOD[1]),
        (5, 40, PERIOD[1]),
        # The row before the period is missing.
        (8, 17, None),
        (9, 17, None),
        # Nothing stands after the last row that is shown.
        (7, 16, block_ms(4)),
        (7, 12, block_ms(3)),
        # Nothing is shown, only counted.
        (0, 0, None),
    ],
)
def test_a_period_is_complete_only_with_a_row_on_either_side(
    start: int, stop: int, complete_to_ms: int | None
) -> None:
    chain = indexed_chain("intl")
    shown = Shown(subject=None, start=start, stop=stop)

    facts = facts_of(chain, chain.trail(shown, period=PERIOD))

    assert facts.complete_to_ms == complete_to_ms
    assert facts.is_complete == (complete_to_ms == PERIOD[1])
    inside = [one for one in range(start, stop) if 8 <= one < 16]
    assert [row.position for row in facts.rows()] == inside


def test_a_period_that_ends_after_the_index_is_complete_to_the_index_only() -> None:
    chain = indexed_chain("intl")
    facts = facts_of(chain, chain.trail(ALL_OF_REQUESTER, period=(0, AS_OF_MS + 1)))

    assert facts.complete_to_ms == AS_OF_MS
    assert not facts.is_complete


def test_a_period_that_has_not_begun_is_not_complete() -> None:
    chain = indexed_chain("intl")
    facts = facts_of(chain, chain.trail(ALL_OF_REQUESTER, period=(AS_OF_MS + 1, 0)))
    assert not facts.is_complete


def test_one_incomplete_trail_makes_the_whole_answer_incomplete() -> None:
    chain = indexed_chain("intl")
    facts = facts_of(chain, chain.trail(ALL_OF_SUBJECT, Shown(subject=OTHER_SUBJECT, start=1)))

    assert {one.complete_to_ms for one in facts.listings} == {AS_OF_MS, None}
    assert facts.complete_to_ms is None
    assert not facts.is_complete


def test_a_client_goes_on_from_what_it_holds_and_notices_another_past() -> None:
    chain = indexed_chain("intl")
    earlier = facts_of(chain, chain.trail(ALL_OF_SUBJECT, index_size=16)).listings[0].trail
    whole = facts_of(chain, chain.trail(ALL_OF_SUBJECT)).listings[0]
    news = facts_of(chain, chain.trail(Shown(subject=SUBJECT, start=earlier.rows))).listings[0]

    require_continuation(news, earlier)
    require_continuation(whole, EMPTY_TRAIL)
    assert (news.first_row, news.first_row + len(news.rows)) == (8, 20)
    with pytest.raises(InvalidEvidence, match="held"):
        require_continuation(whole, earlier)


def test_evidence_of_another_version_or_kind_is_unreadable() -> None:
    chain = indexed_chain("intl")
    trail = chain.trail(ALL_OF_SUBJECT)
    for changed in ({"version": 1}, {"kind": "trails"}, {"kind": 7}, {"complete": True}):
        with pytest.raises(InvalidEvidence):
            verify_evidence({**trail, **changed}, chain.trust)
