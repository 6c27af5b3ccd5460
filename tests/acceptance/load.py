"""Steady writes through the SDK; every acknowledged record is kept by the client."""

import itertools
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from chainnode.client import AccessCall, AccessReason, Client, Final, access_record
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.submission import Call
from chainnode.verify.trust import Trust
from contracts.schemas.access import Decision, Side

REQUESTER, PROVIDER = "11999900MBK000031C", "11999900MBK000015N"
_WAIT_S = 20.0


@dataclass(slots=True)
class Writer:
    """Writes until told to stop. `acknowledged` holds (when, call id, position, digest)."""

    folder: Path
    apis: tuple[str, ...]
    threads: int = 6
    calls_each: int = 5
    pace_s: float = 0.15
    acknowledged: list[tuple[float, bytes, int, bytes]] = field(default_factory=list)
    not_acknowledged: list[object] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _workers: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        """Start writing."""
        client = self.client()
        self._workers = [
            threading.Thread(target=self._work, args=(client, number), daemon=True)
            for number in range(self.threads)
        ]
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and wait for what is under way."""
        self._stop.set()
        for worker in self._workers:
            worker.join(_WAIT_S * 2)

    def client(self) -> Client:
        """Return a client of all nodes with the housing department's service key."""
        _, key = open_key(
            self.folder / "identities" / "service-housing.key.json",
            purpose=KeyPurpose.SUBMISSION,
            passphrase=read_passphrase(self.folder / "passphrase"),
        )
        trust = Trust.load((self.folder / "genesis.json").read_bytes())
        return Client(self.apis, trust, key)

    def count_since(self, instant: float) -> int:
        """Number of records acknowledged after a monotonic instant."""
        with self._lock:
            return sum(1 for when, *_ in self.acknowledged if when >= instant)

    def longest_gap(self, start: float, stop: float) -> float:
        """Longest time between two acknowledgements within a period, its ends included."""
        with self._lock:
            inside = sorted(when for when, *_ in self.acknowledged if start <= when <= stop)
        edges = [start, *inside, stop]
        return max(after - before for before, after in itertools.pairwise(edges))

    def _work(self, client: Client, number: int) -> None:
        try:
            while not self._stop.is_set():
                started = time.monotonic()
                self._write(client)
                self._stop.wait(max(0.0, self.pace_s - (time.monotonic() - started)))
        except BaseException as error:  # noqa: BLE001 - a thread's failure belongs to the test
            self.failures.append(RuntimeError(f"writer {number}: {error!r}"))

    def _write(self, client: Client) -> None:
        ids = [threading.get_ident().to_bytes(8)[-4:] + _unique() for _ in range(self.calls_each)]
        outcome = client.submit("access", [_record(one) for one in ids], wait_s=_WAIT_S)
        now = time.monotonic()
        with self._lock:
            if isinstance(outcome, Final) and outcome.is_accepted:
                self.acknowledged.extend(
                    (now, call_id, call.position or 0, outcome.digest)
                    for call_id, call in zip(ids, outcome.calls, strict=True)
                )
            else:
                self.not_acknowledged.append(outcome)


def _unique() -> bytes:
    return time.monotonic_ns().to_bytes(12)


def _record(call_id: bytes) -> Call:
    call = AccessCall(
        call_id=call_id,
        side=Side.REQUESTER,
        requester=REQUESTER,
        provider=PROVIDER,
        item="population.basic",
        trace_id=call_id,
        decision=Decision.PERMIT,
        status=200,
    )
    return access_record(call, AccessReason(purpose_code="TEST"))
