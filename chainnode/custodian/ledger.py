"""What the custodian knows of the ledger: rows proven by the client, and remembered for a while.

A row is used for `FRESH_S`, so a key that was ended asks no longer than that. When no node
proves anything, what was known is used for `STALE_S`; then nothing is answered any more.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from chainnode.client import CannotDecide, Client, Outcome
from chainnode.custodian.desk import EpochInForce, LedgerUnavailable
from chainnode.rates import Buckets, Rate
from chainnode.submission import Call
from contracts.schemas.catalog import ITEMS
from contracts.schemas.catalog_states import Share
from contracts.schemas.grants import GRANTS
from contracts.schemas.members import KEYS, KeyRow
from contracts.schemas.pseudonyms import EPOCHS, NAME, USED, EpochRow, UsedRow
from contracts.schemas.state import Part, Table

FRESH_S: Final = 30.0
STALE_S: Final = 600.0
# Keys, grants and departments of a large consortium, 1 KiB each; strangers' keys too.
_ROWS_MAX: Final = 20_000
# Questions about rows never seen, a second, that one department can make us ask; all who are
# known to no row of the ledger share as many.
NEW_ROWS: Final = Rate(per_second=50, burst=50)
_STRANGERS: Final = ""
# A row that no node proved is used for so long before they are asked for it again: a thread that
# waits for nodes serves nobody.
_RETRY_S: Final = 1.0
_WAIT_S: Final = 20.0
RowT = TypeVar("RowT")
_Name = tuple[str, str, Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    content: bytes | None
    at_s: float
    failed_s: float = -math.inf

    def row_of(self, table: Table[RowT]) -> RowT | None:
        return None if self.content is None else table.decode(self.content)


@dataclass(slots=True)
class LedgerRows:
    """The port `LedgerView` over a blocking client. Thread-safe."""

    client: Client
    monotonic_s: Callable[[], float] = time.monotonic
    _rows: "OrderedDict[_Name, _Known]" = field(default_factory=OrderedDict)
    _new: Buckets = field(default_factory=lambda: Buckets(NEW_ROWS))
    _organisations: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def key(self, key_id: bytes, *, claimed: str) -> KeyRow | None:
        """Return a registered key; a stranger who claims to be of a department costs it alone."""
        asker = claimed if claimed in self._organisations else _STRANGERS
        row = self._row(KEYS, key_id, asker)
        if row is not None:
            self._organisations.add(row.organisation)
        return row

    def epoch(self, department: str, *, asker: str) -> EpochInForce | None:
        """Return the newest key epoch of a department."""
        return _in_force(self._row(EPOCHS, department, asker))

    def epoch_now(self, department: str) -> EpochInForce | None:
        """Return it as of now, and use it from now on."""
        row = self._fetched(EPOCHS, department)
        self._keep(_name(EPOCHS, department), None if row is None else EPOCHS.encode(row))
        return _in_force(row)

    def used(self, department: str) -> UsedRow | None:
        """Return the totals of a department as of now."""
        return self._fetched(USED, department)

    def time_ms(self) -> int:
        """Return the time of the newest header."""
        try:
            return self.client.header_latest().time_ms
        except CannotDecide as error:
            raise LedgerUnavailable(str(error)) from error

    def submit(self, *calls: Call) -> Outcome:
        """Send calls of the contract `pseudonyms` together and wait for their receipt."""
        return self.client.submit(NAME, calls, wait_s=_WAIT_S)

    def permits(self, *, requester: str, provider: str, grant: str, now_ms: int) -> bool:
        """Tell whether this grant is in force from requester to provider."""
        row = self._row(GRANTS, grant, requester)
        return (
            row is not None
            and (row.requester, row.provider) == (requester, provider)
            and row.is_in_force_at(now_ms)
        )

    def is_free(self, *, provider: str, item: str, asker: str) -> bool:
        """Tell whether the provider shares this item of its own without condition."""
        row = self._row(ITEMS, item, asker)
        return (
            row is not None
            and row.owner == provider
            and row.share == Share.UNCONDITIONAL
            and not row.is_withdrawn
        )

    def _row(self, table: Table[RowT], part: Part, asker: str) -> RowT | None:
        name, now_s = _name(table, part), self.monotonic_s()
        with self._lock:
            known = self._rows.get(name)
            if known is None:
                self._allow(asker, now_s)
        if known is not None and (now_s - known.at_s <= FRESH_S or _just_failed(known, now_s)):
            return known.row_of(table)
        try:
            row = self._fetched(table, part)
        except LedgerUnavailable:
            if known is None or now_s - known.at_s > STALE_S:
                raise
            with self._lock:
                self._rows[name] = replace(known, failed_s=self.monotonic_s())
            return known.row_of(table)
        self._keep(name, None if row is None else table.encode(row))
        return row

    def _keep(self, name: _Name, content: bytes | None) -> None:
        with self._lock:
            self._rows[name] = _Known(content=content, at_s=self.monotonic_s())
            self._rows.move_to_end(name)
            if len(self._rows) > _ROWS_MAX:
                self._rows.popitem(last=False)

    def _fetched(self, table: Table[RowT], part: Part) -> RowT | None:
        try:
            return self.client.state(table, part).row
        except (CannotDecide, ValueError) as error:
            raise LedgerUnavailable(str(error)) from error

    def _allow(self, asker: str, now_s: float) -> None:
        """Take one question about a row never seen, or refuse it."""
        if self._new.wait_s(asker, 1, now_s=now_s):
            raise LedgerUnavailable("too many unknown keys and names at once")
        self._new.take(asker, 1, now_s=now_s)


def _just_failed(known: _Known, now_s: float) -> bool:
    return now_s - known.failed_s < _RETRY_S and now_s - known.at_s <= STALE_S


def _name(table: Table[RowT], part: Part) -> _Name:
    return table.contract, table.collection, part


def _in_force(row: EpochRow | None) -> EpochInForce | None:
    if row is None:
        return None
    return EpochInForce(
        custodian=row.custodian, epoch=row.epoch, since_ms=row.since_ms, key_check=row.key_check
    )
