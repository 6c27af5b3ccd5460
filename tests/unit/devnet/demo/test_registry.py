"""The population registry: what it answers, what it logs, and the half that it records."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from chainnode.client import Client
from chainnode.submission import decode_submission
from contracts.schemas.access import AccessOutcome, AccessRecord, Side
from contracts.schemas.shape import Schema
from devnet.demo.custodian import Custodian
from devnet.demo.halves import commitment
from devnet.demo.people import Registry, invent_people, write_registry
from devnet.demo.recorder import Recorder
from devnet.demo.registry import RegistryService, make_app
from devnet.demo.registry_paths import (
    ANSWER_SALT_HEADER,
    CALL_HEADER,
    CASE_HEADER,
    DATA_PATH,
    PURPOSE_HEADER,
    REQUESTER_HEADER,
    SALT_HEADER,
    TRACE_HEADER,
)
from devnet.departments import HOUSING, POLICE
from tests.builders_evidence import TIME_MS, SyntheticChain
from tests.little_node import LittleChain, LittleNode, little_nodes

_RECORD = Schema(AccessRecord)
_CALL_ID = "1c" * 16
FIRST, PERSON, PROTECTED = (invent_people()[number - 1].person_id for number in (1, 7, 40))
_CUSTODIAN = Custodian(bytes(32), hash_name="sha256")


@dataclass
class Running:
    """The registry's application over little nodes, and what it left behind."""

    app: FastAPI
    recorder: Recorder
    nodes: list[LittleNode]
    evidence: SyntheticChain
    folder: Path

    def ask(self, person_id: str, **headers: str) -> httpx.Response:
        sent = {
            CALL_HEADER: _CALL_ID,
            TRACE_HEADER: "2d" * 16,
            REQUESTER_HEADER: HOUSING.organisation,
            SALT_HEADER: "3e" * 16,
            PURPOSE_HEADER: "housing",
            CASE_HEADER: "HOUSING-000001",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.request("POST", DATA_PATH, json.dumps({"person_id": person_id}).encode(), sent)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send one request into the application, without a socket."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://registry") as http_:
                return await http_.request(method, path, content=body, headers=headers)

        return asyncio.run(send())

    @property
    def log(self) -> list[str]:
        return (self.folder / "access.log").read_text(encoding="ascii").splitlines()

    def stop(self) -> None:
        """Empty the recorder, as the application does when it ends."""
        self.recorder.close()

    @property
    def records(self) -> list[AccessRecord]:
        parameters = self.evidence.genesis.parameters
        return [
            _RECORD.decode(call.public)
            for node in self.nodes
            for body in node.bodies
            for call in decode_submission(self.evidence.suite, body, parameters).calls
        ]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    evidence = SyntheticChain("intl")
    write_registry(tmp_path / "registry.sqlite", invent_people())
    with (
        little_nodes(LittleChain(evidence), 2) as nodes,
        Client(
            [one.url for one in nodes],
            evidence.trust,
            evidence.client_key,
            now_ms=lambda: TIME_MS,
        ) as client,
        (tmp_path / "access.log").open("a", encoding="ascii") as log,
    ):
        service = RegistryService(
            suite=evidence.suite,
            registry=Registry(tmp_path / "registry.sqlite"),
            custodian=_CUSTODIAN,
            recorder=Recorder(client, complain=lambda _: None),
            access_log=log,
            clock_offset_ms=0,
        )
        yield Running(
            app=make_app(service),
            recorder=service.recorder,
            nodes=nodes,
            evidence=evidence,
            folder=tmp_path,
        )
        service.recorder.close()


def test_a_known_person_is_shown_and_the_half_is_on_the_chain(running: Running) -> None:
    response = running.ask(PERSON)
    running.stop()

    (record,) = running.records
    assert response.status_code == 200
    assert response.json()["person_id"] == PERSON
    assert (record.side, record.requester, record.provider) == (
        Side.PROVIDER,
        HOUSING.organisation,
        POLICE.organisation,
    )
    assert record.call_id.hex() == _CALL_ID
    assert record.kind is AccessOutcome.PERMITTED
    assert (record.item, record.count, record.status) == (POLICE.serves, 1, 200)


def test_the_half_commits_to_what_was_asked_and_answered(running: Running) -> None:
    response = running.ask(PERSON)
    running.stop()

    (record,) = running.records
    suite = running.evidence.suite
    answer_salt = bytes.fromhex(response.headers[ANSWER_SALT_HEADER])
    asked = json.dumps({"person_id": PERSON}).encode()
    assert record.request_commitment == commitment(suite, salt=b"\x3e" * 16, content=asked)
    assert record.response_commitment == commitment(
        suite, salt=answer_salt, content=response.content
    )


def test_no_person_stands_on_the_chain_in_clear(running: Running) -> None:
    running.ask(PERSON)
    running.stop()

    (record,) = running.records
    token = _CUSTODIAN.token(provider=POLICE.organisation, person_id=PERSON)
    assert record.subjects == (token,)
    sent = b"".join(body for node in running.nodes for body in node.bodies)
    assert PERSON.encode() not in sent
    assert "样例人007".encode() not in sent


@pytest.mark.parametrize(
    ("person_id", "status", "outcome"),
    [
        (PROTECTED, http.client.FORBIDDEN, AccessOutcome.DENIED),
        ("DEMO-9999", http.client.NOT_FOUND, AccessOutcome.FAILED),
    ],
)
def test_a_denied_or_failed_call_is_a_record_too(
    running: Running, person_id: str, status: int, outcome: AccessOutcome
) -> None:
    response = running.ask(person_id)
    running.stop()

    assert response.status_code == status
    assert [one.kind for one in running.records] == [outcome]
    assert running.log == [_CALL_ID]


def test_the_access_log_has_one_line_per_call_with_nothing_but_its_id(running: Running) -> None:
    ids = [f"{number:032x}" for number in range(5)]
    for call_id in ids:
        running.ask(FIRST, **{CALL_HEADER.replace("-", "_"): call_id})

    assert running.log == ids


@pytest.mark.parametrize(
    "headers",
    [
        {CALL_HEADER: "zz"},
        {CALL_HEADER: "1c" * 15},
        {CALL_HEADER: ""},
        {TRACE_HEADER: "1c" * 17},
        {SALT_HEADER: ""},
        {REQUESTER_HEADER: "11999900MBK000015X"},
        {PURPOSE_HEADER: "curiosity"},
        {CASE_HEADER: "x" * 33},
    ],
    ids=lambda headers: next(iter(headers)) + "=" + next(iter(headers.values()))[:6],
)
def test_a_request_that_is_no_call_is_refused_and_leaves_nothing(
    running: Running, headers: dict[str, str]
) -> None:
    response = running.ask(
        FIRST, **{name.replace("-", "_"): value for name, value in headers.items()}
    )
    running.stop()

    assert response.status_code == 400
    assert next(iter(headers)) in response.json()["error"]
    assert running.log == []
    assert running.records == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"person_id": 7}',
        b'{"person_id": ""}',
        b"[" * 1024,
        json.dumps({"person_id": "D" * 33}).encode(),
        b" " * 1025,
    ],
)
def test_a_body_that_names_nobody_is_refused(running: Running, body: bytes) -> None:
    headers = {
        CALL_HEADER: _CALL_ID,
        TRACE_HEADER: "2d" * 16,
        REQUESTER_HEADER: HOUSING.organisation,
        SALT_HEADER: "3e" * 16,
        PURPOSE_HEADER: "housing",
    }

    response = running.request("POST", DATA_PATH, body, headers)

    assert response.status_code == 400
    assert running.log == []


def test_halves_are_sent_again_until_the_chain_has_them(running: Running) -> None:
    for node in running.nodes:
        node.problem, node.problem_at = (503, "DOWN"), "/v1/"
    running.ask(FIRST)
    for node in running.nodes:
        node.problem = None
    running.stop()

    assert len(running.records) == 1


def test_how_far_the_recorder_is_can_be_asked(running: Running) -> None:
    running.ask(FIRST)
    running.stop()

    said = running.request("GET", "/healthz").json()

    assert (said["recorded"], said["refused"]) == (1, 0)
    assert said["height"] > 0
