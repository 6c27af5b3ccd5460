"""For whom a person may act, asked over HTTP: every answer but the right one is a clear refusal."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chainnode.citizen.config import RepresentationSettings
from chainnode.citizen.representations import (
    NoRepresentations,
    RepresentationService,
    RepresentationSource,
    open_source,
)
from chainnode.citizen.subjects import Subject
from chainnode.errors import ConfigurationError
from chainnode.secret_files import write_secret_file
from tests.citizen_site import PERSON, WARD

ROW = {"id_type": "111", "number": WARD, "relation": "guardian", "label": "小明"}
ASKED = Subject(id_type="111", number=PERSON)
SHORT_S, LONG_S = 0.3, 10.0


@dataclass
class Service:
    """A server that answers whatever it was given, and keeps what it was sent."""

    answer: bytes
    is_endless: bool = False
    url: str = ""
    asked: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(
            int(one.partition(b":")[2])
            for one in head.split(b"\r\n")
            if one.lower().startswith(b"content-length")
        )
        self.asked.append(head + await reader.readexactly(size))
        writer.write(self.answer)
        if not self.is_endless:
            writer.close()


@asynccontextmanager
async def served(service: Service) -> AsyncIterator[Service]:
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/represented?of=all"
    try:
        yield service
    finally:
        server.close()


def reply(body: bytes, *, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def rows(*found: object) -> bytes:
    return json.dumps({"representations": found}).encode()


def settings(
    *, url: str | None = None, ca: Path | None = None, secret: Path | None = None
) -> RepresentationSettings:
    return RepresentationSettings(url=url, ca=ca, secret_file=secret, file=None)


async def asked(source: RepresentationSource) -> list[Subject]:
    try:
        return [*await source.represented(ASKED)]
    finally:
        await source.close()


async def test_the_number_travels_in_the_body_and_the_secret_in_its_header(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    write_secret_file(secret, b"word\n")
    async with served(Service(reply(rows(ROW)))) as service:
        found = await asked(open_source(settings(url=service.url, secret=secret)))

    assert found == [Subject(id_type="111", number=WARD, relation="guardian", label="小明")]
    head, _, body = service.asked[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"id_type": "111", "number": PERSON}
    assert PERSON.encode() not in head
    assert head.startswith(b"POST /represented?of=all ")
    assert b"authorization: bearer word\r\n" in head.lower()


WRONG = {
    "an error": reply(b"", status="500 Internal Server Error"),
    "right rows with an error": reply(rows(ROW), status="500 Internal Server Error"),
    "a redirect": reply(b"", status="302 Found", more="Location: http://127.0.0.1:9/\r\n"),
    "nothing allowed": reply(b"", status="204 No Content"),
    "too much": reply(b" " * (64 * 1024 + 1)),
    "too much in pieces": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + b" " * 1024 + b"\r\n"
    )
    + (b"400\r\n" + b" " * 1024 + b"\r\n") * 80,
    "something packed": reply(gzip.compress(b" " * 10**7), more="Content-Encoding: gzip\r\n"),
    "no JSON": reply(b"<html>"),
    "no UTF-8": reply(b'{"representations": ["\xff"]}'),
    "another form": reply(b"[]"),
    "one field more": reply(b'{"representations": [], "more": 1}'),
    "nested without end": reply(b'{"representations": ' + b"[" * 50_000),
    "too many": reply(rows(*[ROW] * 33)),
    "an unknown relation": reply(rows({**ROW, "relation": "self"})),
    "a number that is none": reply(rows({**ROW, "number": "123"})),
    "less than it says": reply(rows(ROW))[:-2],
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
async def test_any_other_answer_is_refused_and_names_nobody(answer: bytes) -> None:
    async with served(Service(answer)) as service:
        with pytest.raises(NoRepresentations) as refused:
            await asked(open_source(settings(url=service.url)))

    assert len(service.asked) == 1
    assert not any(one in str(refused.value) for one in (PERSON, WARD, "小明"))
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"], ids=["silent", "stuck"]
)
async def test_a_service_that_does_not_end_its_answer_holds_nobody_up(begun: bytes) -> None:
    loop = asyncio.get_running_loop()
    async with served(Service(begun, is_endless=True)) as service:
        source = RepresentationService(service.url, tls=None, secret=None, within_s=SHORT_S)
        begun_s = loop.time()
        with pytest.raises(NoRepresentations, match="not to be reached"):
            await asked(source)

    assert loop.time() - begun_s < LONG_S


async def test_a_service_that_is_away_is_said_to_be_so() -> None:
    async with served(Service(b"")) as service:
        pass

    with pytest.raises(NoRepresentations, match="not to be reached"):
        await asked(open_source(settings(url=service.url)))


@pytest.mark.parametrize("url", ["http://family.example/x", "ftp://127.0.0.1/x", "family", ""])
def test_a_number_never_travels_in_clear_beyond_this_machine(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[representation\] url"):
        open_source(settings(url=url))


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for name in ("none.pem", "bad.pem"):
        path = tmp_path / name
        if name == "bad.pem":
            path.write_text("no certificate")
        with pytest.raises(ConfigurationError, match=name):
            open_source(settings(url="https://family.example", ca=path))
