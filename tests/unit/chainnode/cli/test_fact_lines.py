"""Facts for people: every kind of value in words, nested facts below, labels in both languages."""

import pytest

from chainnode.cli.fact_lines import print_facts
from chainnode.cli.output import Output
from chainnode.cli.words import Language

_FACTS: dict[str, object] = {
    "proven": True,
    "page": False,
    "header_digest": None,
    "signers": [0, 2],
    "index_keys": [],
    "call": {"side": "provider", "count": 1},
    "members": [[0, "A"], [1, "B"]],
}


def test_values_are_words_and_stand_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts(Output(language=Language.EN), _FACTS)

    assert capsys.readouterr().out.splitlines() == [
        "proven         yes",
        "page           no",
        "header_digest  -",
        "signers        0, 2",
        "index_keys     -",
        "call",
        "  side         provider",
        "  count        1",
        "members        0, A",
        "               1, B",
    ]


def test_in_chinese_the_labels_are_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts(Output(language=Language.ZH), _FACTS)

    told = capsys.readouterr().out
    assert told.startswith("已证明      是\n附核验页    否\n")
    assert not any(name in told for name in ("proven", "signers", "members", "call"))


def test_no_facts_are_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts(Output(language=Language.EN), {})

    assert capsys.readouterr().out == ""
