"""The submission that was read last, for whoever reads the calls of many entries at once.

The rows of a busy trail stand by hundreds in one submission: read for each of them, a batch of
half a megabyte is looked up, checked and copied a hundred times for one page.
"""

from collections.abc import Callable

from chainnode.ledger.codec import submission_of_batch
from chainnode.ledger.types import Place


class Submissions:
    """Submissions by place, the last one kept (≤ 2 MiB). For one reader and one answer."""

    def __init__(self, read_batch: Callable[[int], bytes | None]) -> None:
        self._read_batch = read_batch
        self._last: tuple[Place, bytes] | None = None

    def at(self, place: Place) -> bytes | None:
        """Return a submission as it was sent; None: its batch was pruned."""
        if self._last is not None and self._last[0] == place:
            return self._last[1]
        batch = self._read_batch(place.height)
        if batch is None:
            return None
        blob = submission_of_batch(batch, place.index)
        self._last = place, blob
        return blob
