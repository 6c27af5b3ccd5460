"""The two encodings of an SM2 signature: `r ‖ s` on the wire, DER at the library. Pure.

Both directions are strict: one signature has one encoding, and r, s are in 1 … n − 1
(GB/T 32918.2 §6.1, §7.1; docs/wire-format.md §1).
"""

from typing import Final

from chainnode.suites import der
from chainnode.suites.port import InvalidSignature

# Order of the curve SM2 (GB/T 32918.5 §2).
ORDER: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
SCALAR_BYTES: Final = 32
SIGNATURE_BYTES: Final = 2 * SCALAR_BYTES


def der_of(signature: bytes) -> bytes:
    """Return the DER form of `r ‖ s`.

    Raises:
        InvalidSignature: not 64 bytes, or r or s is 0 or ≥ n.

    """
    if len(signature) != SIGNATURE_BYTES:
        raise InvalidSignature(f"expected {SIGNATURE_BYTES} bytes r ‖ s, got {len(signature)}")
    body = b"".join(
        _der_integer(name, int.from_bytes(part))
        for name, part in (("r", signature[:SCALAR_BYTES]), ("s", signature[SCALAR_BYTES:]))
    )
    return der.sequence(body)


def raw_of(encoded: bytes) -> bytes:
    """Return `r ‖ s` of a DER signature.

    Raises:
        InvalidSignature: anything but the one DER form of two scalars in range.

    """
    try:
        first, at = der.read_integer(encoded, 2)
        second, _ = der.read_integer(encoded, at)
        signature = first.to_bytes(SCALAR_BYTES) + second.to_bytes(SCALAR_BYTES)
    except (IndexError, OverflowError) as error:
        raise InvalidSignature("expected DER of two scalars, got other bytes") from error
    if der_of(signature) != encoded:
        raise InvalidSignature("expected DER of two scalars, got another encoding")
    return signature


def _der_integer(name: str, value: int) -> bytes:
    if not 1 <= value < ORDER:
        raise InvalidSignature(f"expected {name} in 1 … n − 1, got {'0' if not value else '≥ n'}")
    return der.integer(value)
