"""Housing's calls to the register: real tokens, a real transport, a spool of its own."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from chainnode.client import AccessCall, AccessReason, Final, access_record
from chainnode.exchange import CallReason
from chainnode.gateway import CallIntent, CallTransport, new_call_id
from chainnode.gateway.calling.caller import Caller
from chainnode.gateway.calling.transports import EXTENSION
from chainnode.gateway.opening import open_caller
from chainnode.gateway.settings import read_settings
from chainnode.gateway.spool.entries import EntryId, Fate, SpoolEntry, SpoolStatus, Waiting
from contracts.schemas.call_words import NAME, Side
from contracts.schemas.catalog import bits_of
from contracts.schemas.members import Role
from devnet.departments import HOUSING, POLICE
from tests.acceptance.exchange_site import FIELDS, GRANTED, ITEM, STANDING_GRANT, Exchange

REQUEST_ID = "x-request-id"
_TIMEOUT_S = 60.0


@dataclass(slots=True, kw_only=True)
class Called:
    """What became of one call, as housing's program sees it; `status` 0: no answer."""

    call_id: bytes
    status: int
    body: Any = field(default=None, repr=False)
    is_proven: bool = False


def intent_for(grant: str, *, fields: tuple[str, ...] = GRANTED) -> CallIntent:
    """Return a call to the register under this grant."""
    return CallIntent(
        provider=POLICE.organisation,
        item=ITEM,
        item_version=1,
        fields=bits_of(fields, FIELDS),
        grant=grant,
        reason=CallReason(purpose="gongzufang", reason="公租房资格审核", case="GZF-2026-0001"),
    )


class HousingOffice:
    """A program of housing that calls the register from a thread."""

    def __init__(
        self,
        exchange: Exchange,
        name: str,
        *,
        subject: str = "json:id_card",
        drops_halves: bool = False,
    ) -> None:
        self._exchange = exchange
        settings = caller_settings(exchange, name, subject=subject)

        def opener() -> AbstractAsyncContextManager[Caller]:
            return _opened(settings, drops_halves=drops_halves)

        transport = CallTransport(opener, intent_for(STANDING_GRANT))
        self._http = httpx.Client(transport=transport, timeout=_TIMEOUT_S)
        self._number = 0

    def call(self, url: str, intent: CallIntent) -> Called:
        """Ask the register for the next person."""
        return self._called("POST", f"{url}/people", intent, json={"id_card": self._next()})

    def get(self, url: str, intent: CallIntent, *, subject_header: str) -> Called:
        """Get a document about the next person, who is named in a header."""
        return self._called("GET", url, intent, headers={subject_header: self._next()})

    def _next(self) -> str:
        numbers = self._exchange.numbers
        self._number += 1
        return numbers[self._number % len(numbers)]

    def _called(
        self,
        method: str,
        url: str,
        intent: CallIntent,
        *,
        headers: dict[str, str] | None = None,
        json: object = None,
    ) -> Called:
        call_id = new_call_id(time.time_ns() // 1_000_000)
        try:
            response = self._http.request(
                method,
                url,
                json=json,
                headers={REQUEST_ID: call_id.hex(), **(headers or {})},
                extensions={EXTENSION: replace(intent, call_id=call_id)},
            )
        except httpx.TransportError:
            return Called(call_id=call_id, status=0)
        outcome = response.extensions[EXTENSION]
        return Called(
            call_id=call_id,
            status=response.status_code,
            body=response.json(),
            is_proven=outcome is not None and outcome.is_proven,
        )

    def close(self) -> None:
        """Close the transport, its spool and its replay."""
        self._http.close()


def caller_settings(exchange: Exchange, name: str, *, subject: str = "json:id_card") -> Path:
    """Write settings of a calling program with a key and spool of its own."""
    key = exchange.new_key(name, department=HOUSING.name, role=Role.SERVICE)
    return exchange.gateway_settings(name, key, subject=subject, custodian_grant=STANDING_GRANT)


@asynccontextmanager
async def _opened(settings: Path, *, drops_halves: bool) -> AsyncIterator[Caller]:
    async with open_caller(read_settings(settings), provider=POLICE.organisation) as caller:
        yield replace(caller, queue=_Dropping()) if drops_halves else caller


class _Dropping:
    """A queue that loses what it is given, as a department does that keeps no records."""

    is_ended = False

    async def put(self, entry: SpoolEntry) -> EntryId:
        del entry
        return EntryId(1)

    async def begin(self, entry: SpoolEntry) -> None:
        del entry

    async def settled(self, entry_id: EntryId, *, timeout_s: float) -> Fate:
        del timeout_s
        return Waiting(entry_id=entry_id)

    def status(self) -> SpoolStatus:
        return SpoolStatus(
            waiting=0,
            waiting_bytes=0,
            oldest_made_ms=None,
            settled=0,
            dead=0,
            disk_bytes=0,
            alarm=None,
        )


def invent_half(exchange: Exchange) -> bytes:
    """Let police record a call of housing that never was, and return its id."""
    call = AccessCall(
        call_id=secrets.token_bytes(16),
        side=Side.PROVIDER,
        requester=HOUSING.organisation,
        provider=POLICE.organisation,
        item=ITEM,
        trace_id=secrets.token_bytes(16),
        fields=bits_of(GRANTED, FIELDS),
        grant=STANDING_GRANT,
        status=200,
        count=1,
        requested_ms=time.time_ns() // 1_000_000,
        answered_ms=time.time_ns() // 1_000_000,
    )
    with exchange.job.client(key="registry") as client:
        outcome = client.submit(NAME, [access_record(call, AccessReason())])
    assert isinstance(outcome, Final), outcome
    assert outcome.is_accepted, outcome
    return call.call_id
