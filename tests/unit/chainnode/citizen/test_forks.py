"""A chain that forked: whoever watches over the service is told, and it is no error of ours."""

import asyncio
from types import SimpleNamespace
from typing import cast

import httpx

from chainnode.citizen.app import CitizenApp, Parts
from chainnode.client import ChainForked


class Forked:
    """A client that has evidence of a fork."""

    async def header_latest(self) -> None:
        raise ChainForked(height=7, evidence=None, file=None)


def test_the_heartbeat_of_a_service_whose_ledger_has_forked_fails_in_words() -> None:
    parts = cast("Parts", SimpleNamespace(files={}, asker=SimpleNamespace(client=Forked())))

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(CitizenApp(parts).starlette())
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as http:
            return await http.get("/v2/heartbeat")

    answer = asyncio.run(asked())

    assert (answer.status_code, answer.json()["status"]) == (200, "FAIL")
    assert "forked" in answer.json()["message"]
