"""Suite `sm`: SM2 signatures, SM3 digests, SM4-GCM (GB/T 32918, 32905, 32907).

SM2 comes from the system's libcrypto (ADR-0002), SM3 from `hashlib`, SM4-GCM from
`cryptography`. The first use runs a self-test with the published example of GB/T 32918.5.
"""

import hashlib
import secrets
from functools import lru_cache
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from chainnode.suites import libcrypto
from chainnode.suites.libcrypto import LibcryptoUnusable, Sm2Key
from chainnode.suites.port import Hasher, InvalidKey, InvalidSignature, PrivateKey
from chainnode.suites.sm2_signature import ORDER, SCALAR_BYTES, der_of, raw_of

USER_ID: Final = b"1234567812345678"
_COMPRESSED_PREFIXES: Final = (2, 3)
# Parsed public keys, 2 KiB each: all members and the keys that submit in one minute.
_KEYS_MAX: Final = 4096
_HASH: Final = "sm3"
_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 12

# GB/T 32918.5 annex A.2; the digest of "abc" is GB/T 32905 annex A.1.
_TEST_SCALAR: Final = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
_TEST_PUBLIC_KEY: Final = "0309f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
_TEST_CONTENT: Final = b"message digest"
_TEST_OTHER_CONTENT: Final = b"massage digest"
_TEST_SIGNATURE: Final = (
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
_TEST_DIGEST: Final = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"

# First patch release of each series whose SM2 signing has no known timing leak: CVE-2026-54872.
# 3.0.22 counts because Debian's carries the correction of 3.0.23. Unlisted older series: none.
_FIRST_WITHOUT_LEAK: Final = {(3, 0): 22, (3, 4): 8, (3, 5): 9, (3, 6): 5, (4, 0): 3}


class SmPrivateKey:
    """An SM2 signing key; made by `SmSuite` only."""

    __slots__ = ("_key", "_public_key", "_secret")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SCALAR_BYTES:
            raise InvalidKey(f"expected a scalar of {SCALAR_BYTES} bytes, got {len(secret)}")
        # GB/T 32918.1 §6.1: n − 1 is excluded, 1 + d must have an inverse.
        if not 1 <= int.from_bytes(secret) <= ORDER - 2:
            raise InvalidKey("expected a scalar in 1 … n − 2, got one out of range")
        self._key, self._public_key = libcrypto.load_key_pair(secret)
        self._secret = secret

    def __repr__(self) -> str:
        return f"SmPrivateKey(public_key={self._public_key.hex()})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key cannot be pickled or copied")

    @property
    def public_key(self) -> bytes:
        """Compressed point, 33 bytes."""
        return self._public_key

    def sign(self, content: bytes) -> bytes:
        """Return `r ‖ s`; two signatures over the same content differ."""
        return raw_of(self._key.sign(content, user_id=USER_ID))

    def secret_bytes(self) -> bytes:
        """Return the 32-byte scalar, for the key file alone."""
        return self._secret


class SmSuite:
    """The port `Suite` for Chinese national algorithms; stateless and thread-safe."""

    name: Final = "sm"
    hash_name: Final = _HASH
    aead_name: Final = "sm4-gcm"
    aead_key_bytes: Final = 16

    def __init__(self) -> None:
        try:
            self._empty_hash = hashlib.new(_HASH)
            _cipher(bytes(self.aead_key_bytes), bytes(_NONCE_BYTES), None).encryptor()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise LibcryptoUnusable(expected="SM3 and SM4-GCM", actual=str(error)) from error
        self._test_itself()

    def digest(self, data: bytes) -> bytes:
        """SM3. A copied object costs half of a new one."""
        hasher = self._empty_hash.copy()
        hasher.update(data)
        return hasher.digest()

    def hasher(self) -> Hasher:
        """Return an SM3 hasher."""
        return self._empty_hash.copy()

    def generate_private_key(self) -> PrivateKey:
        """Draw a scalar uniformly from 1 … n − 2."""
        return SmPrivateKey((secrets.randbelow(ORDER - 2) + 1).to_bytes(SCALAR_BYTES))

    def load_private_key(self, secret: bytes) -> PrivateKey:
        """Build the key of a big-endian scalar."""
        return SmPrivateKey(secret)

    def check_public_key(self, public_key: bytes) -> None:
        """Refuse all but 33 bytes of a compressed point on the curve."""
        _parsed(public_key)

    def verify(self, *, public_key: bytes, signature: bytes, content: bytes) -> None:
        """Check `r ‖ s` under the user ID of this chain."""
        key = _parsed(public_key)
        if not key.is_signature(der_of(signature), content, user_id=USER_ID):
            raise InvalidSignature("expected an SM2 signature of this key, got another one")

    def seal(self, *, key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
        """SM4-GCM (RFC 8998)."""
        encryptor = _cipher(key, nonce, None).encryptor()
        encryptor.authenticate_additional_data(associated)
        return encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag

    def unseal(self, *, key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
        """Return the plaintext only after its tag was checked."""
        if len(ciphertext) < _TAG_BYTES:
            raise InvalidSignature(f"expected ≥ {_TAG_BYTES} bytes, got {len(ciphertext)}")
        decryptor = _cipher(key, nonce, ciphertext[-_TAG_BYTES:]).decryptor()
        decryptor.authenticate_additional_data(associated)
        plaintext = decryptor.update(ciphertext[:-_TAG_BYTES])
        try:
            return plaintext + decryptor.finalize()
        except InvalidTag as error:
            raise InvalidSignature("the tag does not match: wrong key or changed bytes") from error

    def _test_itself(self) -> None:
        """Known answers, one own signature, one corruption: a wrong library is never used."""
        key = self.load_private_key(bytes.fromhex(_TEST_SCALAR))
        try:
            known = bytes.fromhex(_TEST_SIGNATURE)
            for signature in (known, key.sign(_TEST_CONTENT)):
                self.verify(
                    public_key=bytes.fromhex(_TEST_PUBLIC_KEY),
                    signature=signature,
                    content=_TEST_CONTENT,
                )
        except (InvalidKey, InvalidSignature) as error:
            raise _failed_test() from error
        if self.digest(b"abc").hex() != _TEST_DIGEST or self._accepts(known, _TEST_OTHER_CONTENT):
            raise _failed_test()

    def _accepts(self, signature: bytes, content: bytes) -> bool:
        try:
            self.verify(
                public_key=bytes.fromhex(_TEST_PUBLIC_KEY), signature=signature, content=content
            )
        except InvalidSignature:
            return False
        return True


def provider_warning() -> str | None:
    """Return what an operator should know about the loaded libcrypto, None if all is well."""
    return timing_warning(libcrypto.version(), libcrypto.version_text())


def timing_warning(version: tuple[int, int, int], text: str) -> str | None:
    """Return the warning for a version whose SM2 signing is known to leak timing."""
    major, minor, patch = version
    newest = max(_FIRST_WITHOUT_LEAK)
    first = _FIRST_WITHOUT_LEAK.get((major, minor))
    if (major, minor) > newest or (first is not None and patch >= first):
        return None
    series = newest if first is None else (major, minor)
    wanted = f"{series[0]}.{series[1]}.{_FIRST_WITHOUT_LEAK[series]}"
    return (
        f"{text} leaks timing of SM2 signing (CVE-2026-54872): install OpenSSL {wanted} or"
        f" newer, or name one by {libcrypto.LIBRARY_SETTING}"
    )


@lru_cache(maxsize=_KEYS_MAX)
def _parsed(public_key: bytes) -> Sm2Key:
    if len(public_key) != libcrypto.PUBLIC_KEY_BYTES or public_key[0] not in _COMPRESSED_PREFIXES:
        raise InvalidKey(
            f"expected {libcrypto.PUBLIC_KEY_BYTES} bytes of a compressed point,"
            f" got {len(public_key)} bytes{f', prefix {public_key[0]}' if public_key else ''}"
        )
    return libcrypto.load_public_key(public_key)


def _cipher(key: bytes, nonce: bytes, tag: bytes | None) -> "Cipher[modes.GCM]":
    if len(nonce) != _NONCE_BYTES:
        raise ValueError(f"expected a nonce of {_NONCE_BYTES} bytes, got {len(nonce)}")
    return Cipher(algorithms.SM4(key), modes.GCM(nonce, tag))


def _failed_test() -> LibcryptoUnusable:
    return LibcryptoUnusable(
        expected="the known answers of GB/T 32918.5 and 32905", actual=libcrypto.version_text()
    )
