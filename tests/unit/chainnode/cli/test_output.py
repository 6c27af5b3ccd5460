"""What commands print: one JSON object, aligned columns, two languages."""

import json

import pytest

from chainnode.cli.output import Output, aligned, cell_width
from chainnode.cli.words import Language, Text, chosen_language


def test_with_json_the_answer_is_one_object_and_lines_are_not_called(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output(json=True).answer({"高": 1}, pytest.fail)

    assert json.loads(capsys.readouterr().out) == {"高": 1}


def test_a_second_json_object_is_our_bug() -> None:
    output = Output(json=True)
    output.answer({}, pytest.fail)

    with pytest.raises(RuntimeError):
        output.answer({}, pytest.fail)


def test_notes_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Output(language=Language.EN).note("中", "middle")

    assert capsys.readouterr() == ("", "middle\n")


def test_colour_is_only_for_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().line("健康", colour="green")

    assert capsys.readouterr().out == "健康\n"


def test_columns_stand_under_each_other_with_wide_characters() -> None:
    lines = aligned([("节点", "x"), ("police", "y")])

    assert lines == ["节点    x", "police  y"]
    assert cell_width("公安局 Police") == 13


def test_a_table_is_plain_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(["a", "b"], [["1", "2"]])

    assert capsys.readouterr().out == "a  b\n1  2\n"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"KUN_LANG": "zh", "LANG": "en_GB.UTF-8"}, Language.ZH),
        ({"KUN_LANG": "en", "LANG": "zh_CN.UTF-8"}, Language.EN),
        ({"LANG": "zh_CN.UTF-8"}, Language.ZH),
        ({"LC_ALL": "zh_TW", "LANG": "C"}, Language.ZH),
        ({"LANG": "C.UTF-8"}, Language.EN),
        ({}, Language.EN),
    ],
)
def test_the_language_is_the_one_asked_for_else_the_locales(
    environment: dict[str, str], language: Language
) -> None:
    assert chosen_language(environment) is language


def test_a_text_has_two_languages_chinese_first() -> None:
    text = Text("停滞", "halted")

    assert text.both == "停滞 halted"
    assert text.in_language(Language.EN) == "halted"
