"""People log in at a real OpenID provider, another process, over real sockets."""

import logging
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from chainnode.login import CSRF_HEADER
from devnet.topology import free_ports
from tests.login_site import (
    CLIENT,
    CLIENT_SECRET,
    NUMBER,
    PASSWORD,
    PEOPLE,
    Service,
    Somebody,
    provider_process,
    service,
)
from tests.real_provider import ProviderSettings


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service and one provider for the tests of this file."""
    folder = tmp_path_factory.mktemp("login")
    provider_port, port = free_ports(2)
    settings = ProviderSettings(
        host="127.0.0.1",
        port=provider_port,
        client_id=CLIENT,
        client_secret=CLIENT_SECRET,
        redirect_uris=(f"http://127.0.0.1:{port}/login/return",),
        password=PASSWORD,
        people=PEOPLE,
    )
    with provider_process(settings, folder), service(settings.issuer, port=port) as found:
        yield found


def test_a_person_logs_in_and_is_known_by_roles_and_a_pseudonym(site: Service) -> None:
    somebody = Somebody(site)

    answer = somebody.log_in()

    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    told = somebody.who().json()
    assert told["roles"] == ["auditor"]
    assert told["claims"] == {"id_number": NUMBER}
    assert len(told["pseudonym"]) == 16


def test_the_same_person_is_the_same_pseudonym_at_every_login(site: Service) -> None:
    names = set()
    for _ in range(2):
        somebody = Somebody(site)
        somebody.log_in()
        names.add(somebody.who().json()["pseudonym"])

    assert len(names) == 1
    assert "auditor" not in names


def test_the_page_that_was_wanted_comes_after_the_login(site: Service) -> None:
    somebody = Somebody(site)

    assert somebody.log_in(path="/login?next=/page").headers["location"] == "/page"


@pytest.mark.parametrize("path", ["//elsewhere.example", "https://elsewhere.example", "/\\x"])
def test_no_login_leads_to_another_site(site: Service, path: str) -> None:
    somebody = Somebody(site)

    assert somebody.log_in(path=f"/login?next={path}").headers["location"] == "/"


def test_a_person_without_a_role_is_nobody(site: Service) -> None:
    somebody = Somebody(site)

    answer = somebody.log_in("guest")

    assert (answer.status_code, answer.json()["code"]) == (403, "NO_ROLE")
    assert somebody.who().status_code == 401


def test_the_login_is_bound_to_a_code_challenge_a_state_and_a_nonce(site: Service) -> None:
    asked = parse_qs(urlsplit(Somebody(site).begin()).query)

    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert {len(asked[one][0]) for one in ("state", "nonce", "code_challenge")} == {43}


def test_a_stolen_answer_lets_nobody_else_in(site: Service) -> None:
    victim, thief = Somebody(site), Somebody(site)
    stolen = victim.choose(victim.begin(), "auditor")
    thief.begin()

    answer = thief.get(stolen)

    assert (answer.status_code, answer.json()) == (400, {"code": "BAD_STATE", "check": "state"})
    assert thief.who().status_code == 401


def test_a_stolen_code_is_of_no_use_under_another_state(site: Service) -> None:
    """The thief's own login carries another code challenge, which the provider compares."""
    victim, thief = Somebody(site), Somebody(site)
    code = parse_qs(urlsplit(victim.choose(victim.begin(), "auditor")).query)["code"][0]
    state = parse_qs(urlsplit(thief.begin()).query)["state"][0]

    answer = thief.get(f"/login/return?code={code}&state={state}")

    assert (answer.status_code, answer.json()["code"]) == (403, "REFUSED_BY_PROVIDER")
    assert thief.who().status_code == 401


def test_an_answer_lets_its_own_browser_in_once(site: Service) -> None:
    somebody = Somebody(site)
    url = somebody.begin()
    cookie = dict(somebody.http.cookies)
    back = somebody.choose(url, "auditor")
    somebody.get(back)

    somebody.http.cookies.clear()
    somebody.http.cookies.update(cookie)
    answer = somebody.get(back)

    assert (answer.status_code, answer.json()) == (400, {"code": "BAD_STATE", "check": "used"})


def test_a_login_that_took_too_long_is_begun_anew(site: Service) -> None:
    somebody = Somebody(site)
    back = somebody.choose(somebody.begin(), "auditor")
    site.clock.offset_s = 601
    try:
        answer = somebody.get(back)
    finally:
        site.clock.offset_s = 0

    assert answer.json() == {"code": "BAD_STATE", "check": "cookie"}


def test_a_session_that_somebody_else_chose_is_not_logged_in(site: Service) -> None:
    """Session fixation: what the browser brought is not what it leaves with."""
    somebody = Somebody(site)
    somebody.http.cookies.set("kun-session", "A" * 43, domain="127.0.0.1", path="/")

    somebody.log_in()

    chosen = [one.value for one in somebody.http.cookies.jar if one.name == "kun-session"]
    assert "A" * 43 not in chosen
    assert site.door.sessions.find("A" * 43) is None


def test_a_new_login_ends_the_session_that_the_browser_had(site: Service) -> None:
    somebody = Somebody(site)
    somebody.log_in()
    first = somebody.http.cookies["kun-session"]

    somebody.log_in()

    assert somebody.http.cookies["kun-session"] != first
    assert site.door.sessions.find(first) is None


@pytest.mark.parametrize(
    "headers",
    [{}, {CSRF_HEADER: ""}, {CSRF_HEADER: "x" * 43}, {"Content-Type": "text/plain"}],
)
def test_nothing_is_changed_without_the_token_of_the_session(
    site: Service, headers: dict[str, str]
) -> None:
    somebody = Somebody(site)
    somebody.log_in()

    answer = somebody.post("/change", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "BAD_CSRF")
    assert somebody.who().json()["pseudonym"] not in site.changed


def test_the_token_comes_in_a_header_or_in_a_form(site: Service) -> None:
    somebody = Somebody(site)
    somebody.log_in()
    csrf = somebody.who().json()["csrf"]

    by_header = somebody.post("/change", headers={CSRF_HEADER: csrf})
    by_form = somebody.post("/change", data={"csrf": csrf, "other": "值"})
    from_elsewhere = somebody.post(
        "/change", data={"csrf": csrf}, headers={"Origin": "https://elsewhere.example"}
    )

    assert (by_header.text, by_form.text) == ("changed", "changed")
    assert from_elsewhere.json() == {"code": "BAD_CSRF", "check": "origin"}
    site.changed.clear()


def test_a_person_logs_out_here(site: Service) -> None:
    somebody = Somebody(site)
    somebody.log_in()
    old = somebody.http.cookies["kun-session"]

    answer = somebody.post("/logout", data={"csrf": somebody.who().json()["csrf"]})

    assert answer.status_code == 303
    assert site.door.sessions.find(old) is None
    assert somebody.who().status_code == 401


def test_nobody_is_named_in_addresses_errors_and_logs(
    site: Service, caplog: pytest.LogCaptureFixture
) -> None:
    somebody = Somebody(site)
    with caplog.at_level(logging.DEBUG, logger="chainnode"):
        somebody.log_in()
        somebody.log_in("guest")

    session = somebody.http.cookies.get("kun-session", "")
    told = " ".join([*somebody.urls, caplog.text, *map(str, caplog.records), repr(site.door)])
    hidden = [NUMBER, "张三", CLIENT_SECRET, PASSWORD, *([session] if session else [])]
    assert not [one for one in hidden if one in told]
    assert "logged_in" in caplog.text
