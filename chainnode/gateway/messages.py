"""HTTP messages as the gateway sees them, whatever server or client carries them. Plain values."""

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

PROBLEM_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1
_SUCCESS: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A whole request; header names in lower case, `target` as in the request line."""

    method: str
    # May name a person.
    target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """Return the value of a header that stands once; None when it does not, or twice."""
        values = [value for key, value in self.headers if key == name]
        return values[0] if len(values) == 1 else None

    def singles(self) -> dict[str, str]:
        """Return the headers by name; of one that stands twice, both values joined."""
        joined: dict[str, str] = {}
        for name, value in self.headers:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A whole answer; `body` None where it is not kept."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status in _SUCCESS


class Unrecorded(Enum):
    """Why a request is refused and no half is made: status and sentence."""

    CALL_MISSING = (401, "a call needs one Kun-Call header with a signed token")
    CALL_MALFORMED = (401, "Kun-Call is not the encoding of a call")
    REASON_MALFORMED = (400, "a header that says why is not percent-encoded visible text")
    KEY_UNKNOWN = (401, "the key of the token is not registered")
    KEY_NOT_ENTITLED = (401, "the key is not a valid service key of the requester")
    SIGNATURE_WRONG = (401, "the token is not signed over this request")
    NOT_OF_NOW = (401, "the token was signed too long ago, or in the future")
    BEFORE_START = (503, "the token was signed before this gateway started: make a new call")
    ROWS_UNAVAILABLE = (503, "the ledger does not answer, so the caller cannot be checked")
    CALLS_REMEMBERED_FULL = (503, "too many calls within the time window")
    IN_FLIGHT = (409, "this call is being answered")
    CALL_ID_REUSED = (409, "the call id was used for another request")
    ANSWERED_ALREADY = (409, "this call was answered; its reply token is in Kun-Reply")
    AMBIGUOUS_LENGTH = (400, "the headers do not say one length of the body")
    BODY_TOO_SLOW = (408, "the body of the request did not come in time")
    BODY_TOO_LARGE = (413, "the body is larger than a call to this service may be")
    HALF_NOT_KEPT = (503, "the record of the call could not be kept, so nothing is released")
    KEY_ENDED = (503, "the ledger has ended the key of this gateway, so nothing is released")
    RECEIPT_PENDING = (503, "the record of the call has no receipt yet: ask again with this call")
    HALF_REFUSED = (503, "the ledger refused the record of the call, so nothing is released")
    NO_SUCH_REPLY = (404, "no answered call has this id and token")
    INTERNAL = (500, "the gateway failed")

    @property
    def status(self) -> int:
        """HTTP status of the refusal."""
        return self.value[0]

    @property
    def sentence(self) -> str:
        """What the caller is told."""
        return self.value[1]


class Refused(Exception):
    """A request that is refused and leaves no half."""

    def __init__(self, reason: Unrecorded) -> None:
        self.reason = reason
        super().__init__(reason.name)


def problem(
    status: int, code: str, sentence: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> HttpAnswer:
    """Return a problem document (RFC 9457); it quotes nothing of the request."""
    body = json.dumps(
        {"type": "about:blank", "title": code, "status": status, "code": code, "detail": sentence}
    ).encode()
    extra: list[tuple[bytes, bytes]] = []
    if status == 401:  # noqa: PLR2004  RFC 9110 §15.5.2 asks for the way to authenticate
        extra.append((b"www-authenticate", b"Kun-Call"))
    if status in {429, 503}:
        extra.append((b"retry-after", str(RETRY_AFTER_S).encode()))
    return HttpAnswer(
        status=status,
        headers=(
            (b"content-type", PROBLEM_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            *extra,
            *headers,
        ),
        body=body,
    )


def problem_of(reason: Unrecorded, headers: tuple[tuple[bytes, bytes], ...] = ()) -> HttpAnswer:
    """Return the problem document of a request that leaves no half."""
    return problem(reason.status, reason.name, reason.sentence, headers)
