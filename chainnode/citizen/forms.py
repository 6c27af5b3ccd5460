"""The forms of requests and answers of the citizen's view, as JSON Schema.

The three of the Data Tracker are those of e-gov/AJ, `dumonitor-openapi-v2.yaml`, version 2.0.0;
`id` is ours. Every object is closed: a field that stands in no form here is a fault of ours.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from contracts.schemas.disputes import Ground

Form: TypeAlias = dict[str, Any]
# Without an offset it is +08:00; a blank stands where a client forgot to escape the plus sign.
INSTANT: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+ -][0-9]{2}:[0-9]{2})?)?$"
)


def _closed(fields: dict[str, Form], *, optional: Sequence[str] = ()) -> Form:
    return {
        "type": "object",
        "properties": fields,
        "required": [one for one in fields if one not in optional],
        "additionalProperties": False,
    }


def _list(form: Form) -> Form:
    return {"type": "array", "items": form}


def _or_null(kind: str) -> Form:
    return {"type": [kind, "null"]}


_TEXT: Final[Form] = {"type": "string"}
_WORD: Final[Form] = {"type": "string", "minLength": 1}
_TRUTH: Final[Form] = {"type": "boolean"}
_COUNT: Final[Form] = {"type": "integer", "minimum": 0}
_MOMENT: Final[Form] = {"type": "string", "format": "date-time", "minLength": 1}
_NAMES: Final[Form] = {"type": "object", "additionalProperties": _TEXT}
_EVIDENCE: Final[Form] = {"type": "object"}

USER_CODE: Final[Form] = {
    "type": "string",
    "pattern": "^(me|r-[A-Za-z0-9_-]{22})$",
    "description": "`me`, or a handle of this session. Never a number of a person.",
}
SESSION: Final[Form] = {
    "oneOf": [
        _closed({"logged_in": {"const": False}}),
        _closed({"logged_in": {"const": True}, "csrf": _WORD}),
    ]
}
HEALTH: Final = _closed({"status": {"const": "up"}})

HEARTBEAT: Final = _closed({"status": {"enum": ["OK", "FAIL"]}, "message": _WORD})
USAGE_PERIOD: Final = _closed({"periodStart": _MOMENT})
USAGE: Final = _closed(
    {
        "id": _WORD,
        "logtime": _MOMENT,
        "action": _WORD,
        "receiverCode": _WORD,
        "receiverName": _TEXT,
        "receiverSystem": _WORD,
    }
)
FOUND: Final = _closed({"totalUsages": _COUNT, "usages": _list(USAGE)})

USE_PROOF: Final = _closed({"usage": USAGE, "evidence": _list(_EVIDENCE)})
_COVERED: Final = _closed(
    {
        "since": _MOMENT,
        "until": _or_null("string"),
        "complete": _TRUTH,
        "height": _COUNT,
    }
)
_SEALED: Final[dict[str, Form]] = {
    "calls": _COUNT,
    "items": _list(
        _closed({"recorded": _MOMENT, "department": _WORD, "count": _COUNT, "position": _COUNT})
    ),
}
SEALED: Final = _closed({**_SEALED, "covered": _COVERED})
_USE: Final = _closed(
    {
        "id": _WORD,
        "positions": _list(_COUNT),
        "openness": {"enum": ["clear", "opened", "closed", "none"]},
        "why": _TEXT,
        "system": _TEXT,
        "objections": _list(
            _closed({"outcome": _COUNT, "recorded": _MOMENT, "is_own": _TRUTH, "is_open": _TRUTH})
        ),
    }
)
VIEW: Final = _closed(
    {
        "covered": _COVERED,
        "departments": _list(_closed({"code": _WORD, "epochs": _COUNT})),
        "without_tokens": _list(_WORD),
        "uses": _list(_USE),
        "listed": _list(_COUNT),
        "sealed": _closed(_SEALED),
        "own_questions": _COUNT,
        "other_records": _COUNT,
        "names": _closed({"organisations": _NAMES, "items": _NAMES}),
        "extra": _list(_EVIDENCE),
        "can_object": _TRUTH,
        "own_objections": _list(_WORD),
    }
)
REPRESENTATIONS: Final = _closed(
    {"representations": _list(_closed({"userCode": USER_CODE, "relation": _WORD, "label": _TEXT}))}
)
OBJECTION: Final = _closed(
    {
        "use": {"type": "string", "minLength": 1, "maxLength": 64},
        "ground": {"type": "integer", "minimum": int(min(Ground)), "maximum": int(max(Ground))},
    }
)
FILED: Final = _closed(
    {"dispute": _WORD, "responsible": _or_null("string"), "due": _or_null("string")}
)


def problem(status: int, codes: Sequence[str]) -> Form:
    """Return the form of a refusal with one of these codes."""
    fields: dict[str, Form] = {
        "type": {"const": "about:blank"},
        "status": {"const": status},
        "title": _WORD,
        "title_zh": _WORD,
        "code": {"enum": [*codes]},
        "parameter": _TEXT,
        "retry_after_s": _COUNT,
    }
    return _closed(fields, optional=("parameter", "retry_after_s"))
