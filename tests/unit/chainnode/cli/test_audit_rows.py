"""Rows of an answer for people: who recorded them, and what the ledger found."""

import pytest

from chainnode.cli.audit_words import print_rows, record_for_people
from chainnode.cli.output import Output
from chainnode.cli.words import Language

NAMES = {"POLICE": "公安局", "CIVIL": "民政局"}
CALL_ID = "07" * 16
CALL: dict[str, object] = {
    "call_id": CALL_ID,
    "requester": "POLICE",
    "provider": "CIVIL",
    "item": "marriage",
    "side": "provider",
    "outcome": "permitted",
    "status": 200,
}


UNMATCHED: dict[str, object] = {
    "made_by": "ledger",
    "made_at_height": 12,
    "call_id": CALL_ID,
    "requester": "POLICE",
    "provider": "CIVIL",
    "item": "marriage",
    "side": "provider",
    "outcome": "one_sided_proven",
    "held_against": "POLICE",
}
MISMATCHED = UNMATCHED | {"outcome": "mismatched", "differs": ["answer", "response"]}
WITHHELD = UNMATCHED | {"call_id": None, "side": None, "item": None}


def row(**change: object) -> dict[str, object]:
    base: dict[str, object] = {
        "position": 7,
        "time": "2026-01-01T00:00:00.000+08:00",
        "organisation": "CIVIL",
        "contract": "access",
        "action": "record",
        "outcome": 0,
        "call": CALL,
        "purpose": None,
        "submission": "05" * 32,
        "found": None,
    }
    return base | change


def own(found: dict[str, object]) -> dict[str, object]:
    return row(organisation="", outcome=65, call=None, submission=None, found=found)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (row(), "permitted 200"),
        (row(outcome=8 * (1 + 16)), "无授权"),
        (row(outcome=8 * 8), "超出每日限额"),
        (own(UNMATCHED), "单方已证 · 账本自身"),
        (own(UNMATCHED), "仅 provider"),
        (own(UNMATCHED), CALL_ID),
        (own(UNMATCHED), "民政局"),
        (own(MISMATCHED), "双方记录不一致 · 状态与数量, 应答内容 · 账本自身"),
        (own(WITHHELD), "单方已证 · 账本自身"),
        (row(), CALL_ID),
        (row(action="people", outcome=3, call=None), "民政局"),
    ],
)
def test_a_row_says_who_recorded_it_and_what_was_found(
    item: dict[str, object], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows(Output(language=Language.ZH), [item], NAMES)
    assert words in capsys.readouterr().out


def test_a_record_of_the_ledger_itself_has_no_submission_and_no_number_for_people() -> None:
    shown = record_for_people(Output(language=Language.EN), own(MISMATCHED))

    assert shown["submission"] == "none: made by the ledger itself at height 12"
    assert shown["outcome"] == "mismatched · answer, response · the ledger itself"
    assert shown["call"] == {
        "call_id": CALL_ID,
        "requester": "POLICE",
        "provider": "CIVIL",
        "item": "marriage",
        "side": "provider",
        "held_against": "POLICE",
        "differs": ["answer", "response"],
    }


def test_a_record_that_somebody_sent_stays_as_it_is_for_people() -> None:
    assert record_for_people(Output(language=Language.EN), row()) == {
        name: value for name, value in row().items() if name != "found"
    }
