"""Every operation of the citizen's view, called with what its description allows and forbids.

With a session and without: no answer may be a server's fault, and none may have a status, a type
or a form that the description does not say. The forms of the Data Tracker are part of it.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from chainnode.citizen.description import OPERATIONS, Needs, Operation
from chainnode.login import CSRF_HEADER
from tests.citizen_site import PROVIDER, CitizenSite, Visitor, citizen_site

EXAMPLES = 5
LOGGED_IN, STRANGER = "logged in", "a stranger"
LIMITS = "[limits]\nviews_per_hour = 100000\nrequests_per_minute = 100000"
# What fits the form may still name what there is not: a refusal is described too.
EXCLUDED: list[Any] = [positive_data_acceptance]
BY_NAME = {one.name: one for one in OPERATIONS}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CitizenSite]:
    with citizen_site(tmp_path_factory.mktemp("interface"), extra=LIMITS) as made:
        made.record(1, made.token(PROVIDER))
        yield made


@pytest.fixture(scope="module")
def described(site: CitizenSite) -> OpenApiSchema:
    found = schemathesis.openapi.from_url(f"{site.url}/openapi.json")
    # Who asks is up to the test: a session that was drawn would be replaced by a real one.
    found.config.generation.update(with_security_parameters=False)
    return found


def shown(site: CitizenSite, visitor: Visitor) -> dict[str, Any]:
    """Return what a page of the session sends with each request."""
    return {
        "headers": {CSRF_HEADER: visitor.csrf},
        "cookies": {site.door.session_cookie: visitor.session_id},
    }


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda one: one.value)
@pytest.mark.parametrize("who", [LOGGED_IN, STRANGER])
@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_no_call_is_answered_otherwise_than_described(
    site: CitizenSite, described: OpenApiSchema, name: str, who: str, mode: GenerationMode
) -> None:
    operation = described.find_operation_by_id(name)
    visitor = site.visitor()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def called(case: schemathesis.Case[Any]) -> None:
        # A logout ends the session that it was called with.
        asker = site.visitor() if name == "logout" else visitor
        sent = shown(site, asker) if who == LOGGED_IN else {}
        answer = case.call_and_validate(timeout=30, excluded_checks=EXCLUDED, **sent)
        if who == STRANGER and BY_NAME[name].needs is not Needs.NOTHING:
            # 404: what was drawn for a use made another path of it.
            assert answer.status_code in {401, 404}

    with contextlib.suppress(Unsatisfiable):
        # Nothing about an operation without parameters can be wrong.
        called()


def _good(one: Operation, visitor: Visitor, use: str) -> httpx.Response:
    query = {"userCode": "me"} if any(p["name"] == "userCode" for p in one.parameters) else {}
    path = one.path.replace("{use}", use)
    body = {"use": use, "ground": 1} if one.body is not None else None
    return visitor.http.request(
        one.method, path, params=query, json=body, headers={CSRF_HEADER: visitor.csrf}
    )


def test_the_good_answers_about_a_person_have_the_forms_described(
    site: CitizenSite, described: OpenApiSchema
) -> None:
    visitor = site.visitor()
    asked = [one for one in OPERATIONS if one.needs is not Needs.NOTHING and one.name != "logout"]
    statuses = {}
    for one in sorted(asked, key=lambda one: one.name == "objection"):
        (use,) = (
            usage["id"] for usage in visitor.get("/v2/findUsage", userCode="me").json()["usages"]
        )
        answer = _good(one, visitor, use)
        described.find_operation_by_id(one.name).validate_response(answer)
        statuses[one.name] = answer.status_code
    assert statuses == {one.name: one.status for one in asked}


def test_another_method_is_refused_with_those_that_there_are(site: CitizenSite) -> None:
    answers = {
        one.name: httpx.request("DELETE", site.url + one.path.replace("{use}", "x"))
        for one in OPERATIONS
    }

    assert {one.status_code for one in answers.values()} == {405}
    for name, answer in answers.items():
        assert BY_NAME[name].method in answer.headers["allow"].split(", ")


def test_every_route_and_refusal_is_described_and_none_is_a_fault_of_ours(
    site: CitizenSite,
) -> None:
    document = httpx.get(f"{site.url}/openapi.json").json()
    operations = {
        (path, method.upper()): one
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }

    assert set(operations) == {(one.path, one.method) for one in OPERATIONS}
    for one in OPERATIONS:
        said = operations[one.path, one.method]
        assert "500" not in said["responses"]
        assert ("401" in said["responses"]) == (one.needs is not Needs.NOTHING)
        assert ("security" in said) == (one.needs is not Needs.NOTHING)
