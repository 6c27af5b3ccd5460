"""Every operation of the node's API, called with what its description allows and forbids.

No answer may be a server's fault, and none may have a status, a type or a form that the
description does not say.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema
from schemathesis.transport.requests import REQUESTS_TRANSPORT
from schemathesis.transport.serialization import Binary

from chainnode.api.description import BODIES, CODES
from chainnode.config import ApiLimits
from tests.served_site import Served, served_site

EXAMPLES = 12
SUBMISSION = "application/vnd.kunlian.submission+msgpack"
# It has no end: tests/unit/chainnode/api/test_stream.py reads it.
ENDLESS = "stream"


@REQUESTS_TRANSPORT.serializer(SUBMISSION)
def _as_it_is(_: object, value: object) -> dict[str, bytes]:
    """Send the bytes that were drawn: a submission is no text and no JSON."""
    return {"data": value.data if isinstance(value, Binary) else b""}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_site(tmp_path_factory.mktemp("interface")) as found:
        yield found


@pytest.fixture(scope="module")
def described(served: Served) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda one: one.value)
@pytest.mark.parametrize("name", sorted(set(CODES) - {ENDLESS}))
def test_no_call_is_answered_otherwise_than_described(
    described: OpenApiSchema, name: str, mode: GenerationMode
) -> None:
    operation = described.find_operation_by_id(name)
    # What fits the form may still name what there is not: a refusal is described too. And a node
    # that has no peers is not ready, which is what 503 is for.
    excluded: list[Any] = [
        positive_data_acceptance,
        *([not_a_server_error] if name == "readyz" else []),
    ]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def called(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(timeout=30, excluded_checks=excluded)

    with contextlib.suppress(Unsatisfiable):
        # Nothing about an operation without parameters can be wrong.
        called()


def test_who_asks_any_operation_too_fast_is_answered_as_described(tmp_path: Path) -> None:
    strict = ApiLimits(
        unlimited=(), reads_per_s=1, reads_burst=2, submissions_per_s=1, submissions_burst=1
    )
    with served_site(tmp_path, limits=strict) as served:
        described = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
        for path in ("/v1/trust", "/v1/submissions", *["/metrics"] * 51):
            httpx.request("POST" if path == "/v1/submissions" else "GET", served.url + path)
        statuses = {}
        for name in CODES:
            operation = described.find_operation_by_id(name)
            parts = [one.name for one in operation.path_parameters]
            case = operation.Case(path_parameters=dict.fromkeys(parts, "1"))
            told = case.call(timeout=30)
            excluded: list[Any] = [not_a_server_error] if name == "readyz" else []
            case.validate_response(told, excluded_checks=excluded)
            statuses[name] = told.status_code
            if told.status_code == 429:
                assert told.json()["code"] == "ADDRESS_QUOTA"
                assert told.headers["retry-after"] == ["1"]
    free = {"healthz": 200, "readyz": 503}
    assert statuses == dict.fromkeys(CODES, 429) | free


def test_every_operation_says_its_refusals_and_what_it_takes(served: Served) -> None:
    document = httpx.get(f"{served.url}/openapi.json").json()
    operations = {
        one["operationId"]: (method, one)
        for methods in document["paths"].values()
        for method, one in methods.items()
    }

    assert set(operations) == set(CODES)
    assert {name for name, (method, _) in operations.items() if method == "post"} == set(BODIES)
    for _, one in operations.values():
        assert "default" not in one["responses"]
        assert "429" in one["responses"]
