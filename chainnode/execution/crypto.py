"""What a suite lends to contracts: the adapter of the port `contracts.sdk.Crypto`."""

from collections.abc import Sequence
from functools import lru_cache

from chainnode.ledger.merkle import merkle_root
from chainnode.submission import Call, key_id
from chainnode.suites.port import InvalidKey, InvalidSignature, Suite

# Keys that send much stay at hand; a stranger's key only costs its place.
_KEY_IDS_CACHED = 4096


class SuiteCrypto:
    """The suite of this chain as contracts see it."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self.digest = suite.digest
        self._key_id = lru_cache(maxsize=_KEY_IDS_CACHED)(self._compute_key_id)

    def merkle_root(self, leaves: Sequence[bytes]) -> bytes:
        """Return the RFC 9162 root over these leaves."""
        return merkle_root(self._suite.digest, leaves)

    def key_id(self, public_key: bytes) -> bytes:
        """Return the 20-byte id of a public key."""
        return self._key_id(public_key)

    def is_public_key(self, public_key: bytes) -> bool:
        """Tell whether these bytes are one canonical public key of the suite."""
        try:
            self._suite.check_public_key(public_key)
        except InvalidKey:
            return False
        return True

    def body_digest(self, call: Call) -> bytes:
        """Return what an entry commits to of its call (for execution, no contract asks)."""
        return call.body_digest(self._suite)

    def is_signature(self, *, public_key: bytes, signature: bytes, content: bytes) -> bool:
        """Tell whether this key of the suite signed this content."""
        try:
            self._suite.verify(public_key=public_key, signature=signature, content=content)
        except (InvalidKey, InvalidSignature):
            return False
        return True

    def _compute_key_id(self, public_key: bytes) -> bytes:
        return key_id(self._suite, public_key)
