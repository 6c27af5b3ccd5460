"""Signatures for vectors: repeatable, and in suite `sm` from another hand than ours.

SM2 signatures are made by `gmssl` with nonces derived from the content, which no product may do.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from gmssl import sm2

from chainnode.suites import PrivateKey, Suite
from tests.builders_evidence import keys_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatableKey:
    """A throw-away key that signs one content alike in every run."""

    suite: Suite
    key: PrivateKey

    @property
    def public_key(self) -> bytes:
        return self.key.public_key

    def sign(self, content: bytes) -> bytes:
        return signature(self.suite, self.key, content)

    def secret_bytes(self) -> bytes:
        return self.key.secret_bytes()


def repeatable_keys(suite: Suite, numbers: Iterable[int]) -> list[PrivateKey]:
    """Return the keys of these numbers, as the builders have them."""
    return [RepeatableKey(suite=suite, key=one) for one in keys_of(suite, numbers)]


def signature(suite: Suite, key: PrivateKey, content: bytes) -> bytes:
    """Return the same 64 bytes for the same key and content, every time."""
    if suite.name != "sm":
        return key.sign(content)
    return _sm2_signature(key.secret_bytes(), key.public_key, content)


@cache
def _sm2_signature(secret: bytes, public_key: bytes, content: bytes) -> bytes:
    signer = sm2.CryptSM2(private_key=secret.hex(), public_key="")
    # Set afterwards: the constructor strips every leading 0 and 4 of a key that starts with 04.
    signer.public_key = sm2_point(public_key).hex()
    nonce = hashlib.sha256(b"nonce" + public_key + content).hexdigest()
    return bytes.fromhex(signer.sign_with_sm3(content, nonce))


def sm2_point(public_key: bytes) -> bytes:
    """Return x ‖ y of a compressed point."""
    table = {name: int(value, 16) for name, value in sm2.default_ecc_table.items()}
    prime, x = table["p"], int.from_bytes(public_key[1:])
    y = pow(x**3 + table["a"] * x + table["b"], (prime + 1) // 4, prime)
    y = y if y % 2 == public_key[0] % 2 else prime - y
    return x.to_bytes(32) + y.to_bytes(32)
