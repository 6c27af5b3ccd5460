"""What the description of the interface (`/openapi.json`) says beyond the signatures of handlers.

For each operation: the body that it takes, and every code with which it may refuse, by status.
A test calls all operations with whatever the description allows and forbids; an answer that
stands in no table here fails it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI

from chainnode.api.problems import KINDS, MEDIA_TYPE

_SUBMISSION: Final = "application/vnd.kunlian.submission+msgpack"
_ANY: Final = "application/octet-stream"
_JSON: Final = "application/json"
_PROBLEM_REQUIRED: Final = ["type", "title", "status", "code", "hint", "request_id"]
_PROBLEM: Final = {
    "type": {"type": "string"},
    "title": {"type": "string"},
    "status": {"type": "integer"},
    "hint": {"type": "string"},
    "request_id": {"type": "string"},
    "detail": {"type": "string"},
    "expected": {"type": "string"},
    "actual": {"type": "string"},
}
# Whatever is asked, a node may have too much to do, or be asked too fast.
_ALWAYS: Final = ("BUSY", "ADDRESS_QUOTA")
# How they are is asked by watchmen, however fast.
_NEVER_TOO_FAST: Final = frozenset({"healthz", "readyz"})
_WITH_BODY: Final = ("OVERSIZE", "MALFORMED", "SLOW_BODY")
_PROVEN: Final = ("NO_BLOCK_YET", "NOT_FINAL_YET", "PRUNED")
_ADMITTED: Final = (
    *("WRONG_CHAIN", "EXPIRED", "VALID_TOO_LONG", "BAD_KEY", "BAD_SIGNATURE", "UNKNOWN_KEY"),
    *("POOL_FULL", "KEY_QUOTA"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries."""

    media_type: str
    words: str
    schema: Mapping[str, object]


_BINARY: Final = {"type": "string", "format": "binary"}
BODIES: Final[Mapping[str, Body]] = {
    "submit": Body(
        media_type=_SUBMISSION,
        words="One submission, or several after each other (docs/wire-format.md §4).",
        schema=_BINARY,
    ),
    "verify_file": Body(media_type=_ANY, words="The bytes of the file.", schema=_BINARY),
    "audit": Body(
        media_type=_SUBMISSION,
        words="A submission with one call `audit/question`; none with the parameter `question`.",
        schema=_BINARY,
    ),
    "sign_export": Body(
        media_type=_JSON,
        words="Manifest and signature of an export (docs/wire-format.md §12).",
        schema={"type": "object"},
    ),
}

# Every code by operation, besides those of `_ALWAYS`.
CODES: Final[Mapping[str, Sequence[str]]] = {
    "submit": (*_WITH_BODY, *_ADMITTED, "UNSUPPORTED_MEDIA_TYPE"),
    "submission": ("INVALID_PARAMETER", "UNKNOWN_SUBMISSION", *_PROVEN),
    "record": ("INVALID_PARAMETER", "NOT_FOUND", *_PROVEN),
    "authored_record": ("INVALID_PARAMETER", "NOT_FOUND", *_PROVEN),
    "block": ("INVALID_PARAMETER", "NOT_FOUND", "GENESIS_UNSIGNED", *_PROVEN),
    "latest_header": _PROVEN,
    "header": ("INVALID_PARAMETER", "NOT_FOUND", "GENESIS_UNSIGNED", *_PROVEN),
    "epochs": _PROVEN,
    "consistency": ("INVALID_PARAMETER", "NOT_FOUND", "GENESIS_UNSIGNED", *_PROVEN),
    "state": ("INVALID_PARAMETER", *_PROVEN),
    "states": ("INVALID_PARAMETER", *_PROVEN),
    "certificate": ("INVALID_PARAMETER", "INVALID_IDENTIFIER", *_PROVEN),
    "compact_certificate": ("INVALID_PARAMETER", "INVALID_IDENTIFIER", "NOT_FOUND", *_PROVEN),
    "stream": (
        *("INVALID_PARAMETER", "INVALID_EVENT_ID", "EVENT_AHEAD", "TOO_MANY_STREAMS"),
        *("CATCHING_UP", *_PROVEN),
    ),
    "verify": ("INVALID_PARAMETER", "INVALID_IDENTIFIER", *_PROVEN),
    "verify_file": (
        *("INVALID_PARAMETER", "INVALID_IDENTIFIER", "UNSUPPORTED_MEDIA_TYPE"),
        *(*_WITH_BODY, *_PROVEN),
    ),
    "audit": (
        *("INVALID_PARAMETER", "UNSUPPORTED_MEDIA_TYPE", "NOT_A_QUESTION", "QUESTION_REFUSED"),
        *("NOT_FOUND", "CATCHING_UP", *_WITH_BODY, *_ADMITTED, *_PROVEN),
    ),
    "sign_export": (
        *("UNSUPPORTED_MEDIA_TYPE", "NOT_AN_EXPORT", "CANNOT_SIGN"),
        *("NOT_FOUND", *_WITH_BODY, *_PROVEN),
    ),
    "healthz": (),
    "readyz": (),
    "metrics": (),
    "consensus": (),
    "equivocations": (),
    "key": ("INVALID_PARAMETER", "NOT_FOUND", *_PROVEN),
    "trust": _PROVEN,
}

_TEXT: Final = {"text/plain": {"schema": {"type": "string"}}}
_READY: Final = {
    "type": "object",
    "required": ["ready"],
    "properties": {"ready": {"type": "boolean"}, "because": {"type": "string"}},
}
# Answers that are no refusal and that the signature of a handler does not say.
ANSWERS: Final[Mapping[str, Mapping[str, Mapping[str, object]]]] = {
    "submit": {"202": {"description": "Taken, and not final in the time that was waited."}},
    "block": {"304": {"description": "As the client has it (`If-None-Match`)."}},
    "healthz": {"200": {"description": "The process is up.", "content": _TEXT}},
    "metrics": {"200": {"description": "Prometheus text.", "content": _TEXT}},
    "readyz": {
        "200": {"description": "In step.", "content": {_JSON: {"schema": _READY}}},
        "503": {"description": "Not in step, and why.", "content": {_JSON: {"schema": _READY}}},
    },
}


def describe(app: FastAPI) -> None:
    """Let `/openapi.json` say bodies and refusals of every operation."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            for operations in document["paths"].values():
                for operation in operations.values():
                    _complete(operation)
        return app.openapi_schema or made()

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI says to extend it


def _complete(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    body = BODIES.get(name)
    if body is not None:
        operation["requestBody"] = {
            "description": body.words,
            "required": name != "audit",
            "content": {body.media_type: {"schema": body.schema}},
        }
    responses = operation["responses"]
    responses.pop("default", None)
    responses |= {status: dict(one) for status, one in ANSWERS.get(name, {}).items()}
    for status, codes in _refusals(name).items():
        properties = {**_PROBLEM, "code": {"type": "string", "enum": codes}}
        schema = {"type": "object", "required": _PROBLEM_REQUIRED, "properties": properties}
        responses[status] = {
            "description": " · ".join(f"{code}: {KINDS[code].en}" for code in codes),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }


def _refusals(name: str) -> dict[str, list[str]]:
    """Return the statuses of refusals, each with its codes."""
    found: dict[str, list[str]] = defaultdict(list)
    for code in (*(_ALWAYS[:1] if name in _NEVER_TOO_FAST else _ALWAYS), *CODES[name]):
        found[str(int(KINDS[code].status))].append(code)
    return dict(sorted(found.items()))
