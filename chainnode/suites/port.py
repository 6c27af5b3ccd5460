"""The one port to cryptography: hash, signature, authenticated encryption.

Adapters are `chainnode.suites.sm` and `chainnode.suites.intl`; `suite_named` chooses one.
Formats: docs/wire-format.md §1.
"""

from typing import Protocol

from chainnode.errors import InvalidInput


class InvalidSignature(InvalidInput):
    """The signature does not verify, or its encoding is not the canonical one."""


class InvalidKey(InvalidInput):
    """Key bytes that are not a canonical key of the suite."""


class PrivateKey(Protocol):
    """A signing key; its secret never appears in `repr`, errors or pickles."""

    @property
    def public_key(self) -> bytes:
        """Canonical public key: 33 bytes (sm) or 32 (intl)."""
        ...

    def sign(self, content: bytes) -> bytes:
        """Return the 64-byte signature. Thread-safe; releases the GIL."""
        ...

    def secret_bytes(self) -> bytes:
        """Return the 32-byte scalar or seed, for the key file alone."""
        ...


class Hasher(Protocol):
    """A hash over bytes that come piece by piece."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        ...

    def digest(self) -> bytes:
        """Return the 32-byte hash of all bytes so far."""
        ...


class Suite(Protocol):
    """A cryptographic suite, a property of genesis."""

    @property
    def name(self) -> str:
        """`sm` or `intl`."""
        ...

    @property
    def hash_name(self) -> str:
        """`sm3` or `sha256`: the prefix of digests in HTTP."""
        ...

    @property
    def aead_name(self) -> str:
        """`sm4-gcm` or `aes-256-gcm`."""
        ...

    @property
    def aead_key_bytes(self) -> int:
        """16 (SM4) or 32 (AES-256)."""
        ...

    def digest(self, data: bytes) -> bytes:
        """Return the 32-byte hash of `data`."""
        ...

    def hasher(self) -> Hasher:
        """Return a new hasher, for what is too large to hold at once."""
        ...

    def generate_private_key(self) -> PrivateKey:
        """Draw a key from the operating system's generator."""
        ...

    def load_private_key(self, secret: bytes) -> PrivateKey:
        """Build the key from its 32 bytes.

        Raises:
            InvalidKey: wrong length or out of range.

        """
        ...

    def check_public_key(self, public_key: bytes) -> None:
        """Refuse what is not one canonical point or key.

        Raises:
            InvalidKey: wrong length, prefix, not on the curve, small order.

        """
        ...

    def verify(self, *, public_key: bytes, signature: bytes, content: bytes) -> None:
        """Check a signature. Thread-safe; releases the GIL.

        Raises:
            InvalidKey: the public key is not canonical.
            InvalidSignature: it does not verify.

        """
        ...

    def seal(self, *, key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
        """Encrypt with the suite's AEAD; the nonce has 12 bytes, the tag is appended (16)."""
        ...

    def unseal(self, *, key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            InvalidSignature: the tag does not match: wrong key or changed bytes.

        """
        ...
