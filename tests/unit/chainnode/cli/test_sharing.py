"""`kun catalog` and `kun grant` over real HTTP, a real chain and real proofs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.cli.main import run
from chainnode.verify import StateFacts, Trust, verify_evidence
from contracts.schemas.grants import GRANTS
from tests.builders import ORGANISATIONS
from tests.unit.chainnode.cli.conftest import at_home
from tests.unit.chainnode.cli.towns import Town, town_at

PROVIDER, REQUESTER, SUPERVISOR, AUDITOR = range(4)
ITEM = "population/basic"
FIELDS = ("--field", "name", "--field", "birth_date", "--field", "address")
PURPOSE = ("--purpose", "yearly review of what is shared")


APPLIED = ("--purpose", "核验购房资格", "--from", "2026-01-01", "--to", "2099-12-31")
CORE = ("--grade", "core", "--supervisor", ORGANISATIONS[SUPERVISOR])


@pytest.fixture
def town(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Town]:
    at_home(tmp_path, monkeypatch)
    with town_at(tmp_path, capsys) as made:
        yield made


def shown(town: Town, name: str = "G-1") -> dict[str, object]:
    return town.bare("grant", "show", name, "--json").json


def apply(town: Town, *more: str, item: tuple[str, ...] = ()) -> None:
    """Let the provider publish an item, and the requester apply for it."""
    town.must(PROVIDER, "catalog", "publish", ITEM, "--title", "人口", *FIELDS, *item)
    town.must(REQUESTER, "grant", "apply", "G-1", "--item", ITEM, *APPLIED, *more)


def test_an_item_is_published_shown_changed_and_withdrawn(town: Town) -> None:
    first = town.must(PROVIDER, "catalog", "publish", ITEM, "--title", "人口", *FIELDS)
    assert (first.json["version"], first.json["record"]) == (1, 0)
    told = town.bare("catalog", "show", ITEM, "--json")
    assert told.code == 0
    assert told.json == {
        "item": ITEM,
        "present": True,
        "title": "人口",
        "owner": ORGANISATIONS[PROVIDER],
        "version": 1,
        "state": "published 已发布",
        "grade": "general 一般",
        "share": "conditional 有条件共享",
        "fields": ["name", "birth_date", "address"],
        "supervisor": None,
    }
    town.must(PROVIDER, "catalog", "publish", ITEM, "--field", "ethnicity", "--share", "none")
    later = town.bare("catalog", "show", ITEM, "--json").json
    assert (later["version"], later["title"], later["share"]) == (2, "人口", "none 不予共享")
    assert later["fields"] == ["name", "birth_date", "address", "ethnicity"]
    town.must(PROVIDER, "catalog", "withdraw", ITEM)
    assert town.bare("catalog", "show", ITEM, "--json").json["state"] == "withdrawn 已下架"


def test_an_item_is_shown_by_a_line_for_each_fact(town: Town) -> None:
    town.must(PROVIDER, "catalog", "publish", ITEM, *FIELDS)
    told = town.bare("catalog", "show", ITEM, "nothing").out
    lines = [line.split(maxsplit=1) for line in told.splitlines() if line]
    assert ["present", "yes"] in lines
    assert ["fields", "name, birth_date, address"] in lines
    assert lines[-2:] == [["item", "nothing"], ["present", "no"]]
    assert "{" not in told


def test_what_the_catalogue_lacks_is_proven_absent(town: Town) -> None:
    told = town.bare("catalog", "show", "nothing", "--json")
    assert (told.code, told.json) == (1, {"item": "nothing", "present": False})
    several = town.bare("catalog", "show", "nothing", "none", "--json")
    assert (several.code, len(several.json["items"])) == (1, 2)


def test_the_whole_catalogue_is_listed_and_proven_whole(town: Town) -> None:
    for number, name in enumerate(("b/second", "a/first")):
        town.must(number, "catalog", "publish", name, "--field", "x")
    town.must(PROVIDER, "catalog", "publish", "b/second", "--field", "y")
    done = town.must(AUDITOR, "catalog", "list", *PURPOSE)
    assert [one["item"] for one in done.json["items"]] == ["a/first", "b/second"]
    assert [one["version"] for one in done.json["items"]] == [1, 2]
    assert done.json["complete"] is True
    one = town.must(AUDITOR, "catalog", "list", "--department", ORGANISATIONS[REQUESTER], *PURPOSE)
    assert [item["item"] for item in one.json["items"]] == ["a/first"]
    lines = town.kun(AUDITOR, "catalog", "list", *PURPOSE)
    assert "2 of 2, complete to" in lines.out
    assert "a/first" in lines.out


def test_a_name_that_the_index_holds_as_a_digest_makes_a_list_incomplete(town: Town) -> None:
    town.must(PROVIDER, "catalog", "publish", "人" * 22, "--field", "x")
    done = town.must(AUDITOR, "catalog", "list", *PURPOSE)
    assert (done.json["items"], done.json["complete"]) == ([], False)
    assert done.json["incomplete_because"] == "LONG_NAMES: 1"


def test_a_grant_is_applied_for_reviewed_and_in_force(town: Town) -> None:
    apply(town, "--quota", "100", "--kind", "statute")
    assert shown(town) == {
        "grant": "G-1",
        "present": True,
        "state": "applied 已申请",
        "in_force": False,
        "expired": False,
        "requester": ORGANISATIONS[REQUESTER],
        "provider": ORGANISATIONS[PROVIDER],
        "supervisor": None,
        "item": ITEM,
        "item_version": 1,
        "fields": ["name", "birth_date", "address"],
        "kind": "statute 法定",
        "purpose": "核验购房资格",
        "valid_from": 20260101,
        "valid_to": 20991231,
        "quota": 100,
        "suspended_by": None,
    }
    narrowed = ("--yes", "--field", "address", "--quota", "10", "--to", "2098-01-01")
    done = town.must(PROVIDER, "grant", "review", "G-1", *narrowed)
    assert done.json["state"] == "active 有效"
    granted = shown(town)
    assert (granted["in_force"], granted["fields"]) == (True, ["address"])
    assert (granted["quota"], granted["valid_to"]) == (10, 20980101)


def test_a_core_item_needs_the_second_level(town: Town) -> None:
    apply(town, item=CORE)
    reviewed = town.must(PROVIDER, "grant", "review", "G-1", "--yes")
    assert reviewed.json["state"] == "reviewed 提供方已同意"
    refused = town.kun(PROVIDER, "grant", "confirm", "G-1", "--yes", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (4, "FOREIGN_ORGANISATION")
    confirmed = town.must(SUPERVISOR, "grant", "confirm", "G-1", "--yes")
    assert confirmed.json["state"] == "active 有效"


@pytest.mark.parametrize("who", ["provider", "supervisor"])
def test_a_no_of_either_level_rejects(town: Town, who: str) -> None:
    apply(town, item=CORE)
    if who == "provider":
        told = town.must(PROVIDER, "grant", "review", "G-1", "--no")
    else:
        town.must(PROVIDER, "grant", "review", "G-1", "--yes")
        told = town.must(SUPERVISOR, "grant", "confirm", "G-1", "--no")
    assert told.json["state"] == "rejected 已拒绝"


def test_a_grant_is_suspended_resumed_and_revoked(town: Town) -> None:
    apply(town)
    town.must(PROVIDER, "grant", "review", "G-1", "--yes")
    town.must(PROVIDER, "grant", "suspend", "G-1", "--reason", "incident")
    assert shown(town)["suspended_by"] == ORGANISATIONS[PROVIDER]
    assert shown(town)["in_force"] is False
    town.must(PROVIDER, "grant", "resume", "G-1", "--reason", "resolved")
    assert shown(town)["in_force"] is True
    ended = town.must(REQUESTER, "grant", "revoke", "G-1", "--reason", "done")
    assert ended.json["state"] == "revoked 已撤销"
    again = town.kun(REQUESTER, "grant", "revoke", "G-1", "--reason", "done", "--json")
    assert (again.code, again.json["error"]["code"]) == (1, "GRANTS_STATE_FORBIDS")


def test_grants_are_listed_by_side_and_item_and_proven_whole(town: Town) -> None:
    apply(town)
    town.must(REQUESTER, "grant", "apply", "G-2", "--item", ITEM, *APPLIED, "--field", "name")
    town.must(PROVIDER, "grant", "review", "G-2", "--yes")
    for asked in (
        ("--department", ORGANISATIONS[REQUESTER]),
        ("--department", ORGANISATIONS[PROVIDER], "--side", "provider"),
        ("--item", ITEM),
    ):
        done = town.must(AUDITOR, "grant", "list", *asked, *PURPOSE)
        assert [one["grant"] for one in done.json["items"]] == ["G-1", "G-2"]
        assert [one["in_force"] for one in done.json["items"]] == [False, True]
        assert done.json["complete"] is True
    nobody = ("--department", ORGANISATIONS[SUPERVISOR])
    none = town.must(AUDITOR, "grant", "list", *nobody, *PURPOSE)
    assert (none.json["items"], none.json["complete"]) == ([], True)


def test_lines_for_people_name_what_was_decided(town: Town) -> None:
    apply(town)
    done = town.kun(PROVIDER, "grant", "review", "G-1", "--yes")
    assert done.code == 0
    assert "active 有效" in done.out
    told = town.bare("grant", "show", "G-1")
    assert "in_force      yes" in told.out
    listed = town.kun(AUDITOR, "grant", "list", "--item", ITEM, *PURPOSE)
    assert "1 of 1, complete to" in listed.out


@pytest.mark.parametrize(
    ("department", "words", "exit_code", "code"),
    [
        (REQUESTER, ("grant", "review", "G-1", "--yes"), 4, "FOREIGN_ORGANISATION"),
        (PROVIDER, ("grant", "review", "G-1"), 2, "DECISION"),
        (PROVIDER, ("grant", "confirm", "G-1"), 2, "DECISION"),
        (PROVIDER, ("grant", "review", "G-1", "--yes", "--field", "phone"), 2, "FIELD"),
        (PROVIDER, ("grant", "review", "G-2", "--yes"), 1, "GRANTS_NO_SUCH_GRANT"),
        (PROVIDER, ("grant", "review", "G-1", "--yes", "--to", "2026"), 2, "INSTANT"),
        (
            PROVIDER,
            ("grant", "review", "G-1", "--yes", "--to", "2100-01-01"),
            1,
            "GRANTS_PERIOD_WIDENED",
        ),
        (
            REQUESTER,
            ("grant", "apply", "G-2", "--item", "none", *APPLIED),
            1,
            "GRANTS_NO_SUCH_ITEM",
        ),
        (REQUESTER, ("grant", "apply", "G-1", "--item", ITEM, *APPLIED), 1, "GRANTS_GRANT_KNOWN"),
        (AUDITOR, ("grant", "list", *PURPOSE), 2, "QUESTION"),
        (REQUESTER, ("catalog", "publish", ITEM, "--field", "x"), 4, "FOREIGN_ORGANISATION"),
        (REQUESTER, ("catalog", "withdraw", ITEM), 4, "FOREIGN_ORGANISATION"),
    ],
)
def test_a_refusal_is_named_and_has_its_exit_code(
    town: Town, department: int, words: tuple[str, ...], exit_code: int, code: str
) -> None:
    apply(town)
    done = town.kun(department, *words, "--json")
    assert (done.code, done.json["error"]["code"]) == (exit_code, code)


def test_a_grant_that_the_chain_lacks_is_proven_absent(town: Town) -> None:
    told = town.bare("grant", "show", "G-9", "--json")
    assert (told.code, told.json) == (1, {"grant": "G-9", "present": False})


def test_whoever_knows_no_organisations_lists_them_one_by_one(town: Town) -> None:
    town.must(PROVIDER, "catalog", "publish", ITEM, "--field", "x")
    assert town.bare("trust", "export", "--out", "pinned.json", "--json").code == 0
    words = ("catalog", "list", *PURPOSE, "--node", town.served.url, "--trust", "pinned.json")
    own = ("--key", town.key(AUDITOR), "--json")
    assert run((*words, *own)) == 2
    assert run((*words, *own, "--department", ORGANISATIONS[PROVIDER])) == 0


def test_a_grant_is_proven_to_anybody_by_one_file(town: Town) -> None:
    apply(town)
    done = town.bare("grant", "show", "G-1", "--evidence", "grant.json", "--json")
    assert done.code == 0
    proof = json.loads(Path("grant.json").read_text(encoding="utf-8"))
    facts = verify_evidence(proof, Trust.from_genesis(town.served.genesis))
    assert isinstance(facts, StateFacts)
    value = facts.values[GRANTS.key("G-1")]
    assert value is not None
    assert GRANTS.decode(value).requester == ORGANISATIONS[REQUESTER]
    again = town.bare("grant", "show", "G-1", "--evidence", "grant.json", "--json")
    assert again.code != 0


def test_a_decision_needs_a_key(town: Town) -> None:
    done = town.bare("catalog", "withdraw", ITEM, "--json")
    assert (done.code, done.json["error"]["code"]) == (2, "KEY_MISSING")


@pytest.mark.parametrize("more", [(), ("--authored",)])
def test_a_position_behind_the_end_of_the_log_is_told_its_size(
    town: Town, more: tuple[str, ...]
) -> None:
    town.must(PROVIDER, "catalog", "publish", ITEM, *FIELDS)
    size = town.must(PROVIDER, "catalog", "withdraw", ITEM).json["record"] + 1
    assert town.bare("audit", "prove", str(size - 1), *more).code == 0
    done = town.bare("audit", "prove", str(size), *more, "--json")
    assert (done.code, done.json["error"]["code"]) == (3, "NO_SUCH_POSITION")
    assert f"the log has {size} records" in done.json["error"]["message"]
