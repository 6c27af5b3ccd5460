"""What the two suites compute (wire-format §1, §15, §16), by libraries of others."""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from gmssl import sm2

from tests.second_reader.encoding import enc

SM2_USER = "1234567812345678"
_TAG_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A suite by its name: `sm` or `intl`."""

    suite: str

    @property
    def is_sm(self) -> bool:
        """Whether it is the national suite."""
        return self.suite == "sm"

    def h(self, data: bytes) -> bytes:
        """H."""
        return hashlib.new("sm3" if self.is_sm else "sha256", data).digest()

    def hmac(self, key: bytes, data: bytes) -> bytes:
        """RFC 2104 over H."""
        return hmac.digest(key, data, "sm3" if self.is_sm else "sha256")

    def key_id(self, public_key: bytes) -> bytes:
        """The id of a public key."""
        return self.h(enc(["kun.key", 1, public_key]))[:20]

    def is_signature(self, public_key: bytes, signature: bytes, content: bytes) -> bool:
        """Whether a signature is good."""
        if self.is_sm:
            signer = sm2.CryptSM2(private_key="", public_key="")
            signer.public_key = _point(public_key).hex()
            return bool(signer.verify_with_sm3(signature.hex(), content))
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
        except InvalidSignature:
            return False
        return True

    def opened(self, *, key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
        """The plaintext of the suite's AEAD; raises when it was changed."""
        body, tag = ciphertext[:-_TAG_BYTES], ciphertext[-_TAG_BYTES:]
        cipher = algorithms.SM4(key) if self.is_sm else algorithms.AES(key)
        decryptor = Cipher(cipher, modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(associated)
        return decryptor.update(body) + decryptor.finalize()

    def unwrapped(self, wrapped: bytes, *, secret: bytes, purpose: bytes) -> bytes:
        """The pair key that was wrapped for the key with this secret."""
        return (self._unwrapped_sm if self.is_sm else _unwrapped_intl)(wrapped, secret, purpose)

    def _unwrapped_sm(self, wrapped: bytes, secret: bytes, purpose: bytes) -> bytes:
        assert wrapped[0] == 4  # uncompressed C1
        # Mode 1 is C1 ‖ C3 ‖ C2; the library wants C1 without its first byte.
        plain = sm2.CryptSM2(private_key=secret.hex(), public_key="", mode=1).decrypt(wrapped[1:])
        assert plain is not None
        assert plain[:32] == self.h(purpose)
        return bytes(plain[32:])


def _unwrapped_intl(wrapped: bytes, secret: bytes, purpose: bytes) -> bytes:
    ephemeral, nonce, ciphertext = wrapped[:32], wrapped[32:44], wrapped[44:]
    shared = X25519PrivateKey.from_private_bytes(secret).exchange(
        X25519PublicKey.from_public_bytes(ephemeral)
    )
    info = purpose + ephemeral
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(shared)
    return Reader(suite="intl").opened(key=key, nonce=nonce, ciphertext=ciphertext, associated=info)


def _point(public_key: bytes) -> bytes:
    """x ‖ y of a compressed point (SEC 1 §2.3.4)."""
    table = {name: int(value, 16) for name, value in sm2.default_ecc_table.items()}
    prime, x = table["p"], int.from_bytes(public_key[1:])
    y = pow(x**3 + table["a"] * x + table["b"], (prime + 1) // 4, prime)
    y = y if y % 2 == public_key[0] % 2 else prime - y
    return x.to_bytes(32) + y.to_bytes(32)
