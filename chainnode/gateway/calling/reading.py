"""Answers read within a bound: a provider is another department, and not believed to stop.

What is read is what came: we ask for no coding, so an answer that has one is refused before
anybody decodes it, and no few bytes become many in the memory of a calling program.
"""

from typing import Final

import httpx

from chainnode.errors import NodeError

# A gateway streams what comes in parts and is larger than 1 MiB; a service may hand over one part.
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
# A program that does not ask for a stream holds all of it.
STREAMED_BYTES_MAX: Final = 1024 * 1024 * 1024
# A reply token is a header; the answer that carries it has no body.
REPLY_BYTES_MAX: Final = 64 * 1024
_PLAIN: Final = frozenset({"", "identity"})


class AnswerTooLarge(NodeError):
    """An answer that was cut off at its bound; its call is recorded as not answered."""

    def __init__(self, *, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        super().__init__(f"answer: expected at most {bytes_max} bytes, got more")


class AnswerCoded(NodeError):
    """An answer in a coding that was not asked for; its call is recorded as not answered."""

    def __init__(self) -> None:
        super().__init__("answer: expected no content coding, got one")


class Bound:
    """Counts the bytes of one answer."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._left = bytes_max

    def take(self, part: bytes) -> None:
        """Count a part.

        Raises:
            AnswerTooLarge: all of them are more than the bound.

        """
        self._left -= len(part)
        if self._left < 0:
            raise AnswerTooLarge(bytes_max=self._bytes_max)


def is_plain(response: httpx.Response) -> bool:
    """Tell whether nobody would decode an answer."""
    codings = response.headers.get_list("content-encoding", split_commas=True)
    return all(one.strip().lower() in _PLAIN for one in codings)


def _read_before(response: httpx.Response, bound: Bound) -> bytes | None:
    """Return the body of an answer that a transport has read already; None: it is still to come."""
    if not is_plain(response):
        raise AnswerCoded
    if not response.is_stream_consumed:
        return None
    bound.take(response.content)
    return response.content


async def read_async(response: httpx.Response, *, bytes_max: int) -> bytes:
    """Return the body of an answer; it is closed in any case.

    Raises:
        AnswerTooLarge, AnswerCoded: it is not read further.

    """
    body, bound = bytearray(), Bound(bytes_max)
    try:
        if (whole := _read_before(response, bound)) is not None:
            return whole
        async for part in response.aiter_raw():
            bound.take(part)
            body += part
    finally:
        await response.aclose()
    return bytes(body)


def read(response: httpx.Response, *, bytes_max: int) -> bytes:
    """Do the same on a thread."""
    body, bound = bytearray(), Bound(bytes_max)
    try:
        if (whole := _read_before(response, bound)) is not None:
            return whole
        for part in response.iter_raw():
            bound.take(part)
            body += part
    finally:
        response.close()
    return bytes(body)
