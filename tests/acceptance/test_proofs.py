"""What proofs must show; `make accept NAME=proofs` prints the figures.

The searches (forgeries, fuzzers, benchmarks) need no node. The rest asks one devnet, lies to it
and about it, and at last stops it: evidence must stand alone.
"""

import json
import sqlite3
import statistics
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from chainnode.verify import load_evidence
from tests.acceptance.commands import Done
from tests.acceptance.forging import Forger
from tests.acceptance.main_job import NAMES, MainJob, report
from tests.acceptance.store_lies import STORE_LIES, StoreLie
from tests.acceptance.targets import output_of
from tests.acceptance.trail_lies import TRAIL_LIES, TrailLie
from tests.acceptance.waiting import until
from tests.browser.answers import asked_of, page_answers, python_answer
from tests.browser.opening import opened_browser, opened_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FORGERIES_MIN = 50_000
FUZZ_SECONDS = 60
KEYS = 1_000_000
PROOF_BYTES_MAX = 1_500
ROWS_MS_MAX = 10.0
OFFLINE_S_MAX = 0.4
OFFLINE_RUNS = 5
REBUILD_S = 30.0
IN_STEP_S = 60.0
DEMO_FILES = {"valid": 0, "revoked": 1, "expired": 1, "tampered": 1}
DIFFERENTIAL_TESTS = (
    "tests/property/chainnode/ledger/test_ranges.py",
    "tests/property/chainnode/ledger/test_trail_proofs.py",
)


@pytest.fixture
def job(started: MainJob) -> MainJob:
    """The devnet with all four nodes in step, though one of them found that its store lied.

    Such an alarm stays until the node is started again: it calls for a person.
    """
    until(lambda: _are_in_step(started), timeout_s=IN_STEP_S, what="all four nodes in step")
    return started


def test_ranges_and_trails_are_those_of_the_format_for_every_small_size() -> None:
    lines = output_of(sys.executable, "-m", "pytest", "-q", *DIFFERENTIAL_TESTS, timeout_s=600)
    report(f"against a naive oracle, sizes 0 … 130 and larger ones: {lines[-1]}")


def test_no_forged_proof_is_accepted_and_only_documented_errors_escape() -> None:
    tally = _json_of("-m", "tests.forgeries", timeout_s=1_200)
    report(f"forgeries: {json.dumps(tally)}")
    assert tally["refused"] >= FORGERIES_MIN
    assert min(tally["forgeries_each"].values()) > 0
    assert set(tally["forgeries_each"]) >= {"disclosure", "disclosure attacks"}
    assert (tally["accepted"], tally["untrue"], tally["escaped"]) == ([], [], [])


def test_fuzzers_break_no_door_and_find_the_fault_that_is_there() -> None:
    figures = _json_of("-m", "tests.fuzzing", "--seconds", f"{FUZZ_SECONDS}", timeout_s=400)
    report(f"fuzzing: {json.dumps(figures)}")
    assert figures["canary"] == "found"
    assert figures["findings"] == 0
    assert min(figures["executions_each"].values()) > 0


def test_a_trail_among_a_million_keys_is_small_and_fast_to_verify() -> None:
    lines = output_of(sys.executable, "-m", "benchmarks.bench_trails", timeout_s=900)
    figures = [json.loads(line) for line in lines]
    for one in figures:
        report(json.dumps(one))
    assert {one["suite"] for one in figures} == {"sm", "intl"}
    assert {one["keys"] for one in figures} == {KEYS}
    assert max(one["bytes_without_rows"] for one in figures) <= PROOF_BYTES_MAX
    assert max(one["verify_proof_ms"] for one in figures) <= ROWS_MS_MAX


def test_compact_proofs_are_as_large_as_the_documents_say() -> None:
    for line in output_of(sys.executable, "-m", "benchmarks.bench_codes", timeout_s=300):
        report(line)
    sizes = "tests/unit/chainnode/cli/test_qr_image.py"
    lines = output_of(sys.executable, "-m", "pytest", "-q", sizes, timeout_s=300)
    report(f"sizes of the documents, and codes read back by another reader: {lines[-1]}")


def test_a_trail_is_complete_and_says_so_only_when_it_was_proven_here(job: MainJob) -> None:
    answer = _query(job).json

    report(f"trail of one subject: {len(answer['items'])} rows, complete {answer['complete']}")
    assert answer["complete"] is True
    assert len(answer["items"]) > 1


@pytest.mark.parametrize("lie", STORE_LIES, ids=lambda lie: lie.name)
def test_one_changed_row_in_the_store_is_an_alarm_and_never_complete(
    job: MainJob, lie: StoreLie
) -> None:
    node = job.kun.status["nodes"][0]
    whole = until(lambda: _complete(job, node["api"]), timeout_s=REBUILD_S, what="a whole trail")
    before = _alarms(node["api"])

    with closing(sqlite3.connect(_store_of(job, node["name"]), timeout=30)) as store:
        lie.tell(store, bytes.fromhex(job.demo["subject"]))
    done = _query(job, node["api"])

    report(f"store, {lie.name}: exit {done.code}, {(done.out or done.err).strip()[:160]}")
    assert done.code == 3 or done.json["complete"] is False
    assert _alarms(node["api"]) > before
    again = until(lambda: _complete(job, node["api"]), timeout_s=REBUILD_S, what="a rebuilt store")
    assert _positions(again)[: len(whole["items"])] == _positions(whole)


@pytest.mark.parametrize("lie", TRAIL_LIES, ids=lambda lie: lie.name)
def test_one_changed_row_in_a_nodes_answer_is_an_alarm_and_never_complete(
    job: MainJob, lie: TrailLie
) -> None:
    honest = _query(job).json
    with Forger(job.kun.apis[0]).running() as forger:
        forger.change = lie.told
        alone = _query(job, forger.url)
        among = _query(job, forger.url, job.kun.apis[1])

    report(f"answer, {lie.name}: exit {alone.code}, {(alone.out or alone.err).strip()[:160]}")
    assert lie.was_told
    assert alone.code == 3
    assert forger.url in alone.err + alone.out
    assert among.code == 0
    assert among.json["complete"] is True
    assert _positions(among.json)[: len(honest["items"])] == _positions(honest)


def test_evidence_stands_alone_when_all_nodes_are_stopped(job: MainJob, tmp_path: Path) -> None:
    evidence = {}
    for name, code in DEMO_FILES.items():
        evidence[name] = tmp_path / f"{name}.json"
        path = job.demo["certificates"][name]
        done = job.kun("verify", path, "--evidence", str(evidence[name]), ok=False)
        assert done.code == code, done.err
    for name in NAMES:
        job.kun("devnet", "kill", name)
    try:
        trust = job.folder / "genesis.json"
        _require_offline_verdicts(job, evidence, trust)
        _require_the_same_verdicts_in_a_browser(evidence, trust)
        _require_tampered_evidence_is_refused(job, evidence["valid"], trust, tmp_path)
    finally:
        for name in NAMES:
            job.kun("devnet", "start", name)


def _require_offline_verdicts(job: MainJob, evidence: dict[str, Path], trust: Path) -> None:
    for name, path in evidence.items():
        seconds = []
        for _ in range(OFFLINE_RUNS):
            began = time.monotonic()
            done = _offline(job, path, trust)
            seconds.append(time.monotonic() - began)
        report(
            f"kun verify --offline, {name}: {done.json['verdict']}, exit {done.code},"
            f" median {statistics.median(seconds):.2f} s as a process"
        )
        assert (done.json["verdict"], done.code) == (name.upper(), DEMO_FILES[name])
        assert statistics.median(seconds) <= OFFLINE_S_MAX


def _require_the_same_verdicts_in_a_browser(evidence: dict[str, Path], trust: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    documents = [load_evidence(path.read_bytes()) for path in evidence.values()]
    questions = [
        asked_of(document, trust.read_text("utf-8"), case=_case(document, now_ms))
        for document in documents
    ]
    with opened_browser() as browser, opened_page(browser) as page:
        shown = page_answers(page, questions)
    for name, question, answer in zip(evidence, questions, shown, strict=True):
        verdict = answer["verdict"]
        assert isinstance(verdict, dict)
        report(f"verify.html, {name}: {verdict['verdict']}")
        assert verdict["verdict"] == name.upper()
        assert answer == python_answer(question)


def _require_tampered_evidence_is_refused(
    job: MainJob, path: Path, trust: Path, tmp_path: Path
) -> None:
    original = json.loads(path.read_text("utf-8"))
    refused = []
    for place in ("header", "certificate", "items", "history", "chain_id"):
        forged = tmp_path / f"forged-{place}.json"
        forged.write_text(json.dumps(original | {place: _flipped(original[place])}), "utf-8")
        done = _offline(job, forged, trust)
        refused.append(f"{place}: {done.json['verdict']}")
        assert done.json["verdict"] in {"TAMPERED", "UNTRUSTED_ISSUER", "UNREADABLE"}
    report(f"tampered evidence, offline: {', '.join(refused)}")


def _flipped(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Change the first text or number found in depth."""
    if isinstance(value, str):
        return ("1" if value[0] != "1" else "2") + value[1:]
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [_flipped(value[0]), *value[1:]] if value else [1]
    first = next(iter(value))
    return value | {first: _flipped(value[first])}


def _case(document: Any, now_ms: int) -> Any:  # noqa: ANN401 - any JSON
    query = document["query"]
    return {
        "content_digest": query["digest"],
        "identifier": query["identifier"],
        "as_of_ms": now_ms,
    }


def _offline(job: MainJob, path: Path, trust: Path) -> Done:
    return job.kun.bare("verify", str(path), "--offline", "--trust", str(trust), "--json")


def _query(job: MainJob, *nodes: str) -> Done:
    asked = [argument for node in nodes for argument in ("--node", node)]
    subject = ("--subject", job.demo["subject"], "--purpose", "acceptance", "--json")
    return job.kun("--as", "auditor", "audit", "query", *subject, *asked, ok=False)


def _complete(job: MainJob, *nodes: str) -> Any:  # noqa: ANN401 - any JSON
    done = _query(job, *nodes)
    return done.json if done.code == 0 and done.json["complete"] else None


def _are_in_step(job: MainJob) -> bool:
    nodes = job.kun.status["nodes"]
    heights = [node["height"] or 0 for node in nodes]
    is_running = all(node["state"] == "running" for node in nodes)
    return is_running and max(heights) - min(heights) <= 1


def _positions(answer: Any) -> list[int]:  # noqa: ANN401 - any JSON
    return [item["position"] for item in answer["items"]]


def _store_of(job: MainJob, node: str) -> Path:
    return job.folder / "nodes" / node / "data" / "audit.sqlite"


def _alarms(api: str) -> float:
    """How often the node found its audit store to differ, as its metrics say."""
    name = "kunlian_audit_store_differences_total "
    lines = httpx.get(f"{api}/metrics", timeout=10).text.splitlines()
    (value,) = [line.removeprefix(name) for line in lines if line.startswith(name)]
    return float(value)


def _json_of(*arguments: str, timeout_s: float) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(output_of(sys.executable, *arguments, timeout_s=timeout_s)[-1])
