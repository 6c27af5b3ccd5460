"""Verdicts over HTTP: proven or CANNOT_DECIDE, with every liar named."""

import json
from pathlib import Path

import pytest

from chainnode.client import (
    AsyncClient,
    ChainForked,
    Client,
    NodeBehind,
    NodeLied,
    NodeRefused,
    NodeUnreachable,
)
from chainnode.verify import (
    ForkFacts,
    Policy,
    VerdictCode,
    judge_certificate,
    sidecar_form,
    verify_evidence,
)
from chainnode.verify.strict_json import JsonObject, as_object
from tests.builders_evidence import TIME_MS, SyntheticChain, sample
from tests.little_node import LittleNode
from tests.mutations import mutations

DAY_MS = 86_400_000


def written(folder: Path, name: str, content: bytes | None = None) -> Path:
    one = sample(name)
    path = folder / "file.bin"
    path.write_bytes(one.content if content is None else content)
    beside = folder / "file.bin.kun.json"
    beside.write_text(json.dumps(sidecar_form(one.identifier)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("valid", VerdictCode.VALID),
        ("revoked", VerdictCode.REVOKED),
        ("expired", VerdictCode.EXPIRED),
        ("foreign issuer", VerdictCode.UNTRUSTED_ISSUER),
    ],
)
def test_a_file_gets_its_verdict_and_evidence_that_others_can_check(
    client: Client, tmp_path: Path, evidence: SyntheticChain, name: str, verdict: VerdictCode
) -> None:
    told = client.verify_file(written(tmp_path, name))
    assert told.verdict.verdict is verdict
    assert told.reports == ()
    again = judge_certificate(
        told.evidence,
        evidence.trust,
        content_digest=evidence.digest_of(sample(name)),
        identifier=sample(name).identifier,
        policy=Policy(now_ms=TIME_MS),
    )
    assert again == told.verdict


def test_a_changed_file_is_tampered_and_random_bytes_are_not_registered(
    client: Client, tmp_path: Path
) -> None:
    changed = client.verify_file(written(tmp_path, "valid", b"changed"))
    assert changed.verdict.verdict is VerdictCode.TAMPERED
    (tmp_path / "file.bin.kun.json").unlink()
    unknown = client.verify_file(tmp_path / "file.bin")
    assert unknown.verdict.verdict is VerdictCode.NOT_REGISTERED


def test_only_digest_and_identifier_leave_the_machine(
    client: Client, tmp_path: Path, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    client.verify_file(written(tmp_path, "valid"))
    digest = evidence.digest_of(sample("valid")).hex()
    (request,) = nodes[0].seen
    assert request.startswith("GET /verify?digest=")
    assert digest in request
    assert not nodes[0].bodies


def test_an_identifier_is_verified_without_a_file(client: Client) -> None:
    told = client.verify_identifier(sample("revoked").identifier)
    assert told.verdict.verdict is VerdictCode.REVOKED


@pytest.mark.parametrize(
    "identifier", ["", "x", "1.2.156.3005.2.x", sample("valid").identifier[:-1]]
)
def test_a_malformed_identifier_is_unreadable_and_nobody_is_asked(
    client: Client, nodes: list[LittleNode], identifier: str
) -> None:
    told = client.verify_identifier(identifier)
    assert told.verdict.verdict is VerdictCode.UNREADABLE
    assert not any(one.seen for one in nodes)


def test_a_malformed_identifier_inside_a_file_is_only_a_bad_hint(
    client: Client, tmp_path: Path
) -> None:
    path = written(tmp_path, "valid")
    (tmp_path / "file.bin.kun.json").write_text(json.dumps(sidecar_form("nonsense")))
    assert client.verify_file(path).verdict.verdict is VerdictCode.VALID


def test_an_empty_file_is_unreadable_and_a_missing_one_a_usage_error(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    assert client.verify_file(tmp_path / "empty").verdict.verdict is VerdictCode.UNREADABLE
    assert client.verify_file(tmp_path).verdict.verdict is VerdictCode.UNREADABLE
    with pytest.raises(FileNotFoundError):
        client.verify_file(tmp_path / "missing")


def test_a_liar_is_named_with_the_check_and_the_next_node_is_asked(
    client: Client, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    revoked, valid = sample("revoked"), sample("valid")

    def lie(_path: str, _document: JsonObject) -> JsonObject:
        return {"verdict": "VALID", "evidence": evidence.certificate_of(valid)}

    nodes[0].alter = lie
    told = client.verify_identifier(revoked.identifier)
    assert told.verdict.verdict is VerdictCode.REVOKED
    assert [(type(one), one.node) for one in told.reports] == [(NodeLied, nodes[0].url)]


def test_a_node_s_own_verdict_is_never_believed(client: Client, nodes: list[LittleNode]) -> None:
    for node in nodes:
        node.alter = lambda _path, document: {**document, "verdict": "VALID"}
    told = client.verify_identifier(sample("revoked").identifier)
    assert told.verdict.verdict is VerdictCode.REVOKED


def test_no_forged_field_of_an_answer_is_believed_and_the_forger_is_named(
    nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    one = sample("revoked")
    honest = evidence.certificate(identifier=one.identifier, anchor=nodes[0].chain.anchor())
    every = list(mutations({"verdict": "VALID", "evidence": honest}))
    # Every change is tried offline (tests of `verify`); over HTTP a sample of them.
    with Client([nodes[0].url], evidence.trust, now_ms=lambda: TIME_MS) as client:
        for what, forged in every[::9]:
            nodes[0].alter = lambda _path, _document, forged=forged: forged  # type: ignore[misc]  # bound now
            told = client.verify_identifier(one.identifier)
            if told.verdict.verdict is VerdictCode.REVOKED:
                continue
            assert told.verdict.verdict is VerdictCode.CANNOT_DECIDE, what
            assert isinstance(told.reports[0], NodeLied), what


def test_another_chain_s_node_is_a_liar_not_a_verdict(
    client: Client, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    foreign = SyntheticChain(evidence.suite.name, label="another")
    one = sample("valid")
    for node in nodes:
        node.alter = lambda _path, _document: {"evidence": foreign.certificate_of(one)}
    told = client.verify_identifier(one.identifier)
    assert told.verdict.verdict is VerdictCode.CANNOT_DECIDE
    named = [(one.node, one.check) for one in told.reports if isinstance(one, NodeLied)]
    assert named == [(node.url, "chain") for node in nodes]


def test_when_nobody_answers_nothing_is_said_against_the_certificate(
    evidence: SyntheticChain, nodes: list[LittleNode]
) -> None:
    nodes[0].problem = (503, "NOT_CERTIFIED")
    nodes[1].alter = lambda _path, _document: b"<html>"
    urls = [nodes[0].url, nodes[1].url, "http://127.0.0.1:9"]
    with Client(urls, evidence.trust) as client:
        told = client.verify_identifier(sample("valid").identifier)
    assert told.verdict.verdict is VerdictCode.CANNOT_DECIDE
    assert told.verdict.verdict.colour == "grey"
    assert [type(one) for one in told.reports] == [NodeRefused, NodeLied, NodeUnreachable]
    refused = told.reports[0]
    assert isinstance(refused, NodeRefused)
    assert (refused.status, refused.code) == (503, "NOT_CERTIFIED")


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{", b'{"evidence": 1}', b'{"evidence": {}, "evidence": {}}', b"\xff" * 10],
)
def test_an_answer_that_is_no_answer_names_the_node(
    client: Client, nodes: list[LittleNode], document: bytes
) -> None:
    nodes[0].alter = lambda _path, _document: document
    told = client.verify_identifier(sample("valid").identifier)
    assert told.verdict.verdict is VerdictCode.VALID
    assert [one.node for one in told.reports] == [nodes[0].url]


def test_an_endless_answer_is_cut_and_the_node_named(
    client: Client, nodes: list[LittleNode]
) -> None:
    nodes[0].alter = lambda _path, _document: b" " * (4 * 1024 * 1024 + 1)
    told = client.verify_identifier(sample("valid").identifier)
    assert told.verdict.verdict is VerdictCode.VALID
    (report,) = told.reports
    assert isinstance(report, NodeUnreachable)
    assert "4194304" in report.detail


def test_a_redirect_is_not_followed(client: Client, nodes: list[LittleNode]) -> None:
    nodes[0].problem = (302, "MOVED")
    told = client.verify_identifier(sample("valid").identifier)
    assert told.verdict.verdict is VerdictCode.VALID
    assert isinstance(told.reports[0], NodeRefused)


def test_a_genuine_but_older_header_than_seen_before_is_passed_over(
    client: Client, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    assert client.header_latest().height == 12
    nodes[0].header = evidence.header(height=11, time_ms=TIME_MS - 1000)
    told = client.verify_identifier(sample("valid").identifier)
    assert told.verdict.as_of_height == 12
    assert [(type(one), one.node) for one in told.reports] == [(NodeBehind, nodes[0].url)]


def test_two_signed_headers_of_one_height_are_a_fork_and_not_believed(
    client: Client, nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    client.header_latest()
    for node in nodes:
        node.header = evidence.header(time_ms=TIME_MS + 1)
    with pytest.raises(ChainForked) as caught:
        client.verify_identifier(sample("valid").identifier)
    assert isinstance(verify_evidence(caught.value.evidence, evidence.trust), ForkFacts)


def test_a_restarted_client_remembers_the_height_from_its_file(
    nodes: list[LittleNode], evidence: SyntheticChain, tmp_path: Path
) -> None:
    path = tmp_path / "seen.json"
    with Client([nodes[0].url], evidence.trust, state_file=path) as first:
        first.header_latest()
    nodes[0].header = evidence.header(height=11)
    with Client([nodes[0].url], evidence.trust, state_file=path) as second:
        told = second.verify_identifier(sample("valid").identifier)
    assert told.verdict.verdict is VerdictCode.CANNOT_DECIDE
    assert {type(one) for one in told.reports} == {NodeBehind}


def test_stale_evidence_of_every_node_cannot_decide_and_says_why(
    nodes: list[LittleNode], evidence: SyntheticChain
) -> None:
    with Client([nodes[0].url], evidence.trust, now_ms=lambda: TIME_MS + 2 * DAY_MS) as client:
        told = client.verify_identifier(sample("valid").identifier)
        relaxed = client.verify_identifier(sample("valid").identifier, max_age_ms=3 * DAY_MS)
    assert told.verdict.verdict is VerdictCode.CANNOT_DECIDE
    assert told.verdict.as_of_height == 12
    assert told.evidence is not None
    assert relaxed.verdict.verdict is VerdictCode.VALID


async def test_the_asynchronous_client_gives_the_same_verdicts(
    nodes: list[LittleNode], evidence: SyntheticChain, tmp_path: Path
) -> None:
    nodes[0].alter = lambda _path, _document: b"no"
    urls = [one.url for one in nodes]
    async with AsyncClient(urls, evidence.trust, now_ms=lambda: TIME_MS) as client:
        told = await client.verify_file(written(tmp_path, "valid"))
        by_digest = await client.verify_digest(evidence.digest_of(sample("expired")))
        by_identifier = await client.verify_identifier(sample("revoked").identifier)
    assert told.verdict.verdict is VerdictCode.VALID
    assert [one.node for one in told.reports] == [nodes[0].url]
    assert by_digest.verdict.verdict is VerdictCode.EXPIRED
    assert by_identifier.verdict.verdict is VerdictCode.REVOKED
    assert as_object(told.evidence, "evidence")["kind"] == "certificate"
