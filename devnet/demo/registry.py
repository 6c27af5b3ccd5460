"""A small real department service: the population registry of 公安局, FastAPI over SQLite.

`python -m devnet.demo --dir DIR` serves until SIGTERM. Every call to the data is one
line in its access log, the call id and nothing else, and one half on the chain. The person
asked for travels in the body, never in a URL.
"""

import contextlib
import json
import queue
import secrets
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import click
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from chainnode.suites import suite_named
from chainnode.suites.port import Suite
from contracts.schemas.access import CALL_ID_BYTES, Side
from devnet.demo.clients import open_client
from devnet.demo.custodian import SECRET_FILE, Custodian, load_custodian
from devnet.demo.halves import DemoCall, commitment, is_known_purpose
from devnet.demo.people import Registry
from devnet.demo.recorder import Recorder
from devnet.demo.registry_paths import (
    ACCESS_LOG_FILE,
    ANSWER_SALT_HEADER,
    CALL_HEADER,
    CASE_HEADER,
    DATA_PATH,
    DATABASE_FILE,
    IDENTITY,
    PURPOSE_HEADER,
    REQUESTER_HEADER,
    SALT_BYTES,
    SALT_HEADER,
    TRACE_HEADER,
)
from devnet.departments import POLICE, department_of
from devnet.topology import HOST, DevnetFolder, load_topology

_BODY_BYTES_MAX = 1024
_ID_CHARACTERS_MAX = 32
_CASE_CHARACTERS_MAX = 32
_OK, _BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _BUSY = 200, 400, 403, 404, 503


class BadCall(ValueError):
    """A request that lacks what a call needs; its text names the part, never its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCall:
    """A request that is complete enough to be a call."""

    call_id: bytes
    trace_id: bytes
    requester: str
    purpose: str
    case_number: str
    salt: bytes
    body: bytes
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryService:
    """What the requests need; built once per process."""

    suite: Suite
    registry: Registry
    custodian: Custodian
    recorder: Recorder
    access_log: TextIO
    clock_offset_ms: int

    def answer(self, asked: AskedCall) -> Response:
        """Look the person up, record our half, and answer."""
        began_ms = self._now_ms()
        self.access_log.write(f"{asked.call_id.hex()}\n")
        self.access_log.flush()
        status, body = self._look_up(asked.person_id)
        content = json.dumps(body, ensure_ascii=False).encode()
        salt = secrets.token_bytes(SALT_BYTES)
        call = DemoCall(
            call_id=asked.call_id,
            trace_id=asked.trace_id,
            requester=asked.requester,
            provider=POLICE.organisation,
            item=POLICE.serves,
            subjects=(
                self.custodian.token(provider=POLICE.organisation, person_id=asked.person_id),
            ),
            status=status,
            count=int(status == _OK),
            requested_ms=began_ms,
            answered_ms=self._now_ms(),
            purpose=asked.purpose,
            case_number=asked.case_number,
            request_commitment=commitment(self.suite, salt=asked.salt, content=asked.body),
            response_commitment=commitment(self.suite, salt=salt, content=content),
        )
        try:
            self.recorder.record(call.half(Side.PROVIDER))
        except queue.Full:
            return JSONResponse({"error": "the ledger is behind"}, status_code=_BUSY)
        return Response(
            content,
            status_code=status,
            media_type="application/json",
            headers={ANSWER_SALT_HEADER: salt.hex()},
        )

    def _look_up(self, person_id: str) -> tuple[int, dict[str, object]]:
        person = self.registry.find(person_id)
        if person is None:
            return _NOT_FOUND, {"error": "no such person"}
        if person.is_protected:
            return _FORBIDDEN, {"error": "this entry is protected"}
        return _OK, asdict(person)

    def _now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.clock_offset_ms


def make_app(service: RegistryService) -> FastAPI:
    """Build the application; its recorder is emptied when it ends."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.recorder.close()
        service.registry.close()

    app = FastAPI(title="Demo population registry", lifespan=lifespan)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse(asdict(service.recorder.progress))

    @app.post(DATA_PATH)
    async def population_basic(request: Request) -> Response:
        try:
            asked = await read_call(request)
        except BadCall as error:
            return JSONResponse({"error": str(error)}, status_code=_BAD_REQUEST)
        return service.answer(asked)

    return app


async def read_call(request: Request) -> AskedCall:
    """Read a hostile request.

    Raises:
        BadCall: something is missing or malformed.

    """
    headers = request.headers
    requester = headers.get(REQUESTER_HEADER, "")
    if department_of(requester) is None:
        raise BadCall(f"{REQUESTER_HEADER}: expected the id of a department")
    purpose = headers.get(PURPOSE_HEADER, "")
    if not is_known_purpose(purpose):
        raise BadCall(f"{PURPOSE_HEADER}: expected a known purpose")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BODY_BYTES_MAX:
            raise BadCall(f"body: expected at most {_BODY_BYTES_MAX} bytes")
    return AskedCall(
        call_id=_hex(request, CALL_HEADER, CALL_ID_BYTES),
        trace_id=_hex(request, TRACE_HEADER, CALL_ID_BYTES),
        requester=requester,
        purpose=purpose,
        case_number=_case(headers.get(CASE_HEADER, "")),
        salt=_hex(request, SALT_HEADER, SALT_BYTES),
        body=body,
        person_id=_person_id(body),
    )


def _hex(request: Request, header: str, size: int) -> bytes:
    try:
        value = bytes.fromhex(request.headers.get(header, ""))
    except ValueError:
        value = b""
    if len(value) != size:
        raise BadCall(f"{header}: expected {2 * size} hexadecimal digits")
    return value


def _case(text: str) -> str:
    if len(text) > _CASE_CHARACTERS_MAX or not text.isascii():
        raise BadCall(f"{CASE_HEADER}: expected at most {_CASE_CHARACTERS_MAX} ASCII characters")
    return text


def _person_id(body: bytes) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadCall("body: expected JSON") from error
    value = document.get("person_id") if isinstance(document, dict) else None
    if not isinstance(value, str) or not 0 < len(value) <= _ID_CHARACTERS_MAX:
        raise BadCall("body: expected person_id")
    return value


def open_service(folder: DevnetFolder) -> tuple[RegistryService, int]:
    """Open everything that the service needs; returns it and its port."""
    topology = load_topology(folder)
    suite = suite_named(topology.suite)
    client = open_client(folder, topology, IDENTITY, first=POLICE.name)
    service = RegistryService(
        suite=suite,
        registry=Registry(folder.demo / DATABASE_FILE),
        custodian=load_custodian(folder.demo / SECRET_FILE, hash_name=suite.hash_name),
        recorder=Recorder(client, complain=_complain),
        access_log=(folder.demo / ACCESS_LOG_FILE).open("a", encoding="ascii"),
        clock_offset_ms=topology.clock_offset_ms,
    )
    return service, topology.registry_port


def _complain(what: str) -> None:
    sys.stderr.write(f"registry: a submission is sent again: {what}\n")


@click.command()
@click.option("--dir", "folder", type=click.Path(path_type=Path), required=True)
def serve(folder: Path) -> None:
    """Serve the registry until SIGTERM."""
    service, port = open_service(DevnetFolder(folder))
    with service.access_log:
        uvicorn.run(make_app(service), host=HOST, port=port, log_level="warning", access_log=False)
