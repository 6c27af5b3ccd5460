"""What a question may say, what comes with its answer, and how much one person has in work."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import msgspec
import pytest

from chainnode.console.shares import RETRY_AFTER_S, Share
from chainnode.verify.archive import read_archive
from chainnode.verify.export import verify_export
from contracts.schemas.audit import Basis
from tests.builders import ORGANISATIONS
from tests.console_site import ConsoleSite, Visitor, console_site, record_call, trust_of

QUESTION = {
    "kind": "requester",
    "values": [ORGANISATIONS[0]],
    "from": "",
    "to": "",
    "purpose": "例行审计",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """One chain with one recorded call, and its console."""
    with console_site(tmp_path_factory.mktemp("console")) as found:
        record_call(found)
        yield found


@pytest.mark.parametrize(
    ("said", "basis"),
    [({}, Basis.SUPERVISION), ({"basis": "data_quality"}, Basis.DATA_QUALITY)],
)
def test_a_question_says_on_what_it_rests(
    site: ConsoleSite, said: dict[str, str], basis: Basis
) -> None:
    answer = Visitor(site, "kun-auditor").ask(QUESTION | said)

    asked = verify_export(answer.content, trust_of(site)).question.record.call
    assert asked is not None
    assert msgspec.msgpack.decode(asked.public)[-1] == basis


def test_tables_that_are_wanted_are_signed_parts_of_a_file_that_verifies(
    site: ConsoleSite, tmp_path: Path
) -> None:
    file = tmp_path / "kept.kunproof"

    answer = Visitor(site, "kun-auditor").ask(QUESTION | {"with": ["pdf", "csv", "parquet"]})

    file.write_bytes(answer.content)
    trust = f"{site.folder}/genesis.json"
    done = subprocess.run(
        [sys.executable, "-m", "chainnode.cli", "audit", "verify", str(file), "--trust", trust],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"rows.csv", "rows.parquet", "summary.pdf"} <= set(read_archive(answer.content))


def test_a_file_without_tables_has_the_lines_alone(site: ConsoleSite) -> None:
    answer = Visitor(site, "kun-auditor").ask(QUESTION | {"with": []})

    names = set(read_archive(answer.content))
    assert {one for one in names if one.startswith(("rows", "summary"))} == {"rows.jsonl"}


def test_the_page_learns_which_tables_and_bases_there_are(site: ConsoleSite) -> None:
    told = Visitor(site, "kun-auditor").http.get("/directory.json").json()

    assert told["renderings"] == ["csv", "parquet", "pdf"]
    assert told["bases"] == ["supervision", "own_view", "data_quality", "operation"]


def test_a_refusal_says_why_in_the_language_of_the_page(site: ConsoleSite) -> None:
    refused = Visitor(site, "kun-auditor").ask(QUESTION | {"purpose": ""})

    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json() == {
        "code": "PURPOSE",
        "status": 422,
        "title": "请填写事由（至多 500 字）",
    }


def listening(visitor: Visitor, stack: ExitStack) -> tuple[httpx.Response, Iterator[str]]:
    """Open one stream of events, and wait for its first line; who drops the lines hangs up."""
    stream = stack.enter_context(visitor.http.stream("GET", "/events"))
    lines = stream.iter_lines()
    assert next(lines) == "retry: 2000" if stream.status_code == 200 else True
    return stream, lines


def test_one_person_has_three_streams_and_others_still_listen(site: ConsoleSite) -> None:
    greedy = [Visitor(site, "kun-operator", subject="greedy") for _ in range(2)]
    with ExitStack() as stack:
        held = [listening(greedy[one], stack) for one in (0, 1, 0)]

        refused, _ = listening(greedy[1], stack)
        other = listening(Visitor(site, "kun-operator", subject="modest"), stack)

        assert {one.status_code for one, _ in (*held, other)} == {200}
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == f"{RETRY_AFTER_S}"


def test_a_stream_that_ended_is_given_back(site: ConsoleSite) -> None:
    visitor = Visitor(site, "kun-operator", subject="comes back")
    for _ in range(2):
        with ExitStack() as stack:
            held = [listening(visitor, stack) for _ in range(Share.STREAMS.most)]
            assert {one.status_code for one, _ in held} == {200}


def test_one_person_has_two_questions_in_work_and_others_are_answered(site: ConsoleSite) -> None:
    greedy = [Visitor(site, "kun-auditor", subject="greedy") for _ in range(5)]
    modest = Visitor(site, "kun-auditor", subject="modest")

    with ThreadPoolExecutor(len(greedy) + 1) as threads:
        asked = [threads.submit(one.ask, QUESTION) for one in greedy]
        answered = threads.submit(modest.ask, QUESTION)

    answers = [one.result() for one in asked]
    refused = [one for one in answers if one.status_code != 200]
    assert answered.result().status_code == 200
    assert len(refused) >= 1
    assert {one.status_code for one in refused} == {429}
    assert {one.json()["code"] for one in refused} == {"TOO_MANY_QUESTIONS"}
    assert greedy[0].ask(QUESTION).status_code == 200
