"""What a gateway or auditor sends to the custodian, and what comes back: forms alone, no I/O.

An ask is a JSON body and one header whose signature binds chain, custodian, method, target,
body digest, time and nonce (docs/wire-format.md §17), so that no part of it can be changed,
sent again, or sent to another custodian.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from typing import Final

import msgspec

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    encode,
)
from chainnode.custodian.tokens import TOKEN_BYTES
from chainnode.errors import InvalidInput
from chainnode.exchange.bounded_json import IllegalJson, read_json
from chainnode.submission import key_id
from chainnode.suites.port import PrivateKey, Suite

HEADER: Final = "Kun-Ask"
TOKENS_PATH: Final = "/v1/tokens"
# One person over all departments of a large city and their epochs, or a page of a register.
IDENTIFIERS_MAX: Final = 1000
TOKENS_MAX: Final = 4096
PLACES_MAX: Final = 1024
PURPOSE_CHARACTERS_MAX: Final = 200
# 1,000 numbers of 64 characters and 1,024 departments, with room for JSON.
BODY_BYTES_MAX: Final = 256 * 1024
# 4,096 tokens in hex, the departments beside them.
ANSWER_BYTES_MAX: Final = 1024 * 1024
_NONCE_BYTES: Final = 16
_HEADER_CHARACTERS_MAX: Final = 512
_ORGANISATION_CHARACTERS: Final = range(2, 33)
# A daily ceiling opens again within a day.
_WAIT_S_MAX: Final = 86_400
_NAME_CHARACTERS_MAX: Final = 64
_SIGNED_TAG: Final = "kun.ask"
_HEADER_TAG: Final = "kun.askheader"
_VERSION: Final = 1
_LIMITS: Final = Limits(bytes_max=_HEADER_CHARACTERS_MAX, depth_max=1, elements_max=8)


class InvalidAsk(InvalidInput):
    """An ask or answer of another form; never says what stood in it."""

    def __init__(self, *, what: str, expected: str) -> None:
        self.what = what
        self.expected = expected
        super().__init__(f"{what}: expected {expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskHeader:
    """Who asks, when, and the signature over all of it."""

    organisation: str
    at_ms: int
    nonce: bytes
    public_key: bytes
    signature: bytes = field(repr=False)

    def key_id(self, suite: Suite) -> bytes:
        """Return the id under which the ledger knows the key."""
        return key_id(suite, self.public_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskTarget:
    """What the signature binds besides the asker: where the ask goes, and its body."""

    chain_id: bytes
    custodian: str
    method: str
    path: str
    body: bytes = field(repr=False)


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A department, and the epoch of its tokens; 0 = the one in force."""

    department: str
    epoch: int = 0


class AskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For whom tokens are asked.

    `grant`, or `item` for one that its owner shares without condition, entitles a caller;
    `purpose` is an auditor's reason.
    """

    places: tuple[Place, ...]
    id_type: str
    identifiers: tuple[str, ...]
    grant: str = ""
    item: str = ""
    purpose: str = ""

    def __repr__(self) -> str:
        return f"AskBody({len(self.places)} places, {len(self.identifiers)} identifiers)"


class PlaceTokens(msgspec.Struct, frozen=True):
    """The tokens of one department and epoch, in the order of the identifiers."""

    department: str
    epoch: int
    tokens: tuple[str, ...]


class AskAnswer(msgspec.Struct, frozen=True):
    """What the custodian answers, in the order of the places."""

    places: tuple[PlaceTokens, ...]


_BODY_DECODER: Final = msgspec.json.Decoder(AskBody)
_ANSWER_DECODER: Final = msgspec.json.Decoder(AskAnswer)


def signed_header(
    target: AskTarget, *, organisation: str, key: PrivateKey, suite: Suite, now_ms: int
) -> str:
    """Sign an ask with a fresh nonce; returns the value of the header `Kun-Ask`."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    content = _signed_content(target, suite, organisation=organisation, at_ms=now_ms, nonce=nonce)
    row = (_HEADER_TAG, _VERSION, organisation, now_ms, nonce, key.public_key, key.sign(content))
    return _text_of(encode(row))


def read_header(text: str) -> AskHeader:
    """Read a header; its signature is checked by `verify_header`.

    Raises:
        InvalidAsk: another form.

    """
    try:
        if len(text) > _HEADER_CHARACTERS_MAX or "=" in text:
            raise InvalidAsk(what=HEADER, expected=f"≤ {_HEADER_CHARACTERS_MAX} characters")
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        # Bits of the last character that no byte takes would give one ask several headers.
        if _text_of(content) != text:
            raise InvalidAsk(what=HEADER, expected="the one base64url form")
        row = as_array(decode(content, _LIMITS), 7, HEADER)
        if row[:2] != (_HEADER_TAG, _VERSION):
            raise InvalidAsk(what=HEADER, expected=f"{_HEADER_TAG} version {_VERSION}")
        return AskHeader(
            organisation=as_text(row[2], "organisation", _ORGANISATION_CHARACTERS[-1]),
            at_ms=as_int(row[3], "at_ms"),
            nonce=as_bytes(row[4], "nonce", _NONCE_BYTES),
            public_key=as_bytes(row[5], "public key", maximum=33),
            signature=as_bytes(row[6], "signature", 64),
        )
    except (InvalidEncoding, ValueError, binascii.Error) as error:
        raise InvalidAsk(what=HEADER, expected="base64url of the signed row") from error


def verify_header(header: AskHeader, target: AskTarget, suite: Suite) -> None:
    """Check the signature over everything that the ask binds.

    Raises:
        InvalidKey: the public key is not one.
        InvalidSignature: something was changed.

    """
    content = _signed_content(
        target, suite, organisation=header.organisation, at_ms=header.at_ms, nonce=header.nonce
    )
    suite.verify(public_key=header.public_key, signature=header.signature, content=content)


def read_body(body: bytes) -> AskBody:
    """Read the JSON of an ask within its bounds; whether the identifiers are any is not asked.

    Raises:
        InvalidAsk: another form, or over a bound.

    """
    try:
        ask = _BODY_DECODER.decode(body)
    except (ValueError, RecursionError) as error:
        # The decoder's own words may quote the body.
        raise InvalidAsk(what="body", expected="the JSON of an ask") from error
    _require("places", f"1 … {PLACES_MAX}", is_met=1 <= len(ask.places) <= PLACES_MAX)
    _require("identifiers", f"≤ {IDENTIFIERS_MAX}", is_met=len(ask.identifiers) <= IDENTIFIERS_MAX)
    made = len(ask.places) * len(ask.identifiers)
    _require("tokens", f"≤ {TOKENS_MAX} in one answer", is_met=made <= TOKENS_MAX)
    for place in ask.places:
        legal = len(place.department) in _ORGANISATION_CHARACTERS
        _require("department", f"2 … {_ORGANISATION_CHARACTERS[-1]} characters", is_met=legal)
        _require("epoch", "0 … 2^32 − 1", is_met=0 <= place.epoch < 2**32)
    _require("item", f"≤ {_NAME_CHARACTERS_MAX}", is_met=len(ask.item) <= _NAME_CHARACTERS_MAX)
    _require("grant", f"≤ {_NAME_CHARACTERS_MAX}", is_met=len(ask.grant) <= _NAME_CHARACTERS_MAX)
    _require(
        "purpose", f"≤ {PURPOSE_CHARACTERS_MAX}", is_met=len(ask.purpose) <= PURPOSE_CHARACTERS_MAX
    )
    return ask


def body_of(ask: AskBody) -> bytes:
    """Return the JSON of an ask."""
    return msgspec.json.encode(ask)


def answer_bytes(answer: AskAnswer) -> bytes:
    """Return the JSON of an answer."""
    return msgspec.json.encode(answer)


def read_answer(content: bytes, *, places: int, identifiers: int) -> tuple[PlaceTokens, ...]:
    """Read the custodian's answer to an ask of this size.

    Raises:
        InvalidAsk: another form or size.

    """
    try:
        answer = _ANSWER_DECODER.decode(content)
    except (ValueError, RecursionError) as error:
        raise InvalidAsk(what="answer", expected="the JSON of an answer") from error
    _require("answer", f"{places} places", is_met=len(answer.places) == places)
    for place in answer.places:
        _require("answer", f"{identifiers} tokens", is_met=len(place.tokens) == identifiers)
        _require("epoch", "≥ 1", is_met=place.epoch >= 1)
        whole = all(_is_token(one) for one in place.tokens)
        _require("token", f"{TOKEN_BYTES} bytes in hex", is_met=whole)
    return answer.places


def problem_of(content: bytes) -> tuple[str, int]:
    """Return code and seconds to wait of a refusal; ("", 0) when it is not ours."""
    try:
        document = read_json(content)
    except IllegalJson:
        return "", 0
    if not isinstance(document, dict):
        return "", 0
    code, wait = document.get("code"), document.get("retry_after_s")
    return (
        code[:64] if isinstance(code, str) else "",
        wait if isinstance(wait, int) and 0 <= wait <= _WAIT_S_MAX else 0,
    )


def _signed_content(
    target: AskTarget, suite: Suite, *, organisation: str, at_ms: int, nonce: bytes
) -> bytes:
    return encode(
        (
            *(_SIGNED_TAG, _VERSION, target.chain_id, target.custodian, organisation),
            *(target.method, target.path, suite.digest(target.body), at_ms, nonce),
        )
    )


def _text_of(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _is_token(text: str) -> bool:
    return len(text) == 2 * TOKEN_BYTES and all(one in "0123456789abcdef" for one in text)


def _require(what: str, expected: str, *, is_met: bool) -> None:
    if not is_met:
        raise InvalidAsk(what=what, expected=expected)
