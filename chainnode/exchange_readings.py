"""What `/metrics` says of the exchange between departments.

Gaps, disputes, deadlines and findings stand in the state and the index: every node that has
executed the same block says the same of them, after a restart and on a snapshot too. Counts by
department and role come from the audit store, which counts the log from where this node has it.
Nothing is looked for when somebody asks: a few rows are read.
"""

from collections.abc import Callable, Iterator, Mapping

from chainnode.audit.tallies import Tally
from chainnode.genesis import RULES_DISPUTES, Genesis
from chainnode.ledger.reader import LedgerReader
from chainnode.ledger.trails import decode_trail
from chainnode.metrics import Reading, counter, gauge
from contracts.schemas.access import OPEN, Finding, OpenRow
from contracts.schemas.disputes import OPEN as DISPUTES_OPEN
from contracts.schemas.disputes import OpenRow as DisputesOpenRow
from contracts.schemas.due import CURSOR, SLOT_MS, CursorRow
from contracts.schemas.index_kinds import IndexKind, index_key

Digest = Callable[[bytes], bytes]
Counts = Callable[[], tuple[int, Mapping[Tally, int]] | None]
# Figure, its help, and the label under which it says which; in the order of the page.
_COUNTED = {
    "half": ("exchange_halves", "Halves of calls that a department recorded", "kind"),
    "finding": ("exchange_half_findings", "Findings on halves of a department", "finding"),
    "gap": ("exchange_gaps", "Gaps held against a department, as found and closed", "gap"),
    "mismatch": ("exchange_mismatched", "Calls whose halves contradict each other", None),
}


class ExchangeReadings:
    """Reads ledger and tallies when `/metrics` is asked. Loop thread only."""

    def __init__(
        self, *, genesis: Genesis, ledger: LedgerReader, h: Digest, counts: Counts
    ) -> None:
        self._has_disputes = genesis.parameters.rules >= RULES_DISPUTES
        self._departments = sorted(one.organisation for one in genesis.organisations)
        self._ledger = ledger
        self._h = h
        self._counts = counts

    def read(self) -> Iterator[Reading]:
        """Yield every figure."""
        yield from self._gaps()
        if self._has_disputes:
            yield from self._disputes()
        yield from self._findings()
        yield from self._deadlines()
        yield from self._tallies()

    def _gaps(self) -> Iterator[Reading]:
        for department in self._departments:
            stored = self._ledger.value(OPEN.key(department))
            row = OpenRow() if stored is None else OPEN.decode(stored)
            labels = {"department": department}
            help_text = "Calls unmatched now, held against a department"
            yield gauge("exchange_unmatched", help_text, row.opened - row.closed, **labels)
            help_text = "Calls ever found unmatched, held against a department"
            yield counter("exchange_unmatched_opened", help_text, row.opened, **labels)
            help_text = "Of these, calls whose other half came late"
            yield counter("exchange_unmatched_closed", help_text, row.closed, **labels)

    def _disputes(self) -> Iterator[Reading]:
        """Yield what each department has to answer, and what it let become overdue."""
        for department in self._departments:
            stored = self._ledger.value(DISPUTES_OPEN.key(department))
            row = DisputesOpenRow() if stored is None else DISPUTES_OPEN.decode(stored)
            labels = {"department": department}
            help_text = "Disputes that a department has to answer now"
            yield gauge("exchange_disputes_open", help_text, row.opened - row.closed, **labels)
            help_text = "Disputes that ever came to a department"
            yield counter("exchange_disputes_opened", help_text, row.opened, **labels)
            help_text = "Of these, answered, passed on or withdrawn"
            yield counter("exchange_disputes_closed", help_text, row.closed, **labels)
            help_text = "Of these, found overdue at the department"
            yield counter("exchange_disputes_overdue", help_text, row.overdue, **labels)

    def _findings(self) -> Iterator[Reading]:
        for finding in Finding:
            key = index_key(self._h, IndexKind.FINDING, bytes((finding,)))
            stored = self._ledger.trail(self._h(key))
            rows = 0 if stored is None else decode_trail(stored).rows
            help_text = "Records with a finding, as far as the index covers the log"
            yield counter("exchange_findings", help_text, rows, finding=finding.name.lower())

    def _deadlines(self) -> Iterator[Reading]:
        stored = self._ledger.value(CURSOR.key())
        cursor = CursorRow() if stored is None else CURSOR.decode(stored)
        help_text = "Calls whose deadline has not been looked at, with one half or both"
        yield gauge("exchange_deadlines_pending", help_text, cursor.waiting)
        late_ms = self._ledger.tip.head.time_ms - cursor.slot * SLOT_MS
        overdue_s = max(0, late_ms) / 1000 if cursor.waiting else 0
        help_text = "How long the oldest of them is overdue, by the time of the last block"
        yield gauge("exchange_deadlines_overdue_seconds", help_text, overdue_s)

    def _tallies(self) -> Iterator[Reading]:
        """Yield what was counted; nothing while a rebuilt store is still counting."""
        counted = self._counts()
        if counted is None:
            return
        first, tallies = counted
        help_text = "First log position that the counts by role cover, 0 for the whole chain"
        yield gauge("exchange_counted_from_position", help_text, first)
        for tally, count in sorted(tallies.items()):
            name, help_text, which = _COUNTED[tally.what]
            labels = {"department": tally.department, "role": tally.role}
            if which is not None:
                labels[which] = tally.which
            yield counter(name, help_text, count, **labels)
