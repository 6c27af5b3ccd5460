"""What a custodian writes on the ledger: epochs that it opens, and how many tokens it made.

An interval goes out as it was closed until the ledger has it. Whether it has is read from the
state, so that neither a lost answer nor a kill tells one twice or leaves one out.
"""

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from chainnode.client import Final as FinalOutcome
from chainnode.client import Outcome, open_epoch, tell_usage
from chainnode.custodian.counters import Counters, Interval
from chainnode.custodian.desk import DeskIdentity, EpochInForce, LedgerUnavailable
from chainnode.errors import NodeError
from chainnode.submission import Call
from contracts.schemas.pseudonyms import UsedRow

_LOG: Final = logging.getLogger(__name__)


class NotRecorded(NodeError):
    """The ledger did not take what the custodian told it; `reason` is its code."""

    def __init__(self, what: str, reason: str) -> None:
        self.what = what
        self.reason = reason
        super().__init__(f"{what}: not recorded: {reason}")


class RecordingLedger(Protocol):
    """The ledger as a custodian writes to it; the reading methods raise `LedgerUnavailable`."""

    def epoch_now(self, department: str) -> EpochInForce | None:
        """Return the newest key epoch of a department, proven as of now."""
        ...

    def used(self, department: str) -> UsedRow | None:
        """Return the totals of a department, proven as of now."""
        ...

    def time_ms(self) -> int:
        """Return the time of the newest header."""
        ...

    def submit(self, *calls: Call) -> Outcome:
        """Send calls of the contract `pseudonyms` together and wait for their receipt."""
        ...


class Records:
    """Writes a custodian's records; belongs to one thread at a time."""

    def __init__(
        self, identity: DeskIdentity, *, ledger: RecordingLedger, counters: Counters
    ) -> None:
        self._identity = identity
        self._ledger = ledger
        self._counters = counters

    def open_epochs(self, departments: Sequence[str]) -> dict[str, int]:
        """Open the next key epoch of each department, all together, and return their numbers.

        Raises:
            NotRecorded: the ledger refused one, or did not say that it has them; the others
                of these may be open.
            LedgerUnavailable: a newest epoch is not known.

        """
        numbers = {one: self._next_epoch(one) for one in departments}
        outcome = self._ledger.submit(
            *(self._opening(department, number) for department, number in numbers.items())
        )
        what = [f"epoch {number} of {department}" for department, number in numbers.items()]
        _require_accepted(what, outcome)
        return numbers

    def _next_epoch(self, department: str) -> int:
        known = self._ledger.epoch_now(department)
        return 1 if known is None else known.epoch + 1

    def _opening(self, department: str, number: int) -> Call:
        check = self._identity.root.epoch_key(department, number).check(self._identity.suite)
        return open_epoch(department, epoch=number, key_check=check)

    def tell_usage(self) -> int:
        """Tell the ledger everything that it can be told now; return how many intervals it took.

        What it does not take stays for the next time and is logged.
        """
        told = 0
        for department in self._counters.departments():
            try:
                told += self._tell(department)
            except (LedgerUnavailable, NotRecorded) as error:
                reason = error.reason if isinstance(error, NotRecorded) else "UNAVAILABLE"
                _LOG.warning("usage_not_recorded", extra={"reason": reason})
        return told

    def _tell(self, department: str) -> int:
        epoch = self._ledger.epoch_now(department)
        if epoch is None:
            raise NotRecorded(f"use of {department}", "NO_EPOCH")
        used, time_ms = self._ledger.used(department), self._ledger.time_ms()
        last_ms = epoch.since_ms if used is None else used.to_ms
        interval = self._next(department, epoch=epoch.epoch, last_ms=last_ms, time_ms=time_ms)
        if interval is None:
            return 0
        call = tell_usage(
            department,
            epoch=interval.epoch,
            from_ms=min(last_ms, interval.to_ms),
            to_ms=interval.to_ms,
            made=interval.made,
            refused=interval.refused,
        )
        _require_accepted([f"use of {department}"], self._ledger.submit(call))
        self._counters.told(interval)
        return 1

    def _next(self, department: str, *, epoch: int, last_ms: int, time_ms: int) -> Interval | None:
        """Return the interval to tell: later than what the ledger has, or it would be that one."""
        while time_ms > last_ms:
            interval = self._counters.close_interval(department, epoch=epoch, to_ms=time_ms)
            if interval is None or interval.to_ms > last_ms:
                return interval
            # It was recorded, and we ended before we could note it.
            self._counters.told(interval)
        return None


def _require_accepted(what: Sequence[str], outcome: Outcome) -> None:
    """Require that all calls were accepted; `what` says of each what it is."""
    if not isinstance(outcome, FinalOutcome):
        raise NotRecorded(", ".join(what), type(outcome).__name__.upper())
    if outcome.code:
        raise NotRecorded(", ".join(what), outcome.code_name)
    for name, call in zip(what, outcome.calls, strict=True):
        if call.code:
            raise NotRecorded(name, call.code_name)
