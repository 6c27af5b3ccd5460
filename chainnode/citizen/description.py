"""What the citizen's view answers over HTTP: the table behind its routes and `/openapi.json`.

The application takes its routes from here, so what is served is what is described. For each
operation: what it takes, the form of its answer, and every code with which it may refuse. A test
calls all of them with whatever the description allows and forbids.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias

from chainnode.citizen import forms
from chainnode.citizen.problems import KINDS, MEDIA_TYPE
from chainnode.citizen.tracker import LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX
from chainnode.login import CSRF_HEADER

Schema: TypeAlias = Mapping[str, Any]
PROOF_TYPE: Final = "application/vnd.kunlian.kunproof"
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_SESSION: Final = ("NOT_LOGGED_IN",)
_VISIT: Final = (*_SESSION, "NO_ROLE", "NO_NUMBER", "RATE")
_LEDGER: Final = ("NO_PROOF", "FORKED")
_VIEW: Final = (*_VISIT, "USER_CODE", "BAD_QUERY", "CUSTODIAN", "TOO_MANY_ROWS", *_LEDGER)
# Answers of whatever stands before the application, which reads bodies: they have none.
_BODIES: Final[Mapping[str, Schema]] = {
    "408": {"description": "The body did not come in time."},
    "413": {"description": "The body is too long."},
}


class Needs(Enum):
    """What a request must show."""

    NOTHING = ()
    SESSION = ("session",)
    # What changes something.
    PAGE = ("session", "csrf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation; `codes` are the refusals, by the name that `KINDS` has for each.

    `form` is the schema of a good answer, None: there is none to describe.
    """

    name: str
    path: str
    words: str
    method: str = "GET"
    needs: Needs = Needs.NOTHING
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    status: int = 200
    media_type: str = _JSON
    form: Schema | None = None
    codes: tuple[str, ...] = field(default=())


def _query(name: str, schema: Schema, *, is_required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": is_required, "schema": schema}


_OF_ME: Final = (_query("userCode", forms.USER_CODE),)
_INSTANT: Final = {"type": "string", "pattern": forms.INSTANT}
_FIND: Final = (
    _query("userCode", forms.USER_CODE, is_required=True),
    _query("periodStart", _INSTANT),
    _query("periodEnd", _INSTANT),
    _query("offset", {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX, "default": 0}),
    _query(
        "limit", {"type": "integer", "minimum": 0, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}
    ),
)
_USE: Final = {"name": "use", "in": "path", "required": True, "schema": {"type": "string"}}
_LOGIN: Final = tuple(_query(one, {"type": "string"}) for one in ("state", "code", "error"))

OPERATIONS: Final = (
    Operation(
        name="login",
        path="/login",
        words="Go to the provider that lets people in.",
        status=303,
        codes=("LOGIN",),
    ),
    Operation(
        name="login_return",
        path="/login/return",
        words="Come back from the provider.",
        parameters=_LOGIN,
        status=303,
        codes=("LOGIN",),
    ),
    Operation(
        name="logout",
        path="/logout",
        words="End the session here and at the provider.",
        method="POST",
        needs=Needs.PAGE,
        status=303,
        codes=(*_SESSION, "LOGIN", "BAD_CSRF"),
    ),
    Operation(
        name="session",
        path="/session",
        words="Whether somebody is logged in, and the token for what changes something.",
        form=forms.SESSION,
    ),
    Operation(
        name="trust",
        path="/trust.json",
        words="The trust file: the chain's genesis.",
        form={"type": "object"},
    ),
    Operation(
        name="heartbeat",
        path="/v2/heartbeat",
        words="Data Tracker: OK when a node proves its newest header.",
        form=forms.HEARTBEAT,
    ),
    Operation(
        name="usage_period",
        path="/v2/usagePeriod",
        words="Data Tracker: since when; no end means until now.",
        form=forms.USAGE_PERIOD,
    ),
    Operation(
        name="find_usage",
        path="/v2/findUsage",
        words="Data Tracker: uses of a person's data, the latest first, in [start, end).",
        needs=Needs.SESSION,
        parameters=_FIND,
        form=forms.FOUND,
        codes=_VIEW,
    ),
    Operation(
        name="use_proof",
        path="/v2/usages/{use}/proof",
        words="One use and the evidence of each of its records.",
        needs=Needs.SESSION,
        parameters=(_USE, *_OF_ME),
        form=forms.USE_PROOF,
        codes=(*_VIEW, "NO_SUCH_USE", "NOT_FOUND"),
    ),
    Operation(
        name="sealed",
        path="/v2/sealed",
        words="How many calls are under seal, their dates, the period covered.",
        needs=Needs.SESSION,
        parameters=_OF_ME,
        form=forms.SEALED,
        codes=_VIEW,
    ),
    Operation(
        name="view",
        path="/view",
        words="What the page shows beside the proofs: names, opened reasons.",
        needs=Needs.SESSION,
        parameters=_OF_ME,
        form=forms.VIEW,
        codes=_VIEW,
    ),
    Operation(
        name="proof",
        path="/proof.kunproof",
        words="All answers, signed, with a page that checks them (docs/wire-format.md §12).",
        needs=Needs.SESSION,
        parameters=_OF_ME,
        media_type=PROOF_TYPE,
        form={"type": "string", "format": "binary"},
        codes=_VIEW,
    ),
    Operation(
        name="representations",
        path="/representations",
        words="New handles of those for whom the person may act.",
        method="POST",
        needs=Needs.PAGE,
        form=forms.REPRESENTATIONS,
        codes=(*_VISIT, "LOGIN", "BAD_CSRF", "REPRESENTATION"),
    ),
    Operation(
        name="refresh",
        path="/refresh",
        words="Drop the kept answer: the next one is asked anew.",
        method="POST",
        needs=Needs.PAGE,
        parameters=_OF_ME,
        status=204,
        codes=(*_VISIT, "LOGIN", "BAD_CSRF", "USER_CODE", "BAD_QUERY"),
    ),
    Operation(
        name="objection",
        path="/objections",
        words="File an objection to a use (docs/wire-format.md §18).",
        method="POST",
        needs=Needs.PAGE,
        parameters=_OF_ME,
        body=forms.OBJECTION,
        status=201,
        form=forms.FILED,
        codes=(
            *_VIEW,
            *("LOGIN", "BAD_CSRF", "BAD_BODY", "NO_SUCH_USE"),
            *("NOT_DISPUTABLE", "OBJECTED_ALREADY", "NOT_FILED"),
        ),
    ),
    Operation(name="healthz", path="/healthz", words="The process is up.", form=forms.HEALTH),
    Operation(
        name="metrics",
        path="/metrics",
        words="Prometheus text.",
        media_type=_TEXT,
        form={"type": "string"},
    ),
    Operation(
        name="description",
        path="/openapi.json",
        words="This description.",
        form={"type": "object"},
    ),
)


def described(*, session_cookie: str) -> dict[str, Any]:
    """Return the description of the interface, OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for one in OPERATIONS:
        paths[one.path][one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "鲲链 · 我的数据 · Kunlian, my data", "version": "2.0.0"},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": session_cookie},
                "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
            }
        },
    }


def _operation(one: Operation) -> dict[str, Any]:
    good: dict[str, Any] = {"description": one.words}
    if one.form is not None:
        good["content"] = {one.media_type: {"schema": one.form}}
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.words,
        "parameters": [*one.parameters],
        "responses": {
            f"{one.status}": good,
            **(_BODIES if one.method == "POST" else {}),
            **_refusals(one.codes),
        },
    }
    if one.needs.value:
        found["security"] = [{name: [] for name in one.needs.value}]
    if one.body is not None:
        found["requestBody"] = {"required": True, "content": {_JSON: {"schema": one.body}}}
    return found


def _refusals(codes: tuple[str, ...]) -> dict[str, Schema]:
    """Return the statuses of refusals, each with its codes."""
    by_status: dict[str, list[str]] = defaultdict(list)
    for code in codes:
        by_status[f"{KINDS[code].status}"].append(code)
    return {
        status: {
            "description": " · ".join(f"{code}: {KINDS[code].en}" for code in named),
            "content": {MEDIA_TYPE: {"schema": forms.problem(int(status), named)}},
        }
        for status, named in sorted(by_status.items())
    }
