"""Private parts of halves opened with the wrapping keys of whoever reads: what a list needs."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainnode.client import Client
    from chainnode.exchange import Encrypted, Pair
    from chainnode.verify.rows import Half, ProvenRecord


def opened_parts(
    client: "Client",
    records: "Sequence[ProvenRecord]",
    *,
    wrapping_keys: Path | None,
    organisation: str,
) -> dict[int, bytes]:
    """Return the clear private parts by position; what no key of ours opens is not among them.

    A key that is not shared with us, does not open a part, or whose file is missing leaves the
    part closed; a file that must not be used is refused.

    Raises:
        SecretFileRefused: a key file or the pass phrase must not be used.
        CannotDecide: no node proves which keys were shared.

    """
    if wrapping_keys is None or not organisation:
        return {}
    keys = _PairKeys(client, wrapping_keys, organisation)
    found = {}
    for one in records:
        half, encrypted = _encrypted(one)
        if half is not None and encrypted is not None:
            clear = keys.opened(half, encrypted)
            if clear is not None:
                found[one.position] = clear
    return found


def _encrypted(found: "ProvenRecord") -> "tuple[Half | None, Encrypted | None]":
    from chainnode.codec import InvalidEncoding
    from chainnode.exchange import read_encrypted
    from chainnode.verify.rows import read_half

    if found.call is None or not found.call.private:
        return None, None
    half = read_half(found.entry, found.call)
    try:
        return half, None if half is None else read_encrypted(found.call.private)
    except InvalidEncoding:
        return half, None


class _PairKeys:
    """The keys of pairs and months, each fetched once."""

    def __init__(self, client: "Client", folder: Path, organisation: str) -> None:
        self._client = client
        self._folder = folder
        self._organisation = organisation
        self._keys: dict[Pair, bytes | None] = {}

    def opened(self, half: "Half", encrypted: "Encrypted") -> bytes | None:
        """Return the clear private part of a half; None: not for us."""
        from chainnode.cli.disclosing import named_half
        from chainnode.exchange import Pair, decrypt_private
        from chainnode.suites.port import InvalidSignature

        pair = Pair(requester=half.requester, provider=half.provider, period=encrypted.period)
        if pair not in self._keys:
            self._keys[pair] = self._fetched(pair)
        pair_key = self._keys[pair]
        if pair_key is None:
            return None
        trust = self._client.trust
        named = named_half(trust, half)
        try:
            return decrypt_private(trust.suite, encrypted, pair_key=pair_key, half=named)
        except InvalidSignature:
            return None

    def _fetched(self, pair: "Pair") -> bytes | None:
        from chainnode.client.pair_keys import NoPairKey, Reader
        from chainnode.keys import open_wrapping_key, read_passphrase
        from chainnode.month_keys import wrapping_key_file

        file = wrapping_key_file(self._folder, pair.period)
        if not file.exists():
            return None
        _, wrapping = open_wrapping_key(file, passphrase=read_passphrase())
        try:
            reader = Reader(organisation=self._organisation, wrapping=wrapping)
            return self._client.open_pair_key(pair, reader)
        except NoPairKey:
            return None
