"""What a question costs besides its own recording: the figures of docs/adr/0021-audit-store.md.

`python -m benchmarks.bench_questions [--records N] [--suite sm] [--asks N]` executes N halves of
calls between four departments on a real ledger with its read model in SQLite, lets some of them
become unmatched, and asks questions of every kind: the first page of 100 rows with its proof,
verified by the node before it leaves, as bytes of JSON. Wall time, one question at a time, in an
interpreter set up as a node's. Then the read model is dropped, built anew from the ledger, and
asked the same: in SQLite, and in PostgreSQL where `KUN_AUDIT_URL` names a database for it. One
JSON object a line.
"""

import argparse
import asyncio
import hashlib
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from chainnode.audit import AUDIT_FILE, AuditStore, open_audit_database
from chainnode.client.calls import AccessCall, AccessReason, access_record
from chainnode.config import AuditUrl
from chainnode.genesis import Parameters
from chainnode.process import spare_what_lives, tune_interpreter
from chainnode.service import AuditAnswers
from chainnode.service.audit_answers import AskedQuestion
from chainnode.submission import Call
from chainnode.verify.strict_json import JsonObject
from contracts.schemas import access
from contracts.schemas.access import Decision, Side
from contracts.schemas.index_kinds import IndexKind, index_key
from tests.builders import NOW_MS, ORGANISATIONS, genesis_of, submission_key, submission_of
from tests.sites import SQLITE, Site

ASKS = 200
# So many of each kind are asked again of a store that was built anew.
ASKS_AGAIN = 25
REBUILT_S = 3_600.0
CUT_S = 0.2
ROWS = 100
CALLS_PER_SUBMISSION = 1_000
ITEMS = 50
# One in so many calls is permitted without a grant: a finding.
FOUND_EVERY = 50
# One in so many calls is about one and the same person: in each block another record.
WATCHED_EVERY = 997
# Blocks behind the deadline of all halves, each with 256 records of the ledger itself.
OVERDUE_BLOCKS = 20
MATCH_DEADLINE_MS = 30 * 86_400_000
BLOCK_MS = 1_000
_MAP_BITS = 20
_MS = 1_000
_P50, _P99, _MAX = 50, 99, 100


@dataclass(slots=True)
class Chain:
    """A site, and what its records speak of."""

    site: Site
    records: int
    people: int
    nonces: dict[int, int] = field(default_factory=dict)

    def subject(self, number: int) -> bytes:
        """Return the token of a person."""
        return self.site.suite.digest(b"person %d" % number)

    def grow(self, start: int, stop: int, chance: random.Random) -> None:
        """Append a block with the halves `start … stop − 1`, all of one sender."""
        sender = start // CALLS_PER_SUBMISSION % len(ORGANISATIONS)
        nonce = self.nonces.get(sender, 0)
        self.nonces[sender] = nonce + 1
        time_ms = self.site.ledger.tip.head.time_ms + BLOCK_MS
        submission = submission_of(
            self.site.genesis,
            key=submission_key(self.site.suite.name, sender),
            nonce=nonce,
            valid_until_ms=time_ms + 60_000,
            contract=access.NAME,
            contract_version=access.VERSION,
            calls=[self._half(one, sender, time_ms, chance) for one in range(start, stop)],
        )
        self.site.grow(submission, time_ms=time_ms)

    def _half(self, number: int, sender: int, time_ms: int, chance: random.Random) -> Call:
        others = [one for one in range(len(ORGANISATIONS)) if one != sender]
        is_found = number % FOUND_EVERY == 0
        person = chance.randrange(self.people) if number % WATCHED_EVERY else 0
        call = AccessCall(
            call_id=number.to_bytes(16, "big"),
            side=Side.PROVIDER,
            requester=ORGANISATIONS[chance.choice(others)],
            provider=ORGANISATIONS[sender],
            item=f"item.{chance.randrange(ITEMS)}",
            subjects=(self.subject(person),),
            decision=Decision.PERMIT if is_found else Decision.DENY,
            status=200 if is_found else 403,
            grant="" if is_found else f"grant {chance.randrange(200)}",
            requested_ms=time_ms,
            answered_ms=time_ms,
            trace_id=bytes(16),
        )
        return access_record(call, AccessReason(purpose_code="housing", reason_text="公租房"))


def grow(chain: Chain) -> float:
    """Execute all records, and some blocks past their deadline; return the seconds that took."""
    chance = random.Random(1)  # noqa: S311 - the same log every time, not a secret
    began = time.perf_counter()
    for start in range(0, chain.records, CALLS_PER_SUBMISSION):
        chain.grow(start, min(chain.records, start + CALLS_PER_SUBMISSION), chance)
    time_ms = chain.site.ledger.tip.head.time_ms + MATCH_DEADLINE_MS
    for number in range(OVERDUE_BLOCKS):
        chain.site.grow(time_ms=time_ms + number * BLOCK_MS)
    return time.perf_counter() - began


Values = Callable[[random.Random], tuple[IndexKind, bytes | str, int, int]]


def questions(chain: Chain) -> Mapping[str, Values]:
    """Return what is asked, by name: index kind, value, from and to."""
    span = chain.records // CALLS_PER_SUBMISSION * BLOCK_MS
    departments = ORGANISATIONS

    def hour(chance: random.Random) -> tuple[int, int]:
        width = max(span // 20, 2 * BLOCK_MS)
        begin = NOW_MS + chance.randrange(max(span - width, 1))
        return begin, begin + width

    return {
        "subject": lambda c: (IndexKind.SUBJECT, chain.subject(c.randrange(chain.people)), 0, 0),
        "subject, in every block": lambda _: (IndexKind.SUBJECT, chain.subject(0), 0, 0),
        "nobody": lambda c: (IndexKind.SUBJECT, c.randbytes(32), 0, 0),
        "provider, all time": lambda c: (IndexKind.PROVIDER, c.choice(departments), 0, 0),
        "requester, a period": lambda c: (IndexKind.REQUESTER, c.choice(departments), *hour(c)),
        "provider, a period": lambda c: (IndexKind.PROVIDER, c.choice(departments), *hour(c)),
        "item": lambda c: (IndexKind.ITEM, f"item.{c.randrange(ITEMS)}", 0, 0),
        "item, a period": lambda c: (IndexKind.ITEM, f"item.{c.randrange(ITEMS)}", *hour(c)),
        "grant": lambda c: (IndexKind.GRANT, f"grant {c.randrange(200)}", 0, 0),
        "certificate": lambda c: (IndexKind.CERTIFICATE, f"1.2.156.{c.randrange(9)}", 0, 0),
        "finding": lambda _: (IndexKind.FINDING, bytes((1,)), 0, 0),
        "unmatched": lambda c: (IndexKind.UNMATCHED, c.choice(departments), 0, 0),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What became of the questions of one kind, in the order in which they were asked."""

    seconds: tuple[float, ...]
    bytes_max: int
    complete: int
    # Digests of the answers, each as bytes of JSON.
    digests: tuple[bytes, ...] = field(repr=False)


async def ask(chain: Chain, answers: AuditAnswers, values: Values, *, asks: int) -> Asked:
    """Ask one after the other: the same questions every time."""
    chance = random.Random(2)  # noqa: S311 - the same questions every time
    seconds, digests, sizes, complete = [], [], [], 0
    for _ in range(asks):
        kind, value, from_ms, to_ms = values(chance)
        question = AskedQuestion(
            kind=kind,
            keys=(index_key(chain.site.suite.digest, kind, value),),
            from_ms=from_ms,
            to_ms=to_ms,
            position=0,
        )
        answer, data, spent = await timed(answers, question)
        seconds.append(spent)
        while spent > CUT_S:
            # A node ends a page after a time: then it is another one than it would be.
            answer, data, spent = await timed(answers, question)
        digests.append(hashlib.sha256(data).digest())
        sizes.append(len(data))
        complete += answer["complete"] is True
    return Asked(
        seconds=tuple(seconds), bytes_max=max(sizes), complete=complete, digests=tuple(digests)
    )


async def timed(answers: AuditAnswers, question: AskedQuestion) -> tuple[JsonObject, bytes, float]:
    """Return an answer, also as bytes of JSON, and how long both took."""
    began = time.perf_counter()
    answer = await answers.answer(question, cursor=None, limit=ROWS, held_chunks=())
    data = msgspec.json.encode(answer)
    return answer, data, time.perf_counter() - began


def percentile(values: Sequence[float], share: int) -> float:
    """Return the value that `share` percent do not exceed, in ms."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * _MS, 2)


def answers_of(site: Site, store: AuditStore) -> AuditAnswers:
    """Return what answers from a store."""
    return AuditAnswers(
        genesis=site.genesis,
        suite=site.suite,
        ledger=site.ledger,
        proofs=site.proofs,
        store=store,
    )


async def measure(chain: Chain, *, asks: int) -> dict[str, Asked]:
    """Print the figures of every kind of question; return what was asked."""
    site = chain.site
    covered = site.ledger.tip.head.index_size
    began = time.perf_counter()
    await site.audit.reach(covered, timeout_s=REBUILT_S)
    tell(caught_up_s=round(time.perf_counter() - began, 1), covered=covered)
    found = {}
    for name, values in questions(chain).items():
        one = await ask(chain, answers_of(site, site.audit), values, asks=asks)
        found[name] = one
        tell(
            question=name,
            asks=asks,
            p50_ms=percentile(one.seconds, _P50),
            p99_ms=percentile(one.seconds, _P99),
            max_ms=percentile(one.seconds, _MAX),
            bytes_max=one.bytes_max,
            complete_in_one_page=one.complete,
        )
    return found


async def rebuild(chain: Chain, url: AuditUrl, folder: Path, before: dict[str, Asked]) -> None:
    """Build a read model from the ledger alone, ask again, and print what differs."""
    site = chain.site
    database = open_audit_database(url, folder=folder, chain_id=site.genesis.chain_id)
    store = AuditStore(database, site.ledger, h=site.suite.digest)
    covered = site.ledger.tip.head.index_size
    began = time.perf_counter()
    await store.reach(covered, timeout_s=REBUILT_S)
    seconds = time.perf_counter() - began
    compared, differing = 0, 0
    spent: list[float] = []
    for name, values in questions(chain).items():
        told = before[name].digests[:ASKS_AGAIN]
        again = await ask(chain, answers_of(site, store), values, asks=len(told))
        compared += len(told)
        differing += sum(one != other for one, other in zip(told, again.digests, strict=True))
        spent += again.seconds
    store.close()
    tell(
        rebuilt=str(url),
        rebuilt_s=round(seconds, 1),
        records_per_s=round(covered / seconds),
        answers_compared=compared,
        answers_differing=differing,
        p99_ms=percentile(spent, _P99),
    )


def drop_store(folder: Path) -> None:
    """Take the SQLite file away, and what SQLite keeps beside it."""
    for file in folder.glob(f"{AUDIT_FILE}*"):
        file.unlink()


async def show(chain: Chain, folder: Path, *, asks: int) -> None:
    """Ask; then drop the read model, and ask those that are built anew."""
    before = await measure(chain, asks=asks)
    chain.site.audit.close()
    drop_store(folder)
    await rebuild(chain, SQLITE, folder, before)
    other = AuditUrl(os.environ.get("KUN_AUDIT_URL", SQLITE.secret))
    if other.is_postgresql:
        await rebuild(chain, other, folder, before)


def tell(**figures: object) -> None:
    """Print a line."""
    print(json.dumps(figures), flush=True)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--suite", default="sm")
    parser.add_argument("--asks", type=int, default=ASKS)
    options = parser.parse_args()
    parameters = Parameters(
        devnet=1,
        state_map_bits=_MAP_BITS,
        index_map_bits=_MAP_BITS,
        match_deadline_ms=MATCH_DEADLINE_MS,
    )
    genesis = genesis_of(options.suite, parameters=parameters)
    tune_interpreter()
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), genesis=genesis)
        spare_what_lives()
        chain = Chain(site, options.records, people=max(1, options.records // 5))
        seconds = grow(chain)
        head = site.ledger.tip.head
        tell(
            suite=options.suite,
            records=options.records,
            log_size=head.log_size,
            height=head.height,
            grown_s=round(seconds, 1),
        )
        asyncio.run(show(chain, Path(folder), asks=options.asks))
        site.close()


if __name__ == "__main__":
    main()
