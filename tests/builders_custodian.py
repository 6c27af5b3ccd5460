"""A custodian's desk over a ledger in memory, and a transport that reaches its door directly."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from chainnode.client.exchange import Answer, Exchange, Plan, Reply, Unreachable
from chainnode.custodian.asks import (
    TOKENS_PATH,
    AskBody,
    AskTarget,
    Place,
    body_of,
    signed_header,
)
from chainnode.custodian.counters import Counters
from chainnode.custodian.desk import (
    Desk,
    DeskIdentity,
    DeskLimits,
    EpochInForce,
    LedgerUnavailable,
    SignedAsk,
)
from chainnode.custodian.server import CustodianApp
from chainnode.custodian.tokens import RootSecret
from chainnode.submission import key_id
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey, Suite
from contracts.schemas.members import KeyRow, Role
from tests.builders_identity import citizen_number

Result = TypeVar("Result")

POLICE = "11999900MBK000015N"
HOUSING = "11999900MBK000031C"
DATA = "11999900MBK00004X4"
ROOT = bytes(range(32))
CHAIN_ID = bytes(32)
PERSON = citizen_number()
NOW_MS = 1_790_000_000_000
GRANT = "G-2026-17"


@dataclass(slots=True)
class LedgerInMemory:
    """The port `LedgerView`; tests change it as they like."""

    keys: dict[bytes, KeyRow] = field(default_factory=dict)
    epochs: dict[str, EpochInForce] = field(default_factory=dict)
    grants: set[tuple[str, str, str]] = field(default_factory=set)
    free_items: set[tuple[str, str]] = field(default_factory=set)
    is_reachable: bool = True
    # Names about which no node is asked any more.
    unanswered: set[str] = field(default_factory=set)
    asked_for: list[str] = field(default_factory=list)

    def key(self, key_id: bytes, *, claimed: str) -> KeyRow | None:
        assert claimed
        self._require_reachable()
        return self.keys.get(key_id)

    def epoch(self, department: str, *, asker: str) -> EpochInForce | None:
        self._require_reachable()
        self.asked_for.append(asker)
        if department in self.unanswered:
            raise LedgerUnavailable
        return self.epochs.get(department)

    def permits(self, *, requester: str, provider: str, grant: str, now_ms: int) -> bool:
        self._require_reachable()
        assert now_ms > 0
        if grant in self.unanswered:
            raise LedgerUnavailable
        return (requester, provider, grant) in self.grants

    def is_free(self, *, provider: str, item: str, asker: str) -> bool:
        self._require_reachable()
        self.asked_for.append(asker)
        return (provider, item) in self.free_items

    def _require_reachable(self) -> None:
        if not self.is_reachable:
            raise LedgerUnavailable


class Times:
    """Both clocks of a desk, moved by hand."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms

    def monotonic_s(self) -> float:
        return self.ms / 1000

    def pass_s(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


class World:
    """One custodian (the data bureau), two departments with services, one auditor."""

    def __init__(
        self, folder: Path, *, suite: str = "sm", limits: DeskLimits | None = None
    ) -> None:
        self.folder = folder
        self.suite: Suite = suite_named(suite)
        self.limits = limits or DeskLimits()
        self.times = Times()
        self.ledger = LedgerInMemory(grants={(HOUSING, POLICE, GRANT)})
        self.root = RootSecret(ROOT, suite=self.suite, chain_id=CHAIN_ID)
        self.police = self.new_key(POLICE, Role.SERVICE)
        self.housing = self.new_key(HOUSING, Role.SERVICE)
        self.auditor = self.new_key(DATA, Role.AUDITOR)
        for department in (POLICE, HOUSING):
            self.open_epoch(department, 1)
        self.counters = Counters(folder)
        self.desk = self.new_desk()

    def new_desk(self) -> Desk:
        """Start the service, as after a restart."""
        return Desk(
            DeskIdentity(organisation=DATA, chain_id=CHAIN_ID, suite=self.suite, root=self.root),
            ledger=self.ledger,
            counters=self.counters,
            limits=self.limits,
            now_ms=self.times.now_ms,
            monotonic_s=self.times.monotonic_s,
        )

    def new_key(self, organisation: str, *roles: Role) -> PrivateKey:
        """Register a key."""
        key = self.suite.generate_private_key()
        self.ledger.keys[key_id(self.suite, key.public_key)] = KeyRow(
            public_key=key.public_key,
            organisation=organisation,
            roles=tuple(int(one) for one in roles),
            valid_from_ms=0,
            valid_to_ms=0,
        )
        return key

    def open_epoch(self, department: str, epoch: int) -> None:
        """Open a key epoch on the ledger."""
        check = self.root.epoch_key(department, epoch).check(self.suite)
        self.ledger.epochs[department] = EpochInForce(
            custodian=DATA, epoch=epoch, since_ms=NOW_MS, key_check=check
        )

    def signed(
        self,
        ask: AskBody,
        *,
        key: PrivateKey | None = None,
        organisation: str = POLICE,
        custodian: str = DATA,
        at_ms: int | None = None,
    ) -> SignedAsk:
        """Sign an ask as this organisation."""
        body = body_of(ask)
        target = AskTarget(
            chain_id=CHAIN_ID, custodian=custodian, method="POST", path=TOKENS_PATH, body=body
        )
        header = signed_header(
            target,
            organisation=organisation,
            key=key or self.police,
            suite=self.suite,
            now_ms=self.times.ms if at_ms is None else at_ms,
        )
        return SignedAsk(method="POST", path=TOKENS_PATH, header=header, body=body)


def ask_for(
    *identifiers: str,
    department: str = POLICE,
    epoch: int = 0,
    grant: str = "",
    purpose: str = "",
    id_type: str = "111",
) -> AskBody:
    """Build an ask for one place."""
    return AskBody(
        places=(Place(department=department, epoch=epoch),),
        id_type=id_type,
        identifiers=identifiers or (PERSON,),
        grant=grant,
        purpose=purpose,
    )


class DirectTransport:
    """Carries plans to an ASGI application in this process, and remembers what travelled."""

    def __init__(self, app: CustodianApp) -> None:
        self.app = app
        self.sent: list[Exchange] = []
        self.is_reachable = True
        self.lie: Answer | None = None

    async def run(self, plan: Plan[Result]) -> Result:
        try:
            step = next(plan)
            while True:
                assert isinstance(step, Exchange)
                step = plan.send(await self._reply(step))
        except StopIteration as end:
            result: Result = end.value
            return result

    async def close(self) -> None:
        self.is_reachable = False

    async def _reply(self, exchange: Exchange) -> Reply:
        self.sent.append(exchange)
        if not self.is_reachable:
            return Unreachable(reason="test")
        answer = await called(self.app, exchange)
        return answer if self.lie is None else self.lie


async def called(app: CustodianApp, exchange: Exchange) -> Answer:
    """Call an ASGI application with one request."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": exchange.method,
        "path": exchange.path,
        "query_string": b"",
        "headers": [(k.lower().encode(), v.encode()) for k, v in exchange.headers],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": exchange.body or b"", "more_body": False}

    async def send(message: Any) -> None:  # noqa: ANN401 - an ASGI message
        await asyncio.sleep(0)
        sent.append(message)

    await app(scope, receive, send)
    return Answer(status=sent[0]["status"], body=b"".join(one["body"] for one in sent[1:]))


def app_of(world: World, threads: ThreadPoolExecutor) -> CustodianApp:
    """Return the door of a world's desk."""
    return CustodianApp(world.desk, counters=world.counters, threads=threads)
