"""Laws of the cells of `rows.csv`, over any text: no spreadsheet finds a formula in one."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from chainnode.verify.csv_rows import guarded
from chainnode.verify.unseen import UNSEEN

STARTS = "=+-@"
PARTING = ",;|\"'"
# Not seen although letter, mark or sign by category, or unknown to an older Python.
BLANK_LETTERS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800\ufffc\u180b\u180c\u180d\u180f"
    "\U00016fe4\U0001d159\U00013441\U00013442"
)
HIDDEN = st.sampled_from(UNSEEN).flatmap(lambda one: st.integers(*one)).map(chr)
SHOWN = st.sampled_from("=+-@＝＋－＠−⁼⩵﹣a1户\u0301" + PARTING + " \u3000\u2003\u00a0")
TEXT = st.lists(HIDDEN | SHOWN | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)


def is_seen(one: str) -> bool:
    """Tell whether a character shows, by its properties and not by the list of the rule."""
    code = ord(one)
    is_selector = 0xFE00 <= code <= 0xFE0F or 0xE0000 <= code <= 0xE0FFF
    is_reserved = code == 0x2065 or 0xFFF0 <= code <= 0xFFF8 or 0x13430 <= code <= 0x1343F
    is_no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    is_none = unicodedata.category(one) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
    return not any((is_selector, is_reserved, is_no_character, is_none, one in BLANK_LETTERS))


def begins_formula(text: str) -> bool:
    first = next(filter(is_seen, text), "")
    return unicodedata.normalize("NFKC", first)[:1] in {*STARTS, "\u2212"}


@given(TEXT)
@example("\u3164=1")
@example("\ufe0f \u2800＝1")
@example("\u115f\u200b\u3000−1")
@example("x;\u00ad\uffa0@1")
def test_the_first_character_seen_of_a_cell_and_of_its_parts_begins_no_formula(text: str) -> None:
    cell = guarded(text)

    assert not begins_formula(cell)
    for separator in PARTING.replace("'", ""):
        assert not any(map(begins_formula, cell.split(separator)))


@given(TEXT)
def test_a_cell_holds_nothing_that_is_not_seen_and_loses_nothing_that_is(text: str) -> None:
    cell = guarded(text)

    hidden = [one for one in text if not is_seen(one) and unicodedata.category(one) != "Zs"]
    assert not any(one in cell for one in hidden)
    assert all(f"[U+{ord(one):04X}]" in cell for one in hidden)
    seen = [one for one in text if is_seen(one)]
    left = iter(cell)
    assert all(one in left for one in seen)
