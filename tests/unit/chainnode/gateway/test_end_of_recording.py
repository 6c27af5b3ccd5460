"""Where nothing can be recorded any more, no call is let through, and everybody can see why."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from chainnode.errors import InvariantBroken, StorageError
from chainnode.gateway import GatewayMiddleware, Replayer, Spool
from chainnode.gateway.asgi import HEALTH_PATH, METRICS_PATH
from chainnode.gateway.replay.backoff import Backoff
from chainnode.gateway.replay.running import running
from tests.builders_gateway import PERSON_ID, Queue, World
from tests.gateway_site import calling, opener_of, serving
from tests.unit.chainnode.gateway.ledger_of_tests import KEY, LedgerOfTests
from tests.unit.chainnode.gateway.spool_parts import entry, opened

PATIENCE_S = 30.0


@asynccontextmanager
async def told_ends(spool: Spool, ledger: LedgerOfTests) -> AsyncIterator[list[BaseException]]:
    """Replay, and list what ended it."""
    ends: list[BaseException] = []
    replayer = Replayer(
        spool, ledger, KEY, backoff=Backoff(first_s=3600, longest_s=3600), now_ms=lambda: 1
    )
    async with running(replayer, spool, on_end=ends.append):
        yield ends


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what is looked at is plain state
            await asyncio.sleep(0)


def break_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", failing)


async def test_disk_that_fails_ends_a_replay_that_rests_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests(silences=1)
    async with told_ends(spool, ledger) as ends:
        await spool.put(entry(1))
        await until(lambda: spool.status().alarm)
        break_disk(monkeypatch)
        with pytest.raises(StorageError):
            await spool.put(entry(2))
        await until(lambda: ends)
    assert [type(one) for one in ends] == [StorageError]
    assert spool.status().is_ended


async def test_fault_of_ours_in_the_replay_ends_the_spool_and_is_told_once(
    tmp_path: Path,
) -> None:
    spool, ledger = opened(tmp_path / "spool"), LedgerOfTests()

    def faulty(_: object) -> str | None:
        raise InvariantBroken("as the test says")

    ledger.door = faulty
    async with told_ends(spool, ledger) as ends:
        await spool.put(entry(1))
        await until(lambda: ends)
        with pytest.raises(StorageError, match="InvariantBroken"):
            await spool.put(entry(2))
        await asyncio.sleep(0)
    assert [type(one) for one in ends] == [InvariantBroken]


async def test_replay_that_is_told_to_stop_ends_nothing(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    async with told_ends(spool, LedgerOfTests()) as ends:
        await spool.put(entry(1))
    assert not ends
    assert not spool.status().is_ended
    await spool.close()


async def test_service_is_asked_nothing_once_nothing_can_be_recorded(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    world, asked, app = World(), list[str](), FastAPI()
    world.gateway = world.new_gateway(queue=spool)

    @app.post("/people")
    async def people() -> dict[str, str]:
        asked.append("people")
        return {"name": "x"}

    gated = GatewayMiddleware(app, opener=opener_of(world))
    async with (
        serving(gated) as url,
        calling(world, Queue(), url) as client,
        httpx.AsyncClient(base_url=url, trust_env=False) as anybody,
    ):
        assert (await client.post("/people", json={"id_card": PERSON_ID})).status_code == 200
        assert (await anybody.get(HEALTH_PATH)).json() == {"status": "ok"}
        spool.end(StorageError("as the test says"))
        refused = await client.post("/people", json={"id_card": PERSON_ID})
        health = await anybody.get(HEALTH_PATH)
    assert (refused.status_code, refused.json()["code"]) == (503, "HALF_NOT_KEPT")
    assert (health.status_code, health.json()["code"]) == (503, "HALF_NOT_KEPT")
    assert asked == ["people"]


async def test_metrics_say_that_nothing_is_recorded(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool")
    world = World(serves_metrics=True)
    world.gateway = world.new_gateway(queue=spool)
    async with (
        serving(GatewayMiddleware(FastAPI(), opener=opener_of(world))) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as anybody,
    ):
        assert "kunlian_spool_ended 0" in (await anybody.get(METRICS_PATH)).text
        spool.end(StorageError("as the test says"))
        assert "kunlian_spool_ended 1" in (await anybody.get(METRICS_PATH)).text
