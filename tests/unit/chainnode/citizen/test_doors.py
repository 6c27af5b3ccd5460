"""Who is let in, about whom they may ask, and what never gets a number to keep."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from chainnode.login import CSRF_HEADER, Person
from chainnode.secret_files import write_secret_file
from tests.citizen_site import OTHER, PERSON, PROVIDER, WARD, CitizenSite, citizen_site

SOURCE = '[representation]\nfile = "represents.json"\n[limits]\nviews_per_hour = 4'
ROWS = [
    {
        "id_type": "111",
        "number": PERSON,
        "represents": [{"id_type": "111", "number": WARD, "relation": "guardian", "label": "小明"}],
    }
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CitizenSite]:
    (tmp_path / "citizen").mkdir()
    write_secret_file(tmp_path / "citizen" / "represents.json", json.dumps(ROWS).encode())
    with citizen_site(tmp_path, extra=SOURCE) as made:
        yield made


@pytest.mark.parametrize(
    "path",
    ["/v2/findUsage?userCode=me", "/v2/sealed", "/view", "/proof.kunproof", "/v2/usages/x/proof"],
)
def test_nobody_who_is_not_logged_in_is_told_anything(site: CitizenSite, path: str) -> None:
    answer = httpx.get(site.url + path)

    assert (answer.status_code, answer.json()["code"]) == (401, "NOT_LOGGED_IN")


def test_a_login_without_the_role_or_without_a_number_sees_nothing(site: CitizenSite) -> None:
    person = Person(pseudonym="x", roles=frozenset(), claims={"id_number": PERSON})
    session_id, _ = site.door.sessions.begin(person)
    cookies = {site.door.session_cookie: session_id}

    official = httpx.get(f"{site.url}/view", cookies=cookies)
    nameless = site.visitor("not a number").get("/view")

    assert (official.status_code, official.json()["code"]) == (403, "NO_ROLE")
    assert (nameless.status_code, nameless.json()["code"]) == (403, "NO_NUMBER")


@pytest.mark.parametrize(
    "query",
    [
        {"userCode": PERSON},
        {"userCode": OTHER},
        {"userCode": f"EE{PERSON}"},
        {"userCode": "r-" + "A" * 22},
        {"userCode": ""},
        {},
    ],
    ids=["one's own", "another's", "with a prefix", "a handle of nobody", "empty", "none"],
)
def test_a_number_for_a_user_code_is_refused_and_not_repeated(
    site: CitizenSite, query: dict[str, str]
) -> None:
    answer = site.visitor().get("/v2/findUsage", **query)

    assert (answer.status_code, answer.json()["code"]) == (400, "USER_CODE")
    assert PERSON not in answer.text + str(answer.headers)
    assert OTHER not in answer.text + str(answer.headers)
    assert PERSON not in httpx.get(f"{site.url}/metrics").text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offset", "-1"),
        ("offset", PERSON),
        ("limit", "1001"),
        ("limit", "1e3"),
        ("periodStart", "yesterday"),
        ("periodStart", "2026-02-30"),
        ("periodEnd", "1970-01-01T00:00:00"),
        ("number", PERSON),
    ],
)
def test_what_the_query_may_not_say_is_refused_without_repeating_it(
    site: CitizenSite, name: str, value: str
) -> None:
    query = {"userCode": "me", "periodStart": "2026-01-01"} | {name: value}

    answer = site.visitor().get("/v2/findUsage", **query)

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_QUERY")
    assert value not in json.dumps(answer.json()["title"])
    assert PERSON not in answer.text


def test_a_path_with_a_number_is_no_page_and_is_not_repeated(site: CitizenSite) -> None:
    answer = httpx.get(f"{site.url}/v2/{PERSON}?{PERSON}")

    assert answer.status_code == 404
    assert PERSON not in answer.text
    assert PERSON not in httpx.get(f"{site.url}/metrics").text


def test_a_guardian_sees_the_ward_by_a_handle_of_this_session_alone(site: CitizenSite) -> None:
    site.record(1, site.token(PROVIDER, 1, WARD))
    guardian, stranger = site.visitor(), site.visitor(OTHER, pseudonym="q" * 16)

    (ward,) = guardian.post("/representations").json()["representations"]
    nobody = stranger.post("/representations").json()["representations"]
    told = guardian.usages(userCode=ward["userCode"])

    assert (ward["relation"], ward["label"]) == ("guardian", "小明")
    assert WARD not in ward["userCode"]
    assert (told["totalUsages"], guardian.usages()["totalUsages"]) == (1, 0)
    assert nobody == []
    taken = stranger.get("/v2/findUsage", userCode=ward["userCode"])
    assert (taken.status_code, taken.json()["code"]) == (400, "USER_CODE")


def test_new_handles_end_those_of_before(site: CitizenSite) -> None:
    guardian = site.visitor()
    (before,) = guardian.post("/representations").json()["representations"]
    (now,) = guardian.post("/representations").json()["representations"]

    assert before["userCode"] != now["userCode"]
    assert guardian.get("/v2/findUsage", userCode=before["userCode"]).status_code == 400


@pytest.mark.parametrize("path", ["/refresh", "/representations", "/logout"])
def test_what_changes_something_needs_the_pages_own_token(site: CitizenSite, path: str) -> None:
    visitor = site.visitor()

    without = visitor.http.post(path)
    wrong = visitor.http.post(path, headers={CSRF_HEADER: "x"})
    foreign = visitor.http.post(
        path, headers={CSRF_HEADER: visitor.csrf, "Origin": "https://elsewhere.example"}
    )

    assert [one.status_code for one in (without, wrong, foreign)] == [403, 403, 403]


def test_a_logout_ends_the_session_and_drops_what_was_kept(site: CitizenSite) -> None:
    visitor = site.visitor()
    visitor.usages()
    assert "kunlian_citizen_kept_bytes 0.0" not in httpx.get(f"{site.url}/metrics").text

    visitor.post("/logout")

    assert visitor.get("/view").status_code == 401
    assert "kunlian_citizen_kept_bytes 0.0" in httpx.get(f"{site.url}/metrics").text


def test_new_answers_are_rationed_and_kept_ones_are_not(site: CitizenSite) -> None:
    visitor = site.visitor()
    for _ in range(4):
        visitor.usages()
        visitor.post("/refresh")

    refused = visitor.get("/view")
    other = site.visitor(OTHER, pseudonym="q" * 16)

    assert (refused.status_code, refused.json()["code"]) == (429, "RATE")
    assert int(refused.headers["Retry-After"]) > 0
    assert [other.get("/view").status_code for _ in range(8)] == [200] * 8


def test_every_answer_forbids_to_keep_to_frame_and_to_tell_where_one_was(
    site: CitizenSite,
) -> None:
    for path in ("/", "/citizen.js", "/session", "/v2/heartbeat", "/nothing"):
        headers = httpx.get(site.url + path).headers
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
