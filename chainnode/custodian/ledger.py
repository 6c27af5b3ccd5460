"""What the custodian knows of the ledger: rows proven by the client, and remembered for a while.

A row is used for `FRESH_S`, so a key that was ended asks no longer than that. When no node
proves anything, what was known is used for `STALE_S`; then nothing is answered any more.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from chainnode.client import CannotDecide, Client, Outcome
from chainnode.custodian.desk import EpochInForce, LedgerUnavailable
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
# Questions about rows never seen, a second: strangers cannot make us ask more.
_NEW_PER_S: Final = 50.0
_WAIT_S: Final = 20.0
RowT = TypeVar("RowT")
_Name = tuple[str, str, Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    content: bytes | None
    at_s: float

    def row_of(self, table: Table[RowT]) -> RowT | None:
        return None if self.content is None else table.decode(self.content)


@dataclass(slots=True)
class LedgerRows:
    """The port `LedgerView` over a blocking client. Thread-safe."""

    client: Client
    monotonic_s: Callable[[], float] = time.monotonic
    _rows: "OrderedDict[_Name, _Known]" = field(default_factory=OrderedDict)
    _allowance: float = _NEW_PER_S
    _allowed_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def key(self, key_id: bytes) -> KeyRow | None:
        """Return a registered key."""
        return self._row(KEYS, key_id)

    def epoch(self, department: str) -> EpochInForce | None:
        """Return the newest key epoch of a department."""
        return _in_force(self._row(EPOCHS, department))

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

    def submit(self, call: Call) -> Outcome:
        """Send one call of the contract `pseudonyms` and wait for its receipt."""
        return self.client.submit(NAME, [call], wait_s=_WAIT_S)

    def permits(self, *, requester: str, provider: str, grant: str, now_ms: int) -> bool:
        """Tell whether this grant is in force from requester to provider."""
        row = self._row(GRANTS, grant)
        return (
            row is not None
            and (row.requester, row.provider) == (requester, provider)
            and row.is_in_force_at(now_ms)
        )

    def is_free(self, *, provider: str, item: str) -> bool:
        """Tell whether the provider shares this item of its own without condition."""
        row = self._row(ITEMS, item)
        return (
            row is not None
            and row.owner == provider
            and row.share == Share.UNCONDITIONAL
            and not row.is_withdrawn
        )

    def _row(self, table: Table[RowT], part: Part) -> RowT | None:
        name, now_s = _name(table, part), self.monotonic_s()
        with self._lock:
            known = self._rows.get(name)
            if known is None:
                self._allow(now_s)
        if known is not None and now_s - known.at_s <= FRESH_S:
            return known.row_of(table)
        try:
            row = self._fetched(table, part)
        except LedgerUnavailable:
            if known is None or now_s - known.at_s > STALE_S:
                raise
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

    def _allow(self, now_s: float) -> None:
        """Take one question about a row never seen, or refuse it."""
        gained = (now_s - self._allowed_s) * _NEW_PER_S
        self._allowance = min(_NEW_PER_S, self._allowance + gained)
        self._allowed_s = now_s
        if self._allowance < 1:
            raise LedgerUnavailable("too many unknown keys and names at once")
        self._allowance -= 1


def _name(table: Table[RowT], part: Part) -> _Name:
    return table.contract, table.collection, part


def _in_force(row: EpochRow | None) -> EpochInForce | None:
    if row is None:
        return None
    return EpochInForce(
        custodian=row.custodian, epoch=row.epoch, since_ms=row.since_ms, key_check=row.key_check
    )
