"""What both httpx transports of the calling side do alike: requests in, responses out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from chainnode.errors import ConfigurationError, InvalidInput
from chainnode.exchange import Body, whole_body
from chainnode.exchange.bounded_json import IllegalJson, read_json
from chainnode.exchange.header_texts import REASON_HEADERS
from chainnode.exchange.headers import CALL_HEADER, REPLY_HEADER
from chainnode.gateway.asgi import REPLY_PATH
from chainnode.gateway.calling.caller import Caller, CallOutcome, StartedCall
from chainnode.gateway.calling.reading import Bound
from chainnode.gateway.calling.requesting import CallIntent
from chainnode.gateway.messages import PROBLEM_TYPE, HttpRequest, Unrecorded

EXTENSION: Final = "kun"
# A call whose half has no receipt yet is answered 503; the same token asks again.
ATTEMPTS_MAX: Final = 3
_PENDING: Final = frozenset({Unrecorded.RECEIPT_PENDING.name, Unrecorded.IN_FLIGHT.name})


class HeaderOfOurs(InvalidInput):
    """A request has a header that its call makes itself; the provider would see another request."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name}: expected no such header in the request: what a call is for goes into"
            " CallReason (CallIntent.reason), which is signed, and makes the header"
        )


@dataclass(slots=True)
class StreamedOutcome:
    """The outcome of a call whose answer streams; None until it was read to its end."""

    outcome: CallOutcome | None = None


class Hashing:
    """Takes the parts of an answer that streams, until its reply token can be checked."""

    def __init__(
        self,
        caller: Caller,
        started: StartedCall,
        request: httpx.Request,
        response: httpx.Response,
        *,
        bytes_max: int,
    ) -> None:
        self._bound = Bound(bytes_max)
        self._caller = caller
        self._started = started
        self._response = response
        self._hasher = caller.requester.suite.hasher()
        self._size = 0
        self._is_over = False
        self.streamed = StreamedOutcome()
        self.request = request

    def update(self, part: bytes) -> None:
        """Hash a part.

        Raises:
            AnswerTooLarge: a program that holds the whole would hold too much.

        """
        self._bound.take(part)
        self._hasher.update(part)
        self._size += len(part)

    async def conclude(self, headers: Mapping[str, str]) -> None:
        """Keep the half of a call whose answer came to its end; `headers` bring its reply token."""
        self._is_over = True
        body = Body(
            content_type=self._response.headers.get("content-type", ""),
            digest=self._hasher.digest(),
            size=self._size,
        )
        self.streamed.outcome = await self._caller.conclude(
            self._started, status=self._response.status_code, headers=headers, body=body
        )

    async def abandon(self) -> None:
        """Keep the half of a call whose answer was not read to its end."""
        if not self._is_over:
            self._is_over = True
            await self._caller.fail(self._started)


def intent_of(request: httpx.Request, standard: CallIntent) -> CallIntent:
    """Return what a request is for."""
    intent = request.extensions.get(EXTENSION, standard)
    if not isinstance(intent, CallIntent):
        raise ConfigurationError(f"extensions[{EXTENSION!r}]: expected a CallIntent")
    return intent


def sent_request(request: httpx.Request, content: bytes) -> HttpRequest:
    """Return the request as the gateway will see it.

    Raises:
        HeaderOfOurs: it says itself what the signature is to say.

    """
    for name in (CALL_HEADER, *REASON_HEADERS.values()):
        if name in request.headers:
            raise HeaderOfOurs(name)
    return HttpRequest(
        method=request.method.upper(),
        target=request.url.raw_path.decode("ascii"),
        headers=tuple((name.lower(), value) for name, value in request.headers.multi_items()),
        body=content,
    )


def signed_request(request: httpx.Request, content: bytes, started: StartedCall) -> httpx.Request:
    """Return the request with its token; compressed answers cannot be checked as they came."""
    headers = httpx.Headers(request.headers)
    headers["Accept-Encoding"] = "identity"
    headers.pop("Transfer-Encoding", None)
    headers.update(started.headers)
    return httpx.Request(
        request.method,
        request.url,
        headers=headers,
        content=content,
        extensions={name: one for name, one in request.extensions.items() if name != EXTENSION},
    )


def reply_request(hashing: Hashing) -> httpx.Request:
    """Return the request for the reply token of an answer that streamed."""
    request = hashing.request
    return httpx.Request(
        "GET",
        request.url.copy_with(raw_path=REPLY_PATH.encode()),
        headers={CALL_HEADER: request.headers[CALL_HEADER]},
        extensions=request.extensions,
    )


def is_pending(response: httpx.Response, content: bytes) -> bool:
    """Tell whether a call is to be asked again."""
    if REPLY_HEADER in response.headers or response.status_code not in {409, 503}:
        return False
    if response.headers.get("content-type") != PROBLEM_TYPE:
        return False
    try:
        document = read_json(content)
    except IllegalJson:
        return False
    return isinstance(document, dict) and document.get("code") in _PENDING


def body_of(caller: Caller, response: httpx.Response, content: bytes) -> Body:
    """Return the body of an answer as commitments see it."""
    return whole_body(
        caller.requester.suite.digest,
        content,
        content_type=response.headers.get("content-type", ""),
    )


def with_outcome(
    response: httpx.Response,
    content: bytes | httpx.AsyncByteStream | httpx.SyncByteStream,
    outcome: CallOutcome | StreamedOutcome | None,
) -> httpx.Response:
    """Return the answer for the caller's program, with what is known of the call."""
    extensions = dict(response.extensions)
    if outcome is not None:
        extensions[EXTENSION] = outcome
    if isinstance(content, bytes):
        content = httpx.ByteStream(content)
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        stream=content,
        extensions=extensions,
    )
