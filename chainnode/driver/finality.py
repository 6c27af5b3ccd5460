"""Who waits for a submission to become final, and how they are told. Loop thread only."""

import asyncio
from collections import OrderedDict

from chainnode.submission import SubmissionDigest

# Certified heights lag executed ones by a few blocks; beyond two windows something is wrong.
_HEIGHTS_MAX = 1024


class Finality:
    """Resolves waiters when the block that executed their submission is certified."""

    def __init__(self) -> None:
        self._waiters: dict[SubmissionDigest, set[asyncio.Future[int]]] = {}
        self._executed: OrderedDict[int, tuple[SubmissionDigest, ...]] = OrderedDict()
        self._certified = 0

    @property
    def waiting(self) -> int:
        """Number of submissions that somebody waits for."""
        return len(self._waiters)

    async def wait(self, digest: SubmissionDigest, *, timeout_s: float) -> int | None:
        """Return the certified height, or None when it did not come in time."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(digest, set()).add(future)
        try:
            # Unlike `wait_for` of Python 3.11 this never swallows a cancellation.
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return None
        finally:
            waiting = self._waiters.get(digest, set())
            waiting.discard(future)
            if not waiting:
                self._waiters.pop(digest, None)

    def executed(
        self, height: int, digests: tuple[SubmissionDigest, ...]
    ) -> tuple[SubmissionDigest, ...]:
        """Note which submissions block `height` holds; return those that are final now."""
        self._executed[height] = digests
        while len(self._executed) > _HEIGHTS_MAX:
            self._executed.popitem(last=False)
        return self._settle()

    def certified(self, height: int) -> tuple[SubmissionDigest, ...]:
        """Note that all blocks up to `height` are certified; return what is final now.

        A certificate often comes before the execution of its block ends here.
        """
        self._certified = max(self._certified, height)
        return self._settle()

    def _settle(self) -> tuple[SubmissionDigest, ...]:
        final: list[SubmissionDigest] = []
        while self._executed and next(iter(self._executed)) <= self._certified:
            block, digests = self._executed.popitem(last=False)
            final.extend(digests)
            for digest in digests:
                self._tell(digest, block)
        return tuple(final)

    def _tell(self, digest: SubmissionDigest, height: int) -> None:
        for future in self._waiters.pop(digest, ()):
            if not future.done():
                future.set_result(height)
