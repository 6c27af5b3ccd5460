"""What the core asks of its surroundings: an encoder and a guarded signer.

Both are pure from the core's point of view. In production the encoder is `chainnode.codec`
and the signer is the vote guard of `chainnode.votelog`.
"""

from typing import Protocol, TypeAlias

from consensus.types import Signature

# What the canonical encoding can express (docs/wire-format.md §1).
Plain: TypeAlias = "int | bytes | str | tuple[Plain, ...]"


class Encoder(Protocol):
    """Canonical encoding of plain tuples; equal values give equal bytes."""

    def encode(self, value: Plain) -> bytes:
        """Return the one encoding of `value`."""
        ...


class Signer(Protocol):
    """Signs this replica's messages and refuses a second, different one for the same slot.

    `slot` names what may be signed once: kind, epoch, view, sequence (checklist G2). Signing
    the same content again returns the same bytes. Messages without a slot (Status) give ().
    """

    def sign(self, *, slot: tuple[str | int, ...], content: bytes) -> Signature:
        """Return the signature over `content`.

        Raises:
            ConflictingVote: another content was signed for `slot` in this or an earlier life.

        """
        ...

    def is_missing(self, *, slot: tuple[str | int, ...], content: bytes) -> bool:
        """Tell whether `content`, which we once signed for `slot`, should be known and is not.

        What was forgotten on purpose (left views, stable sequences) is not missing.
        """
        ...
