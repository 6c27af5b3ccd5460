"""Texts in headers of a call: legal in a record, or percent-encoded reasons. Pure leaf.

Why a call is made travels in clear beside its token, one header each (docs/wire-format.md §15).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from chainnode.codec import InvalidEncoding, Plain, as_text
from contracts.schemas.shape import TEXT_CHARACTERS_MAX
from contracts.schemas.text import (
    ORGANISATION_CHARACTERS_MAX,
    ORGANISATION_CHARACTERS_MIN,
    first_illegal,
    first_illegal_in_organisation,
)

REASON_CHARACTERS_MAX: Final = 512
_ESCAPE_DIGITS: Final = 2
_HEXADECIMAL: Final = frozenset("0123456789ABCDEFabcdef")
# What stands for itself in a header, beside letters and digits (RFC 3986 unreserved).
_UNESCAPED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReason:
    """Why a call is made, by whom and for whom; personal, so it does not show itself."""

    purpose: str = field(default="", repr=False)
    reason: str = field(default="", repr=False)
    case: str = field(default="", repr=False)
    operator: str = field(default="", repr=False)
    role: str = field(default="", repr=False)
    represented: str = field(default="", repr=False)

    def texts(self) -> dict[str, str]:
        """Return the texts that are given, by their name in the commitment."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: text for name, text in named.items() if text}


# Header by field; the name in a commitment is the header in lower case without `kun-`.
REASON_HEADERS: Final[Mapping[str, str]] = {
    one.name: f"Kun-{one.name.capitalize()}" for one in fields(CallReason)
}


def encode_reason(reason: CallReason) -> dict[str, str]:
    """Return the headers that say why.

    Raises:
        InvalidEncoding: a text too long for its header.

    """
    encoded = {REASON_HEADERS[name]: _escaped(text) for name, text in reason.texts().items()}
    for name, value in encoded.items():
        _require_length(name, value)
    return encoded


def decode_reason(headers: Mapping[str, str]) -> CallReason:
    """Read the headers that say why; `headers` has lower-case names.

    Raises:
        InvalidEncoding: too long, not percent-encoded UTF-8, or a character that is not visible.

    """
    texts = {
        name: _decoded(header, headers[header.lower()])
        for name, header in REASON_HEADERS.items()
        if header.lower() in headers
    }
    return CallReason(**texts)


def require_text(value: Plain, what: str, *, minimum: int) -> str:
    """Return a text that may stand in a record.

    Raises:
        InvalidEncoding: too short, too long, or with a character that is not legal.

    """
    text = as_text(value, what, maximum=TEXT_CHARACTERS_MAX)
    if len(text) < minimum or first_illegal(text) is not None:
        raise InvalidEncoding(what=what, expected="a text that is legal in a record", actual="none")
    return text


def require_organisation(value: Plain, what: str) -> str:
    """Return the id of an organisation.

    Raises:
        InvalidEncoding: what cannot be one.

    """
    text = as_text(value, what, maximum=ORGANISATION_CHARACTERS_MAX)
    is_legal = first_illegal_in_organisation(text) is None
    if len(text) < ORGANISATION_CHARACTERS_MIN or not is_legal:
        raise InvalidEncoding(what=what, expected="the id of an organisation", actual="none")
    return text


def _decoded(header: str, value: str) -> str:
    _require_length(header, value)
    if not _is_percent_encoded(value):
        raise InvalidEncoding(what=header, expected="percent-encoded UTF-8", actual="other text")
    try:
        text = _unescaped(value).decode()
    except UnicodeDecodeError as error:
        raise InvalidEncoding(
            what=header, expected="percent-encoded UTF-8", actual="other bytes"
        ) from error
    if first_illegal(text) is not None:
        raise InvalidEncoding(
            what=header, expected="visible characters in NFC, single spaces", actual="other ones"
        )
    return text


def _escaped(text: str) -> str:
    return "".join(
        chr(byte) if chr(byte) in _UNESCAPED else f"%{byte:02X}" for byte in text.encode()
    )


def _unescaped(value: str) -> bytes:
    first, *escaped = value.split("%")
    pieces = (bytes.fromhex(piece[:2]) + piece[2:].encode() for piece in escaped)
    return first.encode() + b"".join(pieces)


def _is_percent_encoded(value: str) -> bool:
    first, *escaped = value.split("%")
    return set(first) <= _UNESCAPED and all(
        len(piece[:2]) == _ESCAPE_DIGITS
        and set(piece[:2]) <= _HEXADECIMAL
        and set(piece[2:]) <= _UNESCAPED
        for piece in escaped
    )


def _require_length(header: str, value: str) -> None:
    if len(value) > REASON_CHARACTERS_MAX:
        raise InvalidEncoding(
            what=header, expected=f"≤ {REASON_CHARACTERS_MAX} characters", actual=f"{len(value)}"
        )
