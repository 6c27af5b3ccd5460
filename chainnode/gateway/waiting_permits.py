"""Permitted calls whose halves are kept here and not on the ledger yet, by their grant.

The ledger counts a use of a grant on the day on which it records the half, so all that waits
counts against the day that is, whichever life of the gateway let it through.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from chainnode.gateway.spool.entries import EntryId, SpoolEntry
from chainnode.gateway.spool.records import Answered
from contracts.schemas.access import AccessRecord, Side
from contracts.schemas.call_words import AccessOutcome
from contracts.schemas.codes import Rejection
from contracts.schemas.shape import Schema

# Settled permits that are remembered with their height: a proof lags behind a receipt by some
# blocks, each of which takes at most one submission of a spool (1,024 calls).
RECENT_MAX: Final = 8 * 1024
_RECORD: Final = Schema(AccessRecord)


class WaitingPermits:
    """Which permits wait, and which were settled just now; belongs to one event loop."""

    def __init__(self, waiting: Iterable[tuple[EntryId, SpoolEntry]] = ()) -> None:
        """Take what a spool holds when it is opened. Reads each entry, so it may take a while."""
        self._grants: dict[EntryId, str] = {}
        self._by_grant: dict[str, set[EntryId]] = {}
        self._recent: deque[tuple[int, str]] = deque(maxlen=RECENT_MAX)
        self._looks: dict[EntryId, tuple[int, Callable[[], None]]] = {}
        for entry_id, entry in waiting:
            self.kept(entry_id, permitted_grant(entry))

    def kept(self, entry_id: EntryId, grant: str) -> None:
        """Note a half that is durable; an empty grant is no use of one."""
        if grant:
            self._grants[entry_id] = grant
            self._by_grant.setdefault(grant, set()).add(entry_id)

    def note_answered(self, answered: Answered) -> None:
        """Take out what the ledger has, and what it refused for ever."""
        for settled in answered.recorded:
            grant = self._taken_out(settled.entry_id)
            if grant:
                self._recent.append((settled.height, grant))
            self._correct(settled.entry_id, settled.height)
        for died in answered.died:
            self._taken_out(died.entry_id)
            self._correct(died.entry_id, 0)

    def not_in(self, grant: str, height: int, *, on_counted: Callable[[], None]) -> int:
        """Return how many uses of a grant the ledger's count at `height` does not have.

        What was sent and not answered may be in that count: `on_counted` is called for each
        that turns out to have been, or never to come.
        """
        waiting = self._by_grant.get(grant, set())
        for entry_id in waiting:
            self._looks[entry_id] = height, on_counted
        after = sum(1 for at, of in self._recent if of == grant and at > height)
        return len(waiting) + after

    def _taken_out(self, entry_id: EntryId) -> str:
        grant = self._grants.pop(entry_id, "")
        if grant:
            ids = self._by_grant[grant]
            ids.discard(entry_id)
            if not ids:
                del self._by_grant[grant]
        return grant

    def _correct(self, entry_id: EntryId, height: int) -> None:
        look = self._looks.pop(entry_id, None)
        if look is not None and height <= look[0]:
            look[1]()


def permitted_grant(entry: SpoolEntry) -> str:
    """Return the grant that an entry's half will use up a call of; empty when it uses none."""
    if entry.side is not Side.PROVIDER:
        return ""
    try:
        half = _RECORD.decode(entry.calls[-1].public)
    except Rejection:
        # The ledger will not take it, so it will count nothing.
        return ""
    return half.grant if half.kind is AccessOutcome.PERMITTED else ""
