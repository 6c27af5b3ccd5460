"""Answers peers that lack a batch or blocks; bounded by the frame size. Reads only."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from chainnode.driver.batches import Batches
from chainnode.driver.kinds import FrameKind
from chainnode.errors import InvalidInput
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import encode_header
from chainnode.sync.frames import (
    ANSWER_BYTES_MAX,
    TransferredBlock,
    decode_batch_request,
    decode_blocks_request,
    decode_checkpoint_request,
    encode_blocks,
)


class UnservedRequest(InvalidInput):
    """A request this node has no answer to; the transport reports a failure to the peer."""

    def __init__(self, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"request: expected {expected}, got {actual}")


class BlockServer:
    """The requests of peers. Loop thread only; blocks are read on threads.

    `proposed` returns the body of a batch that the core holds for a sequence: a prepared batch
    must be had from its voters even when newer ones have pushed it out of `batches`.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        batches: Batches,
        proposed: Callable[[int, bytes], bytes | None],
        threads: Executor,
    ) -> None:
        self._ledger = ledger
        self._batches = batches
        self._proposed = proposed
        self._threads = threads

    async def answer(self, kind: int, payload: bytes) -> bytes:
        """Answer one request.

        Raises:
            InvalidInput: malformed, unknown, or nothing here that answers it.

        """
        loop = asyncio.get_running_loop()
        if kind == FrameKind.BATCH_REQUEST:
            digest, height = decode_batch_request(payload)
            body = self._batches.body(digest) or self._proposed(height, digest)
            if body is None:
                body = await loop.run_in_executor(self._threads, self._batch, digest, height)
            return body
        if kind == FrameKind.BLOCKS_REQUEST:
            first, last = decode_blocks_request(payload)
            return await loop.run_in_executor(self._threads, self._blocks, first, last)
        if kind == FrameKind.CHECKPOINT_REQUEST:
            height = decode_checkpoint_request(payload)
            return await loop.run_in_executor(self._threads, self._checkpoint, height)
        raise UnservedRequest(expected="a known kind of request", actual=f"kind {kind}")

    def _batch(self, digest: bytes, height: int) -> bytes:
        if height <= self._ledger.height:
            header = self._ledger.header(height)
            stored = self._ledger.batch_bytes(height)
            if header.head.batch_digest == digest and stored is not None:
                return stored
        raise UnservedRequest(expected="a batch known here", actual=f"digest {digest.hex()}")

    def _blocks(self, first: int, last: int) -> bytes:
        """Return blocks from `first` up to a certified one, as many as fit into one answer."""
        blocks: list[TransferredBlock] = []
        size = 0
        # Block 0 is genesis, which everybody has and nobody certifies.
        for height in range(max(first, 1), min(last, self._ledger.certified_height) + 1):
            block = self._block(height)
            if block is None:
                break
            size += len(block.batch) + len(block.certificate) + len(block.header)
            if blocks and size > ANSWER_BYTES_MAX:
                break
            blocks.append(block)
        # What nothing certified stands above proves nothing.
        while blocks and not blocks[-1].certificate:
            blocks.pop()
        return encode_blocks(blocks)

    def _checkpoint(self, height: int) -> bytes:
        """Return what this replica signed for a block."""
        signed = self._ledger.own_checkpoint(height) if height <= self._ledger.height else None
        if signed is None:
            raise UnservedRequest(expected="a height signed here", actual=f"height {height}")
        return signed

    def _block(self, height: int) -> TransferredBlock | None:
        batch = self._ledger.batch_bytes(height)
        if batch is None:
            return None
        return TransferredBlock(
            header=encode_header(self._ledger.header(height)),
            batch=batch,
            certificate=self._ledger.certificate(height) or b"",
        )
