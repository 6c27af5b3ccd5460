"""What a question costs besides its own recording: the figures of docs/adr/0021-audit-store.md.

`python -m benchmarks.bench_questions [--records N] [--suite sm] [--asks N]` executes N halves of
calls between four departments on a real ledger with its read model in SQLite, lets some of them
become unmatched, and asks questions of every kind: the first page of 100 rows with its proof,
verified by the node before it leaves, as bytes of JSON. Wall time, one question at a time; one
JSON object a line.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from chainnode.client.calls import AccessCall, AccessReason, access_record
from chainnode.genesis import Parameters
from chainnode.service import AuditAnswers
from chainnode.service.audit_answers import AskedQuestion
from chainnode.submission import Call
from contracts.schemas import access
from contracts.schemas.access import Decision, Side
from contracts.schemas.index_kinds import IndexKind, index_key
from tests.builders import NOW_MS, ORGANISATIONS, genesis_of, submission_key, submission_of
from tests.sites import Site

ASKS = 200
ROWS = 100
CALLS_PER_SUBMISSION = 1_000
ITEMS = 50
# One in so many calls is permitted without a grant: a finding.
FOUND_EVERY = 50
# Blocks behind the deadline of all halves, each with 256 records of the ledger itself.
OVERDUE_BLOCKS = 20
MATCH_DEADLINE_MS = 30 * 86_400_000
BLOCK_MS = 1_000
_MAP_BITS = 20
_MS = 1_000
_P50, _P99 = 50, 99


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
        call = AccessCall(
            call_id=number.to_bytes(16, "big"),
            side=Side.PROVIDER,
            requester=ORGANISATIONS[chance.choice(others)],
            provider=ORGANISATIONS[sender],
            item=f"item.{chance.randrange(ITEMS)}",
            subjects=(self.subject(chance.randrange(self.people)),),
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


async def asked(
    chain: Chain, answers: AuditAnswers, values: Values, *, asks: int
) -> list[tuple[float, bytes]]:
    """Ask one after the other; return how long each took, and its answer."""
    chance = random.Random(2)  # noqa: S311 - the same questions every time
    found = []
    for _ in range(asks):
        kind, value, from_ms, to_ms = values(chance)
        question = AskedQuestion(
            kind=kind,
            keys=(index_key(chain.site.suite.digest, kind, value),),
            from_ms=from_ms,
            to_ms=to_ms,
            position=0,
        )
        began = time.perf_counter()
        answer = await answers.answer(question, cursor=None, limit=ROWS, held_chunks=())
        data = msgspec.json.encode(answer)
        found.append((time.perf_counter() - began, data))
    return found


def percentile(values: Sequence[float], share: int) -> float:
    """Return the value that `share` percent do not exceed, in ms."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * _MS, 2)


async def measure(chain: Chain, *, asks: int) -> None:
    """Print the figures of every kind of question."""
    site = chain.site
    covered = site.ledger.tip.head.index_size
    began = time.perf_counter()
    await site.audit.reach(covered)
    print(json.dumps({"caught_up_s": round(time.perf_counter() - began, 1), "covered": covered}))
    answers = AuditAnswers(
        genesis=site.genesis,
        suite=site.suite,
        ledger=site.ledger,
        proofs=site.proofs,
        store=site.audit,
    )
    for name, values in questions(chain).items():
        found = await asked(chain, answers, values, asks=asks)
        seconds = [one for one, _ in found]
        pages = [data for _, data in found]
        figures = {
            "question": name,
            "asks": asks,
            "p50_ms": percentile(seconds, _P50),
            "p99_ms": percentile(seconds, _P99),
            "bytes_max": max(map(len, pages)),
            "complete_in_one_page": sum(json.loads(one)["complete"] for one in pages),
        }
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
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), genesis=genesis)
        chain = Chain(site, options.records, people=max(1, options.records // 5))
        seconds = grow(chain)
        head = site.ledger.tip.head
        print(
            json.dumps(
                {
                    "suite": options.suite,
                    "records": options.records,
                    "log_size": head.log_size,
                    "height": head.height,
                    "grown_s": round(seconds, 1),
                }
            ),
            flush=True,
        )
        asyncio.run(measure(chain, asks=options.asks))
        site.close()


if __name__ == "__main__":
    main()
