"""Root secret, epoch keys, tokens: docs/wire-format.md §15, "Pseudonyms". No I/O.

HMAC is RFC 2104 over the suite's hash, made by the system's libcrypto through `hmac.digest`.
"""

import hmac
from collections.abc import Sequence
from typing import Final, NoReturn

from chainnode.codec import encode
from chainnode.errors import ConfigurationError
from chainnode.exchange.private_parts import key_check
from chainnode.identity.numbers import IdType
from chainnode.suites.port import Suite

ROOT_BYTES: Final = 32
TOKEN_BYTES: Final = 32
_EPOCH_KEY_TAG: Final = "kun.pseudonym"
_VERSION: Final = 1


class EpochKey:
    """The key of one department and epoch; does not show itself."""

    __slots__ = ("_hash_name", "_secret")

    def __init__(self, secret: bytes, *, hash_name: str) -> None:
        self._secret = secret
        self._hash_name = hash_name

    def __repr__(self) -> str:
        return "EpochKey(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an epoch key cannot be pickled or copied")

    def tokens(self, id_type: IdType, numbers: Sequence[str]) -> tuple[bytes, ...]:
        """Return the token of each number, in order; numbers are `normalised`."""
        return tuple(
            hmac.digest(self._secret, encode((id_type.value, one)), self._hash_name)
            for one in numbers
        )

    def check(self, suite: Suite) -> bytes:
        """Return the key check that binds this key in the state of the ledger."""
        return key_check(suite.digest, self._secret)


class RootSecret:
    """The one secret of a custodian; epoch keys are derived from it and never stored."""

    __slots__ = ("_chain_id", "_secret", "_suite")

    def __init__(self, secret: bytes, *, suite: Suite, chain_id: bytes) -> None:
        if len(secret) != ROOT_BYTES:
            raise ConfigurationError(f"root secret: expected {ROOT_BYTES} bytes, got {len(secret)}")
        self._secret = secret
        self._suite = suite
        self._chain_id = chain_id

    def __repr__(self) -> str:
        return "RootSecret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a root secret cannot be pickled or copied")

    def epoch_key(self, department: str, epoch: int) -> EpochKey:
        """Derive the key of one department and epoch; epochs count from 1."""
        content = encode((_EPOCH_KEY_TAG, _VERSION, self._chain_id, department, epoch))
        name = self._suite.hash_name
        return EpochKey(hmac.digest(self._secret, content, name), hash_name=name)
