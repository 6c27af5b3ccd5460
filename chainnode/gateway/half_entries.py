"""From a half to what goes into the spool: its reasons encrypted, its messages kept.

Testimony is never lost for want of a key: where reasons cannot be encrypted they stay out of the
record, and are counted; the request commitment still binds them, and the kept message shows them.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from chainnode import exchange
from chainnode.client.pair_keys import Reader
from chainnode.errors import NodeError
from chainnode.exchange import Pair, encrypt_private
from chainnode.exchange.private_parts import NONCE_BYTES
from chainnode.gateway.halves import Half, clear_private, spool_entry
from chainnode.gateway.kept import KeptCall, KeptCalls
from chainnode.gateway.ports import Clock
from chainnode.gateway.spool.entries import CallQueue, EntryId
from chainnode.gateway.spool.errors import SpoolConflict, SpoolFull
from chainnode.metrics import Reading, counter
from chainnode.suites.port import Suite
from chainnode.suites.wrapping import WrappingKey
from contracts.schemas.access import Side
from contracts.schemas.days import local_month

# After a failure the ledger is not asked again for each call of a busy service.
_RETRY_MS: Final = 60_000
_PAIRS_MAX: Final = 1024
_LOG: Final = logging.getLogger(__name__)


class PairKeySource(Protocol):
    """Where keys of pairs come from: the client of the ledger."""

    async def open_pair_key(self, pair: Pair, reader: Reader) -> bytes:
        """Return the key that was shared with the reader."""
        ...

    async def share_pair_key(self, pair: Pair, reader: Reader) -> bytes:
        """Draw and share the key as its provider, or return the one that is shared."""
        ...


class WrappingKeySource(Protocol):
    """Where the department's own wrapping keys come from."""

    async def wrapping_key(self, period: int) -> WrappingKey:
        """Return the key of a month.

        Raises:
            ConfigurationError: there is none, or its file cannot be used.

        """
        ...


class Reasons(Protocol):
    """Makes the private part of a half."""

    @property
    def withheld(self) -> int:
        """How many records went without their reasons since the start."""
        ...

    async def private_part(self, half: Half) -> bytes:
        """Return it; empty when the reasons must stay out of the record."""
        ...


class ClearReasons:
    """Reasons that every member can read: for chains without wrapping keys."""

    withheld = 0

    async def private_part(self, half: Half) -> bytes:
        """Return the clear form."""
        return clear_private(half)


@dataclass(slots=True)
class _Held:
    """A key of a pair and month, or when it was last looked for in vain."""

    pair_key: bytes = field(default=b"", repr=False)
    failed_ms: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class EncryptedReasons:
    """Reasons under the key of pair and month; belongs to one event loop."""

    def __init__(
        self,
        source: PairKeySource,
        *,
        suite: Suite,
        chain_id: bytes,
        wrapping: WrappingKeySource,
        now_ms: Clock,
    ) -> None:
        self._source = source
        self._suite = suite
        self._chain_id = chain_id
        self._wrapping = wrapping
        self._now_ms = now_ms
        self._held: dict[Pair, _Held] = {}
        self._withheld = 0

    @property
    def withheld(self) -> int:
        """How many records went without their reasons since the start."""
        return self._withheld

    async def private_part(self, half: Half) -> bytes:
        """Encrypt the reasons of a half for the month in which it is made."""
        identity = half.identity
        pair = Pair(
            requester=identity.requester,
            provider=identity.provider,
            period=local_month(half.answered_ms),
        )
        pair_key = await self._pair_key(pair, identity.side)
        if not pair_key:
            self._withheld += 1
            return b""
        return encrypt_private(
            self._suite,
            clear_private(half),
            pair_key=pair_key,
            period=pair.period,
            half=exchange_half(half, self._chain_id),
            nonce=secrets.token_bytes(NONCE_BYTES),
        )

    async def _pair_key(self, pair: Pair, side: Side) -> bytes:
        """Return the key, empty when it is not to be had now."""
        held = self._held.get(pair)
        if held is None:
            if len(self._held) >= _PAIRS_MAX:
                self._held.clear()
            held = self._held[pair] = _Held()
        if not held.pair_key:
            # One search a pair: a slow one holds up no call of another pair.
            async with held.lock:
                await self._look_for(held, pair, side)
        return held.pair_key

    async def _look_for(self, held: _Held, pair: Pair, side: Side) -> None:
        now_ms = self._now_ms()
        was_just_tried = held.failed_ms and now_ms < held.failed_ms + _RETRY_MS
        if held.pair_key or was_just_tried:
            return
        try:
            held.pair_key = await self._fetched(pair, side)
        except NodeError as error:
            _LOG.warning("reasons stay out of records: %s", error)
            held.failed_ms = now_ms

    async def _fetched(self, pair: Pair, side: Side) -> bytes:
        wrapping = await self._wrapping.wrapping_key(pair.period)
        if side is Side.PROVIDER:
            reader = Reader(organisation=pair.provider, wrapping=wrapping)
            return await self._source.share_pair_key(pair, reader)
        reader = Reader(organisation=pair.requester, wrapping=wrapping)
        return await self._source.open_pair_key(pair, reader)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfEntries:
    """Puts halves into a spool; `kept` None: messages are not kept."""

    chain_id: bytes
    reasons: Reasons = field(default_factory=ClearReasons)
    kept: KeptCalls | None = None

    async def put(self, half: Half, queue: CallQueue) -> EntryId:
        """Put a half into a spool; the messages of its call are kept before.

        What is kept stays that of the half that is recorded: one that was not taken leaves none.

        Raises:
            SpoolFull: no room; nothing was kept.
            SpoolConflict, KeptConflict: another half of this call stands already, with its own.
            StorageError: as of the spool, or the messages could not be kept.

        """
        is_new = await self._keep(half)
        entry = spool_entry(half, private=await self.reasons.private_part(half))
        try:
            return await queue.put(entry)
        except (SpoolFull, SpoolConflict):
            if is_new and self.kept is not None:
                await asyncio.to_thread(self.kept.take_back, exchange_half(half, self.chain_id))
            raise

    async def begin(self, half: Half, queue: CallQueue) -> None:
        """Set a half aside that stands for its call if this process ends before the call does.

        No messages are kept of it: what will have left is not known.

        Raises:
            SpoolFull, SpoolConflict, StorageError: as of the spool.

        """
        await queue.begin(spool_entry(half, private=await self.reasons.private_part(half)))

    async def _keep(self, half: Half) -> bool:
        if self.kept is None:
            return False
        return await asyncio.to_thread(
            self.kept.keep,
            exchange_half(half, self.chain_id),
            KeptCall(request=half.request, response=half.response),
            now_ms=half.answered_ms,
        )

    def readings(self) -> Iterator[Reading]:
        """Return what is counted here."""
        yield counter(
            "gateway_reasons_withheld",
            "Records without their reasons, because there was no key to encrypt them with",
            self.reasons.withheld,
        )


def exchange_half(half: Half, chain_id: bytes) -> exchange.Half:
    """Return what names a half beyond this gateway."""
    identity = half.identity
    return exchange.Half(
        chain_id=chain_id,
        requester=identity.requester,
        provider=identity.provider,
        call_id=identity.call_id,
        side=identity.side,
    )
