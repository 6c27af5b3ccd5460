"""A service, its gateway as it runs, and calls to it, for the benchmarks of the gateway.

Rows come from the cache that a running gateway has, tokens from its cache of tokens; behind
both stand a ledger and a custodian in memory, which are not asked while calls are measured. No
two calls are alike: each has a case of its own, and its subject is one of some hundred people.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

import msgspec
from fastapi import FastAPI, Request

from chainnode.client.exchange import Answer, Exchange, Plan
from chainnode.client.reading import StateRow
from chainnode.custodian.asks import AskAnswer, AskBody, PlaceTokens, answer_bytes
from chainnode.exchange import CallReason
from chainnode.gateway.connections import Application, Message
from chainnode.gateway.messages import HttpRequest
from chainnode.gateway.pseudonyms import CustodianAccess, Pseudonyms
from chainnode.gateway.rows import CachedRows
from chainnode.gateway.token_cache import TokenCache
from chainnode.ledger.types import Certificate
from chainnode.verify.header import CertifiedHeader
from contracts.schemas.catalog import ITEMS
from contracts.schemas.grants import GRANTS
from contracts.schemas.state import Part, Table
from tests.builders_evidence import SyntheticChain
from tests.builders_gateway import CHAIN_ID, HEIGHT, INTENT, PROVIDER, Rows, World, with_grant
from tests.builders_identity import citizen_number

PEOPLE: Final = tuple(citizen_number(serial=one) for one in range(300))
_ID_TYPE: Final = "111"
RowT = TypeVar("RowT")
Result = TypeVar("Result")


class LedgerInMemory:
    """Reads rows as a client does whose nodes answer at once."""

    def __init__(self, rows: Rows, suite: str) -> None:
        chain = SyntheticChain(suite)
        digest = bytes(32)
        self._rows = rows
        self._header = CertifiedHeader(
            header=chain.header(height=HEIGHT),
            digest=digest,
            certificate=Certificate(epoch=0, height=HEIGHT, header_digest=digest, signatures=()),
            quorum=3,
            trust=chain.trust,
        )

    async def state(self, table: Table[RowT], *parts: Part, max_age_ms: int) -> StateRow[RowT]:
        """Return a row of the tables that a call needs."""
        if max_age_ms < 1:
            raise ValueError("expected a block of some age")
        name = parts[0]
        tables: dict[str, object] = {ITEMS.collection: self._rows.items}
        tables[GRANTS.collection] = self._rows.grants
        found = tables.get(table.collection, self._rows.keys)
        row = found.get(name) if isinstance(found, dict) else None
        return StateRow(row=row, header=self._header, evidence={}, reports=())


class CustodianInMemory:
    """Answers every ask with tokens, as the transport of a gateway."""

    async def run(self, plan: Plan[Result]) -> Result:
        """Carry out an ask."""
        exchange = next(plan)
        if not isinstance(exchange, Exchange):
            raise TypeError("expected an exchange")
        ask = msgspec.json.decode(exchange.body or b"", type=AskBody)
        tokens = tuple(hashlib.sha256(one.encode()).hexdigest() for one in ask.identifiers)
        place = PlaceTokens(department=ask.places[0].department, epoch=1, tokens=tokens)
        try:
            plan.send(Answer(status=200, body=answer_bytes(AskAnswer(places=(place,)))))
        except StopIteration as end:
            result: Result = end.value
            return result
        raise TypeError("expected one exchange")

    async def close(self) -> None:
        """Have nothing to close."""


async def running_world(suite: str) -> World:
    """Return a world whose gateways remember rows and tokens as one that has run for a while."""
    world = World(suite)
    with_grant(world, quota=0)
    rows = CachedRows(LedgerInMemory(world.rows, suite), now_ms=world.clock)
    key = world.provider_key
    access = CustodianAccess(
        url="http://127.0.0.1:7800",
        chain_id=CHAIN_ID,
        custodian=PROVIDER,
        organisation=PROVIDER,
        department=PROVIDER,
        suite=world.suite,
        key=key,
    )
    cache = TokenCache(None, key=key, suite=world.suite, scope=(CHAIN_ID, PROVIDER))
    tokens = Pseudonyms(access, transport=CustodianInMemory(), cache=cache, now_ms=world.clock)
    await tokens.tokens(_ID_TYPE, PEOPLE)
    # Whoever makes a gateway of this world takes these.
    vars(world).update(rows=rows, tokens=tokens)
    return world


def request_of(world: World, number: int) -> HttpRequest:
    """Return the signed request of a call."""
    reason = CallReason(
        purpose="gongzufang",
        reason=f"公租房资格审核第{number % 89}批",
        case=f"GZF-2026-{number:06d}",
    )
    _, request = world.signed(
        replace(INTENT, reason=reason), body={"id_card": PEOPLE[number % len(PEOPLE)]}
    )
    return request


def service() -> FastAPI:
    """Return a service that reads JSON and answers with JSON."""
    app = FastAPI()

    @app.post("/v1/people")
    async def person(request: Request) -> dict[str, str]:
        await request.json()
        return {"name": "样例居民", "sex": "1", "address": "虚构市样例路1号"}

    return app


def calling(app: Application) -> Callable[[HttpRequest], Awaitable[None]]:
    """Return what carries a request to an application and takes its whole answer."""

    async def call(request: HttpRequest) -> None:
        path, _, query = request.target.partition("?")
        scope: Message = {
            "type": "http",
            "method": request.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in request.headers],
        }
        parts: Iterator[Message] = iter(
            [{"type": "http.request", "body": request.body, "more_body": False}]
        )
        statuses: list[int] = []

        async def receive() -> Message:
            part = next(parts, None)
            return part if part is not None else await asyncio.Future()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await asyncio.sleep(0)

        await app(scope, receive, send)
        if statuses != [200]:
            raise RuntimeError(f"expected an answer with status 200, got {statuses}")

    return call
