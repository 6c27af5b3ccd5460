"""Who calls, and is it this very request that was signed? Before anything else is looked at.

A call is authentic when its token is signed by a key that the ledger knows for the requesting
department, with role service, valid now, over exactly this method, target, reasons and body.
What is not authentic leaves no half: nobody can testify of a call whose caller is unknown.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from chainnode.codec import InvalidEncoding
from chainnode.exchange import (
    CallHeader,
    CallReason,
    Field,
    IllegalFields,
    RequestToken,
    call_id_ms,
    commitment,
    decode_call,
    decode_reason,
    http_digest,
    request_fields,
    whole_body,
)
from chainnode.exchange.headers import CALL_HEADER
from chainnode.gateway.messages import HttpRequest, Refused, Unrecorded
from chainnode.gateway.ports import AHEAD_MS_MAX, Clock, LedgerRows, RowsUnavailable
from chainnode.submission import key_id
from chainnode.suites import suite_named
from chainnode.suites.port import InvalidKey, InvalidSignature, Suite
from contracts.schemas.members import KeyRow, Role
from contracts.schemas.tokens import EmbeddedRequest, encode_embedded

_CALL: Final = CALL_HEADER.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticCall:
    """A request whose token was verified; `content` are the bytes that were signed."""

    header: CallHeader
    reason: CallReason
    token: RequestToken
    content: bytes = field(repr=False)
    other: bytes = field(repr=False)
    fields: tuple[Field, ...] = field(repr=False)
    height: int
    received_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """Verifies calls to one provider; `started_ms` is when memory of earlier calls began."""

    suite: Suite
    chain_id: bytes
    provider: str
    rows: LedgerRows
    now_ms: Clock
    started_ms: int
    window_ms: int
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def authenticate(self, request: HttpRequest) -> AuthenticCall:
        """Verify the token of a request.

        Raises:
            Refused: why it is no authentic call of now.

        """
        header, reason = _read_headers(request)
        self._require_now(header, self.now_ms())
        body = whole_body(
            self.suite.digest, request.body, content_type=request.header("content-type") or ""
        )
        fields = request_fields(
            method=request.method, target=request.target, reasons=reason.texts(), body=body
        )
        token = self._token(request, header, fields=fields, body_digest=body.digest)
        content = token.content()
        # Before the ledger is asked: a stranger's rubbish must not make look-ups.
        self._require_signature(header, content)
        identity = _known_key_id(self.suite.name, header.public_key)
        height = await self._require_entitled(identity, header, self.now_ms())
        # After the key: no stranger holds a place here for nothing.
        received_ms = await self._reached(header.requested_ms)
        other = EmbeddedRequest(
            key_id=identity,
            http_digest=token.http_digest,
            requested_ms=header.requested_ms,
            signature=header.signature,
        )
        return AuthenticCall(
            header=header,
            reason=reason,
            token=token,
            content=content,
            other=encode_embedded(other),
            fields=fields,
            height=height,
            received_ms=received_ms,
        )

    def _require_now(self, header: CallHeader, now_ms: int) -> None:
        age_ms = now_ms - header.requested_ms
        if not -AHEAD_MS_MAX <= age_ms <= self.window_ms:
            raise Refused(Unrecorded.NOT_OF_NOW)
        # An id says its time, so none that memory has forgotten can come again.
        if call_id_ms(header.call_id) != header.requested_ms:
            raise Refused(Unrecorded.NOT_OF_NOW)
        if header.requested_ms < self.started_ms:
            raise Refused(Unrecorded.BEFORE_START)

    async def _reached(self, requested_ms: int) -> int:
        """Return the time, but not before our clock shows the time of the token.

        So no token of the future is ever answered, and after a restart, which forgets what was
        answered, every token that may have been is from before the start.
        """
        ahead_ms = requested_ms - self.now_ms()
        if ahead_ms > 0:
            await self.sleep((ahead_ms + 1) / 1000)
        now_ms = self.now_ms()
        if now_ms < requested_ms:
            raise Refused(Unrecorded.NOT_OF_NOW)
        return now_ms

    async def _require_entitled(self, identity: bytes, header: CallHeader, now_ms: int) -> int:
        """Check the key against the ledger; returns the height at which that was proven."""
        try:
            proven = await self.rows.key(identity)
        except RowsUnavailable as error:
            raise Refused(Unrecorded.ROWS_UNAVAILABLE) from error
        if proven.row is None:
            raise Refused(Unrecorded.KEY_UNKNOWN)
        if not _is_entitled(proven.row, header, now_ms):
            raise Refused(Unrecorded.KEY_NOT_ENTITLED)
        return proven.height

    def _token(
        self,
        request: HttpRequest,
        header: CallHeader,
        *,
        fields: tuple[Field, ...],
        body_digest: bytes,
    ) -> RequestToken:
        h = self.suite.digest
        try:
            bound = commitment(h, seed=header.seed, fields=fields)
        except IllegalFields as error:
            raise Refused(Unrecorded.SIGNATURE_WRONG) from error
        return header.token(
            chain_id=self.chain_id,
            provider=self.provider,
            request_commitment=bound,
            http_digest=http_digest(
                h,
                seed=header.seed,
                method=request.method,
                target=request.target,
                body_digest=body_digest,
            ),
        )

    def _require_signature(self, header: CallHeader, content: bytes) -> None:
        try:
            self.suite.verify(
                public_key=header.public_key, signature=header.signature, content=content
            )
        except (InvalidKey, InvalidSignature) as error:
            raise Refused(Unrecorded.SIGNATURE_WRONG) from error


# Of keys whose signatures were verified: those of the departments that call.
@lru_cache(maxsize=1024)
def _known_key_id(suite_name: str, public_key: bytes) -> bytes:
    return key_id(suite_named(suite_name), public_key)


def _read_headers(request: HttpRequest) -> tuple[CallHeader, CallReason]:
    value = request.header(_CALL)
    if value is None:
        raise Refused(Unrecorded.CALL_MISSING)
    try:
        header = decode_call(value)
    except InvalidEncoding as error:
        raise Refused(Unrecorded.CALL_MALFORMED) from error
    try:
        return header, decode_reason(request.singles())
    except InvalidEncoding as error:
        raise Refused(Unrecorded.REASON_MALFORMED) from error


def _is_entitled(row: KeyRow, header: CallHeader, now_ms: int) -> bool:
    return (
        row.public_key == header.public_key
        and row.organisation == header.requester
        and Role.SERVICE in row.roles
        and row.is_valid_at(now_ms)
    )
