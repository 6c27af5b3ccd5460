"""The head of a segment, and positions in a log: plain values with one encoding each.

A position is what the ledger stores with every block, as opaque bytes (the mark): at the next
start it tells whether the log is the one that was there when the block was written.
"""

from dataclasses import dataclass
from typing import Final

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    decode,
    encode,
)
from chainnode.segments.frames import CHAIN_BYTES
from chainnode.segments.port import Position

_TAG: Final = "kun.votelog"
_VERSION: Final = 1
_LIMITS: Final = Limits(bytes_max=512, depth_max=2, elements_max=16)
_KEY_BYTES_MAX: Final = 33


# What a learner stores with its blocks. Who followed as a learner once has forgotten promises:
# this mark is never reached again, so the key stays without a vote over every restart.
LEARNER_MARK: Final = b""


def encode_mark(position: Position) -> bytes:
    """Return the mark that the ledger stores with a block."""
    return encode(_plain(position))


def decode_mark(mark: bytes) -> Position:
    """Read what `encode_mark` made.

    Raises:
        InvalidEncoding: it is something else.

    """
    return _position(decode(mark, _LIMITS), "vote mark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose votes a log holds; a log never serves another key or chain."""

    chain_id: bytes
    public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentHead:
    """First frame of a segment; `previous` is where the segment before it ended."""

    identity: Identity
    number: int
    previous: Position

    def encode(self) -> bytes:
        """Return the payload of the frame."""
        whose = self.identity
        return encode(
            (
                _TAG,
                _VERSION,
                self.number,
                *(whose.chain_id, whose.public_key),
                _plain(self.previous),
            )
        )


def decode_head(payload: bytes) -> SegmentHead:
    """Read what `SegmentHead.encode` made.

    Raises:
        InvalidEncoding: it is something else, or of another version.

    """
    tag, version, number, chain_id, public_key, previous = as_array(
        decode(payload, _LIMITS), 6, "segment head"
    )
    if (tag, version) != (_TAG, _VERSION):
        raise InvalidEncoding(
            what="segment head", expected=f"{_TAG} version {_VERSION}", actual="another format"
        )
    return SegmentHead(
        identity=Identity(
            chain_id=as_bytes(chain_id, "chain id", CHAIN_BYTES),
            public_key=as_bytes(public_key, "public key", maximum=_KEY_BYTES_MAX),
        ),
        number=as_int(number, "segment"),
        previous=_position(previous, "previous segment"),
    )


def _plain(position: Position) -> Plain:
    return position.segment, position.length, position.chain


def _position(plain: Plain, what: str) -> Position:
    segment, length, chain = as_array(plain, 3, what)
    return Position(
        segment=as_int(segment, "segment"),
        length=as_int(length, "length"),
        chain=as_bytes(chain, "chain hash", CHAIN_BYTES),
    )
