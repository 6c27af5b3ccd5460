"""Which calls the demo makes: 200 over HTTP, 1,800 more from every department to every other."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from chainnode.gateway import new_call_id
from contracts.schemas.access import CALL_ID_BYTES
from devnet.demo.catalogue import ENDED_GRANT, grant_name, granted_fields
from devnet.demo.halves import DURATION_MS, HTTP_FORBIDDEN, PURPOSES, DemoCall
from devnet.demo.people import Person, unknown_person
from devnet.demo.pseudonyms import DemoTokens
from devnet.departments import HOUSING, POLICE, Department

HTTP_CALLS = 200
BULK_CALLS = 1_800
# Every so many HTTP calls ask for somebody whom the registry does not know.
UNKNOWN_EVERY = 50
_DENIED_EVERY = 19
_FAILED_EVERY = 23
_FAILED_STATUS = 502
_TWO_PEOPLE_EVERY = 10
# All of them well within the time that the ledger gives for a half.
_INTERVAL_MS = 3


class Part(Enum):
    """What becomes of one of the calls over HTTP; the value is its name in `demo.json`."""

    MATCHED = "matched"
    UNGRANTED = "refused_without_grant"
    REVOKED = "refused_with_revoked_grant"
    UNMATCHED = "unmatched"
    LYING = "mismatch"


# The numbers of the calls over HTTP that do not end in a matched pair of answers.
_PARTS = {
    61: Part.UNGRANTED,
    87: Part.REVOKED,
    113: Part.UNMATCHED,
    141: Part.LYING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """A call that housing makes to the registry, before it is made."""

    person_id: str = field(repr=False)
    grant: str
    case_number: str
    part: Part


def plan_http(people: Sequence[Person]) -> tuple[HttpCall, ...]:
    """Plan the calls of the housing office: everybody once, but for the unknown."""
    return tuple(
        HttpCall(
            person_id=_asked(number, one),
            grant=_grant(_PARTS.get(number, Part.MATCHED)),
            case_number=f"HOUSING-{number:06d}",
            part=_PARTS.get(number, Part.MATCHED),
        )
        for number, one in enumerate(people[:HTTP_CALLS])
    )


def _asked(number: int, person: Person) -> str:
    is_unknown = number % UNKNOWN_EVERY == UNKNOWN_EVERY - 1
    return unknown_person() if is_unknown else person.person_id


def _grant(part: Part) -> str:
    if part is Part.UNGRANTED:
        return ""
    return ENDED_GRANT if part is Part.REVOKED else grant_name(HOUSING, POLICE)


def plan_bulk(
    departments: Sequence[Department],
    people: Sequence[Person],
    tokens: DemoTokens,
    *,
    now_ms: int,
) -> tuple[DemoCall, ...]:
    """Plan the calls of the last seconds; some denied, some failed, all recorded by both sides.

    The pair whose calls go over real HTTP is left out: what stands on the chain between these
    two really happened.
    """
    pairs = [
        (requester, provider)
        for requester in departments
        for provider in departments
        if requester is not provider and (requester, provider) != (HOUSING, POLICE)
    ]
    planned = []
    for number in range(BULK_CALLS):
        requester, provider = pairs[number % len(pairs)]
        asked = [people[number % len(people)]]
        if number % _TWO_PEOPLE_EVERY == 0:
            asked.append(people[(number + 1) % len(people)])
        subjects = tuple(
            tokens.token(provider=provider.organisation, person_id=one.person_id) for one in asked
        )
        status = _status(number)
        requested_ms = now_ms - (BULK_CALLS - number) * _INTERVAL_MS - DURATION_MS
        planned.append(
            DemoCall(
                call_id=new_call_id(requested_ms),
                trace_id=secrets.token_bytes(CALL_ID_BYTES),
                requester=requester.organisation,
                provider=provider.organisation,
                item=provider.serves,
                fields=granted_fields(provider),
                grant=grant_name(requester, provider),
                subjects=subjects,
                status=status,
                count=len(subjects) if status < HTTP_FORBIDDEN else 0,
                requested_ms=requested_ms,
                purpose=PURPOSES[number % len(PURPOSES)],
                case_number=f"DEMO-{number:06d}",
            )
        )
    return tuple(planned)


def _status(number: int) -> int:
    if number % _DENIED_EVERY == _DENIED_EVERY - 1:
        return HTTP_FORBIDDEN
    return _FAILED_STATUS if number % _FAILED_EVERY == _FAILED_EVERY - 1 else 200
