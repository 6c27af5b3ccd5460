"""Rows of an answer for people: who recorded them, and what the ledger found."""

import pytest

from chainnode.cli.audit_words import print_rows
from chainnode.cli.output import Output
from chainnode.cli.words import Language

NAMES = {"POLICE": "公安局", "CIVIL": "民政局"}
CALL: dict[str, object] = {
    "requester": "POLICE",
    "provider": "CIVIL",
    "item": "marriage",
    "side": "provider",
    "outcome": "permitted",
    "status": 200,
}


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
    }
    return base | change


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (row(), "permitted 200"),
        (row(outcome=8 * (1 + 16)), "无授权"),
        (row(outcome=8 * 8), "超出每日限额"),
        (row(organisation="", action="unmatched", outcome=64, call=None), "账本自身"),
        (row(organisation="", action="unmatched", outcome=65, call=None), "单方已证"),
        (row(action="people", outcome=3, call=None), "民政局"),
    ],
)
def test_a_row_says_who_recorded_it_and_what_was_found(
    item: dict[str, object], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows(Output(language=Language.ZH), [item], NAMES)
    assert words in capsys.readouterr().out
