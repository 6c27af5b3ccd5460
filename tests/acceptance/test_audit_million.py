"""Audit at size: `make accept NAME=audit` grows the chain anew, and nothing else runs beside it."""

import json
import sys
from contextlib import ExitStack

import pytest

from tests.acceptance.main_job import report
from tests.acceptance.targets import output_of
from tests.postgresql import postgresql_server, server_programs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

RECORDS = 1_000_000
P99_MS = 50.0
TIMEOUT_S = 3_000


def test_a_million_records_are_asked_in_time_and_a_rebuilt_store_answers_alike() -> None:
    command = (sys.executable, "-m", "benchmarks.bench_questions", "--records", f"{RECORDS}")
    with ExitStack() as stack:
        stores = {}
        if server_programs() is not None:
            server = stack.enter_context(postgresql_server())
            stores["KUN_AUDIT_URL"] = server.url(server.database())
        lines = output_of(*command, timeout_s=TIMEOUT_S, **stores)
    figures = [json.loads(line) for line in lines]
    for one in figures:
        report(json.dumps(one, ensure_ascii=False))
    asked = {one["question"]: one["p99_ms"] for one in figures if "question" in one}
    rebuilt = [one for one in figures if "rebuilt" in one]

    assert len(rebuilt) == 1 + len(stores)
    assert not any(one["answers_differing"] for one in rebuilt)
    assert asked
    assert {name: p99_ms for name, p99_ms in asked.items() if p99_ms > P99_MS} == {}
