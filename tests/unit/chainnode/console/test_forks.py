"""A chain that forked: the console says so in words, and goes on listening."""

import asyncio
from typing import cast

import pytest

from chainnode.client import AsyncClient, ChainForked, Client
from chainnode.console.desk import Desk
from chainnode.console.errors import PageRefused
from chainnode.console.news import News
from chainnode.console.words import refusal_word, said


class Forked:
    """A client that has evidence of a fork."""

    def header_latest(self) -> None:
        raise ChainForked(height=7, evidence=None, file=None)


class ForkedAsync:
    """The same for an event loop; `asked` says that it was."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def header_latest(self) -> None:
        self.asked.set()
        Forked().header_latest()


def test_a_fork_is_told_as_what_it_is_and_not_as_an_error_of_the_console() -> None:
    async def run() -> PageRefused:
        client = cast("Client", Forked())
        desk = Desk(client, [client], departments=(), tokens=None)
        try:
            with pytest.raises(PageRefused) as refused:
                await desk.newest()
            return refused.value
        finally:
            desk.close()

    refused = asyncio.run(run())

    assert (refused.code, refused.status) == ("FORKED", 503)
    assert "two ledgers" in said(refusal_word(refused.code), "en")


def test_news_are_still_listened_for_after_a_fork() -> None:
    async def run() -> bool:
        client = ForkedAsync()
        task = asyncio.ensure_future(News(cast("AsyncClient", client)).follow())
        await client.asked.wait()
        done, _ = await asyncio.wait({task}, timeout=0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return not done

    assert asyncio.run(run())
