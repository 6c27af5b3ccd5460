"""Which figures of a running node stand on `/metrics`."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from chainnode.api.addresses import Addresses
from chainnode.audit import AuditStore
from chainnode.driver.driver import Driver
from chainnode.driver.forwarding import Forwarding
from chainnode.driver.intake import Intake
from chainnode.exchange_readings import ExchangeReadings
from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.mempool import Mempool
from chainnode.metrics import Reading, counter, gauge
from chainnode.p2p import Transport
from chainnode.pki import days_until_expiry
from chainnode.suites import suite_named
from chainnode.sync.fetching import BlockFetcher


class NodeReadings:
    """Reads the parts of a node when `/metrics` is asked. Loop thread only."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        ledger: Ledger,
        driver: Driver,
        pool: Mempool,
        transport: Transport,
        intake: Intake,
        forwarding: Forwarding,
        fetcher: BlockFetcher,
        audit: AuditStore,
        addresses: Addresses,
        tls_certificate: Path,
    ) -> None:
        self._ledger = ledger
        self._driver = driver
        self._pool = pool
        self._transport = transport
        self._intake = intake
        self._forwarding = forwarding
        self._fetcher = fetcher
        self._audit = audit
        self._addresses = addresses
        self._exchange = ExchangeReadings(
            genesis=genesis,
            ledger=ledger,
            h=suite_named(genesis.suite_name).digest,
            counts=lambda: audit.tallies,
        )
        self._tls_certificate = tls_certificate

    def read(self) -> Iterator[Reading]:
        """Yield every figure."""
        ledger, replica = self._ledger, self._driver.replica
        yield gauge("height", "Height of the last executed block", ledger.height)
        yield gauge("certified_height", "Newest certified height", ledger.certified_height)
        yield gauge("log_size", "Records in the log", ledger.log_size)
        yield gauge("bodies_from_height", "Lowest height with all bodies from there", ledger.floor)
        yield gauge("snapshot_height", "Snapshot stood upon, 0 for none", ledger.base_height)
        yield gauge("view", "View of this replica", replica.view)
        yield gauge("is_primary", "1 when this replica is the primary", int(replica.is_primary))
        yield gauge("in_flight", "Proposed and not executed", replica.in_flight)
        yield gauge("pool_submissions", "Submissions in the mempool", len(self._pool))
        yield gauge("pool_bytes", "Bytes of submissions in the mempool", self._pool.bytes_held)
        yield gauge("peers_connected", "Open links to peers", len(self._transport.connected))
        yield counter("vote_log_syncs", "Synchronous writes of the vote log", self._driver.fsyncs)
        yield counter("equivocations", "Proven equivocations", self._driver.equivocations)
        yield counter(
            "audit_store_differences",
            "How often the audit read model was found to differ from the index",
            self._audit.differences,
        )
        yield gauge("tls_days_left", "Days until the TLS certificate expires", self._days_left())
        yield from _refusals("core", self._driver.refused)
        yield from _refusals("intake", self._intake.refused)
        yield from _refusals("forwarded", self._forwarding.refused)
        for door, count in self._addresses.refused.items():
            help_text = "Requests of the API that were told to come back later, by door"
            yield counter("requests_too_fast", help_text, count, door=door)
        yield gauge("addresses_known", "Buckets of addresses in use", self._addresses.known)
        for (peer, reason), count in sorted(self._fetcher.passed_over.items()):
            help_text = "Peers that could not serve state transfer, or lied"
            labels = {"peer": str(peer), "reason": reason}
            yield counter("transfers_failed", help_text, count, **labels)
        yield from self._exchange.read()

    def _days_left(self) -> int:
        return days_until_expiry(self._tls_certificate, now=datetime.now(UTC))


def _refusals(where: str, counts: Mapping[str, int]) -> Iterator[Reading]:
    for reason, count in sorted(counts.items()):
        yield counter("refused", "What peers sent in vain", count, where=where, reason=reason)
