"""What the main job must show, on real processes; `make accept NAME=main-job` prints the figures.

One devnet with the demo serves all tests; each leaves it as it found it.
"""

import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from chainnode.client import Client
from chainnode.verify import Verdict, VerdictCode, verify_evidence
from chainnode.verify.evidence import RecordFacts
from chainnode.verify.trail import TrailRow
from contracts.schemas import access
from contracts.schemas.access import AccessRecord, Side
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.match_states import Match
from contracts.schemas.shape import Schema
from tests.acceptance.commands import ROOT, Done
from tests.acceptance.demo_calls import exchanged, found_by_ledger, match_of, special_calls
from tests.acceptance.forging import Forger, forgeries, paths_of
from tests.acceptance.load import Writer
from tests.acceptance.main_job import NAMES, MainJob, header_digests, report
from tests.acceptance.refusals import REFUSALS, REFUSALS_AFTER_ONE, Case, Chain
from tests.acceptance.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

UP_SECONDS_MAX = 15.0
GAP_SECONDS_MAX = 5.0
WRITES_PER_SECOND_MIN = 100
LOAD_SECONDS = 8.0
# The chain waits 20 s for a half; the block that says so may be an idle one.
UNMATCHED_SECONDS_MAX = 60.0
_RECORD = Schema(AccessRecord)


def test_make_devnet_ends_with_the_banner_within_fifteen_seconds(started: MainJob) -> None:
    status = started.kun.status
    heights = {node["name"]: node["height"] for node in status["nodes"]}

    report(f"make devnet: {started.up_seconds:.1f} s, heights {heights}")
    assert "kun devnet kill 3" in started.banner
    assert set(heights) == set(NAMES)
    assert status["demo"]["subject"]
    assert started.up_seconds < UP_SECONDS_MAX


def test_the_registry_logged_one_line_for_each_call_that_both_sides_recorded(
    job: MainJob,
) -> None:
    sides = _sides_by_call(job)
    logged = Counter((job.folder / "demo" / "registry-access.log").read_text().split())

    assert logged, "the registry's access log is empty"
    assert set(logged.values()) == {1}
    one_sided = [one for one in logged if sides[one] != {Side.REQUESTER, Side.PROVIDER}]
    report(
        f"registry access log: {len(logged)} lines, {len(logged) - len(one_sided)} recorded by"
        f" both sides, {len(one_sided)} by one"
    )
    assert len(one_sided) <= 1


def test_a_granted_call_of_the_demo_gave_data_and_both_sides_say_so(job: MainJob) -> None:
    rows = exchanged(job, "--subject", job.demo["subject"])

    assert {one["side"]: (one["outcome"], one["status"], one["count"]) for one in rows} == {
        "requester": ("permitted", 200, 1),
        "provider": ("permitted", 200, 1),
    }
    (call_id,) = {one["call_id"] for one in rows}
    logged = (job.folder / "demo" / "registry-access.log").read_text().split()
    assert call_id in logged
    assert match_of(job, call_id) is Match.MATCHED


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        ("refused_without_grant", ("--department", "住建局")),
        ("refused_with_revoked_grant", ("--grant", "housing-police-ended")),
    ],
)
def test_a_call_of_the_demo_without_a_grant_in_force_is_refused_and_recorded(
    job: MainJob, part: str, asked: tuple[str, str]
) -> None:
    call_id = special_calls(job)[part]

    rows = [one for one in exchanged(job, *asked) if one["call_id"] == call_id]

    assert {one["side"]: (one["outcome"], one["status"]) for one in rows} == {
        "requester": ("denied", 403),
        "provider": ("denied", 403),
    }
    logged = (job.folder / "demo" / "registry-access.log").read_text().split()
    assert call_id not in logged
    assert match_of(job, call_id) is Match.MATCHED


def test_a_call_of_which_one_side_keeps_no_record_becomes_unmatched(job: MainJob) -> None:
    found = until(
        lambda: found_by_ledger(job, "unmatched", "--unmatched", "住建局"),
        timeout_s=UNMATCHED_SECONDS_MAX,
        what="the gap of the housing office",
    )

    assert found["outcome"] == "one_sided_proven"
    assert found["call_id"] == special_calls(job)["unmatched"]
    assert match_of(job, special_calls(job)["unmatched"]) is Match.ONE_SIDED_PROVEN


def test_a_half_that_lies_about_the_answer_isfound_by_ledger(job: MainJob) -> None:
    found = found_by_ledger(job, "mismatched", "--finding", "halves-differ")

    assert found is not None
    assert found["outcome"] == "mismatched"
    assert found["call_id"] == special_calls(job)["mismatch"]
    assert match_of(job, special_calls(job)["mismatch"]) is Match.MISMATCHED


@pytest.mark.parametrize(
    ("name", "verdict", "code"),
    [
        ("valid", "VALID", 0),
        ("revoked", "REVOKED", 1),
        ("expired", "EXPIRED", 1),
        ("tampered", "TAMPERED", 1),
    ],
)
def test_verify_judges_the_demo_files(job: MainJob, name: str, verdict: str, code: int) -> None:
    path = job.demo["certificates"][name]

    done = job.kun("verify", path, "--json", ok=False)

    report(f"kun verify {Path(path).name}: {done.json['verdict']}, exit {done.code}")
    assert name in Path(path).name
    assert (done.json["verdict"], done.code) == (verdict, code)
    assert [check["name"] for check in done.json["checks"]] == [
        "content",
        "issuer",
        "history",
        "quorum",
        "freshness",
    ]


def test_an_unregistered_file_is_not_registered(job: MainJob, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"not a certificate")

    done = job.kun("verify", str(path), "--json", ok=False)

    assert (done.json["verdict"], done.code) == ("NOT_REGISTERED", 1)


def test_a_malformed_identifier_is_unreadable(job: MainJob) -> None:
    identifier = _verdict_of(job, "valid")["identifier"]
    wrong = identifier[:-1] + ("A" if identifier[-1] != "A" else "B")

    done = job.kun("verify", wrong, "--json", ok=False)

    assert (done.json["verdict"], done.code) == ("UNREADABLE", 2)


def test_an_issued_file_of_the_users_own_verifies(job: MainJob, tmp_path: Path) -> None:
    path = tmp_path / "permit.txt"
    path.write_text("施工许可证 2026-1\n", encoding="utf-8")

    issued = job.kun("cert", "issue", str(path), "--json").json
    done = job.kun("verify", str(path), "--json")

    assert {"identifier", "digest", "height", "record"} <= set(issued)
    assert done.json["verdict"] == "VALID"
    assert done.json["identifier"] == issued["identifier"]


def test_with_all_nodes_down_nothing_is_decided(job: MainJob) -> None:
    path = job.demo["certificates"]["valid"]
    for name in NAMES:
        job.kun("devnet", "kill", name)

    done = job.kun("verify", path, "--json", ok=False)

    for name in NAMES:
        job.kun("devnet", "start", name)
    job.settle()
    assert (done.json["verdict"], done.code) == ("CANNOT_DECIDE", 3)


@pytest.mark.parametrize("name", ["revoked", "tampered", "valid"])
def test_a_proxy_that_forges_any_field_never_gets_a_valid(job: MainJob, name: str) -> None:
    """VALID is right for the valid file when the forged field proves nothing; never else."""
    path = Path(job.demo["certificates"][name])
    tried = Counter[str]()
    with Forger(job.kun.apis[0]).running() as forger:
        client = job.client(forger.url)
        honest = client.verify_file(path).verdict.verdict
        answers = _distinct_answers(forger)
        for where, value in answers:
            for forged in forgeries(value):
                forger.forge(where, forged)
                verdict = client.verify_file(path).verdict
                tried[verdict.verdict.name] += 1
                _require_no_false_valid(verdict, honest, name, where)
    report(f"forged answers on the {name} file, SDK: {sum(tried.values())} tried, {dict(tried)}")
    assert sum(tried.values()) > 100


def test_the_command_line_believes_no_forged_answer(job: MainJob) -> None:
    path = job.demo["certificates"]["revoked"]
    trust = str(job.folder / "genesis.json")
    verdicts = Counter[str]()
    with Forger(job.kun.apis[0]).running() as forger:
        job.kun.bare("verify", path, "--node", forger.url, "--trust", trust, "--json")
        for where, value in _distinct_answers(forger)[::12]:
            forger.forge(where, forgeries(value)[0])
            done = job.kun.bare("verify", path, "--node", forger.url, "--trust", trust, "--json")
            verdicts[done.json["verdict"]] += 1
            assert done.code != 0
    report(f"forged answers on the revoked file, CLI: {dict(verdicts)}")
    assert "VALID" not in verdicts


def test_audit_answers_with_the_proof_that_nothing_was_withheld(
    job: MainJob,
) -> None:
    done = job.kun(
        "audit", "query", "--subject", job.demo["subject"], "--purpose", "年度抽查", "--json"
    )

    answer = done.json
    report(f"kun audit query: {len(answer['items'])} rows at height {answer['as_of_height']}")
    assert answer["items"]
    assert answer["complete"] is True


@pytest.mark.parametrize("number", range(4))
def test_writes_go_on_when_any_one_node_is_killed(job: MainJob, number: int) -> None:
    victim = _victim(job, number)
    with Writer(job.folder, job.kun.apis) as writer:
        time.sleep(LOAD_SECONDS / 2)
        killed = time.monotonic()
        job.kun("devnet", "kill", victim)
        time.sleep(LOAD_SECONDS)
        observed = time.monotonic()
        job.kun("devnet", "start", victim)
        time.sleep(LOAD_SECONDS / 2)
    nodes = job.settle()
    gap = writer.longest_gap(killed, observed)
    rate = writer.count_since(0) / (2 * LOAD_SECONDS)
    report(f"kill -9 {victim}: longest gap {gap:.2f} s, {rate:.0f} writes/s overall")
    assert not writer.failures
    assert gap < GAP_SECONDS_MAX
    assert rate >= WRITES_PER_SECOND_MIN
    common = min(node["height"] for node in nodes) - 1
    assert len(header_digests(job.kun.apis, common)) == 1
    _require_acknowledged_everywhere(job, writer)


def test_two_killed_nodes_halt_the_chain_by_name_and_one_that_returns_frees_it(
    job: MainJob,
) -> None:
    job.kun("devnet", "kill", "housing")
    job.kun("devnet", "kill", "data")

    halted = until(lambda: _halted(job), timeout_s=30, what="kun status says halted, because")
    report("two killed: " + " / ".join(halted.out.split("\n")[:4]))
    assert halted.code == 3
    assert "住建局" in halted.out
    assert "数据局" in halted.out
    assert "3" in halted.out

    with Writer(job.folder, job.kun.apis, threads=2) as writer:
        job.kun("devnet", "start", "housing")
        began = time.monotonic()
        until(lambda: writer.count_since(0) > 0, timeout_s=30, what="a write goes through")
        report(f"one returned: writes again after {time.monotonic() - began:.1f} s")
    job.settle()


def test_a_second_process_on_the_same_data_directory_is_refused(job: MainJob) -> None:
    done = _start_by_hand(job, "civil", {"KUN_API_LISTEN": "127.0.0.1:0"})

    assert done.code in {3, 5}
    assert "lock" in done.err or "in use" in done.err or "占用" in done.err


def test_a_newer_format_version_is_refused(job: MainJob) -> None:
    job.kun("devnet", "kill", "civil")
    format_file = job.folder / "nodes" / "civil" / "data" / "format"
    before = format_file.read_bytes()
    format_file.write_bytes(re.sub(rb"[0-9]+", b"99", before))

    done = _start_by_hand(job, "civil", {})

    format_file.write_bytes(before)
    job.settle()
    assert done.code != 0
    assert "99" in done.err


def test_a_key_file_that_others_may_read_is_refused(job: MainJob) -> None:
    job.kun("devnet", "kill", "civil")
    key_file = job.folder / "nodes" / "civil" / "vote.key.json"
    key_file.chmod(0o644)

    done = _start_by_hand(job, "civil", {})

    key_file.chmod(0o600)
    job.settle()
    assert done.code == 5
    assert "0644" in done.err or "644" in done.err


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_what_is_wrong_is_refused_by_name_and_leaves_nothing(job: MainJob, case: Case) -> None:
    chain = Chain(job)
    before = chain.log_size()

    answer = chain.send(case.make(chain))

    report(f"{case.name}: HTTP {answer.status}, {answer.code}, expected {answer.expected!r}")
    assert (answer.status, answer.code) == (case.status, case.code)
    assert answer.expected
    assert chain.log_size() == before


@pytest.mark.parametrize("case", REFUSALS_AFTER_ONE, ids=lambda case: case.name)
def test_what_was_said_before_is_not_said_twice(job: MainJob, case: Case) -> None:
    chain = Chain(job)
    before = chain.log_size()

    answer = chain.send(case.make(chain))

    report(f"{case.name}: HTTP {answer.status}, {answer.code}")
    assert (answer.status, answer.code) == (case.status, case.code)
    assert chain.log_size() == before + 1


def test_a_replay_is_answered_with_the_first_receipt(job: MainJob) -> None:
    chain = Chain(job)
    submission = chain.good()
    first = chain.outcome(submission)
    size = chain.log_size()

    again = chain.outcome(submission)

    assert again["height"] == first["height"]
    assert again["calls"] == first["calls"]
    assert chain.log_size() == size


def _sides_by_call(job: MainJob) -> dict[str, set[Side]]:
    sides: dict[str, set[Side]] = {}
    with job.client(key="auditor") as client:
        for item in _all_records(client, "population.basic"):
            assert item.call is not None
            if (item.entry.contract, item.call.action) != (access.NAME, "record"):
                continue
            record = _RECORD.decode(item.call.public)
            sides.setdefault(record.call_id.hex(), set()).add(Side(record.side))
    return sides


def _all_records(client: Client, item: str) -> tuple[RecordFacts | TrailRow, ...]:
    answer = client.question(IndexKind.ITEM, [item.encode()], purpose="acceptance")
    while answer.next_cursor is not None:
        answer = client.next_page(answer)
    return answer.items


def _verdict_of(job: MainJob, name: str) -> Any:  # noqa: ANN401 - the CLI's JSON
    return job.kun("verify", job.demo["certificates"][name], "--json", ok=False).json


def _distinct_answers(forger: Forger) -> list[tuple[tuple[str | int, ...], Any]]:
    """Return every place in the answers seen so far, with the value that stood there."""
    places: dict[tuple[str | int, ...], Any] = {}
    for _, document in forger.seen:
        for where in paths_of(document):
            value = document
            for step in where:
                value = value[step]
            places.setdefault(where, value)
    return list(places.items())


def _require_no_false_valid(
    verdict: Verdict, honest: VerdictCode, name: str, where: tuple[str | int, ...]
) -> None:
    if verdict.verdict is VerdictCode.VALID:
        assert honest is VerdictCode.VALID, f"{name}: a forged {where} made it VALID"


def _victim(job: MainJob, number: int) -> str:
    """Return the primary for number 0, else another node each time."""
    nodes = job.kun.status["nodes"]
    primary = next(node["name"] for node in nodes if node["role"] == "primary")
    others = [name for name in NAMES if name != primary]
    return str([primary, *others][number])


def _require_acknowledged_everywhere(job: MainJob, writer: Writer) -> None:
    """Every acknowledged record is found, with a proof that verifies, on all four nodes."""
    trust = job.trust
    checked = 0
    for api in job.kun.apis:
        with httpx.Client(base_url=api, timeout=30) as http:
            for _, call_id, position, digest in writer.acknowledged:
                facts = verify_evidence(_record_evidence(http, position), trust)
                assert isinstance(facts, RecordFacts)
                assert facts.entry.submission_digest == digest
                assert facts.call is not None
                assert _RECORD.decode(facts.call.public).call_id == call_id
                checked += 1
    report(f"acknowledged {len(writer.acknowledged)}, proven on all four: {checked} checks")


def _record_evidence(http: httpx.Client, position: int) -> Any:  # noqa: ANN401 - JSON
    response = http.get(f"/v1/records/{position}")
    assert response.status_code == 200, response.text
    return response.json()


def _halted(job: MainJob) -> Done | None:
    done = job.kun("status", ok=False)
    return done if done.code == 3 else None


def _start_by_hand(job: MainJob, name: str, settings: dict[str, str]) -> Done:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "chainnode.cli",
            "node",
            "start",
            "--dir",
            str(job.folder / "nodes" / name),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=ROOT,
        env={**settings, "KUN_LANG": "en", "PATH": "/usr/bin:/bin"},
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)
