"""Pair keys wrapped with fixed chance, by another hand than the product's.

wire-format §16. The product draws an ephemeral key for each; here it follows from what is wrapped,
so that the vectors are the same in every run. No product may do this.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from gmssl import func, sm2, sm3

from tests.vectors.signing import sm2_point

_ORDER = int(sm2.default_ecc_table["n"], 16)


def wrapped(suite_name: str, *, public_key: bytes, secret: bytes, purpose: bytes) -> bytes:
    """Return `secret` wrapped for a public key."""
    chance = hashlib.sha256(b"ephemeral" + public_key + purpose).digest()
    make = _sm2_wrapped if suite_name == "sm" else _x25519_wrapped
    return make(public_key, secret, purpose, chance)


def _x25519_wrapped(public_key: bytes, secret: bytes, purpose: bytes, chance: bytes) -> bytes:
    ephemeral = X25519PrivateKey.from_private_bytes(chance)
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))
    shown = ephemeral.public_key().public_bytes_raw()
    info = purpose + shown
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(shared)
    nonce = hashlib.sha256(b"nonce" + chance).digest()[:12]
    return shown + nonce + AESGCM(key).encrypt(nonce, secret, info)


def _sm2_wrapped(public_key: bytes, secret: bytes, purpose: bytes, chance: bytes) -> bytes:
    """GB/T 32918.4 §6: C1 ‖ C3 ‖ C2 with C1 uncompressed."""
    plaintext = _sm3(purpose) + secret
    crypt = sm2.CryptSM2(private_key="", public_key="")
    scalar = int.from_bytes(chance) % (_ORDER - 1) + 1
    first = bytes.fromhex(crypt._kg(scalar, sm2.default_ecc_table["g"]))  # noqa: SLF001  the library has no other door to kG
    shared = bytes.fromhex(crypt._kg(scalar, sm2_point(public_key).hex()))  # noqa: SLF001  as above, kP
    stream = bytes.fromhex(sm3.sm3_kdf(shared.hex().encode(), len(plaintext)))
    masked = bytes(one ^ other for one, other in zip(plaintext, stream, strict=True))
    check = _sm3(shared[:32] + plaintext + shared[32:])
    return b"\x04" + first + check + masked


def _sm3(data: bytes) -> bytes:
    return bytes.fromhex(sm3.sm3_hash(func.bytes_to_list(data)))
