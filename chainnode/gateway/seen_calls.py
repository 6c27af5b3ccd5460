"""Which calls came already: a call id is answered once, and its retry gets the same answer.

Memory is bounded in calls and in bytes. A call is remembered for as long as its token can pass
the time window, so a token that was answered never passes again while this process lives; when
the memory is full of such calls, new ones are refused instead of old ones being forgotten.
"""

import hmac
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from chainnode.gateway.spool.entries import EntryId

CallKey: TypeAlias = tuple[str, bytes]

# At 1,000 calls a second and a window of two minutes this many stand at a time.
CALLS_MAX: Final = 131_072
# Answers that a retry gets again; larger ones are told by their reply token alone.
ANSWER_BYTES_MAX: Final = 64 * 1024
ANSWERS_BYTES_MAX: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """What a call was answered.

    `body` None: too large to keep, `reply` says what it was. `entry_id`: its half in the spool.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes | None = field(repr=False)
    reply: str = field(repr=False)
    entry_id: EntryId


class CallInFlight(Exception):
    """The same call is being answered right now."""


class CallIdReused(Exception):
    """Another request came under a call id that is taken."""


class CallForgotten(Exception):
    """A token that is no newer than one that was forgotten: it may have been answered."""


class MemoryFull(Exception):
    """More calls stand within the time window than are remembered."""


@dataclass(slots=True)
class _Remembered:
    token: bytes
    header: str
    until_ms: int
    answer: StoredAnswer | None = None


class CallMemory:
    """Calls by requester and call id; belongs to one event loop."""

    def __init__(
        self, *, calls_max: int = CALLS_MAX, answers_bytes_max: int = ANSWERS_BYTES_MAX
    ) -> None:
        self._calls: OrderedDict[CallKey, _Remembered] = OrderedDict()
        self._calls_max = calls_max
        self._bytes_max = answers_bytes_max
        self._bytes = 0
        # The clock may step back; a token that was too old once stays too old.
        self._forgotten_until_ms = 0

    def claim(
        self, key: CallKey, *, token: bytes, header: str, now_ms: int, until_ms: int
    ) -> StoredAnswer | None:
        """Take a call id, or return what its call was answered; `token` is the signed content.

        `header` is the value of `Kun-Call`, which only the two sides know.

        Raises:
            CallInFlight: it is being answered.
            CallIdReused: it was taken by another token.
            CallForgotten: it may have been answered before the clock stepped back.
            MemoryFull: there is no room, nothing was taken.

        """
        known = self._calls.get(key)
        if known is None:
            self._forget(now_ms)
            if until_ms <= self._forgotten_until_ms:
                raise CallForgotten
            if len(self._calls) >= self._calls_max:
                raise MemoryFull
            self._calls[key] = _Remembered(token=token, header=header, until_ms=until_ms)
            return None
        if known.token != token:
            raise CallIdReused
        if known.answer is None:
            raise CallInFlight
        return known.answer

    def answered(self, key: CallKey, answer: StoredAnswer) -> None:
        """Keep the answer of a claimed call; without its body where there is no room."""
        known = self._calls[key]
        size = len(answer.body or b"")
        if size > ANSWER_BYTES_MAX or self._bytes + size > self._bytes_max:
            answer = replace(answer, body=None)
            size = 0
        self._bytes += size
        known.answer = answer

    def answer_of(self, key: CallKey, *, header: str) -> StoredAnswer | None:
        """Return what a call was answered, to whoever shows the header that it came with."""
        known = self._calls.get(key)
        is_its_own = known is not None and hmac.compare_digest(
            known.header.encode(), header.encode()
        )
        return known.answer if known is not None and is_its_own else None

    def release(self, key: CallKey) -> None:
        """Give a call id back that was never answered and of which nothing is recorded."""
        known = self._calls.get(key)
        if known is not None and known.answer is None:
            del self._calls[key]

    def _forget(self, now_ms: int) -> None:
        """Drop calls whose tokens cannot pass any more; windows are equal, so oldest first."""
        while self._calls:
            oldest = next(iter(self._calls.values()))
            if oldest.until_ms >= now_ms:
                return
            _, gone = self._calls.popitem(last=False)
            self._forgotten_until_ms = max(self._forgotten_until_ms, gone.until_ms)
            if gone.answer is not None:
                self._bytes -= len(gone.answer.body or b"")
