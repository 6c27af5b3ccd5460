"""Why a call was made, as far as our keys open it; what they do not open is said to be closed.

Reasons are encrypted for the pair of departments and for auditors with a key of the month
(docs/wire-format.md §16). The pair's key never leaves this process: it opens everybody's reasons.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from chainnode.citizen.usages import HalfSeen, Usage
from chainnode.client import AsyncClient, CannotDecide
from chainnode.client.pair_keys import NoPairKey, Reader
from chainnode.codec import InvalidEncoding
from chainnode.errors import ConfigurationError
from chainnode.exchange import Encrypted, Half, Pair, decrypt_private, read_encrypted
from chainnode.month_keys import WrappingKeyFiles
from chainnode.suites.port import InvalidSignature
from chainnode.verify.errors import InvalidEvidence
from contracts.schemas import access_1
from contracts.schemas.access import AccessPrivate

# Pair keys of some hundred departments and months.
_PAIR_KEYS_MAX: Final = 4_096


class Openness(StrEnum):
    """How a reason came to be readable, or why it is not."""

    CLEAR = "clear"
    OPENED = "opened"
    CLOSED = "closed"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What was said of a call's purpose; texts are in no `repr`, they may hold anything."""

    openness: Openness
    why: str = field(default="", repr=False)
    system: str = field(default="", repr=False)


class Reasons:
    """Opens reasons with the keys of one organisation. Belongs to one event loop."""

    def __init__(
        self, client: AsyncClient, *, organisation: str, keys: WrappingKeyFiles | None
    ) -> None:
        self._client = client
        self._organisation = organisation
        self._keys = keys
        # None: it is known that it is not for us.
        self._pair_keys: OrderedDict[tuple[str, str, int], bytes | None] = OrderedDict()

    async def of(self, usage: Usage) -> Reason:
        """Return the reason of a use: the first half that says one, the requester's before."""
        found = [await self._of_half(usage, one) for one in sorted(usage.halves, key=_side)]
        readable = [one for one in found if one.why or one.system]
        if readable:
            return readable[0]
        if any(one.openness is Openness.CLOSED for one in found):
            return Reason(openness=Openness.CLOSED)
        if usage.why:
            return Reason(openness=Openness.CLEAR, why=usage.why)
        return Reason(openness=Openness.NONE)

    async def _of_half(self, usage: Usage, half: HalfSeen) -> Reason:
        if not half.private:
            return Reason(openness=Openness.NONE)
        if half.contract_version == access_1.VERSION:
            return _said_1(half.private)
        try:
            encrypted = read_encrypted(half.private)
        except InvalidEncoding:
            return Reason(openness=Openness.CLOSED)
        if encrypted is None:
            return _said(half.private, openness=Openness.CLEAR)
        clear = await self._opened(usage, half, encrypted)
        return Reason(openness=Openness.CLOSED) if clear is None else _said(clear)

    async def _opened(self, usage: Usage, half: HalfSeen, encrypted: Encrypted) -> bytes | None:
        pair = Pair(requester=usage.requester, provider=usage.provider, period=encrypted.period)
        pair_key = await self._pair_key(pair)
        if pair_key is None:
            return None
        place = Half(
            chain_id=self._client.trust.chain_id,
            requester=usage.requester,
            provider=usage.provider,
            call_id=bytes.fromhex(usage.name[2]),
            side=half.side,
        )
        try:
            return decrypt_private(
                self._client.trust.suite, encrypted, pair_key=pair_key, half=place
            )
        except InvalidSignature:
            return None

    async def _pair_key(self, pair: Pair) -> bytes | None:
        name = (pair.requester, pair.provider, pair.period)
        if name in self._pair_keys:
            return self._pair_keys[name]
        if self._keys is None:
            return None
        try:
            wrapping = await self._keys.wrapping_key(pair.period)
            reader = Reader(organisation=self._organisation, wrapping=wrapping)
            found: bytes | None = await self._client.open_pair_key(pair, reader)
        except (NoPairKey, ConfigurationError, InvalidEvidence):
            found = None
        except CannotDecide:
            # A node may prove it the next time.
            return None
        self._pair_keys[name] = found
        while len(self._pair_keys) > _PAIR_KEYS_MAX:
            self._pair_keys.popitem(last=False)
        return found


def _side(half: HalfSeen) -> int:
    return half.side


def _said(clear: bytes, *, openness: Openness = Openness.OPENED) -> Reason:
    try:
        said = msgspec.msgpack.decode(clear, type=AccessPrivate)
    except (msgspec.MsgspecError, ValueError):
        return Reason(openness=Openness.CLOSED)
    return Reason(
        openness=openness, why=_joined(said.purpose_code, said.reason_text), system=said.system
    )


def _said_1(clear: bytes) -> Reason:
    try:
        said = msgspec.msgpack.decode(clear, type=access_1.AccessPrivate)
    except (msgspec.MsgspecError, ValueError):
        return Reason(openness=Openness.CLOSED)
    return Reason(openness=Openness.CLEAR, why=_joined(said.purpose_code, said.reason_text))


def _joined(code: str, text: str) -> str:
    return " ".join(one for one in (code, text) if one)
