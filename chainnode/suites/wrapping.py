"""Wrapping of short secrets for one reader by a public key; docs/wire-format.md §16.

Suite intl: X25519 (RFC 7748), HKDF-SHA-256 (RFC 5869), AES-256-GCM. Suite sm: SM2 public-key
encryption (GB/T 32918.4). Wrapping keys are keys of their own: they sign nothing. `purpose` is
what the secret is for, canonically encoded by the caller; who unwraps must name the same.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chainnode.suites import libcrypto, sm2_ciphertext
from chainnode.suites.port import InvalidKey, InvalidSignature, Suite
from chainnode.suites.sm2_signature import ORDER, SCALAR_BYTES

_X25519_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_DIGEST_BYTES: Final = 32
_AES_BYTES: Final = 32


class WrappingKey(Protocol):
    """The private half; its secret never appears in `repr`, errors or pickles."""

    @property
    def public_key(self) -> bytes:
        """32 bytes (intl) or 33 (sm)."""
        ...

    def unwrap(self, wrapped: bytes, *, purpose: bytes) -> bytes:
        """Return the secret that was wrapped for this key and purpose.

        Raises:
            InvalidSignature: for another key or purpose, or changed on the way.

        """
        ...

    def secret_bytes(self) -> bytes:
        """Return the 32-byte secret, for the key file alone."""
        ...


class IntlWrappingKey:
    """An X25519 key."""

    __slots__ = ("_key",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _X25519_BYTES:
            raise InvalidKey(f"expected {_X25519_BYTES} bytes, got {len(secret)}")
        self._key = X25519PrivateKey.from_private_bytes(secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key cannot be pickled or copied")

    @property
    def public_key(self) -> bytes:
        """Return the 32 bytes of the u-coordinate."""
        return self._key.public_key().public_bytes_raw()

    def unwrap(self, wrapped: bytes, *, purpose: bytes) -> bytes:
        """Return what `wrap` made for this key."""
        ephemeral, rest = wrapped[:_X25519_BYTES], wrapped[_X25519_BYTES:]
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(ephemeral))
            info = purpose + ephemeral
            return AESGCM(_derived(shared, info)).decrypt(nonce, ciphertext, info)
        except (ValueError, InvalidTag) as error:
            raise InvalidSignature("expected a secret wrapped for this key and purpose") from error

    def secret_bytes(self) -> bytes:
        """Return the 32-byte scalar, for the key file alone."""
        return self._key.private_bytes_raw()


class SmWrappingKey:
    """An SM2 key that decrypts."""

    __slots__ = ("_key", "_public_key", "_secret", "_suite")

    def __init__(self, secret: bytes, *, suite: Suite) -> None:
        if len(secret) != SCALAR_BYTES or not 1 <= int.from_bytes(secret) <= ORDER - 2:
            raise InvalidKey("expected a scalar of 32 bytes in 1 … n − 2, got other bytes")
        self._key, self._public_key = libcrypto.load_key_pair(secret)
        self._secret = secret
        self._suite = suite

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key cannot be pickled or copied")

    @property
    def public_key(self) -> bytes:
        """Return the compressed point, 33 bytes."""
        return self._public_key

    def unwrap(self, wrapped: bytes, *, purpose: bytes) -> bytes:
        """Return what `wrap` made for this key."""
        plaintext = self._key.decrypt(sm2_ciphertext.der_of(wrapped)) or b""
        # An SM2 ciphertext has no associated data, so the purpose stands before the secret.
        if not hmac.compare_digest(plaintext[:_DIGEST_BYTES], self._suite.digest(purpose)):
            raise InvalidSignature("expected a secret wrapped for this key and purpose")
        return plaintext[_DIGEST_BYTES:]

    def secret_bytes(self) -> bytes:
        """Return the 32-byte scalar, for the key file alone."""
        return self._secret


def generate_wrapping_key(suite: Suite) -> WrappingKey:
    """Draw a key from the operating system's generator."""
    return load_wrapping_key(suite, _GENERATORS[suite.name]())


def load_wrapping_key(suite: Suite, secret: bytes) -> WrappingKey:
    """Build the key of 32 secret bytes.

    Raises:
        InvalidKey: wrong length or out of range.

    """
    return SmWrappingKey(secret, suite=suite) if suite.name == "sm" else IntlWrappingKey(secret)


def check_wrapping_key(suite: Suite, public_key: bytes) -> None:
    """Refuse what nothing can be wrapped for.

    Raises:
        InvalidKey: not a public key of the suite, or one that shares no secret.

    """
    if suite.name == "sm":
        suite.check_public_key(public_key)
    else:
        _shared(X25519PrivateKey.generate(), public_key)


def wrap(suite: Suite, *, public_key: bytes, secret: bytes, purpose: bytes) -> bytes:
    """Wrap a short secret for the holder of a key.

    Raises:
        InvalidKey: not a public key of the suite, or one that shares no secret.

    """
    if suite.name == "sm":
        return _wrap_sm(suite, public_key, secret, purpose)
    return _wrap_intl(public_key, secret, purpose)


def _wrap_intl(public_key: bytes, secret: bytes, purpose: bytes) -> bytes:
    ephemeral = X25519PrivateKey.generate()
    shared = _shared(ephemeral, public_key)
    shown = ephemeral.public_key().public_bytes_raw()
    info = purpose + shown
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return shown + nonce + AESGCM(_derived(shared, info)).encrypt(nonce, secret, info)


def _wrap_sm(suite: Suite, public_key: bytes, secret: bytes, purpose: bytes) -> bytes:
    suite.check_public_key(public_key)
    plaintext = suite.digest(purpose) + secret
    return sm2_ciphertext.raw_of(libcrypto.load_public_key(public_key).encrypt(plaintext))


def _shared(key: X25519PrivateKey, public_key: bytes) -> bytes:
    try:
        return key.exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError as error:
        raise InvalidKey(f"expected an X25519 public key, got {len(public_key)} bytes") from error


def _derived(shared: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_AES_BYTES, salt=None, info=info).derive(shared)


_GENERATORS: Final[Mapping[str, Callable[[], bytes]]] = MappingProxyType(
    {
        "intl": lambda: secrets.token_bytes(_X25519_BYTES),
        "sm": lambda: (secrets.randbelow(ORDER - 2) + 1).to_bytes(SCALAR_BYTES),
    }
)
