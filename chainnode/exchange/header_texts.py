"""Texts in headers of a call: legal in a record, or percent-encoded reasons. Pure leaf.

Why a call is made travels in clear beside its token, one header each (docs/wire-format.md §15).
"""

import re
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
# What stands for itself in a header, beside letters and digits (RFC 3986 unreserved).
_UNESCAPED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9._~-]++|%[0-9A-Fa-f]{2})*+")


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
        return {name: text for name in _REASONS if (text := getattr(self, name))}


_REASONS: Final = tuple(one.name for one in fields(CallReason))
# Header by field; the name in a commitment is the header in lower case without `kun-`.
REASON_HEADERS: Final[Mapping[str, str]] = {name: f"Kun-{name.capitalize()}" for name in _REASONS}
_BY_HEADER: Final = {header.lower(): name for name, header in REASON_HEADERS.items()}


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
        name: _decoded(name, headers[header])
        for header, name in _BY_HEADER.items()
        if header in headers
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


def _decoded(name: str, value: str) -> str:
    header = REASON_HEADERS[name]
    _require_length(header, value)
    if _ENCODED.fullmatch(value) is None:
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
    """Return the bytes of a value that is percent-encoded, which leaves no backslash in it."""
    return value.replace("%", "\\x").encode("ascii").decode("unicode_escape").encode("latin-1")


def _require_length(header: str, value: str) -> None:
    if len(value) > REASON_CHARACTERS_MAX:
        raise InvalidEncoding(
            what=header, expected=f"≤ {REASON_CHARACTERS_MAX} characters", actual=f"{len(value)}"
        )
