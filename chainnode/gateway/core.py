"""One call through a gateway, from its request to its half; knows no server and no client.

`admit` lets a call pass to the service or answers it. A call that passed ends by `answer`, by
`begin` and `end` when its body streams, or by `broken` when there is no answer to give. Each way
makes exactly one half, durable before the answer, or its last part, may leave.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from chainnode.codec import InvalidEncoding
from chainnode.errors import InvariantBroken
from chainnode.exchange import Body, decode_call, whole_body
from chainnode.exchange.fields import JSON_BYTES_MAX, is_json
from chainnode.exchange.headers import CALL_HEADER
from chainnode.gateway.authentication import Authenticator, AuthenticCall
from chainnode.gateway.counters import GatewayCounters
from chainnode.gateway.deciding import Decider
from chainnode.gateway.judging import Denial, DenialReason, Permit
from chainnode.gateway.messages import (
    HttpAnswer,
    HttpRequest,
    Refused,
    Unrecorded,
    problem,
    problem_of,
)
from chainnode.gateway.ports import RowsUnavailable
from chainnode.gateway.recording import Ending, OpenCall, Recorder, headers_of
from chainnode.gateway.releasing import release
from chainnode.gateway.seen_calls import (
    CallForgotten,
    CallIdReused,
    CallInFlight,
    CallMemory,
    MemoryFull,
    StoredAnswer,
)
from chainnode.gateway.spool.metrics import spool_readings
from chainnode.metrics import NodeMetrics, Reading, gauge
from chainnode.suites.port import Hasher
from contracts.schemas.access import Decision

# What nginx calls "client closed request": nobody was there to take the answer.
CLIENT_GONE: Final = 499
SERVICE_FAILED: Final = 500
_FAILED_MIN: Final = 400
_BODILESS: Final = frozenset({204, 304})
# Headers that leave beside a cut answer: any other could carry what was cut, or no longer holds.
_KEPT: Final = frozenset(
    {b"content-type", b"content-language", b"cache-control", b"retry-after", b"vary"}
)


@dataclass(slots=True, kw_only=True)
class Streaming:
    """An answer that leaves while it is hashed; its last part waits for the half."""

    status: int
    content_type: str
    hasher: Hasher = field(repr=False)
    size: int = 0

    def update(self, part: bytes) -> None:
        """Hash a part of the body."""
        self.hasher.update(part)
        self.size += len(part)

    def body(self) -> Body:
        """Return the body as commitments see it."""
        return Body(content_type=self.content_type, digest=self.hasher.digest(), size=self.size)


class Gateway:
    """Enforces and records the calls of one service; belongs to one event loop."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        decider: Decider,
        recorder: Recorder,
        memory: CallMemory,
        counters: GatewayCounters,
    ) -> None:
        self._authenticator = authenticator
        self._decider = decider
        self._recorder = recorder
        self._memory = memory
        self.counters = counters
        self.service = recorder.service

    async def item_fault(self) -> str:
        """Return what is wrong with our item on the ledger, so that every call will be denied.

        Empty where nothing is, or where no node says.
        """
        item, own = self.service.item, self.service.organisation
        try:
            row = (await self._decider.rows.item(item)).row
        except RowsUnavailable:
            return ""
        if row is None:
            return f"the catalogue does not have {item}"
        return "" if row.owner == own else f"{item} is of {row.owner}, not of {own}"

    async def admit(self, request: HttpRequest) -> OpenCall | HttpAnswer:
        """Let a call pass, or answer it: refused, denied, or answered before."""
        fault = self._fault()
        if fault is not None:
            return self.refuse(fault)
        try:
            authentic = await self._authenticator.authenticate(request)
            stored = self._claim(authentic, request)
            if stored is not None:
                return await self._repeated(authentic, stored)
        except Refused as refused:
            return self.refuse(refused.reason)
        key = (authentic.header.requester, authentic.header.call_id)
        try:
            decided = await self._decider.decide(authentic, request)
        except BaseException:
            self._memory.release(key)
            raise
        call = OpenCall(authentic=authentic, decided=decided, method=request.method)
        if isinstance(decided.decision, Denial):
            return await self._denied(call, decided.decision.reason)
        return call

    async def answer(self, call: OpenCall, response: HttpAnswer) -> HttpAnswer:
        """Cut the service's answer to what is given, record the call, and return what leaves."""
        permit = _permit(call)
        if not response.is_success:
            failed = _failed(response, with_target=permit.is_whole_item)
            return await self._close(call, failed, Decision.PERMIT, count=0)
        if response.status in _BODILESS or call.method == "HEAD" or not response.body:
            bodiless = response if permit.is_whole_item else _headless(response)
            return await self._close(call, bodiless, Decision.PERMIT, count=0)
        content_type = _content_type(response)
        cut = None
        if is_json(content_type) and len(response.body) <= JSON_BYTES_MAX:
            cut = release(
                response.body,
                given=permit.fields,
                item_fields=permit.item_fields,
                field_of=self.service.field_of,
            )
        if cut is not None:
            self.counters.members_removed += cut.removed
            released = replace(_headless(response), body=cut.body)
            return await self._close(call, released, Decision.PERMIT, count=cut.count)
        if not permit.is_whole_item:
            return await self._denied(call, DenialReason.WHOLE_ITEM_NOT_GRANTED)
        return await self._close(call, response, Decision.PERMIT, count=1)

    async def begin(
        self, call: OpenCall, *, status: int, content_type: str
    ) -> Streaming | HttpAnswer:
        """Let an answer stream that is not cut by fields, or answer instead of it."""
        response = HttpAnswer(status=status, headers=(), body=b"")
        if not response.is_success:
            return await self._close(call, _failed(response), Decision.PERMIT, count=0)
        if not _permit(call).is_whole_item:
            return await self._denied(call, DenialReason.WHOLE_ITEM_NOT_GRANTED)
        try:
            await self._recorder.begin(call, status=status, content_type=content_type)
        except Refused as refused:
            self._decider.give_back(call.authentic, call.decided)
            self._memory.release(call.key)
            return self.refuse(refused.reason)
        hasher = self._recorder.suite.hasher()
        return Streaming(status=status, content_type=content_type, hasher=hasher)

    async def end(self, call: OpenCall, stream: Streaming) -> bool:
        """Record a call whose answer streamed, to its end or until it was cut.

        What has left was given out, so it counts as such: no call is free, and none is a failed
        one, because somebody hung up before the last part. False: that part must not leave.
        """
        ending = Ending(decision=Decision.PERMIT, status=stream.status, count=1, body=stream.body())
        answer = HttpAnswer(status=stream.status, headers=(), body=b"")
        closed = await self._recorded(call, ending, answer, keeps_body=False)
        return closed.status == stream.status

    async def broken(self, call: OpenCall, *, status: int) -> HttpAnswer:
        """Record a call without an answer to give: the service failed, or nobody waits."""
        response = HttpAnswer(status=status, headers=(), body=b"")
        return await self._close(call, _failed(response), Decision.PERMIT, count=0)

    def figures(self) -> HttpAnswer:
        """Return what this gateway counts, and how its spool stands, in the Prometheus format."""

        def readings() -> Iterator[Reading]:
            yield from self.counters.readings()
            is_valid = int(self._recorder.key.is_valid)
            yield gauge("gateway_key_valid", "0 when the ledger has ended our key", is_valid)
            yield from self._recorder.half_entries.readings()
            yield from spool_readings(self._recorder.queue.status(), now_ms=self._recorder.now_ms())

        text, media_type = NodeMetrics(readings).render()
        return HttpAnswer(status=200, headers=((b"content-type", media_type.encode()),), body=text)

    def health(self) -> HttpAnswer:
        """Tell whether calls are let through; names no call and no reason."""
        fault = self._fault()
        if fault is not None:
            return problem_of(fault)
        content = ((b"content-type", b"application/json"),)
        return HttpAnswer(status=200, headers=content, body=b'{"status":"ok"}')

    def refuse(self, reason: Unrecorded) -> HttpAnswer:
        """Answer a request that leaves no half, and count it."""
        self.counters.refused(reason)
        return problem_of(reason)

    async def reply_of(self, request: HttpRequest) -> HttpAnswer:
        """Return the reply token of a call that was answered, to whoever shows its `Kun-Call`.

        Without that header, which only the two sides know, a reply token would give away the
        seed under the commitment of the answer.
        """
        value = request.header(CALL_HEADER.lower()) or ""
        try:
            call = decode_call(value)
        except InvalidEncoding:
            return self.refuse(Unrecorded.NO_SUCH_REPLY)
        stored = self._memory.answer_of((call.requester, call.call_id), header=value)
        if stored is None:
            return self.refuse(Unrecorded.NO_SUCH_REPLY)
        try:
            receipt = await self._recorder.receipt(stored.entry_id)
        except Refused as refused:
            return self.refuse(refused.reason)
        return HttpAnswer(
            status=204, headers=headers_of(call.call_id, stored.reply, receipt), body=b""
        )

    def _fault(self) -> Unrecorded | None:
        """Return why no call is let through now, whatever it asks for."""
        if self._recorder.queue.is_ended:
            return Unrecorded.HALF_NOT_KEPT
        return None if self._recorder.key.is_valid else Unrecorded.KEY_ENDED

    def _claim(self, call: AuthenticCall, request: HttpRequest) -> StoredAnswer | None:
        header = call.header
        until_ms = header.requested_ms + self._authenticator.window_ms
        try:
            return self._memory.claim(
                (header.requester, header.call_id),
                token=call.content,
                header=request.header(CALL_HEADER.lower()) or "",
                now_ms=call.received_ms,
                until_ms=until_ms,
            )
        except CallInFlight as error:
            raise Refused(Unrecorded.IN_FLIGHT) from error
        except CallIdReused as error:
            raise Refused(Unrecorded.CALL_ID_REUSED) from error
        except CallForgotten as error:
            raise Refused(Unrecorded.NOT_OF_NOW) from error
        except MemoryFull as error:
            raise Refused(Unrecorded.CALLS_REMEMBERED_FULL) from error

    async def _repeated(self, call: AuthenticCall, stored: StoredAnswer) -> HttpAnswer:
        """Answer a retry as its call was answered; nothing is recorded again."""
        self.counters.repeated += 1
        receipt = await self._recorder.receipt(stored.entry_id)
        own = headers_of(call.header.call_id, stored.reply, receipt)
        if stored.body is None:
            self.counters.refused(Unrecorded.ANSWERED_ALREADY)
            return problem_of(Unrecorded.ANSWERED_ALREADY, own)
        return HttpAnswer(status=stored.status, headers=(*stored.headers, *own), body=stored.body)

    async def _denied(self, call: OpenCall, reason: DenialReason) -> HttpAnswer:
        answer = problem(reason.status, reason.name, reason.sentence)
        return await self._close(call, answer, Decision.DENY, count=0, why=reason.name)

    async def _close(
        self, call: OpenCall, answer: HttpAnswer, decision: Decision, *, count: int, why: str = ""
    ) -> HttpAnswer:
        if call.method == "HEAD":
            # Nobody will see a body, so none is committed to.
            answer = replace(answer, body=b"")
        body = whole_body(
            self._recorder.suite.digest, answer.body, content_type=_content_type(answer)
        )
        ending = Ending(decision=decision, status=answer.status, count=count, body=body)
        return await self._recorded(call, ending, answer, why=why)

    async def _recorded(
        self,
        call: OpenCall,
        ending: Ending,
        answer: HttpAnswer,
        *,
        keeps_body: bool = True,
        why: str = "",
    ) -> HttpAnswer:
        """Record a call and return its answer with the headers of its record."""
        is_use = ending.decision is Decision.PERMIT and ending.status < _FAILED_MIN
        if not is_use:
            self._decider.give_back(call.authentic, call.decided)
        try:
            recorded = await self._recorder.record(call, ending)
            if is_use:
                self._decider.kept(call.authentic, call.decided, recorded.entry_id)
            stored = StoredAnswer(
                status=answer.status,
                headers=answer.headers,
                body=answer.body if keeps_body else None,
                reply=recorded.reply,
                entry_id=recorded.entry_id,
            )
            until_ms = self._recorder.now_ms() + self._authenticator.window_ms
            self._memory.answered(call.key, stored, until_ms=until_ms)
            self.counters.recorded(ending.decision, why or f"{ending.status // 100}xx")
            receipt = await self._recorder.receipt(recorded.entry_id)
        except Refused as refused:
            # What was not kept may be tried again; what was kept stays answered.
            self._memory.release(call.key)
            return self.refuse(refused.reason)
        call_id = call.authentic.header.call_id
        own = headers_of(call_id, recorded.reply, receipt)
        return HttpAnswer(status=answer.status, headers=(*answer.headers, *own), body=answer.body)


def _permit(call: OpenCall) -> Permit:
    decision = call.decided.decision
    if not isinstance(decision, Permit):
        raise InvariantBroken("a denied call reached the service")
    return decision


def _failed(response: HttpAnswer, *, with_target: bool = False) -> HttpAnswer:
    """Keep the status of an answer that is no success; what it says stays inside.

    The target of a redirect can say anything, so it leaves to who is given everything.
    """
    if response.status < _FAILED_MIN and not with_target:
        return HttpAnswer(status=response.status, headers=(), body=b"")
    if response.status < _FAILED_MIN:
        kept = tuple(one for one in response.headers if one[0].lower() == b"location")
        return HttpAnswer(status=response.status, headers=kept, body=b"")
    return problem(response.status, "SERVICE_ANSWERED", "the service did not answer with data")


def _content_type(answer: HttpAnswer) -> str:
    for name, value in answer.headers:
        if name.lower() == b"content-type":
            return value.decode("latin-1")
    return ""


def _headless(response: HttpAnswer) -> HttpAnswer:
    """Keep the headers that leave without a body, or beside a cut one.

    None that could carry what was cut, nor the length of what did not leave.
    """
    kept = tuple(one for one in response.headers if one[0].lower() in _KEPT)
    return replace(response, headers=kept)
