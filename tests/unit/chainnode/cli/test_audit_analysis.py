"""`kun audit query` with filters, counts and rules, over records of a real chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.client import AccessCall, AccessReason, Client, Final, access_record
from chainnode.submission import Call
from chainnode.verify import Trust
from contracts.schemas.access import Decision, Side
from tests.builders import NOW_MS, ORGANISATIONS, submission_key
from tests.unit.chainnode.cli.conftest import Done, at_home
from tests.unit.chainnode.cli.towns import Town, town_at

ASKING, GIVING, AUDITOR = 1, 0, 2
SUBJECT = bytes(range(32))
_QUERY = ("audit", "query", "--department", ORGANISATIONS[ASKING], "--purpose", "yearly inspection")


@pytest.fixture
def town(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Town]:
    at_home(tmp_path, monkeypatch)
    with town_at(tmp_path, capsys) as made:
        calls = [
            call(1, AccessReason(operator="zhang", case_number="A-1", reason_text="核查")),
            call(2, AccessReason(operator="zhang"), decision=Decision.DENY),
            call(3, AccessReason(operator="li,wang|x", case_number="A-2"), count=500),
            call(4, AccessReason(operator="\x1b[31mli", case_number="A-3")),
        ]
        trust = Trust.load((made.path / "genesis.json").read_bytes())
        with Client([made.served.url], trust, submission_key("intl", ASKING)) as client:
            outcome = client.submit("access", calls)
        assert isinstance(outcome, Final)
        assert outcome.is_accepted
        yield made


def call(
    number: int, why: AccessReason, *, decision: Decision = Decision.PERMIT, count: int = 0
) -> Call:
    return access_record(
        AccessCall(
            call_id=number.to_bytes(16, "big"),
            side=Side.REQUESTER,
            requester=ORGANISATIONS[ASKING],
            provider=ORGANISATIONS[GIVING],
            item="household",
            trace_id=bytes(16),
            subjects=(SUBJECT,),
            requested_ms=NOW_MS,
            decision=decision,
            count=count,
        ),
        why,
    )


def asked(town: Town, *words: str) -> Done:
    done = town.kun(AUDITOR, *_QUERY, *words)
    assert done.code == 0, done.err
    return done


def call_ids(done: Done) -> list[int]:
    return [int(one["call"]["call_id"], 16) for one in done.json["items"]]


def test_a_filter_parts_a_whole_list_and_says_what_it_left_out(town: Town) -> None:
    done = asked(town, "--where", "officer=zhang,outcome=denied", "--json")
    assert call_ids(done) == [2]
    assert done.json["complete"] is True
    told = done.json["analysis"]
    assert (told["matched"], told["cannot_tell"], told["left_out"]) == (1, [], told["rows"] - 1)
    assert told["of_all_rows"] is True


def test_values_with_commas_and_bars_are_typed_with_a_backslash(town: Town) -> None:
    assert call_ids(asked(town, "--where", r"officer=li\,wang\|x", "--json")) == [3]
    assert call_ids(asked(town, "--where", r"officer=zhang|li\,wang\|x", "--json")) == [1, 2, 3]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("reason~核", [1]),
        ("case=,kind=half", [2]),
        ("count>=500", [3]),
        ("count<500,officer!=zhang,kind=half", [4]),
        ("time<2001-01-01", []),
        ("questions=none", [1, 2, 3, 4]),
        ("time_of_day=00:00-00:00,kind=half", [1, 2, 3, 4]),
    ],
)
def test_each_form_of_a_condition_is_understood(town: Town, where: str, found: list[int]) -> None:
    assert call_ids(asked(town, "--where", where, "--json")) == found


def test_counts_and_rules_are_part_of_the_answer_with_their_parameters(town: Town) -> None:
    done = asked(town, "--facets", "--anomalies", "bulk=100,no-case,repeated/least=2", "--json")
    told = done.json["analysis"]
    officers = next(one for one in told["facets"] if one["dimension"] == "officer")
    assert ["zhang", 2] in officers["values"]
    bulk, no_case, repeated = told["anomalies"]
    assert (bulk["parameters"], len(bulk["hits"]), bulk["hits"][0]["number"]) == (
        {"least": 100},
        1,
        500,
    )
    assert len(no_case["hits"]) == 1
    assert repeated["hits"][0]["about"]["officer"] == "zhang"


def test_people_read_the_rule_its_hits_and_no_terminal_codes(town: Town) -> None:
    done = asked(town, "--facets", "--anomalies", "bulk=100,no-case")
    assert "calls that returned 100 or more records" in done.out
    assert "4 match" in done.out or "match, 0 do not" in done.out
    assert "\x1b" not in done.out
    assert "\\u001b[31mli 1" in done.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--where", "officer"), "NAME=VALUE"),
        (("--where", "shoe_size=44"), "shoe_size"),
        (("--where", "count~5"), "count"),
        (("--where", "count>=many"), "count"),
        (("--where", "time_of_day=22-6"), "time_of_day"),
        (("--where", "officer>=zhang"), "officer"),
        (("--anomalies", "astrology"), "astrology"),
        (("--anomalies", "bulk=0"), "bulk"),
        (("--anomalies", "night/start=25:00"), "night"),
        (("--anomalies", "no-case=3"), "no-case"),
    ],
)
def test_what_asks_for_nothing_is_refused_before_a_question_is_recorded(
    town: Town, words: tuple[str, ...], code: str
) -> None:
    before = questions_asked(town)
    done = town.kun(AUDITOR, *_QUERY, *words)
    assert done.code == 2
    assert code in done.err
    assert questions_asked(town) == before + 1


def questions_asked(town: Town) -> int:
    """Return how many questions of the auditor are recorded, by a question of its own."""
    who_asked = ("--department", ORGANISATIONS[AUDITOR], "--where", "questions=only")
    told = town.must(AUDITOR, "audit", "query", "--purpose", "who asked", *who_asked)
    return len(told.json["items"])
