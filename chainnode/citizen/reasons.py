"""Why a call was made, as far as our keys open it; what they do not open is said to be closed.

Reasons are encrypted for the pair of departments and for auditors with a key of the month
(docs/wire-format.md §16). The pair's key never leaves this process: it opens everybody's reasons.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from chainnode.citizen.usages import HalfSeen, Usage
from chainnode.client import AsyncClient, CannotDecide
from chainnode.client.opening import Keyring, encrypted_months
from chainnode.codec import InvalidEncoding
from chainnode.errors import ConfigurationError
from chainnode.exchange import read_encrypted
from chainnode.month_keys import WrappingKeyFiles
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.rows import ProvenRecord
from contracts.schemas import access_1
from contracts.schemas.access import AccessPrivate

if TYPE_CHECKING:
    from chainnode.suites.wrapping import WrappingKey


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
        self._keys = keys
        # Those of months for which there is a file.
        self._months: dict[int, WrappingKey] = {}
        self._keyring = Keyring(organisation=organisation, of_month=self._months.get)

    async def opened(self, records: Sequence[ProvenRecord]) -> dict[int, bytes]:
        """Return the clear private parts of halves, by position, as far as our keys open them."""
        if self._keys is None:
            return {}
        for month in sorted(encrypted_months(records) - self._months.keys()):
            with contextlib.suppress(ConfigurationError):
                self._months[month] = await self._keys.wrapping_key(month)
        found: dict[int, bytes] = {}
        for one in records:
            # A node may prove it the next time.
            with contextlib.suppress(CannotDecide, InvalidEvidence):
                found |= await self._client.opened_parts((one,), self._keyring)
        return found


def reason_of(usage: Usage, opened: Mapping[int, bytes]) -> Reason:
    """Return the reason of a use: the first half that says one, the requester's before.

    `opened`: what `Reasons.opened` returned of the records.
    """
    found = [_of_half(one, opened) for one in sorted(usage.halves, key=_side)]
    readable = [one for one in found if one.why or one.system]
    if readable:
        return readable[0]
    if any(one.openness is Openness.CLOSED for one in found):
        return Reason(openness=Openness.CLOSED)
    if usage.why:
        return Reason(openness=Openness.CLEAR, why=usage.why)
    return Reason(openness=Openness.NONE)


def _of_half(half: HalfSeen, opened: Mapping[int, bytes]) -> Reason:
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
    clear = opened.get(half.position)
    return Reason(openness=Openness.CLOSED) if clear is None else _said(clear)


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
