"""The console over real sockets: who may open what, and that what is shown was proven."""

import json
import logging
from collections.abc import Iterator
from itertools import product

import pytest

from chainnode.client import Client
from chainnode.console.matrix import ENTRANCES, Entrance
from chainnode.login import Role
from chainnode.verify.export import verify_export
from tests.builders import ORGANISATIONS
from tests.console_site import ConsoleSite, Visitor, console_site, record_call, trust_of

METHODS = ("GET", "POST", "PUT", "DELETE")
PEOPLE: tuple[tuple[str, ...], ...] = (
    (),
    ("kun-auditor",),
    ("kun-operator",),
    ("kun-citizen",),
    ("kun-operator", "kun-citizen"),
)
QUESTION = {"kind": "requester", "values": [ORGANISATIONS[0]], "from": "", "to": ""}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """One chain with one recorded call, and its console."""
    with console_site(tmp_path_factory.mktemp("console")) as found:
        record_call(found)
        yield found


def height_of_first_record(site: ConsoleSite) -> int:
    with Client([site.served.url], trust_of(site)) as client:
        return client.record(0)[0].entry.height


def path_of(entrance: Entrance) -> str:
    """Return an address that the route answers."""
    return (
        entrance.path.replace("{height:place}", "1")
        .replace("{position:place}", "0")
        .replace("{name}", "console.js")
        .replace("{requester}", ORGANISATIONS[0])
        .replace("{provider}", ORGANISATIONS[1])
        .replace("{call_id}", bytes(range(16)).hex())
    )


def expected(entrance: Entrance, people: tuple[str, ...]) -> bool:
    """Tell whether people of these roles may use a route."""
    roles = {Role(one.removeprefix("kun-")) for one in people}
    return entrance.roles is None or bool(entrance.roles & roles)


@pytest.fixture(scope="module", params=PEOPLE, ids=lambda one: "+".join(one) or "nobody")
def people(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


@pytest.mark.parametrize("entrance", ENTRANCES, ids=lambda one: one.name)
def test_a_route_is_open_to_its_roles_and_to_nobody_else(
    site: ConsoleSite, people: tuple[str, ...], entrance: Entrance
) -> None:
    visitor = Visitor(site, *people)
    headers = {"X-CSRF-Token": visitor.csrf, "Accept": "application/json"}

    with visitor.http.stream(
        entrance.method, path_of(entrance), headers=headers, content=b""
    ) as answer:
        status = answer.status_code

    if expected(entrance, people):
        assert status not in {401, 403}
    else:
        assert status == (403 if people else 401)


@pytest.mark.parametrize(
    ("entrance", "method"),
    [
        pytest.param(one, method, id=f"{one.name} {method}")
        for one, method in product(ENTRANCES, METHODS)
        if (one.path, method) not in {(other.path, other.method) for other in ENTRANCES}
    ],
)
def test_a_route_knows_no_other_method(site: ConsoleSite, entrance: Entrance, method: str) -> None:
    visitor = Visitor(site, "kun-auditor", "kun-operator", "kun-citizen")

    answer = visitor.http.request(method, path_of(entrance), headers={"X-CSRF-Token": visitor.csrf})

    assert answer.status_code == 405


@pytest.mark.parametrize("entrance", [one for one in ENTRANCES if one.method == "POST"])
def test_nothing_is_done_without_the_token_of_the_session(
    site: ConsoleSite, entrance: Entrance
) -> None:
    visitor = Visitor(site, "kun-auditor")

    answer = visitor.http.post(path_of(entrance), content=b"{}")

    assert answer.status_code == 403
    assert "BAD_CSRF" in answer.text


def test_every_route_of_the_application_is_in_the_matrix() -> None:
    assert len({(one.method, one.path) for one in ENTRANCES}) == len(ENTRANCES)
    assert all(one.roles for one in ENTRANCES if one.roles is not None)


def test_a_browser_is_sent_to_log_in_and_back(site: ConsoleSite) -> None:
    answer = Visitor(site).http.get("/search")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/search"


def test_the_overview_shows_every_node_and_the_proven_block(site: ConsoleSite) -> None:
    page = Visitor(site, "kun-operator").http.get("/")

    assert page.status_code == 200
    assert 'lang="zh-CN"' in page.text
    assert "总览" in page.text
    assert "法定票数 3 / 4" in page.text
    assert "已由本控制台核验签名" in page.text


def test_pages_come_in_both_languages_and_in_large_type(site: ConsoleSite) -> None:
    visitor = Visitor(site, "kun-operator")
    csrf = {"csrf": visitor.csrf, "path": "/"}

    english = visitor.http.get("/?lang=en")
    chosen = visitor.http.post("/preferences", data=csrf | {"lang": "en", "size": "large"})
    kept = visitor.http.get("/")

    assert 'lang="en"' in english.text
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
    assert "Overview" in kept.text
    assert 'class="large"' in kept.text


def test_a_preference_that_is_none_is_refused(site: ConsoleSite) -> None:
    visitor = Visitor(site, "kun-operator")

    answer = visitor.http.post("/preferences", data={"csrf": visitor.csrf, "lang": "xx"})

    assert answer.status_code == 400


def test_a_record_is_shown_with_what_was_checked_of_it(site: ConsoleSite) -> None:
    page = Visitor(site, "kun-auditor").http.get("/records/0")

    assert page.status_code == 200
    assert page.text.count('<span class="badge green">通过</span>') == 5
    assert "公安局" in page.text
    assert "提交者的签名成立" in page.text


def test_a_block_is_shown_with_its_records(site: ConsoleSite) -> None:
    visitor = Visitor(site, "kun-operator")
    height = height_of_first_record(site)

    page = visitor.http.get(f"/blocks/{height}")

    assert page.status_code == 200
    assert 'href="/records/0"' in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/records/999999",
        "/blocks/0",
        "/blocks/999999",
        "/nowhere",
        pytest.param(f"/blocks/{'9' * 5_000}", id="more digits than are read"),
    ],
)
def test_what_there_is_not_is_not_found(site: ConsoleSite, path: str) -> None:
    answer = Visitor(site, "kun-auditor").http.get(path)

    assert answer.status_code == 404
    assert "NOT_FOUND" in answer.text


def test_a_page_that_is_not_there_links_to_no_other_site(site: ConsoleSite) -> None:
    page = Visitor(site).http.get(f"{site.url}//elsewhere.example/x")

    assert page.status_code == 404
    assert "elsewhere.example" not in page.text


def test_a_question_is_recorded_and_answered_by_a_file_that_proves_itself(
    site: ConsoleSite,
) -> None:
    visitor = Visitor(site, "kun-auditor")

    answer = visitor.ask(QUESTION | {"purpose": "例行审计"})

    assert answer.headers["content-type"] == "application/vnd.kunlian.kunproof"
    facts = verify_export(answer.content, trust_of(site))
    assert len(facts.answer.rows) >= 1
    assert facts.answer.is_complete


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"purpose": " "}, "PURPOSE"),
        ({"purpose": "x" * 501}, "PURPOSE"),
        ({"kind": "everything"}, "KIND"),
        ({"kind": 7}, "BODY"),
        ({"values": []}, "VALUES"),
        ({"values": ["a", "a"]}, "VALUES"),
        ({"values": [7]}, "VALUES"),
        ({"values": "a"}, "VALUES"),
        ({"kind": "subject", "values": ["11010119900307"]}, "VALUES"),
        ({"kind": "finding", "values": ["nothing"]}, "VALUES"),
        ({"kind": "certificate", "values": ["1"]}, "VALUES"),
        ({"kind": "trace", "values": ["ab" * 15]}, "VALUES"),
        ({"kind": "dispute", "values": ["nothing"]}, "VALUES"),
        ({"from": "2026-13"}, "PERIOD"),
        ({"from": "2026-03", "to": "2026-02"}, "PERIOD"),
        ({"other": 1}, "BODY"),
        ({"basis": "curiosity"}, "BASIS"),
        ({"basis": 1}, "BASIS"),
        ({"with": ["xlsx"]}, "WITH"),
        ({"with": ["csv", "csv"]}, "WITH"),
        ({"with": "csv"}, "WITH"),
        ({"kind": "person"}, "BODY"),
    ],
)
def test_a_question_that_is_none_is_not_recorded(
    site: ConsoleSite, changed: dict[str, object], code: str
) -> None:
    answer = Visitor(site, "kun-auditor").ask(QUESTION | {"purpose": "p"} | changed)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b'{"kind":1e9}', b"{" * 10_000, b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(site: ConsoleSite, body: bytes) -> None:
    visitor = Visitor(site, "kun-auditor")

    answer = visitor.http.post("/questions", content=body, headers={"X-CSRF-Token": visitor.csrf})

    assert (answer.status_code, answer.json()["code"]) == (422, "BODY")


def test_the_log_says_which_person_asked_and_never_about_whom(
    site: ConsoleSite, caplog: pytest.LogCaptureFixture
) -> None:
    number = "110101199003078515"
    with caplog.at_level(logging.INFO, logger="chainnode.console"):
        visitor = Visitor(site, "kun-auditor", subject="zhang.san")
        visitor.ask(QUESTION | {"purpose": "关于张三"})
        who = {"id_type": "111", "number": number}
        person = {"kind": "person", "person": who, "from": "", "to": ""}
        refused = visitor.ask(person | {"purpose": "p"})

    assert refused.json()["code"] == "NO_CUSTODIAN"
    noted = [one for one in caplog.records if one.getMessage() == "question_asked"]
    assert len(noted) == 2
    assert len({one.__dict__["peer"] for one in noted}) == 1
    told = json.dumps([{k: str(v) for k, v in one.__dict__.items()} for one in caplog.records])
    assert not [one for one in (number, "zhang.san", "张三") if one in told]


def test_events_come_as_they_happen(site: ConsoleSite) -> None:
    visitor = Visitor(site, "kun-operator")

    with visitor.http.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        Visitor(site, "kun-auditor").ask(QUESTION | {"purpose": "something happens"})
        event = next(line for line in lines if line.startswith("event: "))

    assert event == "event: block"


def test_the_anchor_of_the_browser_is_that_of_the_console(site: ConsoleSite) -> None:
    told = Visitor(site, "kun-auditor").http.get("/trust.json")

    assert told.content == (site.folder / "genesis.json").read_bytes()


def test_pages_have_no_script_and_no_style_of_their_own(site: ConsoleSite) -> None:
    visitor = Visitor(site, "kun-auditor", "kun-operator")
    for path in ("/", "/search", "/findings", "/disputes", "/records/0", "/blocks/1"):
        page = visitor.http.get(path)
        assert page.status_code == 200, path
        assert "unsafe" not in page.headers["content-security-policy"]
        assert " style=" not in page.text
        assert "<style" not in page.text
        assert page.text.count("<script") == page.text.count('<script src="/assets/')
