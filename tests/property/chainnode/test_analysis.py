"""Laws of filters, facets and rules: nothing is lost, nothing depends on the order of the rows."""

from dataclasses import replace
from itertools import combinations, product
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chainnode.analysis.anomalies import RULES, anomalies, choose
from chainnode.analysis.facets import facets
from chainnode.analysis.fields import NUMBERS, TEXTS
from chainnode.analysis.filters import (
    Condition,
    RangeCondition,
    TextCondition,
    TextTest,
    filtered,
)
from chainnode.analysis.halves import halves_states
from chainnode.analysis.rows import AuditRow, Reasons, in_order
from tests.vectors.analysis_rows import (
    DAY_MS,
    SIDES,
    gap,
    half,
    people,
    question,
    token,
    withheld,
)

WORDS = ("", "zhang", "ZHANG", "li", "case-1", "户籍", "\U0001f600")
TIMES = st.integers(0, 10 * DAY_MS)
# One draw for what belongs together: drawing costs more than what is judged.
SAID = [
    Reasons(operator=officer, case_number=case, reason_text=text)
    for officer, case, text in product(WORDS, repeat=3)
]
# What was said, and whether it is sealed; a sealed part says nothing to a reader.
REASONS = st.one_of(
    st.sampled_from([(None, False), (None, True)]), st.sampled_from([(one, False) for one in SAID])
)
WORDS_OF_A_HALF = list(product(SIDES, ("permitted", "denied", "failed")))
SUBJECTS = [
    tuple(token(one) for one in chosen)
    for count in range(5)
    for chosen in combinations(range(4), count)
]
OUTCOMES_OF_GAPS = ("matched", "mismatched", "one_sided_proven")
KINDS = ("half", "half", "half", "gap", "people", "question", "withheld")


@st.composite
def rows_of_calls(draw: st.DrawFn) -> tuple[AuditRow, ...]:
    """Return rows about few calls, so that halves, gaps and people meet."""
    kinds = draw(st.lists(st.sampled_from(KINDS), max_size=14))
    return tuple(_row(draw, position, kind) for position, kind in enumerate(kinds))


def _row(draw: st.DrawFn, position: int, kind: str) -> AuditRow:
    at = draw(TIMES)
    if kind == "withheld":
        return withheld(position, at=at)
    if kind == "question":
        return question(position, at=at, purpose=draw(st.sampled_from((None, *WORDS))))
    call = draw(st.integers(1, 4))
    if kind == "people":
        return people(position, at=at, call=call, tokens=(7,))
    if kind == "gap":
        return gap(position, at=at, call=call, outcome=draw(st.sampled_from(OUTCOMES_OF_GAPS)))
    reasons, is_sealed = draw(REASONS)
    side, outcome = draw(st.sampled_from(WORDS_OF_A_HALF))
    return half(
        position,
        at=at,
        call=call,
        side=side,
        reasons=reasons,
        is_sealed=is_sealed,
        outcome=outcome,
        count=draw(st.integers(0, 200)),
        subjects=draw(st.sampled_from(SUBJECTS)),
    )


TEXT_CONDITIONS = st.builds(
    TextCondition,
    name=st.sampled_from(sorted(TEXTS)),
    test=st.sampled_from(TextTest),
    values=st.lists(
        st.sampled_from((*WORDS, "half", "denied", "matched")), min_size=1, max_size=3
    ).map(tuple),
)
NUMBER_CONDITIONS = st.builds(
    RangeCondition,
    name=st.sampled_from(sorted(NUMBERS)),
    start=st.integers(0, 1440),
    end=st.integers(0, 1440),
)
CONDITIONS = st.lists(st.one_of(TEXT_CONDITIONS, NUMBER_CONDITIONS), max_size=3)


@given(rows_of_calls(), CONDITIONS)
def test_every_row_matches_is_left_out_or_cannot_be_told(
    rows: tuple[AuditRow, ...], conditions: list[Condition]
) -> None:
    found = filtered(rows, conditions)
    positions = [one.position for one in (*found.matched, *found.cannot_tell)]
    assert len(positions) == len(set(positions))
    assert len(positions) + found.left_out == len(rows)


@given(rows_of_calls(), CONDITIONS, st.integers(0, 14))
def test_a_filter_of_a_union_is_the_union_of_the_filters(
    rows: tuple[AuditRow, ...], conditions: list[Condition], cut: int
) -> None:
    states = halves_states(rows)
    whole = filtered(rows, conditions, states)
    left, right = (filtered(one, conditions, states) for one in (rows[:cut], rows[cut:]))
    assert in_order((*right.matched, *left.matched)) == whole.matched
    assert in_order((*right.cannot_tell, *left.cannot_tell)) == whole.cannot_tell
    assert left.left_out + right.left_out == whole.left_out


@given(rows_of_calls(), TEXT_CONDITIONS)
def test_what_is_unknown_to_a_condition_is_unknown_to_its_contrary_and_nothing_else_is(
    rows: tuple[AuditRow, ...], condition: TextCondition
) -> None:
    contrary = {
        TextTest.IS: TextTest.IS_NOT,
        TextTest.IS_NOT: TextTest.IS,
        TextTest.CONTAINS: TextTest.CONTAINS_NOT,
        TextTest.CONTAINS_NOT: TextTest.CONTAINS,
    }
    one = filtered(rows, [condition])
    other = filtered(rows, [replace(condition, test=contrary[condition.test])])
    assert one.cannot_tell == other.cannot_tell
    assert len(one.matched) == other.left_out


@given(rows_of_calls())
def test_facets_sum_to_the_list(rows: tuple[AuditRow, ...]) -> None:
    for one in facets(rows):
        assert one.rows + one.absent + one.cannot_tell == len(rows)
        counted = sum(count for _, count in one.values)
        assert counted == one.rows or (one.dimension == "finding" and counted >= one.rows)


@given(rows_of_calls(), st.integers(0, 2**32), st.sampled_from(("1", "2", "3")))
def test_rules_find_the_same_in_whatever_order_the_rows_come(
    rows: tuple[AuditRow, ...], seed: int, least: str
) -> None:
    mixed = list(rows)
    Random(seed).shuffle(mixed)  # noqa: S311 - seeded order, no secrets
    chosen = [choose(one, {}) for one in RULES]
    chosen += [choose(one, {"least": least}) for one in ("bulk", "spikes")]
    found = anomalies(rows, chosen)
    assert anomalies(mixed, chosen) == found
    there = {one.position for one in rows}
    for one in found:
        named = {position for hit in one.hits for position in hit.positions}
        assert named | set(one.cannot_tell) <= there
