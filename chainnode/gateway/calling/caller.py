"""The calling side of a gateway: every call is signed, its reply checked, its half kept.

Knows no HTTP library: `calling` carries it. Tokens for subjects are made before anything leaves;
a subject that cannot be tokenised ends the call before it begins. The half is durable in the
spool before the answer is handed on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chainnode.errors import NodeError
from chainnode.exchange import Body
from chainnode.exchange.headers import CALL_ID_HEADER, RECEIPT_HEADER, REPLY_HEADER
from chainnode.gateway.calling.requesting import (
    NO_ANSWER,
    CallEnd,
    CallIntent,
    ReplyNotProven,
    Requester,
    SignedCall,
)
from chainnode.gateway.half_entries import HalfEntries
from chainnode.gateway.messages import HttpRequest
from chainnode.gateway.own_key import KeyEnded
from chainnode.gateway.ports import Clock, LedgerRows, RowsUnavailable, TextGuard, Tokeniser
from chainnode.gateway.pseudonyms import NotTokenised
from chainnode.gateway.selectors import RequestParts, Selector, subjects_of
from chainnode.gateway.service import ID_TYPE_DEFAULT, SUBJECTS_MAX
from chainnode.gateway.spool.entries import CallQueue
from chainnode.submission import key_id
from contracts.schemas.access import Decision


class CallNotMade(NodeError):
    """The call was not sent: a subject has no token, or its half could not be kept.

    `code` is the custodian's, or why it was not asked; empty where it is not about tokens.
    """

    def __init__(self, told: str, *, code: str = "") -> None:
        self.code = code
        super().__init__(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedCall:
    """A signed call and the tokens of its subjects."""

    signed: SignedCall
    tokens: tuple[bytes, ...]
    height: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers to add to the request."""
        return self.signed.headers


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """What the requester knows of a call when its answer is handed on.

    `is_proven`: the provider signed exactly this answer. `receipt`: its gateway's word on where
    its half stands, empty where it gave none.
    """

    call_id: bytes
    is_proven: bool
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Makes calls to one providing department; belongs to one event loop."""

    requester: Requester
    rows: LedgerRows
    queue: CallQueue
    half_entries: HalfEntries
    guard: TextGuard
    now_ms: Clock
    tokeniser: Tokeniser | None = None
    subjects: tuple[Selector, ...] = ()
    id_type: str = field(default=ID_TYPE_DEFAULT)

    async def start(self, intent: CallIntent, request: HttpRequest) -> StartedCall:
        """Make tokens and sign the request.

        Raises:
            CallNotMade: a subject has no token, or our key has ended.
            InvalidInput: a reason that must not enter a record, or is too long.

        """
        self.guard(intent.reason.texts())
        tokens = await self._tokens(request)
        try:
            signed = self.requester.sign(
                intent,
                method=request.method,
                target=request.target,
                content_type=request.header("content-type") or "",
                body=request.body,
                now_ms=self.now_ms(),
            )
        except KeyEnded as error:
            raise CallNotMade(str(error)) from error
        return StartedCall(signed=signed, tokens=tokens, height=await self._height(intent))

    async def conclude(
        self, started: StartedCall, *, status: int, headers: Mapping[str, str], body: Body
    ) -> CallOutcome:
        """Check the reply token and keep the half of a call that was answered."""
        end, is_proven = await self._end(started, status, headers.get(REPLY_HEADER), body)
        await self._keep(started, end)
        return CallOutcome(
            call_id=started.signed.header.call_id,
            is_proven=is_proven,
            receipt=headers.get(RECEIPT_HEADER, "") if is_proven else "",
        )

    async def fail(self, started: StartedCall) -> None:
        """Keep the half of a call that got no answer, or not a whole one."""
        await self._keep(started, NO_ANSWER)

    def is_streamed(self, headers: Mapping[str, str]) -> bool:
        """Tell whether an answer streams, so that its reply token is to be asked for."""
        return REPLY_HEADER not in headers and CALL_ID_HEADER in headers

    async def _end(
        self, started: StartedCall, status: int, reply_text: str | None, body: Body
    ) -> tuple[CallEnd, bool]:
        requester, signed = self.requester, started.signed
        try:
            reply = requester.reply_header(signed, reply_text)
            key = await self.rows.key(key_id(requester.suite, reply.public_key))
            end = requester.proven_end(
                signed, reply, key_row=key.row, status=status, body=body, now_ms=self.now_ms()
            )
        except (ReplyNotProven, RowsUnavailable):
            # We still know what we were told; that nobody signed it shows in the empty `other`.
            told = CallEnd(
                status=status,
                decision=Decision.PERMIT,
                count=0,
                other=b"",
                response_commitment=b"",
            )
            return told, False
        return end, True

    async def _keep(self, started: StartedCall, end: CallEnd) -> None:
        half = self.requester.half(
            started.signed,
            end,
            tokens=started.tokens,
            checked_height=started.height,
            now_ms=self.now_ms(),
        )
        await self.half_entries.put(half, self.queue)

    async def _height(self, intent: CallIntent) -> int:
        """Return the height at which we last saw the grant, 0 when no node answers."""
        try:
            seen = await self.rows.grant(intent.grant) if intent.grant else None
        except RowsUnavailable:
            return 0
        return seen.height if seen else 0

    async def _tokens(self, request: HttpRequest) -> tuple[bytes, ...]:
        path, _, query = request.target.partition("?")
        parts = RequestParts(path=path, query=query, headers=request.headers, body=request.body)
        if not self.subjects:
            return ()
        subjects = subjects_of(self.subjects, parts)
        if not subjects.is_readable:
            raise CallNotMade("subjects: expected each in one way to read it, got another")
        found = subjects.values
        if not 1 <= len(found) <= SUBJECTS_MAX:
            raise CallNotMade(f"subjects: expected 1 … {SUBJECTS_MAX}, got {len(found)}")
        if self.tokeniser is None:
            raise CallNotMade("subjects: expected a custodian to make their tokens, got none")
        try:
            return await self.tokeniser.tokens(self.id_type, found)
        except NotTokenised as error:
            raise CallNotMade(f"no token for a subject: {error.code}", code=error.code) from error
        except NodeError as error:
            raise CallNotMade(f"no token for a subject: {type(error).__name__}") from error
