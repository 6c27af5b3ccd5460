"""Load for benchmarks: a devnet of real processes, submissions signed before the clock starts."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from chainnode.client import AccessCall, AccessReason, access_record
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.submission import Call, Submission, sign_submission
from chainnode.verify.trust import Trust
from contracts.schemas import access
from contracts.schemas.access import Decision, Side

MEDIA_TYPE = "application/vnd.kunlian.submission+msgpack"
REQUESTER = "11999900MBK000031C"
PROVIDER = "11999900MBK000015N"
_IDENTITY = "service-housing"
_VALID_MS = 300_000
_WAIT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Devnet:
    """A running devnet without demo data."""

    folder: Path
    apis: tuple[str, ...]
    pids: tuple[int, ...]


@contextmanager
def devnet(folder: Path, *, suite: str) -> Iterator[Devnet]:
    """Start four departments in `folder` and stop them at the end."""
    _kun("devnet", "up", "--detach", "--no-demo", "--suite", suite, "--dir", str(folder))
    try:
        status = json.loads(_kun("devnet", "status", "--json", "--dir", str(folder)))
        yield Devnet(
            folder=folder,
            apis=tuple(node["api"] for node in status["nodes"]),
            pids=tuple(node["pid"] for node in status["nodes"]),
        )
    finally:
        _kun("devnet", "down", "--dir", str(folder))


def signed_submissions(net: Devnet, *, count: int, calls_each: int) -> list[Submission]:
    """Sign `count` distinct submissions of `calls_each` real call records with 4 index keys."""
    trust = Trust.load((net.folder / "genesis.json").read_bytes())
    suite, key = open_key(
        net.folder / "identities" / f"{_IDENTITY}.key.json",
        purpose=KeyPurpose.SUBMISSION,
        passphrase=read_passphrase(net.folder / "passphrase"),
    )
    now_ms = time.time_ns() // 1_000_000
    return [
        sign_submission(
            suite,
            key,
            chain_id=trust.chain_id,
            nonce=nonce,
            valid_until_ms=now_ms + _VALID_MS,
            contract=access.NAME,
            contract_version=access.VERSION,
            calls=[_record(now_ms) for _ in range(calls_each)],
        )
        for nonce in range(count)
    ]


async def send_all(
    net: Devnet, submissions: Sequence[Submission], *, at_a_time: int, per_request: int = 1
) -> list[float]:
    """Send everything, `at_a_time` requests in flight over all nodes; return seconds to finality.

    Raises:
        RuntimeError: a submission was not accepted and final.

    """
    groups = [submissions[at : at + per_request] for at in range(0, len(submissions), per_request)]
    limit = asyncio.Semaphore(at_a_time)
    async with httpx.AsyncClient(timeout=_WAIT_S * 2, trust_env=False) as client:
        tasks = [
            _send(client, limit, net.apis[number % len(net.apis)], group)
            for number, group in enumerate(groups)
        ]
        return list(await asyncio.gather(*tasks))


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return user and system seconds of these processes so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / ticks


async def _send(
    client: httpx.AsyncClient, limit: asyncio.Semaphore, api: str, group: Sequence[Submission]
) -> float:
    async with limit:
        started = time.perf_counter()
        response = await client.post(
            f"{api}/v1/submissions",
            content=b"".join(one.encoded for one in group),
            headers={"Content-Type": MEDIA_TYPE, "Prefer": f"wait={_WAIT_S}"},
        )
        seconds = time.perf_counter() - started
    outcomes = response.json().get("submissions", [])
    calls = [call["code"] for outcome in outcomes for call in outcome.get("calls", [])]
    expected = sum(len(one.calls) for one in group)
    if calls != [0] * expected:
        raise RuntimeError(f"{api}: {response.status_code}: {response.text[:400]}")
    return seconds


def _record(now_ms: int) -> Call:
    call = AccessCall(
        call_id=os.urandom(16),
        side=Side.REQUESTER,
        requester=REQUESTER,
        provider=PROVIDER,
        item="population.basic",
        trace_id=os.urandom(16),
        subjects=(os.urandom(32),),
        decision=Decision.PERMIT,
        status=200,
        count=1,
        requested_ms=now_ms,
        answered_ms=now_ms + 20,
        request_commitment=os.urandom(32),
        response_commitment=os.urandom(32),
    )
    reason = AccessReason(
        purpose_code="HOUSING-01", reason_text="公租房资格核验", case_number="BJ-2026-000001"
    )
    return access_record(call, reason)


def _kun(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "chainnode.cli", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"kun {' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout
