"""The end of a call: a signed reply token, one half, durable before anything may leave.

With `spool` the half is durable in the spool; with `block` the ledger's receipt for it is there
as well. Whatever a call came to, it ends here exactly once.
"""

import secrets
from dataclasses import dataclass, field

from chainnode.errors import InvariantBroken, StorageError
from chainnode.exchange import (
    Body,
    ReplyHeader,
    commitment,
    encode_reply,
    response_fields,
    whole_body,
)
from chainnode.exchange.headers import CALL_ID_HEADER, RECEIPT_HEADER, REPLY_HEADER
from chainnode.gateway.authentication import AuthenticCall
from chainnode.gateway.deciding import Decided
from chainnode.gateway.half_entries import HalfEntries
from chainnode.gateway.halves import Half, HalfIdentity
from chainnode.gateway.kept import KeptConflict, KeptMessage
from chainnode.gateway.messages import Refused, Unrecorded
from chainnode.gateway.own_key import KeyEnded, OwnKey
from chainnode.gateway.ports import Clock
from chainnode.gateway.service import OnFailure, Service
from chainnode.gateway.spool.entries import CallQueue, DeadLetter, EntryId, Settled
from chainnode.gateway.spool.errors import SpoolConflict, SpoolFull, UnknownEntry
from chainnode.suites.port import Suite
from contracts.schemas.access import Decision, Side
from contracts.schemas.tokens import SEED_BYTES, ReplyToken


@dataclass(slots=True, kw_only=True)
class OpenCall:
    """An authentic call that is decided and not recorded yet."""

    authentic: AuthenticCall
    decided: Decided
    method: str
    is_closed: bool = False

    @property
    def key(self) -> tuple[str, bytes]:
        """By what it is remembered."""
        header = self.authentic.header
        return header.requester, header.call_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a call ended: decision, and the answer that leaves."""

    decision: Decision
    status: int
    count: int
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A half that is durable in the spool, and the reply token of its call."""

    reply: str = field(repr=False)
    entry_id: EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Signs replies and halves for one service."""

    suite: Suite
    key: OwnKey = field(repr=False)
    chain_id: bytes
    service: Service
    queue: CallQueue
    half_entries: HalfEntries
    now_ms: Clock

    async def record(self, call: OpenCall, ending: Ending) -> Recorded:
        """Make the half of a call durable.

        Raises:
            Refused: it could not be kept; nothing may be released.

        """
        if call.is_closed:
            raise InvariantBroken("a call was to be recorded twice")
        call.is_closed = True
        answered_ms = self.now_ms()
        try:
            reply, response = self._reply(call, ending, answered_ms)
        except KeyEnded as error:
            raise Refused(Unrecorded.KEY_ENDED) from error
        half = self._half(call, ending, answered_ms, response)
        try:
            entry_id = await self.half_entries.put(half, self.queue)
        except (SpoolConflict, KeptConflict) as error:
            raise Refused(Unrecorded.CALL_ID_REUSED) from error
        except (SpoolFull, StorageError) as error:
            raise Refused(Unrecorded.HALF_NOT_KEPT) from error
        return Recorded(reply=encode_reply(reply), entry_id=entry_id)

    async def begin(self, call: OpenCall, *, status: int, content_type: str) -> None:
        """Set aside the half of a call whose answer begins to leave: one of which nothing was read.

        It is recorded should this process end before the answer does.

        Raises:
            Refused: it could not be; nothing may begin to leave.

        """
        nothing = whole_body(self.suite.digest, b"", content_type=content_type)
        ending = Ending(decision=Decision.PERMIT, status=status, count=1, body=nothing)
        half = self._half(call, ending, self.now_ms(), self._bound(ending))
        try:
            await self.half_entries.begin(half, self.queue)
        except SpoolConflict as error:
            raise Refused(Unrecorded.CALL_ID_REUSED) from error
        except (SpoolFull, StorageError) as error:
            raise Refused(Unrecorded.HALF_NOT_KEPT) from error

    async def receipt(self, entry_id: EntryId) -> str | None:
        """Return the receipt that must be there before data leaves; None where none must.

        Raises:
            Refused: it is not there yet, or never will be.

        """
        if self.service.on_failure is OnFailure.SPOOL:
            return None
        try:
            fate = await self.queue.settled(entry_id, timeout_s=self.service.receipt_timeout_s)
        except (UnknownEntry, StorageError) as error:
            raise Refused(Unrecorded.RECEIPT_PENDING) from error
        match fate:
            case Settled():
                digest = f"{self.suite.hash_name}:{fate.submission_digest.hex()}"
                return f"{digest}; height={fate.height}; position={fate.position}"
            case DeadLetter():
                raise Refused(Unrecorded.HALF_REFUSED)
            case _:
                raise Refused(Unrecorded.RECEIPT_PENDING)

    def _reply(
        self, call: OpenCall, ending: Ending, answered_ms: int
    ) -> tuple[ReplyHeader, "_BoundMessage"]:
        header, bound = call.authentic.header, self._bound(ending)
        token = ReplyToken(
            chain_id=self.chain_id,
            requester=header.requester,
            provider=self.service.organisation,
            call_id=header.call_id,
            decision=int(ending.decision),
            status=ending.status,
            count=ending.count,
            response_commitment=bound.commitment,
            answered_ms=answered_ms,
        )
        reply = ReplyHeader(
            call_id=token.call_id,
            decision=token.decision,
            status=token.status,
            count=token.count,
            answered_ms=answered_ms,
            seed=bound.message.seed,
            public_key=self.key.public_key,
            signature=self.key.sign(token.content()),
        )
        return reply, bound

    def _bound(self, ending: Ending) -> "_BoundMessage":
        """Bind an answer under a fresh seed."""
        seed = secrets.token_bytes(SEED_BYTES)
        fields = response_fields(status=ending.status, body=ending.body)
        bound = commitment(self.suite.digest, seed=seed, fields=fields)
        return _BoundMessage(message=KeptMessage(seed=seed, fields=fields), commitment=bound)

    def _half(
        self, call: OpenCall, ending: Ending, answered_ms: int, response: "_BoundMessage"
    ) -> Half:
        authentic, decided = call.authentic, call.decided
        header = authentic.header
        return Half(
            identity=HalfIdentity(
                call_id=header.call_id,
                side=Side.PROVIDER,
                requester=header.requester,
                provider=self.service.organisation,
            ),
            item=header.item,
            item_version=header.item_version,
            fields=header.fields,
            grant=header.grant,
            trace_id=header.trace_id,
            parent_call_id=header.parent_call_id,
            tokens=decided.tokens,
            reason=decided.reason,
            system=self.service.system,
            checked_height=decided.height,
            requested_ms=authentic.received_ms,
            request_commitment=authentic.token.request_commitment,
            decision=ending.decision,
            status=ending.status,
            count=ending.count,
            answered_ms=answered_ms,
            other=authentic.other,
            response_commitment=response.commitment,
            request=KeptMessage(seed=header.seed, fields=authentic.fields),
            response=response.message,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _BoundMessage:
    """An answer's fields with their seed, and the commitment to them."""

    message: KeptMessage = field(repr=False)
    commitment: bytes


def headers_of(call_id: bytes, reply: str, receipt: str | None) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that an answer carries; an answer that streams has no reply token yet."""
    headers = [(CALL_ID_HEADER.lower().encode(), call_id.hex().encode())]
    if reply:
        headers.append((REPLY_HEADER.lower().encode(), reply.encode()))
    if receipt is not None:
        headers.append((RECEIPT_HEADER.lower().encode(), receipt.encode()))
    return tuple(headers)
