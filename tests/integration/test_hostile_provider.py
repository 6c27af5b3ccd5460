"""What a provider, or somebody between, may answer with; none of it lets anybody in."""

import time
from collections.abc import Callable, Iterator

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tests.login_site import CLIENT, Service, Somebody, service
from tests.twisted_provider import (
    Claims,
    Twisted,
    new_key,
    signed_by_another,
    signed_with_public_key,
    twisted_provider,
    unsigned,
    with_a_key_of_its_own,
)


@pytest.fixture
def provider() -> Iterator[Twisted]:
    with twisted_provider() as one:
        yield one


@pytest.fixture
def site(provider: Twisted) -> Iterator[Service]:
    with service(provider.issuer) as one:
        yield one


def refusal(site: Service, provider: Twisted, **answer: str) -> tuple[str, str]:
    """Log in once and return the code and the check of the refusal."""
    somebody = Somebody(site)
    told = somebody.get(provider.back(somebody.begin(), **answer))
    assert told.status_code >= 400, "somebody was let in"
    assert somebody.who().status_code == 401
    return told.json()["code"], told.json()["check"]


def test_an_honest_answer_lets_in(site: Service, provider: Twisted) -> None:
    somebody = Somebody(site)

    somebody.get(provider.back(somebody.begin()))

    assert somebody.who().json()["roles"] == ["auditor"]


@pytest.mark.parametrize(
    ("claims", "check"),
    [
        pytest.param({"nonce": "another"}, "nonce", id="nonce of another login"),
        pytest.param({"nonce": None}, "nonce", id="no nonce"),
        pytest.param({"iss": "https://elsewhere.example"}, "iss", id="another issuer"),
        pytest.param({"iss": None}, "iss", id="no issuer"),
        pytest.param({"aud": "another"}, "aud", id="for another service"),
        pytest.param({"aud": None}, "aud", id="for nobody"),
        pytest.param({"aud": [CLIENT, "another"]}, "azp", id="for two, made for none"),
        pytest.param({"azp": "another"}, "azp", id="made for another"),
        pytest.param({"exp": 1_000_000_000}, "exp", id="expired"),
        pytest.param({"exp": None}, "exp", id="never expires"),
        pytest.param({"exp": "soon"}, "exp", id="expires in words"),
        pytest.param({"iat": None}, "iat", id="made at no time"),
        pytest.param({"iat": int(time.time()) + 86_400}, "iat", id="made tomorrow"),
        pytest.param({"iat": 1_000_000_000}, "iat", id="kept for years"),
        pytest.param({"nbf": 4_000_000_000}, "nbf", id="not valid yet"),
        pytest.param({"sub": None}, "sub", id="about nobody"),
        pytest.param({"sub": 7}, "sub", id="about a number"),
        pytest.param({"sub": "x" * 256}, "sub", id="about too long a name"),
    ],
)
def test_an_id_token_that_says_another_thing_lets_nobody_in(
    site: Service, provider: Twisted, claims: Claims, check: str
) -> None:
    provider.claims = claims

    assert refusal(site, provider) == ("BAD_ID_TOKEN", check)


@pytest.mark.parametrize(
    "sign", [unsigned, signed_with_public_key, signed_by_another, with_a_key_of_its_own]
)
def test_an_id_token_that_the_provider_did_not_sign_lets_nobody_in(
    site: Service, provider: Twisted, sign: Callable[[Twisted, Claims], str]
) -> None:
    provider.sign = sign

    assert refusal(site, provider)[0] == "BAD_ID_TOKEN"


def test_an_algorithm_that_is_not_configured_lets_nobody_in(provider: Twisted) -> None:
    with service(provider.issuer, algorithms=("PS256",)) as site:
        assert refusal(site, provider) == ("BAD_ID_TOKEN", "signature")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (PlainTextResponse("no", 500), "PROVIDER_UNAVAILABLE"),
        (JSONResponse({"error": "invalid_grant"}, 400), "REFUSED_BY_PROVIDER"),
        (Response(status_code=302, headers={"Location": "/jwks"}), "PROVIDER_UNAVAILABLE"),
        (PlainTextResponse("[" * 100_000), "BAD_ANSWER"),
        (PlainTextResponse("x" * 300_000), "BAD_ANSWER"),
        (JSONResponse([]), "BAD_ANSWER"),
        (JSONResponse({}), "BAD_ID_TOKEN"),
        (JSONResponse({"id_token": 7}), "BAD_ID_TOKEN"),
        (JSONResponse({"id_token": "x" * 40_000}), "BAD_ID_TOKEN"),
        (JSONResponse({"id_token": "a.b.c"}), "BAD_ID_TOKEN"),
        (JSONResponse({"id_token": "é.é.é"}), "BAD_ID_TOKEN"),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
def test_an_answer_to_a_code_that_is_none_lets_nobody_in(
    site: Service, provider: Twisted, answer: Response, code: str
) -> None:
    provider.answer = answer

    assert refusal(site, provider)[0] == code


@pytest.mark.parametrize(
    ("metadata", "check"),
    [
        ({"issuer": "https://elsewhere.example"}, "issuer"),
        ({"token_endpoint": "http://elsewhere.example/token"}, "token_endpoint"),
        ({"token_endpoint": "file:///etc/passwd"}, "token_endpoint"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"authorization_endpoint": "https://[half"}, "authorization_endpoint"),
        ({"code_challenge_methods_supported": ["plain"]}, "code_challenge_methods_supported"),
    ],
)
def test_a_discovery_document_that_is_unsafe_is_not_used(
    site: Service, provider: Twisted, metadata: Claims, check: str
) -> None:
    provider.metadata = metadata

    told = Somebody(site).get("/login")

    assert (told.status_code, told.json()) == (502, {"code": "BAD_ANSWER", "check": check})


def test_an_answer_of_another_issuer_is_a_mix_up(site: Service, provider: Twisted) -> None:
    found = refusal(site, provider, iss="https://elsewhere.example")

    assert found == ("BAD_ANSWER", "iss")


def test_a_provider_that_names_itself_must_do_so(site: Service, provider: Twisted) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": True}

    assert refusal(site, provider) == ("BAD_ANSWER", "iss")


def test_a_refusal_of_the_provider_is_not_repeated(site: Service, provider: Twisted) -> None:
    found = refusal(site, provider, error="access_denied", error_description="secret")

    assert found == ("REFUSED_BY_PROVIDER", "")


def test_a_parameter_that_comes_twice_is_refused(site: Service, provider: Twisted) -> None:
    somebody = Somebody(site)

    told = somebody.get(provider.back(somebody.begin()) + "&code=another")

    assert (told.status_code, told.json()["code"]) == (400, "BAD_FORM")


def test_a_key_that_is_new_is_fetched_when_it_is_first_used(
    site: Service, provider: Twisted
) -> None:
    first = Somebody(site)
    first.get(provider.back(first.begin()))
    provider.key = new_key("second")
    site.clock.monotonic += 31

    second = Somebody(site)
    second.get(provider.back(second.begin()))

    assert second.who().status_code == 200
    assert provider.jwks_asked == 2


def test_tokens_of_unknown_keys_make_nobody_ask_for_keys_all_the_time(
    site: Service, provider: Twisted
) -> None:
    provider.published = [new_key("never used")]
    for _ in range(3):
        assert refusal(site, provider) == ("BAD_ID_TOKEN", "kid")

    assert provider.jwks_asked == 1


def test_a_key_that_was_withdrawn_is_believed_for_an_hour_at_most(
    site: Service, provider: Twisted
) -> None:
    somebody = Somebody(site)
    somebody.get(provider.back(somebody.begin()))
    provider.published = [new_key("second")]
    site.clock.monotonic += 3_601

    assert refusal(site, provider) == ("BAD_ID_TOKEN", "kid")


def test_claims_about_another_person_are_not_taken(provider: Twisted) -> None:
    provider.userinfo = {"sub": "another", "roles": ["kun-auditor"]}
    with service(provider.issuer, claims_from="userinfo") as site:
        assert refusal(site, provider) == ("BAD_ANSWER", "sub")


def test_roles_may_come_from_the_page_about_the_person(provider: Twisted) -> None:
    provider.claims = {"roles": ["kun-auditor"]}
    provider.userinfo = {"sub": "somebody", "realm": {"roles": ["kun-operator", 7, "?"]}}
    with service(provider.issuer, claims_from="userinfo", role_claim="realm.roles") as site:
        somebody = Somebody(site)
        somebody.get(provider.back(somebody.begin()))

        assert somebody.who().json()["roles"] == ["operator"]


def test_a_logout_goes_on_to_the_provider_without_naming_anybody(
    site: Service, provider: Twisted
) -> None:
    somebody = Somebody(site)
    somebody.get(provider.back(somebody.begin()))

    answer = somebody.post("/logout", data={"csrf": somebody.who().json()["csrf"]})

    assert answer.headers["location"].startswith(f"{provider.issuer}/end?client_id={CLIENT}&")
    assert "hint" not in answer.headers["location"]


def test_sessions_end_when_unused_and_after_a_day_of_use(site: Service, provider: Twisted) -> None:
    idle, busy = Somebody(site), Somebody(site)
    for one in (idle, busy):
        one.get(provider.back(one.begin()))
    asked = []
    for _ in range(8):
        site.clock.monotonic += 1_790
        asked.append(busy.who().status_code)
    site.clock.monotonic += 28_800 - 8 * 1_790

    assert set(asked) == {200}
    assert idle.who().status_code == 401
    assert busy.who().status_code == 401


def test_over_tls_the_cookies_are_for_this_host_and_for_no_script(provider: Twisted) -> None:
    with service(provider.issuer, public_url="https://console.example") as site:
        cookie = Somebody(site).get("/login").headers["set-cookie"]

    assert cookie.startswith("__Host-kun-login=")
    parts = {one.strip() for one in cookie.split(";")[1:]}
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax", "Max-Age=600"} <= parts
