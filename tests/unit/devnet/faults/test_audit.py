"""The audit after a run believes no node: whatever one of them lacks or says otherwise is found."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from chainnode.submission import SubmissionDigest
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trust import Trust
from devnet.faults.audit import Audit, Auditor
from devnet.faults.journal import Acknowledged, encode_line, read_lines
from tests.builders import ORGANISATIONS, genesis_of
from tests.sites import Site
from tests.unit.contracts.builders import ACCESS_RECORD, changed

APIS = ("http://node0", "http://node1")
CALLS = 3


class Nodes(httpx.BaseTransport):
    """Two nodes over one ledger; `forge` changes what the second one says."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.forge: Callable[[str, JsonObject | None], JsonObject | None] = lambda _path, one: one

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        told = self._told(path)
        if request.url.host == "node1":
            told = self.forge(path, told)
        return httpx.Response(404) if told is None else httpx.Response(200, json=told)

    def _told(self, path: str) -> JsonObject | None:
        kind, name = path.removeprefix("/v1/").split("/")
        if kind == "submissions":
            digest = bytes.fromhex(name.partition(":")[2])
            return self.site.outcomes.find(SubmissionDigest(digest))
        number = int(name)
        proofs = self.site.proofs
        return proofs.record(number) if kind == "records" else proofs.certified_header(number)


class Ran:
    """A chain on which one client wrote twice, and its journal."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder / "site", genesis=genesis_of())
        self.nodes = Nodes(self.site)
        self.journal = folder / "journal.jsonl"
        self.rows = [self._write(nonce) for nonce in range(2)]
        self.save(*self.rows)

    def _write(self, nonce: int) -> Acknowledged:
        ids = [bytes([nonce, number]).ljust(16) for number in range(CALLS)]
        parts = [changed(ACCESS_RECORD, call_id=one, requester=ORGANISATIONS[0]) for one in ids]
        submission = self.site.submission(*parts, nonce=nonce)
        header = self.site.grow(submission)
        told = self.site.outcomes.find(submission.digest)
        assert told is not None
        receipt = self.site.outcomes.receipt(submission.digest)
        assert receipt is not None
        first = receipt[1].first_position
        return Acknowledged(
            at_s=1.0,
            height=header.height,
            digest=submission.digest.hex(),
            call_ids=tuple(one.hex() for one in ids),
            positions=tuple(range(first, first + CALLS)),
            evidence=told["evidence"],  # type: ignore[arg-type]  # the evidence is an object
        )

    def save(self, *rows: Acknowledged) -> None:
        self.journal.write_text("".join(encode_line(one) for one in rows), encoding="ascii")

    def audit(self, *, every_record: bool = True) -> Audit:
        trust = Trust.from_genesis(self.site.genesis)
        auditor = Auditor(APIS, trust, transport=self.nodes)
        audit = auditor.acknowledged(self.journal, every_record=every_record)
        audit.add(auditor.same_headers(range(1, self.site.ledger.height + 1)))
        return audit


@pytest.fixture
def ran(tmp_path: Path) -> Iterator[Ran]:
    made = Ran(tmp_path)
    yield made
    made.site.close()


def test_what_every_node_proves_is_counted_and_nothing_is_found(ran: Ran) -> None:
    audit = ran.audit()

    assert (audit.submissions, audit.records, audit.lost) == (2, 2 * CALLS, 0)
    assert audit.receipts_proven == 2 * len(APIS)
    assert audit.records_proven == 2 * CALLS * len(APIS)
    assert audit.headers_compared == 2
    assert audit.faults == []


def test_a_sample_takes_one_record_of_each_submission_on_each_node(ran: Ran) -> None:
    assert ran.audit(every_record=False).records_proven == 2 * len(APIS)


@pytest.mark.parametrize("kind", ["submissions", "records"])
def test_what_one_node_has_forgotten_is_lost(ran: Ran, kind: str) -> None:
    ran.nodes.forge = lambda path, one: None if kind in path else one

    audit = ran.audit()

    assert audit.lost == 2
    assert all("http://node1" in one for one in audit.faults)


@pytest.mark.parametrize("kind", ["submissions", "records"])
def test_a_genuine_proof_of_something_else_is_no_proof(ran: Ran, kind: str) -> None:
    other: dict[str, JsonObject | None] = {}

    def first_always(path: str, one: JsonObject | None) -> JsonObject | None:
        return other.setdefault(kind, one) if kind in path else one

    ran.nodes.forge = first_always

    assert ran.audit().lost >= 1


def test_an_altered_signature_is_found(ran: Ran) -> None:
    def altered(_path: str, one: JsonObject | None) -> JsonObject | None:
        text = json.dumps(one)
        first, rest = text.split('"signatures": [[0, "', 1)
        made: JsonObject = json.loads(
            f'{first}"signatures": [[0, "{"B" if rest[0] == "A" else "A"}{rest[1:]}'
        )
        return made

    ran.nodes.forge = altered

    audit = ran.audit()

    assert audit.lost == 2
    assert audit.headers_compared == 0


@pytest.mark.parametrize(
    "change",
    [
        {"height": 2},
        {"digest": "00" * 32},
        {"positions": (1, 2, 3)},
        {"call_ids": ("00" * 16,) * CALLS},
        {"call_ids": ("00" * 16,) * (CALLS + 1), "positions": (0, 1, 2, 3)},
    ],
    ids=["height", "digest", "position", "ids", "count"],
)
def test_a_journal_that_says_otherwise_than_the_chain_is_found(
    ran: Ran, change: dict[str, object]
) -> None:
    ran.save(replace(ran.rows[0], **change))  # type: ignore[arg-type]  # fields of a row

    assert ran.audit().lost >= 1


def test_a_line_that_is_still_being_written_is_left_for_the_next_time(ran: Ran) -> None:
    whole = ran.journal.read_bytes()
    half = whole[:-10]
    ran.journal.write_bytes(half)
    ((first, end),) = list(read_lines(ran.journal))
    ran.journal.write_bytes(whole)
    ((second, _),) = list(read_lines(ran.journal, start=end))

    assert [first, second] == ran.rows
