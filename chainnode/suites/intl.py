"""Suite `intl`: Ed25519 (RFC 8032), SHA-256, AES-256-GCM, all from `cryptography`.

Verification is cofactorless, as in the library. Beyond it, this file refuses public keys that
are not canonical, not on the curve or of small order, and signatures whose S is not reduced.
"""

import hashlib
import secrets
from functools import lru_cache
from typing import Final, NoReturn

from cryptography.exceptions import InvalidSignature as LibraryRefusal
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chainnode.suites.port import Hasher, InvalidKey, InvalidSignature, PrivateKey

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_NONCE_BYTES: Final = 12
# Parsed public keys: all members and the keys that submit in one minute.
_KEYS_MAX: Final = 4096

# RFC 8032 §5.1.
_PRIME: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_CURVE_D: Final = -121665 * pow(121666, -1, _PRIME) % _PRIME
_SIGN_BIT: Final = 2**255
# y of the points of order 8; those of order 1, 2 and 4 have y = 1, −1 and 0.
_ORDER_8_Y: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER_Y: Final = frozenset({0, 1, _PRIME - 1, _ORDER_8_Y, _PRIME - _ORDER_8_Y})


class IntlPrivateKey:
    """An Ed25519 signing key; made by `IntlSuite` only."""

    __slots__ = ("_key", "_public_key")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise InvalidKey(f"expected a seed of {KEY_BYTES} bytes, got {len(seed)}")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public_key = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"IntlPrivateKey(public_key={self._public_key.hex()})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key cannot be pickled or copied")

    @property
    def public_key(self) -> bytes:
        """The encoded point, 32 bytes."""
        return self._public_key

    def sign(self, content: bytes) -> bytes:
        """Return the 64-byte signature; the same content gives the same bytes."""
        return self._key.sign(content)

    def secret_bytes(self) -> bytes:
        """Return the 32-byte seed, for the key file alone."""
        return self._key.private_bytes_raw()


class IntlSuite:
    """The port `Suite` for international algorithms; stateless and thread-safe."""

    name: Final = "intl"
    hash_name: Final = "sha256"
    aead_name: Final = "aes-256-gcm"
    aead_key_bytes: Final = 32

    def digest(self, data: bytes) -> bytes:
        """SHA-256."""
        return hashlib.sha256(data).digest()

    def hasher(self) -> Hasher:
        """Return a SHA-256 hasher."""
        return hashlib.sha256()

    def generate_private_key(self) -> PrivateKey:
        """Draw a seed."""
        return IntlPrivateKey(secrets.token_bytes(KEY_BYTES))

    def load_private_key(self, secret: bytes) -> PrivateKey:
        """Build the key of a seed."""
        return IntlPrivateKey(secret)

    def check_public_key(self, public_key: bytes) -> None:
        """Refuse what is not the canonical encoding of a point of large order."""
        _parsed(public_key)

    def verify(self, *, public_key: bytes, signature: bytes, content: bytes) -> None:
        """Check a signature; S must be below the group order (RFC 8032 §5.1.7)."""
        key = _parsed(public_key)
        if len(signature) != SIGNATURE_BYTES:
            raise InvalidSignature(f"expected {SIGNATURE_BYTES} bytes, got {len(signature)}")
        if int.from_bytes(signature[KEY_BYTES:], "little") >= _ORDER:
            raise InvalidSignature("expected S below the group order, got a larger one")
        try:
            key.verify(signature, content)
        except LibraryRefusal as error:
            raise InvalidSignature(
                "expected an Ed25519 signature of this key, got another one"
            ) from error

    def seal(self, *, key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
        """AES-256-GCM (NIST SP 800-38D)."""
        return _cipher(key, nonce).encrypt(nonce, plaintext, associated)

    def unseal(self, *, key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
        """Return the plaintext only after its tag was checked."""
        try:
            return _cipher(key, nonce).decrypt(nonce, ciphertext, associated)
        except InvalidTag as error:
            raise InvalidSignature("the tag does not match: wrong key or changed bytes") from error


@lru_cache(maxsize=_KEYS_MAX)
def _parsed(public_key: bytes) -> Ed25519PublicKey:
    if len(public_key) != KEY_BYTES:
        raise InvalidKey(f"expected {KEY_BYTES} bytes, got {len(public_key)}")
    y = int.from_bytes(public_key, "little") % _SIGN_BIT
    if y >= _PRIME:
        raise InvalidKey("expected y below 2^255 − 19, got a larger one")
    if y in SMALL_ORDER_Y:
        raise InvalidKey("expected a point of large order, got one of order 1, 2, 4 or 8")
    if not _is_on_curve(y):
        raise InvalidKey("expected a point of edwards25519, got other bytes")
    return Ed25519PublicKey.from_public_bytes(public_key)


def _is_on_curve(y: int) -> bool:
    """x² = (y² − 1) / (d y² + 1) is a square (Euler's criterion); x ≠ 0 for the caller's y."""
    squared = y * y % _PRIME
    return pow((squared - 1) * (_CURVE_D * squared + 1), (_PRIME - 1) // 2, _PRIME) == 1


def _cipher(key: bytes, nonce: bytes) -> AESGCM:
    if len(key) != KEY_BYTES or len(nonce) != _NONCE_BYTES:
        raise ValueError(
            f"expected key and nonce of {KEY_BYTES} and {_NONCE_BYTES} bytes,"
            f" got {len(key)} and {len(nonce)}"
        )
    return AESGCM(key)
