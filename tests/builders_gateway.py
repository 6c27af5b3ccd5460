"""A gateway in memory: real core and signatures, and the ports of its world as a test sets them."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec

from chainnode.codec import Limits as CodecLimits
from chainnode.codec import Plain, as_array, decode
from chainnode.exchange import CallReason, whole_body
from chainnode.gateway.authentication import Authenticator
from chainnode.gateway.calling.requesting import CallEnd, CallIntent, Requester, SignedCall
from chainnode.gateway.core import Gateway
from chainnode.gateway.counters import GatewayCounters
from chainnode.gateway.deciding import Decider
from chainnode.gateway.guard import refuse_personal_text
from chainnode.gateway.half_entries import HalfEntries
from chainnode.gateway.messages import HttpAnswer, HttpRequest
from chainnode.gateway.own_key import OwnKey
from chainnode.gateway.ports import Proven, RowsUnavailable
from chainnode.gateway.pseudonyms import NotTokenised
from chainnode.gateway.quotas import QuotaCounter
from chainnode.gateway.recording import OpenCall, Recorder
from chainnode.gateway.seen_calls import CallMemory
from chainnode.gateway.selectors import Selector
from chainnode.gateway.service import Service
from chainnode.gateway.spool.entries import (
    CallQueue,
    EntryId,
    Fate,
    Settled,
    SpoolEntry,
    SpoolStatus,
    Waiting,
)
from chainnode.gateway.spool.errors import SpoolFull
from chainnode.submission import key_id
from chainnode.suites import suite_named
from contracts.schemas.catalog import ItemRow
from contracts.schemas.grants import GrantRow
from contracts.schemas.members import KeyRow
from tests.builders import NOW_MS, ORGANISATIONS, secret_key

REQUESTER, PROVIDER, STRANGER = ORGANISATIONS[0], ORGANISATIONS[1], ORGANISATIONS[2]
ITEM = "人口库/基本信息"
GRANT = "G-2026-001"
FIELDS = ("name", "sex", "address")
NAME, SEX, ADDRESS = 1, 2, 4
PERSON_ID = "110101199003078515"
CHAIN_ID = b"c" * 32
HEIGHT = 41
ITEM_ROW = ItemRow(
    owner=PROVIDER,
    version=2,
    title="人口基本信息",
    grade=1,
    share=2,
    fields=FIELDS,
    supervisor="",
    is_withdrawn=0,
)
GRANT_ROW = GrantRow(
    requester=REQUESTER,
    provider=PROVIDER,
    supervisor="",
    item=ITEM,
    item_version=2,
    fields=NAME | SEX,
    kind=1,
    purpose="公租房资格审核",
    valid_from=20200101,
    valid_to=20991231,
    quota=3,
    state=3,
    since_ms=NOW_MS,
    suspended_by="",
)
INTENT = CallIntent(
    provider=PROVIDER,
    item=ITEM,
    item_version=2,
    fields=NAME | SEX,
    grant=GRANT,
    reason=CallReason(purpose="gongzufang", reason="公租房资格审核", case="GZF-2026-0001"),
)
JSON_HEADERS = ((b"content-type", b"application/json"),)
_HALF_LIMITS = CodecLimits(bytes_max=4096, depth_max=3, elements_max=64)
HALF_FIELDS = (
    *("salt", "call_id", "side", "requester", "provider", "item", "item_version", "fields"),
    *("subjects", "people", "decision", "status", "count", "requested_ms", "answered_ms"),
    *("trace_id", "parent_call_id", "grant", "checked_height", "other"),
    *("request_commitment", "response_commitment"),
)


@dataclass
class Rows:
    """Rows of the ledger as a test sets them."""

    keys: dict[bytes, KeyRow]
    items: dict[str, ItemRow] = field(default_factory=lambda: {ITEM: ITEM_ROW})
    grants: dict[str, GrantRow] = field(default_factory=lambda: {GRANT: GRANT_ROW})
    calls_used: int = 0
    is_reachable: bool = True
    knows_keys: bool = True

    async def key(self, key_id: bytes) -> Proven[KeyRow]:
        if not self.knows_keys:
            raise RowsUnavailable("as the test says")
        return Proven(row=self.keys.get(key_id), height=HEIGHT + 2)

    async def item(self, item: str) -> Proven[ItemRow]:
        self._require_reachable()
        return Proven(row=self.items.get(item), height=HEIGHT + 1)

    async def grant(self, grant: str) -> Proven[GrantRow]:
        self._require_reachable()
        return Proven(row=self.grants.get(grant), height=HEIGHT)

    async def used(self, grant: str, day: int) -> Proven[int]:
        self._require_reachable()
        assert grant in self.grants
        assert day > 20200101
        return Proven(row=self.calls_used, height=HEIGHT + 1)

    def _require_reachable(self) -> None:
        if not self.is_reachable:
            raise RowsUnavailable("as the test says")


@dataclass
class Queue:
    """A spool in memory; `settles` says whether the ledger answers."""

    entries: list[SpoolEntry] = field(default_factory=list)
    begun: list[SpoolEntry] = field(default_factory=list)
    settles: bool = True
    is_full: bool = False
    is_ended: bool = False
    # Full once an answer has begun to leave.
    fills_up: bool = False
    fates: list[Fate] = field(default_factory=list)
    has_entry: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, entry: SpoolEntry) -> EntryId:
        if self.is_full:
            raise SpoolFull(what="entries", expected="room", actual="none")
        self.entries.append(entry)
        self.has_entry.set()
        return EntryId(len(self.entries))

    async def begin(self, entry: SpoolEntry) -> None:
        if self.is_full:
            raise SpoolFull(what="entries", expected="room", actual="none")
        self.begun.append(entry)
        self.is_full = self.fills_up

    async def settled(self, entry_id: EntryId, *, timeout_s: float) -> Fate:
        assert timeout_s > 0
        if self.fates:
            return self.fates.pop(0)
        if not self.settles:
            return Waiting(entry_id=entry_id)
        return Settled(
            entry_id=entry_id, submission_digest=b"D" * 32, height=50 + entry_id, position=entry_id
        )

    def status(self) -> SpoolStatus:
        return SpoolStatus(
            waiting=0,
            waiting_bytes=0,
            oldest_made_ms=None,
            settled=len(self.entries),
            dead=0,
            disk_bytes=0,
            alarm=None,
        )


@dataclass
class Tokens:
    """A custodian in memory: a token is the reverse of an identifier, or none is made."""

    fails_with: str = ""

    async def tokens(self, id_type: str, identifiers: Sequence[str]) -> tuple[bytes, ...]:
        assert id_type == "111"
        if self.fails_with:
            raise NotTokenised(self.fails_with)
        return tuple(one[::-1].encode().ljust(32, b".")[:32] for one in identifiers)


def token_of(identifier: str) -> bytes:
    """Return the token that `Tokens` makes."""
    return identifier[::-1].encode().ljust(32, b".")[:32]


@dataclass
class Clock:
    """A clock that stands until it is set."""

    now_ms: int = NOW_MS
    is_set_back: bool = False

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        if not self.is_set_back:
            self.now_ms += round(seconds * 1000)


class World:
    """A requester, a provider's gateway, and the ledger's rows between them."""

    def __init__(self, suite_name: str = "intl", **service: object) -> None:
        self.suite = suite_named(suite_name)
        self.requester_key = secret_key(suite_name, 1)
        self.provider_key = secret_key(suite_name, 2)
        self.clock = Clock()
        keys = {
            key_id(self.suite, key.public_key): KeyRow(
                public_key=key.public_key,
                organisation=organisation,
                roles=(3,),
                valid_from_ms=0,
                valid_to_ms=0,
            )
            for key, organisation in (
                (self.requester_key, REQUESTER),
                (self.provider_key, PROVIDER),
            )
        }
        self.rows = Rows(keys=keys)
        self.queue = Queue()
        self.tokens = Tokens()
        self.service = replace(
            Service(
                organisation=PROVIDER,
                item=ITEM,
                subjects=(Selector.parse("json:id_card"),),
                purpose=Selector.parse("header:Kun-Purpose"),
                system="population",
            ),
            **service,  # type: ignore[arg-type]  # fields of a service
        )
        self.requester = Requester(
            suite=self.suite,
            key=self.requester_key,
            chain_id=CHAIN_ID,
            organisation=REQUESTER,
            system="housing",
        )
        self.own_key = OwnKey(self.provider_key, now_ms=self.clock)
        self.gateway = self.new_gateway()

    def new_gateway(
        self,
        *,
        memory: CallMemory | None = None,
        half_entries: HalfEntries | None = None,
        queue: CallQueue | None = None,
        quotas: QuotaCounter | None = None,
    ) -> Gateway:
        """Return a gateway as after a start: with its spool, without memory of calls."""
        return Gateway(
            authenticator=Authenticator(
                suite=self.suite,
                chain_id=CHAIN_ID,
                provider=PROVIDER,
                rows=self.rows,
                now_ms=self.clock,
                started_ms=self.clock.now_ms,
                window_ms=self.service.window_ms,
                sleep=self.clock.sleep,
            ),
            decider=Decider(
                service=self.service,
                rows=self.rows,
                quotas=quotas or QuotaCounter(),
                guard=refuse_personal_text,
                tokeniser=self.tokens,
            ),
            recorder=Recorder(
                suite=self.suite,
                key=self.own_key,
                chain_id=CHAIN_ID,
                service=self.service,
                queue=queue or self.queue,
                half_entries=half_entries or HalfEntries(chain_id=CHAIN_ID),
                now_ms=self.clock,
            ),
            memory=memory or CallMemory(),
            counters=GatewayCounters(),
        )

    def signed(
        self,
        intent: CallIntent = INTENT,
        *,
        body: object = None,
        method: str = "POST",
        target: str = "/v1/people?x=1",
    ) -> tuple[SignedCall, HttpRequest]:
        """Return a signed call and the request that carries it."""
        asked = {"id_card": PERSON_ID} if body is None else body
        content = b"" if body == b"" else json.dumps(asked).encode()
        signed = self.requester.sign(
            intent,
            method=method,
            target=target,
            content_type="application/json",
            body=content,
            now_ms=self.clock.now_ms,
        )
        headers = {"content-type": "application/json", **signed.headers}
        request = HttpRequest(
            method=method,
            target=target,
            headers=tuple((name.lower(), value) for name, value in headers.items()),
            body=content,
        )
        return signed, request

    async def call(
        self, intent: CallIntent = INTENT, *, answer: object = None, **request: object
    ) -> tuple[SignedCall, HttpAnswer]:
        """Make a call that the service answers with `answer` as JSON."""
        signed, sent = self.signed(intent, **request)  # type: ignore[arg-type]  # of `signed`
        admitted = await self.gateway.admit(sent)
        if isinstance(admitted, OpenCall):
            admitted = await self.gateway.answer(admitted, json_answer(answer))
        return signed, admitted

    def proven_end(self, signed: SignedCall, answer: HttpAnswer) -> CallEnd:
        """Check the reply token of an answer as its requester does."""
        headers = dict(answer.headers)
        reply = self.requester.reply_header(signed, headers[b"kun-reply"].decode())
        return self.requester.proven_end(
            signed,
            reply,
            key_row=self.rows.keys.get(key_id(self.suite, reply.public_key)),
            status=answer.status,
            body=whole_body(
                self.suite.digest,
                answer.body,
                content_type=headers.get(b"content-type", b"").decode(),
            ),
            now_ms=self.clock.now_ms,
        )

    @property
    def halves(self) -> list[dict[str, Plain]]:
        """The public parts of all recorded halves, by name."""
        return [half_of(entry) for entry in self.queue.entries]


def json_answer(value: object = None, *, status: int = 200) -> HttpAnswer:
    """Return what a service answers."""
    shown = {"name": "张三", "sex": "1", "address": "x"} if value is None else value
    return HttpAnswer(status=status, headers=JSON_HEADERS, body=json.dumps(shown).encode())


def half_of(entry: SpoolEntry) -> dict[str, Plain]:
    """Return the public part of the half in a spool entry, by name."""
    half = entry.calls[-1]
    assert half.action == "record"
    values = as_array(decode(half.public, _HALF_LIMITS), size=len(HALF_FIELDS), what="half")
    named = dict(zip(HALF_FIELDS, values, strict=True))
    assert entry.side == named["side"]
    return named


def code_of(answer: HttpAnswer) -> str:
    return str(json.loads(answer.body)["code"])


def header_of(answer: HttpAnswer, name: str) -> str | None:
    return next((value.decode() for key, value in answer.headers if key == name.encode()), None)


def with_item(world: World, **change: object) -> None:
    """Publish the item with these columns changed."""
    world.rows.items[ITEM] = msgspec.structs.replace(ITEM_ROW, **change)


def with_grant(world: World, **change: object) -> None:
    """Let the grant be with these columns changed."""
    world.rows.grants[GRANT] = msgspec.structs.replace(GRANT_ROW, **change)
