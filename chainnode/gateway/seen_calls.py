"""Which calls came already: a call id is answered once, and its retry gets the same answer.

Memory is bounded in calls and in bytes. A call is remembered for as long as its token can pass
the time window, so a token that was answered never passes again while this process lives; when
the memory is full of such calls, new ones are refused instead of old ones being forgotten.
"""

import hmac
from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from chainnode.gateway.spool.entries import EntryId

CallKey: TypeAlias = tuple[str, bytes]

# At 1,000 calls a second and a window of two minutes this many stand at a time.
CALLS_MAX: Final = 131_072
# No department keeps the others out by calling fast.
CALLS_OF_ONE_MAX: Final = CALLS_MAX // 2
# A call that outlives its token's window is looked at so often.
_IN_WORK_MS: Final = 60_000
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
    """More calls, or more of one requester, stand within the window than are remembered."""


@dataclass(slots=True)
class _Remembered:
    token: bytes
    header: str
    until_ms: int
    answer: StoredAnswer | None = None


class CallMemory:
    """Calls by requester and call id; belongs to one event loop."""

    def __init__(
        self,
        *,
        calls_max: int = CALLS_MAX,
        calls_of_one_max: int = CALLS_OF_ONE_MAX,
        answers_bytes_max: int = ANSWERS_BYTES_MAX,
    ) -> None:
        self._calls: OrderedDict[CallKey, _Remembered] = OrderedDict()
        self._calls_of: Counter[str] = Counter()
        self._calls_max = calls_max
        self._calls_of_one_max = calls_of_one_max
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
            if self._calls_of[key[0]] >= self._calls_of_one_max:
                raise MemoryFull
            self._calls_of[key[0]] += 1
            self._calls[key] = _Remembered(token=token, header=header, until_ms=until_ms)
            return None
        if known.token != token:
            raise CallIdReused
        if known.answer is None:
            raise CallInFlight
        return known.answer

    def answered(self, key: CallKey, answer: StoredAnswer, *, until_ms: int) -> None:
        """Keep the answer of a claimed call so long; without its body where there is no room."""
        known = self._calls[key]
        known.until_ms = max(known.until_ms, until_ms)
        self._calls.move_to_end(key)
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
            self._drop(key)

    def _forget(self, now_ms: int) -> None:
        """Drop calls whose tokens cannot pass any more, oldest first, but none in work."""
        while self._calls:
            key, oldest = next(iter(self._calls.items()))
            if oldest.until_ms >= now_ms:
                return
            if oldest.answer is None:
                oldest.until_ms = now_ms + _IN_WORK_MS
                self._calls.move_to_end(key)
                continue
            self._drop(key)
            self._forgotten_until_ms = max(self._forgotten_until_ms, oldest.until_ms)
            self._bytes -= len(oldest.answer.body or b"")

    def _drop(self, key: CallKey) -> None:
        del self._calls[key]
        self._calls_of[key[0]] -= 1
        if not self._calls_of[key[0]]:
            del self._calls_of[key[0]]
