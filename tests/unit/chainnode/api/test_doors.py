"""Every door of a node and everybody who may stand before it: the table of `doors.py`, tried."""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from chainnode.verify.compact_form import claim_in, decode_compact
from tests.streams import AppReader
from tests.unit.chainnode.api import doors
from tests.unit.chainnode.api.door_scene import (
    ENCRYPTED_TEXT,
    Scene,
    build_scene,
    scene_genesis,
)
from tests.unit.chainnode.api.doors import Caller, Door, Shown
from tests.unit.chainnode.api.web import MEDIA_TYPE, web_of

DOCUMENT = (Path(__file__).parents[4] / "docs" / "operating.md").read_text(encoding="utf-8")
_BASE64 = re.compile(rb"(?:[0-9A-Za-z+/]{4}){4,}(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?")
_HEX = re.compile(rb"(?:[0-9a-f]{2}){8,}")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with web_of(tmp_path, genesis=scene_genesis()) as web:
        yield await build_scene(web)


def bytes_in(answer: bytes) -> bytes:
    """Return an answer with everything that stands in it as base64 or hexadecimal, opened."""
    hexadecimal = [binascii.unhexlify(text) for text in _HEX.findall(answer)]
    encoded = [base64.b64decode(text) for text in _BASE64.findall(answer)]
    return b"\n".join([answer, *hexadecimal, *encoded])


def issuer_in(answer: bytes) -> bytes:
    """Return who issued, where the answer is a compact proof, which packs its identifier."""
    if not answer.startswith(b'{"compact"'):
        return b""
    claim = claim_in(decode_compact(base64.b64decode(json.loads(answer)["compact"])))
    assert claim is not None
    return claim.issuer.encode()


def shown_in(scene: Scene, answers: bytes) -> frozenset[Shown]:
    """Return what of department B stands in answers, none of which may show its secret."""
    opened = bytes_in(answers) + issuer_in(answers)
    assert ENCRYPTED_TEXT.encode() not in opened
    return frozenset(one for one, mark in scene.marks().items() if mark in opened)


async def ask(scene: Scene, door: Door, path: str, credential: bytes) -> httpx.Response:
    """Ask an open door, and hold out a credential wherever one could be looked for."""
    url = path.format(**scene.values)
    headers = {"Authorization": f"Bearer {base64.b64encode(credential).decode()}"}
    if door.method == "POST":
        return await scene.web.client.post(url, content=credential or b"-", headers=headers)
    if door.operation != "stream":
        return await scene.web.client.get(url, headers=headers)
    return await read_stream(scene, headers)


async def read_stream(scene: Scene, headers: dict[str, str]) -> httpx.Response:
    """Read until the newest block has been told."""
    reader = AppReader(scene.web.app, after="0", headers=headers)
    await reader.until(lambda: scene.values["question_height"] in reader.ids, "the newest block")
    await reader.leave()
    return httpx.Response(reader.status, content=reader.body)


def outcome_of(response: httpx.Response) -> str:
    """Return what the table says of an answer: its status, and the code that it names."""
    document = response.json()
    codes = [document.get("code")]
    for one in document.get("submissions", []):
        refused = [call["code_name"] for call in one["calls"] if call["code"]]
        codes = [*refused, one["code_name"]]
    return " ".join([str(response.status_code), *([codes[0]] if codes[0] else [])])


async def call_guarded(scene: Scene, operation: str, caller: Caller, nonce: int) -> httpx.Response:
    if operation == "sign_export":
        return await scene.web.client.post(
            "/v1/exports",
            content=json.dumps(scene.signed_manifest(caller)),
            headers={"Content-Type": "application/json"},
        )
    path = {"submit": "/v1/submissions", "audit": "/audit"}[operation]
    return await scene.web.post_bytes(
        path,
        scene.question(caller, nonce=nonce),
        content_type=MEDIA_TYPE,
        prefer="wait=20",
    )


async def test_every_operation_of_the_api_has_its_row(scene: Scene) -> None:
    described = {
        one["operationId"]: (method.upper(), path)
        for path, methods in scene.web.app.openapi()["paths"].items()
        for method, one in methods.items()
    }
    listed = {one.operation for one in doors.OPEN}
    assert listed | set(doors.GUARDED) == set(described)
    assert not listed & set(doors.GUARDED)
    for door in (*doors.OPEN, doors.FURTHER_PAGE):
        method, path = described[door.operation]
        shape = re.compile(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(path)))
        assert method == door.method
        assert all(shape.fullmatch(one.partition("?")[0]) for one in door.paths), door
    for answers in doors.GUARDED.values():
        assert set(answers) == set(Caller)


async def test_an_open_door_answers_everybody_alike_and_shows_what_its_row_says(
    scene: Scene,
) -> None:
    credentials = {
        caller: scene.question(caller, nonce=40 + number) for number, caller in enumerate(Caller)
    }
    found = {}
    for door in (*doors.OPEN, doors.FURTHER_PAGE):
        shown: frozenset[Shown] = frozenset()
        for path in door.paths:
            for caller, credential in credentials.items():
                told = await ask(scene, door, path, credential)
                assert told.status_code == HTTPStatus.OK, (door.operation, caller, told.text)
                shown |= shown_in(scene, told.content)
        found[door.operation] = shown
    expected = {one.operation: one.shows for one in (*doors.OPEN, doors.FURTHER_PAGE)}
    assert found == expected


@pytest.mark.parametrize("operation", list(doors.GUARDED))
async def test_a_guarded_door_answers_each_caller_as_its_row_says(
    scene: Scene, operation: str
) -> None:
    expected = {one: told for one, told in doors.GUARDED[operation].items() if told != "–"}
    found = {}
    shown: frozenset[Shown] = frozenset()
    for number, caller in enumerate(expected):
        told = await call_guarded(scene, operation, caller, 1 + number)
        found[caller] = outcome_of(told)
        if not told.is_success or found[caller].endswith(("MISSING", "VALID")):
            assert not shown_in(scene, told.content)
        shown |= shown_in(scene, told.content)
    assert found == expected
    assert shown == doors.GUARDED_SHOW[operation]


async def test_a_question_that_is_sent_again_is_no_second_record(scene: Scene) -> None:
    before = scene.web.site.ledger.log_size
    for operation in ("submit", "audit"):
        await call_guarded(scene, operation, Caller.REPLAY, 0)
    assert scene.web.site.ledger.log_size == before


async def test_a_question_that_was_refused_opens_nothing_by_its_digest(scene: Scene) -> None:
    refused = (await call_guarded(scene, "submit", Caller.SERVICE, 0)).json()["submissions"][0]
    told = await scene.web.client.post(f"/audit?question={refused['digest']}")
    assert outcome_of(told) == "403 QUESTION_REFUSED"


def test_the_document_has_both_tables() -> None:
    assert doors.rendered() in DOCUMENT
