"""The calling side without I/O: a signed token for a request, and what a reply token proves.

A reply is believed when a service key of the providing department, valid at the time it names,
signed it over exactly the answer that was received. Anything else is no reply: the requester
then testifies of the call alone.
"""

import secrets
from dataclasses import dataclass, field, replace
from typing import Final

from chainnode.codec import InvalidEncoding
from chainnode.errors import InvalidInput
from chainnode.exchange import (
    Body,
    CallHeader,
    CallReason,
    Field,
    IllegalFields,
    ReplyHeader,
    call_id_ms,
    call_id_of,
    commitment,
    decode_reply,
    encode_call,
    encode_reason,
    http_digest,
    request_fields,
    response_fields,
    whole_body,
)
from chainnode.exchange.headers import CALL_HEADER, CALL_ID_CHANCE_BYTES
from chainnode.gateway.halves import Half, HalfIdentity
from chainnode.gateway.kept import NOT_KEPT, KeptMessage
from chainnode.gateway.ports import AHEAD_MS_MAX
from chainnode.submission import key_id
from chainnode.suites.port import InvalidKey, InvalidSignature, PrivateKey, Suite
from contracts.schemas.access import CALL_ID_BYTES, Decision, Side
from contracts.schemas.members import KeyRow, Role
from contracts.schemas.tokens import (
    SEED_BYTES,
    SIGNATURE_BYTES,
    EmbeddedReply,
    encode_embedded,
)


class ReplyNotProven(InvalidInput):
    """A reply token that is missing, malformed, or not signed over this answer."""


def new_call_id(now_ms: int) -> bytes:
    """Draw the id of a call that is made now; it says its time and no more."""
    return call_id_of(now_ms, secrets.token_bytes(CALL_ID_CHANCE_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallIntent:
    """What a call is for; `fields` are bits of the catalogue item's fields.

    `call_id` and `trace_id` are drawn where they are empty. One call id (`new_call_id`) is for
    one request, made at the time that it says.
    """

    provider: str
    item: str
    item_version: int
    fields: int
    grant: str = ""
    reason: CallReason = field(default_factory=CallReason, repr=False)
    parent_call_id: bytes = b""
    trace_id: bytes = b""
    call_id: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """A request that may be sent, with the headers to add."""

    intent: CallIntent
    header: CallHeader
    headers: dict[str, str] = field(repr=False)
    fields: tuple[Field, ...] = field(repr=False)
    request_commitment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnd:
    """What became of a call, as its requester saw it; `status` 0: no answer."""

    status: int
    decision: Decision
    count: int
    other: bytes = field(repr=False)
    response_commitment: bytes
    response: KeptMessage = NOT_KEPT


NO_ANSWER: Final = CallEnd(
    status=0, decision=Decision.PERMIT, count=0, other=b"", response_commitment=b""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """As whom calls are made; holds the service key of the department."""

    suite: Suite
    key: PrivateKey = field(repr=False)
    chain_id: bytes
    organisation: str
    system: str = ""

    def sign(
        self,
        intent: CallIntent,
        *,
        method: str,
        target: str,
        content_type: str,
        body: bytes,
        now_ms: int,
    ) -> SignedCall:
        """Return the signed call for one HTTP request.

        Raises:
            InvalidEncoding: a reason too long for its header.

        """
        h, seed = self.suite.digest, secrets.token_bytes(SEED_BYTES)
        whole = whole_body(h, body, content_type=content_type)
        fields = request_fields(
            method=method, target=target, reasons=intent.reason.texts(), body=whole
        )
        bound = commitment(h, seed=seed, fields=fields)
        unsigned = self._header(intent, seed=seed, now_ms=now_ms)
        token = unsigned.token(
            chain_id=self.chain_id,
            provider=intent.provider,
            request_commitment=bound,
            http_digest=http_digest(
                h, seed=seed, method=method, target=target, body_digest=whole.digest
            ),
        )
        header = replace(unsigned, signature=self.key.sign(token.content()))
        return SignedCall(
            intent=intent,
            header=header,
            headers={CALL_HEADER: encode_call(header), **encode_reason(intent.reason)},
            fields=fields,
            request_commitment=bound,
        )

    def reply_header(self, signed: SignedCall, text: str | None) -> ReplyHeader:
        """Read a reply token, which names the key to look up; it proves nothing yet.

        Raises:
            ReplyNotProven: there is none, or it is for another call.

        """
        try:
            reply = decode_reply(text or "")
        except InvalidEncoding as error:
            raise ReplyNotProven("expected a reply token, got none") from error
        if reply.call_id != signed.header.call_id:
            raise ReplyNotProven("expected the reply token of this call, got another one")
        return reply

    def proven_end(
        self,
        signed: SignedCall,
        reply: ReplyHeader,
        *,
        key_row: KeyRow | None,
        status: int,
        body: Body,
        now_ms: int,
    ) -> CallEnd:
        """Check a reply token against the answer that came and the key that the ledger knows.

        Raises:
            ReplyNotProven: it is not the provider's word on this answer.

        """
        intent = signed.intent
        if reply.status != status:
            raise ReplyNotProven(f"expected a reply token on status {status}, got {reply.status}")
        if key_row is None or not _is_providers(key_row, intent.provider, reply):
            raise ReplyNotProven("expected a valid service key of the provider, got another one")
        _require_of_this_call(reply, requested_ms=signed.header.requested_ms, now_ms=now_ms)
        bound = self.response_commitment(status, body, seed=reply.seed)
        token = reply.token(
            chain_id=self.chain_id,
            requester=self.organisation,
            provider=intent.provider,
            response_commitment=bound,
        )
        try:
            self.suite.verify(
                public_key=reply.public_key, signature=reply.signature, content=token.content()
            )
        except (InvalidKey, InvalidSignature) as error:
            raise ReplyNotProven("expected a signature over this answer, got another") from error
        other = EmbeddedReply(
            key_id=key_id(self.suite, reply.public_key),
            answered_ms=reply.answered_ms,
            signature=reply.signature,
        )
        return CallEnd(
            status=status,
            decision=Decision(reply.decision),
            count=reply.count,
            other=encode_embedded(other),
            response_commitment=bound,
            response=KeptMessage(seed=reply.seed, fields=response_fields(status=status, body=body)),
        )

    def response_commitment(self, status: int, body: Body, *, seed: bytes) -> bytes:
        """Return the commitment to an answer under the provider's seed.

        Raises:
            ReplyNotProven: the answer has fields that no commitment binds.

        """
        fields = response_fields(status=status, body=body)
        try:
            return commitment(self.suite.digest, seed=seed, fields=fields)
        except IllegalFields as error:
            raise ReplyNotProven("expected an answer that can be bound, got another") from error

    def half(
        self,
        signed: SignedCall,
        end: CallEnd,
        *,
        tokens: tuple[bytes, ...],
        checked_height: int,
        now_ms: int,
    ) -> Half:
        """Return the requester's testimony of a call."""
        header = signed.header
        return Half(
            identity=HalfIdentity(
                call_id=header.call_id,
                side=Side.REQUESTER,
                requester=self.organisation,
                provider=signed.intent.provider,
            ),
            item=header.item,
            item_version=header.item_version,
            fields=header.fields,
            grant=header.grant,
            trace_id=header.trace_id,
            parent_call_id=header.parent_call_id,
            tokens=tokens,
            reason=signed.intent.reason,
            system=self.system,
            checked_height=checked_height,
            requested_ms=header.requested_ms,
            request_commitment=signed.request_commitment,
            decision=end.decision,
            status=end.status,
            count=end.count,
            answered_ms=now_ms,
            other=end.other,
            response_commitment=end.response_commitment,
            request=KeptMessage(seed=header.seed, fields=signed.fields),
            response=end.response,
        )

    def _header(self, intent: CallIntent, *, seed: bytes, now_ms: int) -> CallHeader:
        call_id = intent.call_id or new_call_id(now_ms)
        return CallHeader(
            requester=self.organisation,
            call_id=call_id,
            item=intent.item,
            item_version=intent.item_version,
            fields=intent.fields,
            grant=intent.grant,
            requested_ms=call_id_ms(call_id),
            trace_id=intent.trace_id or secrets.token_bytes(CALL_ID_BYTES),
            parent_call_id=intent.parent_call_id,
            seed=seed,
            public_key=self.key.public_key,
            signature=bytes(SIGNATURE_BYTES),
        )


def _require_of_this_call(reply: ReplyHeader, *, requested_ms: int, now_ms: int) -> None:
    """Refuse a time at which nobody answered this call: a key that has ended could say it."""
    if not requested_ms - AHEAD_MS_MAX <= reply.answered_ms <= now_ms + AHEAD_MS_MAX:
        raise ReplyNotProven("expected a reply token of a time between call and now, got another")


def _is_providers(row: KeyRow, provider: str, reply: ReplyHeader) -> bool:
    return (
        row.public_key == reply.public_key
        and row.organisation == provider
        and Role.SERVICE in row.roles
        and row.is_valid_at(reply.answered_ms)
    )
