"""After the faults: what was acknowledged is proven everywhere, and all nodes hold one chain.

Every answer is verified as any client would verify it; no node is believed.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from chainnode.client.session import hash_names
from chainnode.errors import InvalidInput
from chainnode.verify import Trust, verify_evidence, verify_header
from chainnode.verify.evidence import ReceiptFacts, RecordFacts
from chainnode.verify.rows import read_half
from chainnode.verify.strict_json import JsonObject, JsonValue, read_object
from devnet.faults.journal import Acknowledged, read_lines

_TIMEOUT_S: Final = 30.0
_HTTP_OK: Final = 200
_FAULTS_SHOWN_MAX: Final = 20


class NotProven(Exception):
    """A node does not prove what a client was told."""


_ANSWER_FAULTS: Final = (NotProven, InvalidInput, httpx.HTTPError)


@dataclass(slots=True)
class Audit:
    """What was checked; `lost` counts acknowledged submissions that a node does not prove."""

    submissions: int = 0
    records: int = 0
    receipts_proven: int = 0
    records_proven: int = 0
    headers_compared: int = 0
    lost: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Audit") -> None:
        """Add another audit's counts."""
        self.submissions += other.submissions
        self.records += other.records
        self.receipts_proven += other.receipts_proven
        self.records_proven += other.records_proven
        self.headers_compared += other.headers_compared
        self.lost += other.lost
        self.faults += other.faults[: _FAULTS_SHOWN_MAX - len(self.faults)]


class Auditor:
    """Asks the nodes with these API addresses, all of them at once, a thread each."""

    def __init__(
        self, apis: Sequence[str], trust: Trust, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._apis = tuple(apis)
        self._trust = trust
        self._transport = transport

    def acknowledged(self, journal: Path, *, every_record: bool) -> Audit:
        """Prove every acknowledged submission on every node by its receipt, which names all calls.

        Beside it records are fetched and proven by their positions: every one on every node, or
        else one of each submission, another one on each node.
        """

        def ask(place: tuple[int, str]) -> Audit:
            return self._one_node(*place, journal, every_record=every_record)

        total = Audit()
        with ThreadPoolExecutor(max_workers=len(self._apis)) as pool:
            for found in pool.map(ask, enumerate(self._apis)):
                total.add(found)
        return total

    def same_headers(self, heights: Iterable[int]) -> Audit:
        """Require one certified header at each height: heights, roots and links are equal."""
        audit = Audit()
        clients = [self._client(one) for one in self._apis]
        try:
            for height in heights:
                try:
                    digests = {self._header_digest(one, height) for one in clients}
                except _ANSWER_FAULTS as error:
                    audit.faults.append(f"height {height}: {error}")
                    continue
                audit.headers_compared += 1
                if len(digests) != 1:
                    audit.faults.append(f"height {height}: {len(digests)} different headers")
        finally:
            for one in clients:
                one.close()
        return audit

    def _one_node(self, number: int, api: str, journal: Path, *, every_record: bool) -> Audit:
        audit = Audit()
        with self._client(api) as http:
            for at, (one, _) in enumerate(read_lines(journal)):
                rows = range(len(one.call_ids))
                wanted = rows if every_record else [(at + number) % len(rows)]
                # Counted once, not once a node; the same for the proof that the client kept.
                if number == 0:
                    audit.submissions += 1
                    audit.records += len(rows)
                try:
                    if number == 0:
                        self._require_receipt(one, one.evidence)
                    self._require_receipt(one, self._receipt(http, one))
                    audit.receipts_proven += 1
                    for row in wanted:
                        self._require_record(one, row, http)
                        audit.records_proven += 1
                except _ANSWER_FAULTS as error:
                    audit.lost += 1
                    audit.faults.append(f"{api}: submission {one.digest}: {error}")
                    del audit.faults[_FAULTS_SHOWN_MAX:]
        return audit

    def _client(self, api: str) -> httpx.Client:
        return httpx.Client(base_url=api, timeout=_TIMEOUT_S, transport=self._transport)

    def _receipt(self, http: httpx.Client, one: Acknowledged) -> JsonValue:
        name = hash_names(self._trust, bytes.fromhex(one.digest))
        return _fetch(http, f"/v1/submissions/{name}").get("evidence")

    def _require_receipt(self, one: Acknowledged, evidence: JsonValue) -> None:
        facts = verify_evidence(evidence, self._trust)
        if not isinstance(facts, ReceiptFacts) or facts.header.height != one.height:
            raise NotProven(f"expected its receipt at height {one.height}")
        receipt = facts.receipt
        is_accepted = receipt.is_executed and all(call.code == 0 for call in receipt.calls)
        if (
            not is_accepted
            or receipt.submission_digest.hex() != one.digest
            or receipt.first_position != one.positions[0]
            or len(receipt.calls) != len(one.call_ids)
        ):
            raise NotProven("another receipt than the client's")

    def _require_record(self, one: Acknowledged, row: int, http: httpx.Client) -> None:
        position = one.positions[row]
        facts = verify_evidence(_fetch(http, f"/v1/records/{position}"), self._trust)
        if not isinstance(facts, RecordFacts) or facts.call is None:
            raise NotProven(f"expected a record at position {position}")
        half = read_half(facts.entry, facts.call)
        call_id = "" if half is None else half.call_id.hex()
        if call_id != one.call_ids[row] or facts.entry.submission_digest.hex() != one.digest:
            raise NotProven(f"another record at position {position}")

    def _header_digest(self, http: httpx.Client, height: int) -> bytes:
        told = _fetch(http, f"/v1/headers/{height}")
        header = verify_header(told.get("header"), told.get("certificate"), self._trust)
        return header.digest


def _fetch(http: httpx.Client, path: str) -> JsonObject:
    response = http.get(path)
    if response.status_code != _HTTP_OK:
        raise NotProven(f"{path}: HTTP {response.status_code}")
    return read_object(response.content)
