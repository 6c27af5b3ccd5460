"""Which calls the demo makes: 200 over HTTP, 1,800 more from every department to every other."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.schemas.access import CALL_ID_BYTES, Side
from devnet.demo.custodian import Custodian
from devnet.demo.halves import HTTP_FORBIDDEN, DemoCall
from devnet.demo.people import Person
from devnet.departments import HOUSING, POLICE, Department

HTTP_CALLS = 200
BULK_CALLS = 1_800
# Every so many HTTP calls ask for somebody whom the registry does not know.
UNKNOWN_EVERY = 50
UNKNOWN_PERSON = "DEMO-9999"
_DENIED_EVERY = 19
_FAILED_EVERY = 23
_FAILED_STATUS = 502
_TWO_PEOPLE_EVERY = 10
# The call of which only the requester speaks.
_UNMATCHED = 1_234
_INTERVAL_MS = 2_000
_DURATION_MS = 35
_PURPOSES = ("service", "marriage", "property")


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkCall:
    """A planned call and the sides that record it."""

    call: DemoCall
    sides: tuple[Side, ...] = (Side.REQUESTER, Side.PROVIDER)


def asked_people(people: Sequence[Person]) -> tuple[str, ...]:
    """Return whom each of the HTTP calls asks for: everybody once, but for the unknown."""
    return tuple(
        UNKNOWN_PERSON if number % UNKNOWN_EVERY == UNKNOWN_EVERY - 1 else one.person_id
        for number, one in enumerate(people[:HTTP_CALLS])
    )


def plan_bulk(
    departments: Sequence[Department],
    people: Sequence[Person],
    custodian: Custodian,
    *,
    now_ms: int,
) -> tuple[BulkCall, ...]:
    """Plan the calls of the last hour; some denied, some failed, one recorded by one side only.

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
        tokens = tuple(
            custodian.token(provider=provider.organisation, person_id=one.person_id)
            for one in asked
        )
        requested_ms = now_ms - (BULK_CALLS - number) * _INTERVAL_MS
        status = _status(number)
        call = DemoCall(
            call_id=secrets.token_bytes(CALL_ID_BYTES),
            trace_id=secrets.token_bytes(CALL_ID_BYTES),
            requester=requester.organisation,
            provider=provider.organisation,
            item=provider.serves,
            subjects=tokens,
            status=status,
            count=len(tokens) if status < HTTP_FORBIDDEN else 0,
            requested_ms=requested_ms,
            answered_ms=requested_ms + _DURATION_MS,
            purpose=_PURPOSES[number % len(_PURPOSES)],
            case_number=f"DEMO-{number:06d}",
        )
        sides = (Side.REQUESTER,) if number == _UNMATCHED else (Side.REQUESTER, Side.PROVIDER)
        planned.append(BulkCall(call=call, sides=sides))
    return tuple(planned)


def _status(number: int) -> int:
    if number % _DENIED_EVERY == _DENIED_EVERY - 1:
        return HTTP_FORBIDDEN
    return _FAILED_STATUS if number % _FAILED_EVERY == _FAILED_EVERY - 1 else 200
