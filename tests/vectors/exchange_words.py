"""What the exchange vectors say beside the chain: messages, tokens, pseudonyms, keys, asks."""

import base64
from collections.abc import Iterable, Sequence

from chainnode.codec import encode
from chainnode.custodian.asks import (
    TOKENS_PATH,
    AskAnswer,
    AskBody,
    AskTarget,
    Place,
    PlaceTokens,
    answer_bytes,
    body_of,
    read_header,
    verify_header,
)
from chainnode.exchange import (
    Body,
    Disclosure,
    Field,
    commitment,
    disclose,
    encode_call,
    encode_reply,
    request_fields,
    response_fields,
    whole_body,
)
from chainnode.exchange.fields import JSON_BYTES_MAX
from chainnode.exchange.private_parts import Pair, key_check, wrap_purpose
from chainnode.identity.numbers import IdType
from chainnode.verify.strict_json import JsonObject, JsonValue
from contracts.schemas.call_words import Side
from contracts.schemas.content import SharePrivate
from contracts.schemas.shape import encode_part
from contracts.schemas.tokens import encode_embedded
from tests.vectors.exchange_calls import JSON, METHOD, PEOPLE, ROOT_SECRET, Spoken
from tests.vectors.exchange_chain import (
    AUDIT,
    CREATED_MS,
    DATA,
    HOUSING,
    PERIOD,
    POLICE,
    ExchangeChain,
)
from tests.vectors.exchange_script import READERS, Script

_DEEP = "[" * 63 + "]" * 63
# Content type and body of messages whose fields are shown, beside those of the calls.
BODIES: tuple[tuple[str, bytes], ...] = (
    ("", b""),
    (JSON, b""),
    (JSON, b'{ "a" : 1.50 , "b":[ 1, { "c" :"x  y" } ],\n"\xe5\x90\x8d":null }'),
    ("application/problem+json; charset=utf-8", b'{"code":"NO_GRANT"}'),
    (JSON, b' [ {"a":1}, {"a":"\\u00e9","b":1E5} ] '),
    ("text/plain", b'{"a":1}'),
    (JSON, b'{"a":1,"a":2}'),
    (JSON, b'{"a":{"b":1,"b":2}}'),
    (JSON, b"{}"),
    (JSON, b"[]"),
    (JSON, b'[{"a":1},{}]'),
    (JSON, b'[{"a":1},2]'),
    (JSON, b'"text"'),
    (JSON, b'{"a":NaN}'),
    (JSON, b'{"a":1} x'),
    (JSON, b"\xff\xfe"),
    (JSON, f'{{"a":{_DEEP}}}'.encode()),
    (JSON, f'{{"a":[{_DEEP}]}}'.encode()),
)


def messages(script: Script) -> JsonObject:
    """Return how bodies become fields, and commitments and disclosures of them."""
    h = script.suite.digest
    seed = h(b"seed of the fields")
    rows: list[JsonValue] = []
    for content_type, content in BODIES:
        fields = response_fields(status=200, body=whole_body(h, content, content_type=content_type))
        rows.append(
            {
                "content_type": content_type,
                "body": content.hex(),
                "fields": _fields_form(fields),
                "commitment": commitment(h, seed=seed, fields=fields).hex(),
            }
        )
    streamed = response_fields(
        status=206, body=Body(content_type=JSON, digest=h(b"streamed"), size=JSON_BYTES_MAX + 1)
    )
    reasons = {"purpose": "housing", "case": "A-17", "role": "查询员"}
    asked = request_fields(
        method="GET", target="/people?n=1", reasons=reasons, body=whole_body(h, b"")
    )
    return {
        "seed": seed.hex(),
        "responses": rows,
        "streamed": {
            "digest": h(b"streamed").hex(),
            "fields": _fields_form(streamed),
            "commitment": commitment(h, seed=seed, fields=streamed).hex(),
        },
        "request": {
            "method": "GET",
            "target": "/people?n=1",
            "reasons": dict(reasons),
            "fields": _fields_form(asked),
            "commitment": commitment(h, seed=seed, fields=asked).hex(),
        },
    }


def calls(script: Script) -> list[JsonValue]:
    """Return each call: its messages, both tokens, its headers, and what halves embed."""
    return [_call(script, spoken) for spoken in script.spoken.values()]


def _call(script: Script, spoken: Spoken) -> JsonObject:
    caller, h = script.caller, script.suite.digest
    call, reply = caller.headers(spoken)
    shown = disclose(
        h, seed=spoken.answered.seed, fields=spoken.answered.fields, names={"status", "body.name"}
    )
    return {
        "name": spoken.said.name,
        "call_id": spoken.call_id.hex(),
        "requested_ms": spoken.requested_ms,
        "request": {
            "method": METHOD,
            "target": spoken.asked.target,
            "content_type": JSON,
            "body": spoken.asked.body.hex(),
            "seed": spoken.asked.seed.hex(),
            "fields": _fields_form(spoken.asked.fields),
            "commitment": spoken.request_token.request_commitment.hex(),
            "http_digest": spoken.request_token.http_digest.hex(),
            "token": spoken.request_token.content().hex(),
            "signature": spoken.request_signature.hex(),
            "Kun-Call": encode_call(call),
            "embedded": encode_embedded(caller.embedded(spoken, Side.PROVIDER)).hex(),
        },
        "response": {
            "status": spoken.said.status,
            "content_type": JSON,
            "body": spoken.answered.body.hex(),
            "seed": spoken.answered.seed.hex(),
            "fields": _fields_form(spoken.answered.fields),
            "commitment": spoken.reply_token.response_commitment.hex(),
            "token": spoken.reply_token.content().hex(),
            "signature": spoken.reply_signature.hex(),
            "Kun-Reply": encode_reply(reply),
            "embedded": encode_embedded(caller.embedded(spoken, Side.REQUESTER)).hex(),
            "disclosure": _disclosure_form(shown),
        },
    }


def pseudonyms(script: Script) -> JsonObject:
    """Return epoch keys with their checks, and tokens under them."""
    root, suite = script.caller.root, script.suite
    numbers = [*PEOPLE[:3], PEOPLE[0][:17] + "X", "1"]
    rows: list[JsonValue] = []
    for department in (HOUSING, POLICE):
        for epoch in (1, 2):
            key = root.epoch_key(department, epoch)
            rows.append(
                {
                    "department": department,
                    "epoch": epoch,
                    "key_check": key.check(suite).hex(),
                    "tokens": [
                        [kind.value, number, token.hex()]
                        for kind in IdType
                        for number, token in zip(numbers, key.tokens(kind, numbers), strict=True)
                    ],
                }
            )
    return {"root_secret": ROOT_SECRET.hex(), "epochs": rows}


def private_parts(script: Script) -> JsonObject:
    """Return the key of the pair as three readers get it, and the parts that it opens."""
    chain = script.chain
    pair = Pair(requester=HOUSING, provider=POLICE, period=PERIOD)
    readers: list[JsonValue] = []
    for one in READERS:
        key = script.wrapping_keys[one]
        purpose = wrap_purpose(
            chain_id=chain.chain_id, pair=pair, organisation=one, public_key=key.public_key
        )
        readers.append(
            {
                "organisation": one,
                "secret": key.secret_bytes().hex(),
                "public_key": key.public_key.hex(),
                "purpose": purpose.hex(),
            }
        )
    return {
        "requester": HOUSING,
        "provider": POLICE,
        "period": PERIOD,
        "pair_key": script.caller.pair_key.hex(),
        "key_check": key_check(script.suite.digest, script.caller.pair_key).hex(),
        "readers": readers,
        "share": script.share_private.hex(),
        "encrypted": [
            {
                "call": name,
                "call_id": script.spoken[name].call_id.hex(),
                "side": int(side),
                "clear": clear.hex(),
            }
            for (name, side), clear in script.clear.items()
        ],
    }


def asks(script: Script) -> list[JsonValue]:
    """Return asks of a service and of an auditor, and the answers to them."""
    service = AskBody(places=(Place(POLICE),), id_type="111", identifiers=PEOPLE[:2], grant="G-1")
    audit = AskBody(
        places=(Place(HOUSING, 1), Place(POLICE, 2)),
        id_type="111",
        identifiers=PEOPLE[:1],
        purpose="专项审计",
    )
    return [
        _ask(script, "police service", POLICE, service, (1,)),
        _ask(script, "audit auditor", AUDIT, audit, (1, 2)),
    ]


def _ask(
    script: Script, seat: str, organisation: str, ask: AskBody, epochs: Sequence[int]
) -> JsonObject:
    chain, body = script.chain, body_of(ask)
    target = AskTarget(
        chain_id=chain.chain_id, custodian=DATA, method="POST", path=TOKENS_PATH, body=body
    )
    nonce = script.suite.digest(b"ask of " + seat.encode())[:16]
    signed = encode(
        (
            *("kun.ask", 1, chain.chain_id, DATA, organisation, "POST", TOKENS_PATH),
            *(script.suite.digest(body), CREATED_MS, nonce),
        )
    )
    key = chain.keys[seat]
    row = (organisation, CREATED_MS, nonce, key.public_key, key.sign(signed))
    header = _base64url(encode(("kun.askheader", 1, *row)))
    # The product reads what is published here.
    verify_header(read_header(header), target, script.suite)
    answer = AskAnswer(
        tuple(
            PlaceTokens(
                place.department,
                epoch,
                tuple(
                    token.hex()
                    for token in script.caller.root.epoch_key(place.department, epoch).tokens(
                        IdType(ask.id_type), ask.identifiers
                    )
                ),
            )
            for place, epoch in zip(ask.places, epochs, strict=True)
        )
    )
    return {
        "custodian": DATA,
        "organisation": organisation,
        "method": "POST",
        "target": TOKENS_PATH,
        "body": body.decode(),
        "at_ms": CREATED_MS,
        "nonce": nonce.hex(),
        "signed": signed.hex(),
        "Kun-Ask": header,
        "answer": answer_bytes(answer).decode(),
    }


def keys(chain: ExchangeChain) -> list[JsonValue]:
    """Return the keys of the story with their secrets, for whoever signs with them."""
    return [
        {
            "name": name,
            "organisation": seat.organisation,
            "roles": [seat.role] if seat.role else [],
            "secret": chain.keys[name].secret_bytes().hex(),
            "public_key": chain.keys[name].public_key.hex(),
            "key_id": chain.key_id(name).hex(),
        }
        for name, seat in chain.seats.items()
    ]


def share_of(rows: Iterable[tuple[str, bytes]], salt: bytes) -> bytes:
    """Return a private part of `share` with these rows, legal or not."""
    return encode_part(SharePrivate(salt, tuple(rows)))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _fields_form(fields: Iterable[Field]) -> list[JsonValue]:
    return [[one.name, one.value] for one in fields]


def _disclosure_form(shown: Disclosure) -> JsonObject:
    return {
        "size": shown.size,
        "fields": [
            {
                "index": one.index,
                "salt": one.salt.hex(),
                "name": one.field.name,
                "value": one.field.value,
                "path": [node.hex() for node in one.path],
            }
            for one in shown.fields
        ],
    }
