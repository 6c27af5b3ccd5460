"""Answers peers that lack a batch, blocks or a whole state. Reads only.

Bounded by the frame size, and for each peer by a pace of its own; a body that a vote waits for
is never made to wait behind blocks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from chainnode.driver.batches import Batches
from chainnode.driver.kinds import FrameKind
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import encode_header
from chainnode.sync.frames import (
    ANSWER_BYTES_MAX,
    Standing,
    TransferredBlock,
    decode_batch_request,
    decode_blocks_request,
    decode_checkpoint_request,
    encode_blocks,
)
from chainnode.sync.pace import PeerPace
from chainnode.sync.snapshot_frames import decode_offer_request, decode_pages_request
from chainnode.sync.snapshot_serving import SnapshotServer, UnservedRequest


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
        snapshots: SnapshotServer,
        pace: PeerPace,
        threads: Executor,
    ) -> None:
        self._ledger = ledger
        self._batches = batches
        self._proposed = proposed
        self._snapshots = snapshots
        self._pace = pace
        # One thread: what a snapshot holds is touched by it alone.
        self._threads = threads

    async def answer(self, peer: int, kind: int, payload: bytes) -> bytes:
        """Answer one request of a peer.

        Raises:
            InvalidInput: malformed, unknown, or nothing here that answers it.

        """
        if kind == FrameKind.BATCH_REQUEST:
            return await self._body(*decode_batch_request(payload))
        work = self._work(peer, kind, payload)

        def on_thread() -> Awaitable[bytes]:
            return asyncio.get_running_loop().run_in_executor(self._threads, work)

        return await self._pace.answer(peer, on_thread)

    async def expire(self) -> None:
        """Let go of heights that nobody fetches any more."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._snapshots.expire)

    def _work(self, peer: int, kind: int, payload: bytes) -> Callable[[], bytes]:
        """Read a request on the loop; return what is to be done on the thread."""
        match kind:
            case FrameKind.BLOCKS_REQUEST:
                first, last = decode_blocks_request(payload)
                return lambda: self._blocks(first, last)
            case FrameKind.CHECKPOINT_REQUEST:
                height = decode_checkpoint_request(payload)
                return lambda: self._checkpoint(height)
            case FrameKind.SNAPSHOT_REQUEST:
                wanted = decode_offer_request(payload)
                return lambda: self._snapshots.offer(peer, wanted)
            case FrameKind.PAGES_REQUEST:
                request = decode_pages_request(payload)
                return lambda: self._snapshots.pages(peer, request)
            case _:
                raise UnservedRequest(expected="a known kind of request", actual=f"kind {kind}")

    async def _body(self, digest: bytes, height: int) -> bytes:
        body = self._batches.body(digest) or self._proposed(height, digest)
        if body is not None:
            return body
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._batch, digest, height)

    def _batch(self, digest: bytes, height: int) -> bytes:
        if height <= self._ledger.height and self._ledger.has_header(height):
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
        standing = Standing(
            oldest=max(self._ledger.floor, 1), certified=self._ledger.certified_height
        )
        return encode_blocks(blocks, standing=standing)

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
