"""`rows.csv`: what a spreadsheet would run or hide is shown as text, and nothing is lost."""

import csv
import io
import json

import pytest

from chainnode.verify.csv_rows import COLUMNS, csv_rows, guarded
from chainnode.verify.rows import row_document
from chainnode.verify.unseen import visible
from tests.vectors import make_cells
from tests.vectors.several_cases import HOSTILE_AT, PARTS, SeveralStory

STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "−")
BEFORE = ("", " ", "\u00a0", "\u3000", "x,", "x;", "x|", 'x"', "x'", "x; ")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    "before", ["", " ", "\u00a0", "\u3000", "x,", "x;", "x|", 'x"', "x'", "x; "]
)
def test_what_begins_a_formula_gets_an_apostrophe(before: str, start: str) -> None:
    assert guarded(f"{before}{start}1") == f"{before}'{start}1"


@pytest.mark.parametrize("text", ["", "a=b", "2026-03-02", "user@example", "1 + 1", "户籍－查询"])
def test_what_begins_no_formula_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\t=1", "[U+0009]=1"),
        ("\r\n", "[U+000D][U+000A]"),
        ("\u202eexe.txt", "[U+202E]exe.txt"),
        ("\ufeff", "[U+FEFF]"),
        ("\u034f\u115f\u2800\ufe0f", "[U+034F][U+115F][U+2800][U+FE0F]"),
        ("\u200b", "[U+200B]"),
        ("\U000e0041", "[U+E0041]"),
        ("\x00\x7f\x85", "[U+0000][U+007F][U+0085]"),
    ],
)
def test_what_is_not_seen_is_shown_as_its_number(hidden: str, shown: str) -> None:
    assert visible(hidden) == shown
    assert guarded(hidden) == shown


def test_the_cells_are_those_that_are_published() -> None:
    published = make_cells.FILE.read_text()

    assert published == make_cells.document()
    cells = dict(json.loads(published))
    assert set(make_cells.texts()) == set(cells)
    assert cells["\u3164=1"] == "[U+3164]=1"
    assert cells["\U0010ffff=1"] == "[U+10FFFF]=1"
    assert cells["\u3000=1"] == "\u3000'=1"
    assert cells["\u207c1"] == "'\u207c1"


def test_any_reader_of_csv_finds_every_record_in_its_line() -> None:
    rows = SeveralStory("sm").content(PARTS).answer.rows
    data = csv_rows(rows)
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n") == len(rows) + 1
    head, *lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert head == [words for words, _ in COLUMNS]
    assert [line[0] for line in lines] == [f"{one.position}" for one in rows]
    hostile = lines[[one.position for one in rows].index(HOSTILE_AT)]
    told = row_document(rows[[one.position for one in rows].index(HOSTILE_AT)])["purpose"]
    assert hostile[13] == guarded(str(told))
    assert "'+户籍" in hostile[13]
