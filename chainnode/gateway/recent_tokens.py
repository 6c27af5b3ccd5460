"""The tokens that were used last, at hand without a look into the cache that is kept at rest.

Found by a digest of the number under a key that nothing else knows, so that the numbers of people
do not stay in memory for having been asked about.
"""

import hashlib
import secrets
from collections import OrderedDict
from typing import Final

from chainnode.identity.numbers import IdType

ENTRIES_MAX: Final = 4_096
_KEY_BYTES: Final = 32
_PLACE_BYTES: Final = 16


class RecentTokens:
    """Tokens of one department and one epoch; belongs to one event loop."""

    def __init__(self, *, entries_max: int = ENTRIES_MAX) -> None:
        self._entries_max = entries_max
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._tokens: OrderedDict[bytes, bytes] = OrderedDict()

    def __repr__(self) -> str:
        return "RecentTokens(…)"

    def find(self, id_type: IdType, number: str) -> bytes | None:
        """Return the token of a number, None when it is not at hand."""
        return self._tokens.get(self._place(id_type, number))

    def keep(self, id_type: IdType, number: str, token: bytes) -> None:
        """Have a token at hand; the one that came first gives way."""
        self._tokens[self._place(id_type, number)] = token
        if len(self._tokens) > self._entries_max:
            self._tokens.popitem(last=False)

    def clear(self) -> None:
        """Forget them all: another epoch has begun."""
        self._tokens.clear()

    def _place(self, id_type: IdType, number: str) -> bytes:
        content = f"{id_type.value} {number}".encode()
        return hashlib.blake2b(content, key=self._key, digest_size=_PLACE_BYTES).digest()
