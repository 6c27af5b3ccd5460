"""Tokens of subjects from the custodian: cached, asked for in batches, and failing closed.

What cannot be tokenised raises `NotTokenised`: a call must not go on without its subject's
token, because it would be missing in that person's trail. A cached token is used only while
the custodian has confirmed its epoch within `CONFIRMED_S_MAX`.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar

from chainnode.client.exchange import Exchange, Plan
from chainnode.client.session import system_ms
from chainnode.client.token_asks import (
    TokensNotMade,
    ask_once,
    require_safe_url,
    tokens_exchange,
    tokens_of,
)
from chainnode.custodian.asks import IDENTIFIERS_MAX, AskBody, Place
from chainnode.errors import NodeError
from chainnode.gateway.own_key import KeyEnded
from chainnode.gateway.recent_tokens import RecentTokens
from chainnode.gateway.token_cache import TokenCache
from chainnode.identity.numbers import IdType, InvalidIdentity, id_type_of, normalised
from chainnode.suites.port import PrivateKey, Suite

# A new epoch is noticed within this time; the custodian may be away for as long, no longer.
CONFIRMED_S_MAX: Final = 600.0
ASK_TIMEOUT_S: Final = 3.0
# Calls that arrive together are asked for together.
_GATHER_S: Final = 0.002
# Subjects that wait for an answer at once; more calls than that are refused, not queued.
_WAITING_MAX: Final = 10_000
Result = TypeVar("Result")
Subject = tuple[IdType, str]


class NotTokenised(NodeError):
    """No token, so no call. `code` says why; the subject is never named.

    `INVALID_IDENTIFIER` is the caller's fault, all others pass: after `retry_after_s`, if any.
    """

    def __init__(self, code: str, *, retry_after_s: int = 0) -> None:
        self.code = code
        self.retry_after_s = retry_after_s
        super().__init__(f"no token: {code}")


class Transport(Protocol):
    """How plans travel; `chainnode.client.transport.AsyncTransport` is one."""

    async def run(self, plan: Plan[Result]) -> Result:
        """Carry out a plan to its end."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodianAccess:
    """Whom a gateway asks, as whom, and for which department's tokens.

    `department` is the provider of the calls; when it is not our own organisation, `grant`
    names what entitles us to call it, or `item` what its owner shares without condition.
    """

    url: str
    chain_id: bytes
    custodian: str
    organisation: str
    department: str
    suite: Suite
    key: PrivateKey = field(repr=False)
    grant: str = ""
    item: str = ""

    def __post_init__(self) -> None:
        require_safe_url(self.url)

    def open_cache(self, path: Path | None) -> TokenCache:
        """Open the cache of this department's tokens; None keeps it in memory.

        Raises:
            ConfigurationError: the file can neither be used nor made anew.

        """
        scope = (self.chain_id, self.department)
        return TokenCache(path, key=self.key, suite=self.suite, scope=scope)


class Pseudonyms:
    """Makes tokens of one department's subjects. Belongs to one event loop; close it."""

    def __init__(
        self,
        access: CustodianAccess,
        *,
        transport: Transport,
        cache: TokenCache,
        now_ms: Callable[[], int] = system_ms,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._transport = transport
        self._cache = cache
        self._recent = RecentTokens()
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s
        self._waiting: dict[Subject, asyncio.Future[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._fresh: list[Subject] = []
        self._epoch = 0
        self._confirmed_s = 0.0

    async def token(self, id_type: str, identifier: str) -> bytes:
        """Return the 32-byte token of one subject.

        Raises:
            NotTokenised: the number is none, or there is no answer that can be used.

        """
        (token,) = await self.tokens(id_type, (identifier,))
        return token

    async def tokens(self, id_type: str, identifiers: Sequence[str]) -> tuple[bytes, ...]:
        """Return the tokens of many subjects, in order, or none of them.

        Raises:
            NotTokenised: as `token`.

        """
        try:
            kind = id_type_of(id_type)
            subjects = [(kind, normalised(kind, one)) for one in identifiers]
        except InvalidIdentity as error:
            raise NotTokenised("INVALID_IDENTIFIER") from error
        found = {one: self._cached(one) for one in dict.fromkeys(subjects)}
        missing = {one: self._asked(one) for one, token in found.items() if token is None}
        if missing:
            await asyncio.wait(missing.values())
            found |= {one: future.result() for one, future in missing.items()}
        return tuple(token for one in subjects if (token := found[one]) is not None)

    async def close(self) -> None:
        """End what is under way; whoever waits is told so."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._refuse(list(self._waiting), NotTokenised("CLOSED"))
        await self._transport.close()
        self._cache.close()

    def _cached(self, subject: Subject) -> bytes | None:
        if self._epoch == 0 or self._monotonic_s() - self._confirmed_s > CONFIRMED_S_MAX:
            return None
        token = self._recent.find(*subject)
        if token is None:
            token = self._cache.find(*subject, epoch=self._epoch)
            if token is not None:
                self._recent.keep(*subject, token)
        return token

    def _asked(self, subject: Subject) -> asyncio.Future[bytes]:
        """Return the future of a subject that is asked for, once for all who wait for it."""
        future = self._waiting.get(subject)
        if future is not None:
            return future
        if len(self._waiting) >= _WAITING_MAX:
            raise NotTokenised("BUSY", retry_after_s=1)
        future = asyncio.get_running_loop().create_future()
        # Whoever waited may have gone away; then nobody reads the refusal.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._waiting[subject] = future
        self._fresh.append(subject)
        if len(self._fresh) == 1:
            self._start(self._gather())
        return future

    def _start(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _gather(self) -> None:
        """Wait for others that come at the same time, then ask for all in batches."""
        await asyncio.sleep(_GATHER_S)
        fresh, self._fresh = self._fresh, []
        for kind in IdType:
            subjects = [one for one in fresh if one[0] is kind]
            for start in range(0, len(subjects), IDENTIFIERS_MAX):
                self._start(self._ask(kind, subjects[start : start + IDENTIFIERS_MAX]))

    async def _ask(self, kind: IdType, batch: Sequence[Subject]) -> None:
        """Ask for one batch and tell everybody who waits, also when it fails."""
        try:
            epoch, tokens = await self._answer(kind, [number for _, number in batch])
        except NotTokenised as refusal:
            self._refuse(batch, refusal)
            return
        except BaseException:
            self._refuse(batch, NotTokenised("FAILED"))
            raise
        for subject, token in zip(batch, tokens, strict=True):
            self._cache.keep(*subject, token, epoch=epoch)
            future = self._waiting.pop(subject)
            if not future.done():
                future.set_result(token)

    async def _answer(self, kind: IdType, numbers: Sequence[str]) -> tuple[int, tuple[bytes, ...]]:
        exchange = self._exchange(kind, numbers)
        try:
            reply = await self._transport.run(ask_once(exchange))
            (place,) = tokens_of(reply, places=1, identifiers=len(numbers))
        except TokensNotMade as error:
            raise NotTokenised(error.code, retry_after_s=error.retry_after_s) from error
        if place.department != self._access.department or place.epoch < self._epoch:
            raise NotTokenised("BAD_ANSWER")
        self._confirm(place.epoch)
        return place.epoch, tuple(bytes.fromhex(one) for one in place.tokens)

    def _exchange(self, kind: IdType, numbers: Sequence[str]) -> Exchange:
        access = self._access
        ask = AskBody(
            places=(Place(department=access.department),),
            id_type=kind.value,
            identifiers=tuple(numbers),
            grant=access.grant,
            item=access.item,
        )
        try:
            return tokens_exchange(
                ask,
                url=access.url,
                chain_id=access.chain_id,
                custodian=access.custodian,
                organisation=access.organisation,
                key=access.key,
                suite=access.suite,
                now_ms=self._now_ms(),
                timeout_s=ASK_TIMEOUT_S,
            )
        except KeyEnded as error:
            raise NotTokenised("KEY_ENDED") from error

    def _confirm(self, epoch: int) -> None:
        if epoch > self._epoch:
            self._cache.begin_epoch(epoch)
            self._recent.clear()
            self._epoch = epoch
        self._confirmed_s = self._monotonic_s()

    def _refuse(self, batch: Sequence[Subject], refusal: NotTokenised) -> None:
        for subject in batch:
            future = self._waiting.pop(subject, None)
            if future is not None and not future.done():
                future.set_exception(refusal)
