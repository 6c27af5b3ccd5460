"""The published form of Estonia's Data Tracker, version 2.0.0, as JSON schemas.

Written from `doc/spetsifikatsioonid/dumonitor-openapi-v2.yaml` of github.com/e-gov/AJ (MIT):
required members, types and the meaning of `date-time` (RFC 3339). Members beyond are legal there.
"""

from typing import Final

import jsonschema_rs

_INSTANT: Final = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})$",
}
_USAGE: Final = {
    "type": "object",
    "required": ["logtime", "action", "receiverCode", "receiverSystem"],
    "properties": {
        "logtime": _INSTANT,
        "action": {"type": "string", "minLength": 1},
        "receiverCode": {"type": "string", "minLength": 1},
        "receiverName": {"type": "string"},
        "receiverSystem": {"type": "string", "minLength": 1},
    },
}
SCHEMAS: Final[dict[str, dict[str, object]]] = {
    "/v2/findUsage": {
        "type": "object",
        # The source leaves both open; an answer of ours always has them.
        "required": ["totalUsages", "usages"],
        "properties": {
            "totalUsages": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
            "usages": {"type": "array", "items": _USAGE},
        },
    },
    "/v2/usagePeriod": {
        "type": "object",
        "required": ["periodStart"],
        "properties": {"periodStart": _INSTANT, "periodEnd": _INSTANT},
    },
    "/v2/heartbeat": {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"enum": ["OK", "FAIL"]}, "message": {"type": "string"}},
    },
}


def faults(path: str, document: object) -> list[str]:
    """Return what of an answer the published form does not allow."""
    validator = jsonschema_rs.validator_for(SCHEMAS[path])
    return [one.message for one in validator.iter_errors(document)]
