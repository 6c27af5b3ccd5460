"""The housing department's side of the demo: calls the registry through the gateway's transport.

Two of its halves are not what a gateway keeps: one is dropped, as a department does that keeps no
records, and one lies about the answer. The ledger shows both.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from chainnode.client.transport import trusting
from chainnode.exchange import CallReason
from chainnode.gateway import (
    AsyncCallTransport,
    Caller,
    CallIntent,
    CallNotMade,
    CallQueue,
    open_caller,
    read_settings,
)
from chainnode.gateway.calling.transports import EXTENSION
from devnet.demo.catalogue import granted_fields
from devnet.demo.plan import HttpCall, Part
from devnet.demo.telling import TellingQueue, bent, nothing
from devnet.departments import HOUSING, POLICE
from devnet.errors import NotReady

# Enough to keep two cores busy; more would wait for each other.
_CALLS_AT_ONCE = 16
_TIMEOUT_S = 20.0
_RECORDED_S = 30.0
_POLL_S = 0.02


class CallsFailed(NotReady):
    """Calls of the demo did not end as they should; their content is never named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call that was made: its id and the status of its answer, which the registry signed."""

    call: HttpCall = field(repr=False)
    call_id: bytes
    status: int


def call_registry(config: Path, url: str, calls: Sequence[HttpCall]) -> tuple[Made, ...]:
    """Make the calls over HTTP, and return when the ledger has every half that is told.

    Raises:
        CallsFailed: an answer is missing, or a half was refused.
        NodeError: the gateway cannot be opened.

    """
    return asyncio.run(_call(config, url, calls))


async def _call(config: Path, url: str, calls: Sequence[HttpCall]) -> tuple[Made, ...]:
    async with (
        open_caller(read_settings(config), provider=POLICE.organisation) as caller,
        AsyncExitStack() as stack,
    ):
        await _fetch_tokens(caller, calls)
        # Addresses of this machine alone: a context that trusts nobody is made in no time.
        inner = httpx.AsyncHTTPTransport(verify=trusting((url,), None), trust_env=False)
        clients = {
            part: await stack.enter_async_context(_client(one, inner))
            for part, one in _callers(caller).items()
        }
        pending = iter(calls)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_make(clients, url, pending)) for _ in range(_CALLS_AT_ONCE)
                ]
        except* CallsFailed as failed:
            raise failed.exceptions[0] from None
        await _require_recorded(caller.queue)
    return tuple(made for task in tasks for made in task.result())


def _callers(honest: Caller) -> Mapping[Part, Caller]:
    """Return who makes the calls of each part; all of them over one spool."""
    silent = replace(honest, queue=TellingQueue(spool=honest.queue, tell=nothing))
    lying = replace(honest, queue=TellingQueue(spool=honest.queue, tell=bent))
    own = {Part.UNMATCHED: silent, Part.LYING: lying}
    return {part: own.get(part, honest) for part in Part}


def _client(caller: Caller, inner: httpx.AsyncHTTPTransport) -> httpx.AsyncClient:
    transport = AsyncCallTransport(caller, _intent(), inner=inner)
    return httpx.AsyncClient(transport=transport, timeout=_TIMEOUT_S)


async def _fetch_tokens(caller: Caller, calls: Sequence[HttpCall]) -> None:
    """Ask for the tokens of a day's list at once, so that no call waits for its own."""
    if caller.tokeniser is None:
        raise CallNotMade("the housing office: expected a custodian in its settings")
    people = list(dict.fromkeys(one.person_id for one in calls))
    await caller.tokeniser.tokens(caller.id_type, people)


async def _make(
    clients: Mapping[Part, httpx.AsyncClient], url: str, pending: Iterator[HttpCall]
) -> list[Made]:
    """Make one call after the other until none is left."""
    return [await _made(clients[call.part], url, call) for call in pending]


async def _made(http: httpx.AsyncClient, url: str, call: HttpCall) -> Made:
    intent = replace(_intent(), grant=call.grant, reason=_reason(call))
    try:
        response = await http.post(
            url, json={"person_id": call.person_id}, extensions={EXTENSION: intent}
        )
    except httpx.TransportError as error:
        reason = f"{call.case_number}: {type(error).__name__}"
        raise CallsFailed("the housing office", reason=reason) from error
    outcome = response.extensions[EXTENSION]
    if outcome is None or not outcome.is_proven:
        reason = f"{call.case_number}: HTTP {response.status_code} without a reply token"
        raise CallsFailed("the housing office", reason=reason)
    return Made(call=call, call_id=outcome.call_id, status=response.status_code)


def _intent() -> CallIntent:
    return CallIntent(
        provider=POLICE.organisation,
        item=POLICE.serves,
        item_version=1,
        fields=granted_fields(POLICE),
    )


def _reason(call: HttpCall) -> CallReason:
    return CallReason(
        purpose="housing",
        reason="公租房资格审核 public housing eligibility",
        case=call.case_number,
        operator=f"{HOUSING.name}-operator",
    )


async def _require_recorded(spool: CallQueue) -> None:
    """Wait until the ledger has what was kept."""
    try:
        async with asyncio.timeout(_RECORDED_S):
            while spool.status().waiting:  # noqa: ASYNC110 - nobody tells of the last one
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise CallsFailed("the housing office", reason="its halves are not final") from None
    if spool.status().dead:
        raise CallsFailed("the housing office", reason="the ledger refused a half of it")
