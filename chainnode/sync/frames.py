"""Requests and answers of state transfer by blocks. Sans-I/O; neither hashed nor signed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainnode.codec import Limits, Plain, as_array, as_bytes, as_int, decode, encode

# One answer stays under the frame limit of the transport with one full batch in it.
ANSWER_BYTES_MAX = 3 * 1024 * 1024
BLOCKS_PER_ANSWER_MAX = 512
_REQUEST_LIMITS = Limits(bytes_max=256, depth_max=1, elements_max=8)
_ANSWER_LIMITS = Limits(
    bytes_max=ANSWER_BYTES_MAX + 64 * 1024, depth_max=3, elements_max=8 * BLOCKS_PER_ANSWER_MAX
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a peer says it can serve: blocks from `oldest` to `certified`. A claim, no more."""

    oldest: int
    certified: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferredBlock:
    """A block as a peer sends it: nothing in it is believed before it is checked.

    `certificate` is empty for a height that no quorum certified by itself; the parent digests
    of the blocks above it, up to a certified one, prove such a block.
    """

    header: bytes
    batch: bytes = field(repr=False)
    certificate: bytes = field(repr=False)


def encode_batch_request(digest: bytes, height: int) -> bytes:
    """Ask for the batch with `digest`, proposed or executed at `height`."""
    return encode((digest, height))


def decode_batch_request(data: bytes) -> tuple[bytes, int]:
    """Return digest and height.

    Raises:
        InvalidEncoding: malformed.

    """
    digest, height = as_array(decode(data, _REQUEST_LIMITS), 2, "batch request")
    return as_bytes(digest, "batch digest", size=32), as_int(height, "height")


def encode_blocks_request(first: int, last: int) -> bytes:
    """Ask for the blocks `first` … `last`; the answer may stop earlier."""
    return encode((first, last))


def decode_blocks_request(data: bytes) -> tuple[int, int]:
    """Return first and last height, at most `BLOCKS_PER_ANSWER_MAX` of them.

    Raises:
        InvalidEncoding: malformed.

    """
    first, last = as_array(decode(data, _REQUEST_LIMITS), 2, "blocks request")
    low = as_int(first, "first height")
    return low, min(as_int(last, "last height"), low + BLOCKS_PER_ANSWER_MAX - 1)


def encode_checkpoint_request(height: int) -> bytes:
    """Ask for the peer's own CHECKPOINT of a height."""
    return encode((height,))


def decode_checkpoint_request(data: bytes) -> int:
    """Return the height.

    Raises:
        InvalidEncoding: malformed.

    """
    (height,) = as_array(decode(data, _REQUEST_LIMITS), 1, "checkpoint request")
    return as_int(height, "height")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksAnswer:
    """The blocks that fitted, and where the peer stands: so its silence can be read."""

    standing: Standing
    blocks: tuple[TransferredBlock, ...]


def encode_blocks(blocks: Sequence[TransferredBlock], *, standing: Standing) -> bytes:
    """Encode an answer; the caller keeps it under `ANSWER_BYTES_MAX`."""
    rows = tuple((one.header, one.batch, one.certificate) for one in blocks)
    return encode((standing.oldest, standing.certified, rows))


def decode_blocks(data: bytes) -> BlocksAnswer:
    """Read an answer.

    Raises:
        InvalidEncoding: malformed or too large.

    """
    oldest, certified, plain = as_array(decode(data, _ANSWER_LIMITS), 3, "blocks answer")
    rows = as_array(plain, None, "blocks", maximum=BLOCKS_PER_ANSWER_MAX)
    standing = Standing(
        oldest=as_int(oldest, "oldest height"), certified=as_int(certified, "certified height")
    )
    return BlocksAnswer(
        standing=standing, blocks=tuple(_block(as_array(row, 3, "block")) for row in rows)
    )


def _block(row: tuple[Plain, ...]) -> TransferredBlock:
    header, batch, certificate = (as_bytes(part, "part of a block") for part in row)
    return TransferredBlock(header=header, batch=batch, certificate=certificate)
