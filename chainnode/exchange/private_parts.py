"""Private parts of access records: in clear, or encrypted for the pair and the auditors. Pure.

docs/wire-format.md §16. No contract reads them; a node carries them, and forgets them when it is
told to. The *pair key* of requester, provider and period opens them; who has it is told by the
record `content` · `share`.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    encode,
)
from chainnode.ledger.merkle import Hash
from chainnode.submission import PRIVATE_BYTES_MAX, SALT_BYTES
from chainnode.suites.port import Suite

ENCRYPTED_TAG = "kun.enc"
WRAP_TAG = "kun.wrap"
KEY_CHECK_TAG = "kun.keycheck"
NONCE_BYTES = 12
FORMAT_VERSION = 1
_ORGANISATION_CHARACTERS_MAX = 32
_WRAPPED_BYTES_MAX = 256
_LIMITS = Limits(bytes_max=PRIVATE_BYTES_MAX, depth_max=3, elements_max=512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two departments and a month (YYYYMM): what one pair key is for."""

    requester: str
    provider: str
    period: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """Which half of which call a private part belongs to; it opens nowhere else."""

    chain_id: bytes
    requester: str
    provider: str
    call_id: bytes
    side: int

    @property
    def associated(self) -> bytes:
        """What the encryption binds beside the text."""
        return encode(
            (
                ENCRYPTED_TAG,
                FORMAT_VERSION,
                self.chain_id,
                self.requester,
                self.provider,
                self.call_id,
                self.side,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Encrypted:
    """An encrypted private part: which month's key opens it, and what it is."""

    period: int
    nonce: bytes
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A pair key, wrapped for one organisation."""

    organisation: str
    wrapped: bytes = field(repr=False)


def encrypt_private(
    suite: Suite, clear: bytes, *, pair_key: bytes, period: int, half: Half, nonce: bytes
) -> bytes:
    """Return the private part that carries `clear`; a nonce of 12 random bytes is used once."""
    ciphertext = suite.seal(key=pair_key, nonce=nonce, plaintext=clear, associated=half.associated)
    return encode((ENCRYPTED_TAG, FORMAT_VERSION, period, nonce, ciphertext))


def decrypt_private(suite: Suite, found: Encrypted, *, pair_key: bytes, half: Half) -> bytes:
    """Return the clear form.

    Raises:
        InvalidSignature: another key, another half, or changed bytes.

    """
    return suite.unseal(
        key=pair_key, nonce=found.nonce, ciphertext=found.ciphertext, associated=half.associated
    )


def read_encrypted(private: bytes) -> Encrypted | None:
    """Read an encrypted private part; None: it is in clear.

    Raises:
        InvalidEncoding: it is neither.

    """
    wire = as_array(decode(private, _LIMITS), None, "private part")
    if wire[:1] != (ENCRYPTED_TAG,):
        as_bytes(wire[0] if wire else b"", "salt of a clear private part", size=SALT_BYTES)
        return None
    _, version, period, nonce, ciphertext = as_array(wire, 5, "encrypted private part")
    if version != FORMAT_VERSION:
        raise InvalidEncoding(
            what="encrypted private part", expected=f"version {FORMAT_VERSION}", actual="another"
        )
    return Encrypted(
        period=as_int(period, "period"),
        nonce=as_bytes(nonce, "nonce", size=NONCE_BYTES),
        ciphertext=as_bytes(ciphertext, "ciphertext", maximum=PRIVATE_BYTES_MAX),
    )


def key_check(h: Hash, key: bytes) -> bytes:
    """Return the 32 bytes that bind a key of a pair, or of an epoch of pseudonyms, in the state."""
    return h(encode((KEY_CHECK_TAG, FORMAT_VERSION, key)))


def wrap_purpose(*, chain_id: bytes, pair: Pair, organisation: str, public_key: bytes) -> bytes:
    """Return what a pair key is wrapped for: it opens for nobody and nothing else."""
    return encode(
        (
            WRAP_TAG,
            FORMAT_VERSION,
            chain_id,
            pair.requester,
            pair.provider,
            pair.period,
            organisation,
            public_key,
        )
    )


def decode_wrapped_keys(private: bytes) -> tuple[WrappedKey, ...]:
    """Read the private part of `content` · `share`.

    Raises:
        InvalidEncoding: it is not one.

    """
    salt, rows = as_array(decode(private, _LIMITS), 2, "wrapped keys")
    as_bytes(salt, "salt", size=SALT_BYTES)
    keys = tuple(_wrapped_key(row) for row in as_array(rows, None, "wrapped keys"))
    if any(left.organisation >= right.organisation for left, right in pairwise(keys)):
        raise InvalidEncoding(
            what="wrapped keys", expected="ascending organisations", actual="another order"
        )
    return keys


def _wrapped_key(row: Plain) -> WrappedKey:
    organisation, wrapped = as_array(row, 2, "wrapped key")
    return WrappedKey(
        as_text(organisation, "organisation id", maximum=_ORGANISATION_CHARACTERS_MAX),
        as_bytes(wrapped, "wrapped key", maximum=_WRAPPED_BYTES_MAX),
    )
