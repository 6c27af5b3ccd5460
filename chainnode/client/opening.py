"""Plan: clear private parts of halves, with the wrapping keys of whoever reads.

A key that was not shared with the reader, that does not open a part or that the reader does not
have leaves the part closed: what is closed is told apart from what says nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from chainnode.client.exchange import Plan
from chainnode.client.pair_keys import NoPairKey, Reader, open_pair_key
from chainnode.client.session import Session
from chainnode.codec import InvalidEncoding
from chainnode.exchange import Encrypted, Half, Pair, decrypt_private, read_encrypted
from chainnode.suites.port import InvalidSignature
from chainnode.suites.wrapping import WrappingKey
from chainnode.verify import rows
from chainnode.verify.rows import ProvenRecord

# Keys of some hundred departments and months.
_PAIR_KEYS_MAX: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The wrapping keys of one organisation; `of_month` returns that of YYYYMM, None: not here.

    The latest keys of pairs are remembered, those that were not to be had too.
    """

    organisation: str
    of_month: Callable[[int], WrappingKey | None] = field(repr=False)
    _pair_keys: dict[Pair, bytes | None] = field(default_factory=dict, repr=False)

    def pair_key(self, session: Session, pair: Pair) -> Plan[bytes | None]:
        """Return the key of a pair and month; None: not for us.

        Raises:
            CannotDecide: no node proves which keys were shared.

        """
        if pair not in self._pair_keys:
            self._pair_keys[pair] = yield from self._fetched(session, pair)
            if len(self._pair_keys) > _PAIR_KEYS_MAX:
                del self._pair_keys[next(iter(self._pair_keys))]
        return self._pair_keys[pair]

    def _fetched(self, session: Session, pair: Pair) -> Plan[bytes | None]:
        wrapping = self.of_month(pair.period)
        if wrapping is None:
            return None
        reader = Reader(organisation=self.organisation, wrapping=wrapping)
        try:
            return (yield from open_pair_key(session, pair, reader))
        except NoPairKey:
            return None


def encrypted_months(records: Iterable[ProvenRecord]) -> frozenset[int]:
    """Return the months YYYYMM whose keys the encrypted private parts of halves ask for."""
    found = (_encrypted(one)[1] for one in records)
    return frozenset(one.period for one in found if one is not None)


def opened_parts(
    session: Session, records: Sequence[ProvenRecord], keyring: Keyring
) -> Plan[dict[int, bytes]]:
    """Return the clear private parts by position; what no key opens is not among them.

    Raises:
        CannotDecide: no node proves which keys were shared.

    """
    found = {}
    for one in records:
        half, encrypted = _encrypted(one)
        if half is not None and encrypted is not None:
            clear = yield from _opened(session, half, encrypted, keyring)
            if clear is not None:
                found[one.position] = clear
    return found


def _opened(
    session: Session, half: rows.Half, encrypted: Encrypted, keyring: Keyring
) -> Plan[bytes | None]:
    pair = Pair(requester=half.requester, provider=half.provider, period=encrypted.period)
    pair_key = yield from keyring.pair_key(session, pair)
    if pair_key is None:
        return None
    named = Half(
        chain_id=session.trust.chain_id,
        requester=half.requester,
        provider=half.provider,
        call_id=half.call_id,
        side=half.side,
    )
    try:
        return decrypt_private(session.trust.suite, encrypted, pair_key=pair_key, half=named)
    except InvalidSignature:
        return None


def _encrypted(found: ProvenRecord) -> tuple[rows.Half | None, Encrypted | None]:
    if found.call is None or not found.call.private:
        return None, None
    half = rows.read_half(found.entry, found.call)
    try:
        return half, None if half is None else read_encrypted(found.call.private)
    except InvalidEncoding:
        return half, None
