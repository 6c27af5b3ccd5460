"""Figures of a spool for `/metrics`; they carry numbers alone, nothing of any call."""

from collections.abc import Iterator

from chainnode.gateway.spool.entries import SpoolStatus
from chainnode.metrics import Reading, counter, gauge


def spool_readings(status: SpoolStatus, *, now_ms: int) -> Iterator[Reading]:
    """Yield every figure; the age is by the gateway's own clock and never negative."""
    oldest = status.oldest_made_ms
    age_ms = 0 if oldest is None else max(0, now_ms - oldest)
    yield gauge("spool_waiting", "Entries that the ledger may not have", status.waiting)
    yield gauge("spool_waiting_bytes", "Bytes of their calls", status.waiting_bytes)
    yield gauge("spool_oldest_age_seconds", "Age of the oldest of them", age_ms / 1000)
    yield gauge("spool_dead_letters", "Entries that the ledger refuses for ever", status.dead)
    yield gauge("spool_disk_bytes", "Bytes of the file of the spool", status.disk_bytes)
    yield gauge("spool_alarm", "1 when a person must mend something", int(bool(status.alarm)))
    yield gauge("spool_ended", "1 when nothing is recorded until a new start", int(status.is_ended))
    yield counter("spool_settled", "Entries that the ledger has taken", status.settled)
