"""Renderings: deterministic, honest about what they are, safe with hostile texts."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pypdf
import pytest

from chainnode.reports import RENDERINGS, Rendering, ReportsNotInstalled, render, rendering
from chainnode.reports.fonts import FONT_FILE, HASHES_FILE, assets_folder, font_bytes
from chainnode.reports.make_font import gb_2312
from chainnode.reports.parquet import SCHEMA, parquet_rows, require_same_rows
from chainnode.reports.sheet import Sheet
from chainnode.reports.summary import ROWS_SHOWN, summary_pdf
from chainnode.verify import InvalidEvidence
from chainnode.verify.archive import CSV, PARQUET, SUMMARY
from chainnode.verify.export_forms import ExportContent
from chainnode.verify.rows import row_document
from tests.vectors.several_cases import HOSTILE_AT, PARTS, SeveralStory

FONT_BYTES_MAX = 2_500_000


@pytest.fixture(scope="module")
def content() -> ExportContent:
    return SeveralStory("sm").content(PARTS)


def pages_of(data: bytes) -> list[str]:
    return [one.extract_text() for one in pypdf.PdfReader(io.BytesIO(data)).pages]


def test_every_rendering_has_its_name_and_the_same_bytes_each_time(content: ExportContent) -> None:
    made = render(content, RENDERINGS)
    assert set(made) == {CSV, PARQUET, SUMMARY}
    assert render(content, RENDERINGS) == made
    assert set(render(content, [Rendering.CSV])) == {CSV}


def test_a_missing_library_is_named_before_anything_is_made(
    content: ExportContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "find_spec", lambda _name: None)
    for one in (Rendering.PARQUET, Rendering.PDF):
        with pytest.raises(ReportsNotInstalled, match=r"kunlian\[reports\]"):
            render(content, [one])
    assert set(render(content, [Rendering.CSV])) == {CSV}


def test_the_summary_says_what_was_asked_and_what_it_is_worth(content: ExportContent) -> None:
    text = "\n".join(pages_of(summary_pdf(content)))
    for told in ("does not follow from the proofs", "不由证明得出", "8/8", "3/4", "yearly check"):
        assert told in text
    assert content.trust.chain_id.hex() in text
    assert content.answer.header.digest.hex() in text
    assert "POLICE (1) — CIVIL" in text
    assert "未经证明" in text
    assert "kun audit verify" in text


def test_a_list_that_is_not_whole_is_never_called_complete() -> None:
    story = SeveralStory("sm")
    short = replace(PARTS[0], pages=PARTS[0].pages[:1])
    text = pages_of(summary_pdf(story.content((short, PARTS[1]))))[0]
    assert "完整性 complete: 仅至 only to" in text
    assert "6/6" not in text


def test_hostile_texts_are_shown_as_what_they_are(content: ExportContent) -> None:
    text = "".join("".join(pages_of(summary_pdf(content))).split("\n"))
    assert "[U+202E]gnp.exe[U+200B]" in text
    assert "\u202e" not in text


def test_long_words_markup_and_strange_letters_are_drawn_within_the_page() -> None:
    sheet = Sheet(title="<b>&amp;\u202e", foot="foot")
    for text in ("x" * 5000, "<script>alert(1)</script>", "ערב \U0001f600", "户" * 900, ""):
        sheet.text(text)
        sheet.pair(text, text)
        sheet.banner(text, colour="#000000")
        sheet.row([text, text], [0.5, 0.5])
        sheet.bars([(text, 1), (text, 10**9)])
    reader = pypdf.PdfReader(io.BytesIO(sheet.data()))
    text = "".join(one.extract_text() for one in reader.pages).replace("\n", "")
    assert "<script>alert(1)</script>" in text
    assert "[U+05E2][U+05E8][U+05D1]" in text
    assert "[U+1F600]" in text
    assert "… (+4400)" in text
    assert len(reader.pages) >= 3


def test_characters_of_gb_2312_have_glyphs_but_for_a_few_marks_that_show_as_numbers() -> None:
    face = characters_of_the_font()
    missing = {*range(0x2474, 0x249C), 0x2312, 0x3008, 0x3009}
    assert gb_2312() - face == missing
    assert set(map(ord, "“”‘’…—·✓→≤«»éñ[]{}")) <= face


def characters_of_the_font() -> set[int]:
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - slow to load, and here alone

    return set(TTFont(io.BytesIO(font_bytes())).getBestCmap())


def test_the_font_is_the_one_that_was_made_and_its_licences_lie_beside_it() -> None:
    record = json.loads((assets_folder() / HASHES_FILE).read_text())
    data = (assets_folder() / FONT_FILE).read_bytes()
    assert record["made"][FONT_FILE] == hashlib.sha256(data).hexdigest()
    assert len(data) <= FONT_BYTES_MAX
    licence = (assets_folder() / "font-licence.txt").read_text()
    assert "Apache License, Version 2.0" in licence
    assert "Bitstream Vera is a trademark" in licence


def test_a_parquet_table_has_the_values_of_the_lines(content: ExportContent) -> None:
    rows = content.answer.rows
    table = pq.read_table(io.BytesIO(parquet_rows(rows)))
    assert table.schema.equals(SCHEMA)
    for found, told in zip(table.to_pylist(), map(row_document, rows), strict=True):
        call = told["call"] if isinstance(told["call"], dict) else {}
        assert (found["position"], found["code"]) == (told["position"], told["outcome"])
        assert (found["purpose"], found["call_id"]) == (told["purpose"], call.get("call_id"))
        assert found["subjects"] == call.get("subjects")
    (hostile,) = [one for one in table.to_pylist() if one["position"] == HOSTILE_AT]
    assert hostile["purpose"].startswith("+户籍 =HYPERLINK(")


def written(table: pa.Table, **how: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **{"compression": "NONE", "use_dictionary": False, **how})
    return sink.getvalue()


def test_a_table_of_another_version_of_the_library_is_read_and_compared(
    content: ExportContent,
) -> None:
    rows = content.answer.rows
    table = pq.read_table(io.BytesIO(parquet_rows(rows)))
    other = written(table, data_page_version="2.0")
    assert other != parquet_rows(rows)
    require_same_rows(other, rows)


Change = Callable[[pa.Table], bytes]
TABLES: dict[str, Change] = {
    "a row less": lambda table: written(table.slice(1)),
    "a row twice": lambda table: written(pa.concat_tables([table, table.slice(0, 1)])),
    "another order": lambda table: written(table.take(list(range(len(table)))[::-1])),
    "a column less": lambda table: written(table.drop_columns(["purpose"])),
    "another value": lambda table: written(
        table.set_column(0, "position", pa.array(range(len(table)), pa.int64()))
    ),
    "packed": lambda table: written(table, compression="zstd"),
    "dictionaries": lambda table: written(table, use_dictionary=True),
    "no table": lambda _table: b"PAR1",
    "nothing": lambda _table: b"",
    "cut short": lambda table: written(table)[:-9],
    "bytes between": lambda table: written(table).replace(b"record", b"rec\xff\xffd"),
}


@pytest.mark.parametrize("name", TABLES)
def test_another_table_is_refused(content: ExportContent, name: str) -> None:
    rows = content.answer.rows
    table = pq.read_table(io.BytesIO(parquet_rows(rows)))
    with pytest.raises(InvalidEvidence) as caught:
        require_same_rows(TABLES[name](table), rows)
    assert caught.value.check == "parquet"


def test_a_long_list_is_shown_by_its_beginning_and_its_length(content: ExportContent) -> None:
    text = "".join(pages_of(summary_pdf(content)))
    assert f"Records (1 … {min(ROWS_SHOWN, 8)} / 8)" in text
