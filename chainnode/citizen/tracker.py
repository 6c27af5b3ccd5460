"""The Data Tracker's form of an answer (e-gov/AJ, `dumonitor-openapi-v2.yaml`, version 2.0.0).

Query parameters are hostile: each is known, comes once, and is read within its bounds; nothing of
them is repeated. Instants without an offset are +08:00.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from chainnode.citizen.names import Names
from chainnode.citizen.usages import Usage, UseKind
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.verdict import local_time

LIMIT_DEFAULT: Final = 1_000
LIMIT_MAX: Final = 1_000
OFFSET_MAX: Final = 1_000_000
_ZONE: Final = timezone(timedelta(hours=8))
_INTEGER: Final = re.compile(r"[0-9]{1,7}\Z")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?)?\Z"
)
# The end of time that a double holds exactly.
END_MS: Final = 2**53 - 1
NOT_STATED: Final = "未说明 not stated"
NO_REASON: Final = "事由未公开 reason not shown"
_PARAMETERS: Final = frozenset({"userCode", "periodStart", "periodEnd", "offset", "limit"})


class BadQuery(Exception):
    """A query that cannot be answered; `parameter` is one of ours, or empty. No value of it."""

    def __init__(self, parameter: str) -> None:
        self.parameter = parameter
        super().__init__(parameter)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """What `findUsage` was asked; the user code is resolved by who knows the session."""

    user_code: str
    from_ms: int
    to_ms: int
    offset: int
    limit: int


def read_query(pairs: Sequence[tuple[str, str]]) -> UsageQuery:
    """Read the query of `findUsage`.

    Raises:
        BadQuery: unknown, missing, doubled or illegal parameters.

    """
    given = single_values(pairs, allowed=_PARAMETERS)
    if "userCode" not in given:
        raise BadQuery("userCode")
    query = UsageQuery(
        user_code=given["userCode"],
        from_ms=_instant_ms(given, "periodStart", 0),
        to_ms=_instant_ms(given, "periodEnd", END_MS),
        offset=_integer(given, "offset", default=0, most=OFFSET_MAX),
        limit=_integer(given, "limit", default=LIMIT_DEFAULT, most=LIMIT_MAX),
    )
    if query.to_ms < query.from_ms:
        raise BadQuery("periodEnd")
    return query


def single_values(pairs: Sequence[tuple[str, str]], *, allowed: frozenset[str]) -> dict[str, str]:
    """Return parameters of which each is allowed and comes once.

    Raises:
        BadQuery: another, or one twice.

    """
    given = dict(pairs)
    if len(given) != len(pairs) or not given.keys() <= allowed:
        raise BadQuery("")
    return given


def _instant_ms(given: dict[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    # A plus sign in a query is a blank unless it was escaped, as many clients forget.
    if not _INSTANT.match(text := text.replace(" ", "+")):
        raise BadQuery(name)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=_ZONE)
        return max(0, int(moment.timestamp() * 1_000))
    except (ValueError, OverflowError, OSError):
        raise BadQuery(name) from None


def _integer(given: dict[str, str], name: str, *, default: int, most: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not _INTEGER.match(text) or int(text) > most:
        raise BadQuery(name)
    return int(text)


def usage_document(
    usage: Usage, *, identifier: str, system: str, why: str, names: Names
) -> JsonObject:
    """Return one use as the Data Tracker says it, with the id under which its proof is had."""
    return {
        "id": identifier,
        "logtime": local_time(usage.used_ms),
        "action": action_of(usage, why, names),
        "receiverCode": usage.requester or NOT_STATED,
        "receiverName": names.organisation(usage.requester),
        "receiverSystem": system or NOT_STATED,
    }


def action_of(usage: Usage, why: str, names: Names) -> str:
    """Say in words what was done and why, Chinese first; an unreadable reason is said to be so."""
    why = why or ("" if usage.kind is UseKind.WITHHELD else NO_REASON)
    what = {
        UseKind.CALL: f"查询 {names.item(usage.item)}",
        UseKind.UNSEALED: f"查询（曾封存）{names.item(usage.item)}",
        UseKind.QUESTION: "审计查询 audit question",
        UseKind.WITHHELD: "内容未保留 record not kept",
    }[usage.kind]
    return f"{what}：{why}" if why else what


def found_document(total: int, usages: Sequence[JsonObject]) -> JsonObject:
    """Return the answer of `findUsage`; the total does not depend on offset and limit."""
    return {"totalUsages": total, "usages": list(usages)}
