"""A middleware whose settings are wrong ends its server at the start, and lets nothing through."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from chainnode.gateway import AccessLog
from chainnode.gateway.connections import Message

FAULTS = ("custodian: expected", "item: expected", "no_such: no such setting")


def app_with(settings: dict[str, object]) -> tuple[FastAPI, list[str]]:
    app, asked, given = FastAPI(), list[str](), dict[str, Any](settings)
    app.add_middleware(AccessLog, **given)

    @app.post("/people")
    async def people() -> dict[str, str]:
        asked.append("people")
        return {"name": "x"}

    return app, asked


WRONG: dict[str, object] = {
    "node": "http://n",
    "key": "k",
    "trust": "t",
    "subject": "json:id_card",
    "no_such": 1,
}


async def test_lifespan_fails_with_every_fault_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app, _ = app_with(WRONG)
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        said.append(message)

    await app({"type": "lifespan", "app": app, "state": {}}, receive, send)
    (failed,) = said
    assert failed["type"] == "lifespan.startup.failed"
    assert "\n" not in failed["message"]
    for fault in FAULTS:
        assert fault in failed["message"]


async def test_lifespan_fails_where_the_settings_file_is_missing(tmp_path: Path) -> None:
    app, _ = app_with({"config": tmp_path / "none.toml"})
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        said.append(message)

    await app({"type": "lifespan", "app": app, "state": {}}, receive, send)
    assert [one["type"] for one in said] == ["lifespan.startup.failed"]
    assert "none.toml" in said[0]["message"]


def test_nothing_is_let_through_where_nobody_asked_for_a_lifespan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app, asked = app_with(WRONG)
    assert TestClient(app).post("/people", json={}).status_code == 500
    assert asked == []
