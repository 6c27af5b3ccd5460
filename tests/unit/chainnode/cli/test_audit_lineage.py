"""`kun audit lineage` and `kun audit query --call`, over calls of a real chain."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from chainnode.client import AccessCall, AccessReason, Client, Final, access_record
from chainnode.genesis import RULES_DISPUTES, RULES_EXCHANGE
from chainnode.verify import Trust
from contracts.schemas.access import Side
from tests.builders import NOW_MS, ORGANISATIONS, submission_key
from tests.served_site import EXCHANGE
from tests.unit.chainnode.cli.conftest import at_home
from tests.unit.chainnode.cli.towns import Town, town_at

AUDITOR = 3
SUBJECT = bytes(range(32))
TRACE = b"\x07" * 16
ROOT, CHILD, GRANDCHILD, ORPHAN, STOLEN, LEFT, RIGHT = range(1, 8)
# Before rules 3 there are no disputes, so no deadline for them.
RULES = {
    RULES_EXCHANGE: {"rules": RULES_EXCHANGE, "dispute_deadline_ms": 0},
    RULES_DISPUTES: {"rules": RULES_DISPUTES},
}
_WHY = ("--purpose", "where did it go")


def call_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def say(
    town: Town,
    number: int,
    pair: tuple[int, int],
    *,
    parent: int = 0,
    side: Side = Side.REQUESTER,
    derived: tuple[int, ...] = (),
    trace: bytes = TRACE,
    reason: str = "核查",
) -> int:
    """Record one half of a call between two departments, and return its position."""
    trust = Trust.load((town.path / "genesis.json").read_bytes())
    speaker = submission_key("intl", pair[int(side)])
    call = access_record(
        AccessCall(
            call_id=call_id(number),
            side=side,
            requester=ORGANISATIONS[pair[0]],
            provider=ORGANISATIONS[pair[1]],
            item="household",
            trace_id=trace,
            parent_call_id=call_id(parent) if parent else b"",
            subjects=(SUBJECT,),
            requested_ms=NOW_MS,
        ),
        AccessReason(reason_text=reason, derived_from=tuple(call_id(one) for one in derived)),
    )
    with Client([town.served.url], trust, speaker) as client:
        outcome = client.submit("access", [call])
    assert isinstance(outcome, Final)
    assert outcome.is_accepted, outcome.calls
    position = outcome.calls[0].position
    assert position is not None
    return position


@pytest.fixture(params=[RULES_EXCHANGE, RULES_DISPUTES], ids=["rules 2", "rules 3"])
def town(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Town]:
    at_home(tmp_path, monkeypatch)
    with town_at(tmp_path, capsys, parameters=replace(EXCHANGE, **RULES[request.param])) as made:
        yield made


def numbers(calls: list[dict]) -> list[tuple[int, int]]:  # type: ignore[type-arg]  # as JSON has them
    return [(one["level"], int(one["call_id"], 16)) for one in calls]


def ends(link: dict) -> tuple[int, int]:  # type: ignore[type-arg]  # as JSON has it
    return int(link["from"]["call_id"], 16), int(link["to"]["call_id"], 16)


def test_a_call_is_traced_to_its_parents_and_with_a_purpose_to_its_children(town: Town) -> None:
    say(town, ROOT, (0, 1))
    say(town, ROOT, (0, 1), side=Side.PROVIDER)
    position = say(town, CHILD, (1, 2), parent=ROOT)
    say(town, GRANDCHILD, (2, 3), parent=CHILD)
    up = town.bare("audit", "lineage", str(position), "--json")
    assert up.code == 0, up.err
    assert numbers(up.json["calls"]) == [(-1, ROOT), (0, CHILD)]
    assert (up.json["children_asked"], up.json["questions"]) == (False, [])
    both = town.must(AUDITOR, "audit", "lineage", str(position), *_WHY)
    assert numbers(both.json["calls"]) == [(-1, ROOT), (0, CHILD), (1, GRANDCHILD)]
    assert [ends(one) for one in both.json["links"]] == [(ROOT, CHILD), (CHILD, GRANDCHILD)]
    assert all(one["notes"] == [] for one in both.json["links"])
    assert both.json["missing"] == []
    assert all(one["complete"] for one in both.json["questions"])
    root = both.json["calls"][0]
    assert (root["match"], [one["side"] for one in root["halves"]]) == (
        "matched",
        ["requester", "provider"],
    )


def test_a_call_is_named_by_its_id_and_its_departments(town: Town) -> None:
    say(town, ROOT, (0, 1))
    sides = ("--requester", ORGANISATIONS[0], "--provider", ORGANISATIONS[1])
    done = town.bare("audit", "lineage", "--call", call_id(ROOT).hex(), *sides, "--json")
    assert numbers(done.json["calls"]) == [(0, ROOT)]
    back = ("--requester", ORGANISATIONS[1], "--provider", ORGANISATIONS[0])
    none = town.bare("audit", "lineage", "--call", call_id(ROOT).hex(), *back)
    assert (none.code, "is not on the chain" in none.err) == (1, True)
    assert town.bare("audit", "lineage", "--call", call_id(ROOT).hex()).code == 2


def test_a_parent_that_stands_nowhere_is_shown_as_missing(town: Town) -> None:
    position = say(town, ORPHAN, (1, 2), parent=99)
    done = town.bare("audit", "lineage", str(position), "--json")
    (missing,) = done.json["missing"]
    assert (int(missing["call_id"], 16), missing["places"]) == (99, 16)
    assert "proven not to be on the chain" in town.bare("audit", "lineage", str(position)).out


def test_a_parent_of_others_is_shown_as_theirs_and_not_followed(town: Town) -> None:
    say(town, CHILD, (0, 1), parent=98)
    position = say(town, STOLEN, (3, 0), parent=CHILD)
    done = town.bare("audit", "lineage", str(position), "--json").json
    assert numbers(done["calls"]) == [(-1, CHILD), (0, STOLEN)]
    assert [one["notes"] for one in done["links"]] == [["of_others"]]
    assert done["missing"] == []


def test_a_circle_ends_where_it_closes_and_says_so(town: Town) -> None:
    say(town, LEFT, (0, 1), parent=RIGHT)
    position = say(town, RIGHT, (1, 0), parent=LEFT)
    done = town.must(AUDITOR, "audit", "lineage", str(position), *_WHY).json
    assert sorted(number for _, number in numbers(done["calls"])) == [LEFT, RIGHT]
    assert len(done["links"]) == 2
    assert sum("cycle" in one["notes"] for one in done["links"]) == 1
    assert done["bounds"]["reached"] == []


def test_sides_that_disagree_and_traces_that_do_not_go_on_are_noted(town: Town) -> None:
    say(town, ROOT, (0, 1), trace=b"\x08" * 16)
    position = say(town, CHILD, (1, 2), parent=ROOT)
    say(town, CHILD, (1, 2), side=Side.PROVIDER)
    done = town.bare("audit", "lineage", str(position), "--json").json
    (link,) = done["links"]
    assert (link["said_by"], link["notes"]) == (["requester"], ["one_side", "other_trace"])
    child = next(one for one in done["calls"] if one["level"] == 0)
    assert child["disagree"] == ["parent_call_id"]


def test_one_id_between_several_departments_is_ambiguous(town: Town) -> None:
    say(town, ROOT, (0, 1))
    say(town, ROOT, (2, 1))
    position = say(town, CHILD, (1, 3), parent=ROOT)
    done = town.bare("audit", "lineage", str(position), "--json").json
    assert [one["notes"] for one in done["links"]] == [["ambiguous"], ["ambiguous"]]
    found = town.bare("audit", "query", "--call", call_id(ROOT).hex(), "--json")
    assert found.code == 0, found.err
    assert [one["requester"] for one in found.json["calls"]] == sorted(
        (ORGANISATIONS[0], ORGANISATIONS[2])
    )
    assert (found.json["places"], found.json["complete"]) == (16, True)


def test_derived_data_and_named_certificates_are_part_of_the_lineage(town: Town) -> None:
    identifier = "1.2.156.3005.2." + "no such certificate"
    say(town, ROOT, (0, 1))
    position = say(town, CHILD, (1, 2), derived=(ROOT, 97), reason=identifier)
    done = town.bare("audit", "lineage", str(position), "--json").json
    assert [(one["kind"], ends(one)) for one in done["links"]] == [("derived", (ROOT, CHILD))]
    assert [int(one["call_id"], 16) for one in done["missing"]] == [97]


def test_the_people_of_a_call_lead_to_questions_about_them(town: Town) -> None:
    position = say(town, ROOT, (0, 1))
    town.must(AUDITOR, "audit", "query", "--subject", SUBJECT.hex(), "--purpose", "who looked")
    done = town.must(AUDITOR, "audit", "lineage", str(position), *_WHY).json
    assert len(done["calls"][0]["questions"]) >= 1
    kinds = {one["kind"] for one in done["questions"]}
    assert kinds in ({"requester", "subject"}, {"trace", "subject"})


def test_the_picture_is_plain_svg_the_same_twice_and_not_overwritten(town: Town) -> None:
    say(town, ROOT, (0, 1))
    position = str(say(town, CHILD, (1, 2), parent=ROOT))
    pictures = [town.path / "one.svg", town.path / "two.svg"]
    for one in pictures:
        assert town.bare("audit", "lineage", position, "--svg", str(one)).code == 0
    first, second = (one.read_bytes() for one in pictures)
    assert first == second
    root = ET.fromstring(first)  # noqa: S314  our own picture
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert [one.tag.rpartition("}")[2] for one in root][:2] == ["title", "desc"]
    assert town.bare("audit", "lineage", position, "--svg", str(pictures[0])).code != 0


def test_a_call_id_that_nobody_used_is_proven_to_be_nobodys(town: Town) -> None:
    done = town.bare("audit", "query", "--call", call_id(77).hex(), "--json")
    assert done.code == 0, done.err
    assert (done.json["items"], done.json["calls"], done.json["places"]) == ([], [], 16)
    assert town.bare("audit", "query", "--call", "xyz").code == 2
    both = ("--call", call_id(77).hex(), "--item", "household")
    assert town.bare("audit", "query", *both).code == 2
    assert "--purpose" in town.kun(AUDITOR, "audit", "query", "--item", "household").err
