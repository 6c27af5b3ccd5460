"""Calls of the exchange vectors: messages, commitments, tokens, and both halves of each."""

from dataclasses import dataclass, field

from chainnode.custodian.tokens import RootSecret
from chainnode.exchange import (
    CallHeader,
    Field,
    Half,
    ReplyHeader,
    ReplyToken,
    RequestToken,
    call_id_of,
    commitment,
    encrypt_private,
    http_digest,
    request_fields,
    response_fields,
    whole_body,
)
from chainnode.execution.crypto import SuiteCrypto
from chainnode.identity.numbers import IdType
from chainnode.submission import Call
from contracts.schemas.access import AccessPrivate, AccessRecord, People
from contracts.schemas.call_words import Side
from contracts.schemas.shape import encode_part
from contracts.schemas.tokens import EmbeddedReply, EmbeddedRequest, encode_embedded
from tests.builders_identity import citizen_number
from tests.vectors.exchange_chain import HOUSING, PERIOD, POLICE, ExchangeChain

JSON = "application/json"
METHOD = "POST"
ROOT_SECRET = bytes(range(32))
# Invented people of a region that does not exist.
PEOPLE = tuple(citizen_number(serial=one) for one in range(1, 20))


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one call is about; the rest follows."""

    name: str
    number: int
    item: str
    item_version: int = 1
    fields: int = 3
    grant: str = ""
    people: int = 1
    decision: int = 0
    status: int = 200
    count: int = 1
    purpose: str = "housing"
    # Of the requester: why the call is made, in its own words.
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A request or response as both parties keep it; `target` of a request alone."""

    seed: bytes
    target: str = ""
    body: bytes
    fields: tuple[Field, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A call with everything that both sides computed of it."""

    said: Said
    call_id: bytes
    requested_ms: int
    answered_ms: int
    subjects: tuple[bytes, ...]
    asked: Message
    answered: Message
    request_token: RequestToken
    reply_token: ReplyToken
    request_signature: bytes
    reply_signature: bytes
    trace_id: bytes


class Caller:
    """Makes calls between the two departments of a chain."""

    def __init__(self, chain: ExchangeChain) -> None:
        self.chain = chain
        self.suite = chain.suite
        self.h = chain.suite.digest
        self.crypto = SuiteCrypto(chain.suite)
        self.pair_key = self.h(b"pair key")[: self.suite.aead_key_bytes]
        self.root = RootSecret(ROOT_SECRET, suite=self.suite, chain_id=chain.chain_id)

    def tokens(self, count: int) -> tuple[bytes, ...]:
        """Return the tokens of the first people, ascending."""
        key = self.root.epoch_key(POLICE, 1)
        return tuple(sorted(key.tokens(IdType.CITIZEN, PEOPLE[:count])))

    def speak(self, said: Said, *, at_ms: int) -> Spoken:
        """Return what both sides know after the call; the answer takes 40 ms."""
        h, number = self.h, said.number
        call_id = call_id_of(at_ms, h(b"call %d" % number)[:10])
        asked, answered = self._asked(said), self._answered(said)
        request = RequestToken(
            chain_id=self.chain.chain_id,
            requester=HOUSING,
            provider=POLICE,
            call_id=call_id,
            item=said.item,
            item_version=said.item_version,
            fields=said.fields,
            grant=said.grant,
            request_commitment=commitment(h, seed=asked.seed, fields=asked.fields),
            http_digest=http_digest(
                h,
                seed=asked.seed,
                method=METHOD,
                target=asked.target,
                body_digest=h(asked.body),
            ),
            requested_ms=at_ms,
        )
        reply = ReplyToken(
            chain_id=self.chain.chain_id,
            requester=HOUSING,
            provider=POLICE,
            call_id=call_id,
            decision=said.decision,
            status=said.status,
            count=said.count,
            response_commitment=commitment(h, seed=answered.seed, fields=answered.fields),
            answered_ms=at_ms + 40,
        )
        return Spoken(
            said=said,
            call_id=call_id,
            requested_ms=at_ms,
            answered_ms=at_ms + 40,
            subjects=self.tokens(said.people),
            asked=asked,
            answered=answered,
            request_token=request,
            reply_token=reply,
            request_signature=self.chain.keys["housing service"].sign(request.content()),
            reply_signature=self.chain.keys["police service"].sign(reply.content()),
            trace_id=h(b"trace %d" % number)[:16],
        )

    def _asked(self, said: Said) -> Message:
        target = f"/people?n={said.number}"
        body = f'{{"id_card": "{PEOPLE[0]}", "page": {said.number}}}'.encode()
        reasons = {"purpose": said.purpose} | ({"reason": said.reason} if said.reason else {})
        return Message(
            seed=self.h(b"ask %d" % said.number),
            target=target,
            body=body,
            fields=request_fields(
                method=METHOD,
                target=target,
                reasons=reasons,
                body=whole_body(self.h, body, content_type=JSON),
            ),
        )

    def _answered(self, said: Said) -> Message:
        body = '{"name": "张三", "birth_date": "1990-03-07"}'.encode()
        return Message(
            seed=self.h(b"answer %d" % said.number),
            body=body,
            fields=response_fields(
                status=said.status, body=whole_body(self.h, body, content_type=JSON)
            ),
        )

    def half(self, spoken: Spoken, side: Side, *, has_token: bool = True) -> AccessRecord:
        """Return the record of one side; the other's token is in it when it has one."""
        said = spoken.said
        other = b""
        if has_token:
            other = encode_embedded(self.embedded(spoken, side))
        return AccessRecord(
            salt=self.chain.salt(),
            call_id=spoken.call_id,
            side=int(side),
            requester=HOUSING,
            provider=POLICE,
            item=said.item,
            item_version=said.item_version,
            fields=said.fields,
            subjects=spoken.subjects[:4],
            people=max(0, said.people - 4),
            decision=said.decision,
            status=said.status,
            count=said.count,
            requested_ms=spoken.requested_ms,
            answered_ms=spoken.answered_ms,
            trace_id=spoken.trace_id,
            parent_call_id=b"",
            grant=said.grant,
            checked_height=2 if side is Side.PROVIDER else 0,
            other=other,
            request_commitment=spoken.request_token.request_commitment,
            response_commitment=spoken.reply_token.response_commitment,
        )

    def embedded(self, spoken: Spoken, side: Side) -> EmbeddedRequest | EmbeddedReply:
        """Return the other side's token as the half of `side` carries it."""
        if side is Side.PROVIDER:
            return EmbeddedRequest(
                key_id=self.chain.key_id("housing service"),
                http_digest=spoken.request_token.http_digest,
                requested_ms=spoken.requested_ms,
                signature=spoken.request_signature,
            )
        return EmbeddedReply(
            key_id=self.chain.key_id("police service"),
            answered_ms=spoken.answered_ms,
            signature=spoken.reply_signature,
        )

    def people(self, spoken: Spoken, side: Side) -> list[Call]:
        """Return the records of the people beyond four, ten in each."""
        rest = spoken.subjects[4:]
        return [
            Call(
                action="people",
                public=encode_part(
                    People(
                        salt=self.chain.salt(),
                        call_id=spoken.call_id,
                        side=int(side),
                        requester=HOUSING,
                        provider=POLICE,
                        first=first,
                        tokens=rest[first : first + 10],
                    )
                ),
            )
            for first in range(0, len(rest), 10)
        ]

    def clear(self, spoken: Spoken, side: Side) -> bytes:
        """Return why the call was made, as a private part in clear."""
        said = spoken.said
        return encode_part(
            AccessPrivate(
                salt=self.chain.salt(),
                purpose_code=said.purpose,
                reason_text=said.reason,
                case_number="A-17",
                operator="clerk 4",
                operator_role="查询员",
                system="registry" if side is Side.PROVIDER else "desk",
                represented_party="",
                legal_basis="条例 12",
                derived_from=(),
            )
        )

    def encrypted(self, spoken: Spoken, side: Side) -> tuple[bytes, bytes]:
        """Return the clear private part and what stands on the chain for it."""
        clear = self.clear(spoken, side)
        half = Half(
            chain_id=self.chain.chain_id,
            requester=HOUSING,
            provider=POLICE,
            call_id=spoken.call_id,
            side=int(side),
        )
        nonce = self.h(b"nonce" + half.associated)[:12]
        sealed = encrypt_private(
            self.suite, clear, pair_key=self.pair_key, period=PERIOD, half=half, nonce=nonce
        )
        return clear, sealed

    def headers(self, spoken: Spoken) -> tuple[CallHeader, ReplyHeader]:
        """Return both headers of the exchange."""
        token, reply = spoken.request_token, spoken.reply_token
        return (
            CallHeader(
                requester=HOUSING,
                call_id=spoken.call_id,
                item=token.item,
                item_version=token.item_version,
                fields=token.fields,
                grant=token.grant,
                requested_ms=token.requested_ms,
                trace_id=spoken.trace_id,
                parent_call_id=b"",
                seed=spoken.asked.seed,
                public_key=self.chain.keys["housing service"].public_key,
                signature=spoken.request_signature,
            ),
            ReplyHeader(
                call_id=spoken.call_id,
                decision=reply.decision,
                status=reply.status,
                count=reply.count,
                answered_ms=reply.answered_ms,
                seed=spoken.answered.seed,
                public_key=self.chain.keys["police service"].public_key,
                signature=spoken.reply_signature,
            ),
        )
