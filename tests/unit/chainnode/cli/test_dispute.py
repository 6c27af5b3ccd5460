"""`kun dispute` over real HTTP, a real chain and real proofs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.verify import StateFacts, Trust, verify_evidence
from chainnode.verify.strict_json import read_object
from tests.builders import ORGANISATIONS
from tests.unit.chainnode.cli.conftest import at_home
from tests.unit.chainnode.cli.towns import Town, town_at

OWNER, OTHER, _, AUDITOR = range(4)
ITEM = "population/basic"
TOKEN = "ab" * 32


@pytest.fixture
def town(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Town]:
    at_home(tmp_path, monkeypatch)
    with town_at(tmp_path, capsys) as made:
        made.must(OWNER, "catalog", "publish", ITEM, "--title", "人口", "--field", "name")
        yield made


def filed(town: Town) -> str:
    told = town.must(
        AUDITOR, "dispute", "object", "--ground", "data-wrong", "--item", ITEM, "--subject", TOKEN
    ).json
    assert (told["responsible"], told["filer"]) == (ORGANISATIONS[OWNER], ORGANISATIONS[AUDITOR])
    return str(told["dispute"])


def test_a_dispute_is_filed_extended_forwarded_and_corrected(town: Town) -> None:
    number = filed(town)
    extended = town.must(OWNER, "dispute", "extend", number, "--reason", "archive").json
    assert extended["state"] == "open 处理中"
    forwarded = town.must(
        OWNER, "dispute", "forward", number, "--to", ORGANISATIONS[OTHER], "--reason", "source"
    ).json
    assert (forwarded["responsible"], forwarded["forwards"]) == (ORGANISATIONS[OTHER], 1)
    corrected = town.must(OTHER, "dispute", "correct", number, "--reason", "fixed").json
    assert corrected["state"] == "corrected 已更正"
    refused = town.kun(OTHER, "dispute", "refuse", number, "--reason", "late")
    assert refused.code == 1
    assert "DISPUTES_STATE_FORBIDS" in refused.err


@pytest.mark.parametrize(
    ("who", "words", "state"),
    [
        (OWNER, ("refuse", "--reason", "right"), "refused 不予更正"),
        (AUDITOR, ("withdraw",), "withdrawn 已撤回"),
    ],
    ids=["refuse", "withdraw"],
)
def test_a_dispute_is_refused_or_withdrawn(
    town: Town, who: int, words: tuple[str, ...], state: str
) -> None:
    number = filed(town)
    assert town.must(who, "dispute", words[0], number, *words[1:]).json["state"] == state


def test_a_dispute_is_shown_proven_without_a_key(town: Town, tmp_path: Path) -> None:
    number = filed(town)
    kept = tmp_path / "dispute.json"
    shown = town.bare("dispute", "show", number, "--evidence", str(kept), "--json")
    assert shown.code == 0
    assert shown.json["item"] == ITEM
    trust = Trust.from_genesis(town.served.genesis)
    assert isinstance(verify_evidence(read_object(kept.read_bytes()), trust), StateFacts)

    absent = town.bare("dispute", "show", "00" * 16, "--json")
    assert (absent.code, absent.json["present"]) == (1, False)


def test_the_records_of_a_dispute_are_found_by_its_id_and_by_who_answers(town: Town) -> None:
    number = filed(town)
    asked = ("--purpose", "open objections", "--basis", "data-quality")
    by_id = town.must(AUDITOR, "audit", "query", "--dispute", number, *asked).json
    answering = ("--responsible", ORGANISATIONS[OWNER])
    by_organisation = town.must(AUDITOR, "audit", "query", *answering, *asked).json
    by_subject = town.must(AUDITOR, "audit", "query", "--subject", TOKEN, *asked).json
    for told in (by_id, by_organisation, by_subject):
        assert "object" in {row["action"] for row in told["items"]}
        (named,) = (row["dispute"] for row in told["items"] if row["dispute"] is not None)
        assert (named["dispute"], named["action"], named["state"]) == (number, "object", "open")
    shown = town.kun(AUDITOR, "audit", "query", "--dispute", number, *asked)
    assert number in shown.out
    assert "objected" in shown.out or "提出异议" in shown.out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--call", "cd" * 16),
        ("--certificate", "x", "--item", ITEM),
        ("--item", ITEM, "--subject", "11010519491231002X"),
        ("--item", ITEM, "--follows", "ab"),
    ],
    ids=["nothing", "a call without its item", "two", "an identity number", "half an id"],
)
def test_what_names_nothing_is_refused_before_it_is_sent(
    town: Town, words: tuple[str, ...]
) -> None:
    done = town.kun(AUDITOR, "dispute", "object", "--ground", "other", *words)
    assert done.code == 2
    assert "11010519491231002X" not in done.err


def test_disputes_are_listed_by_who_answers_proven_to_be_all(town: Town) -> None:
    first, second = filed(town), filed(town)
    town.must(OWNER, "dispute", "correct", first, "--reason", "fixed")
    asked = ("dispute", "list", "--purpose", "open objections")

    told = town.must(AUDITOR, *asked).json
    assert (told["complete"], told["of"]) == (True, 2)
    assert [one["dispute"] for one in told["items"]] == [second, first]

    chosen = {
        ("--open",): [second],
        ("--overdue",): [],
        ("--mine",): [second, first],
        ("--responsible", ORGANISATIONS[OWNER], "--open"): [second],
        ("--responsible", ORGANISATIONS[OTHER]): [],
    }
    for words, expected in chosen.items():
        found = town.must(AUDITOR, *asked, *words).json
        assert [one["dispute"] for one in found["items"]] == expected
        assert found["complete"]
    assert town.must(OTHER, *asked, "--mine").json["items"] == []

    shown = town.kun(AUDITOR, *asked)
    assert shown.code == 0
    assert second in shown.out
    assert "complete to" in shown.out or "完整" in shown.out


def test_a_list_without_a_purpose_is_refused(town: Town) -> None:
    assert town.kun(AUDITOR, "dispute", "list").code == 2
