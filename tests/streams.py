"""Reading of event streams in tests: a plain oracle of WHATWG HTML §9.2, and a reader of an app."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message

from tests.integration.p2p.harness import until


@dataclass(frozen=True, slots=True)
class Told:
    """One event with its data; `id` is empty where it has none of its own."""

    id: str
    name: str
    data: Any


def whole_frames(received: bytes) -> tuple[list[Told], str]:
    """Return the whole events of a stream that may be cut anywhere, and the last id it set."""
    events: list[Told] = []
    last_id = ""
    for block in received.split(b"\n\n")[:-1]:
        fields: dict[str, str] = {}
        for line in block.decode().split("\n"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        last_id = fields.get("id", last_id)
        if "data" in fields:
            data = json.loads(fields["data"])
            events.append(Told(fields.get("id", ""), fields.get("event", "message"), data))
    return events, last_id


class AppReader:
    """A client of an application without a socket, who takes pieces when it is told to."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        after: str | None = None,
        address: str = "127.0.0.1",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.messages: list[Message] = []
        # How many messages were ready for it, taken or not.
        self.offered = 0
        self.may_read = asyncio.Event()
        self.may_read.set()
        self._left = asyncio.Event()
        query = b"" if after is None else f"after={after}".encode()
        self.serving = asyncio.ensure_future(
            app(_scope(query, address, headers or {}), self._receive, self._send)
        )

    @property
    def body(self) -> bytes:
        return b"".join(one.get("body", b"") for one in self.messages)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"]) if self.messages else 0

    @property
    def headers(self) -> dict[str, str]:
        return {key.decode(): value.decode() for key, value in self.messages[0]["headers"]}

    @property
    def events(self) -> list[Told]:
        """Events of the chain so far."""
        return [one for one in whole_frames(self.body)[0] if one.id]

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.events]

    @property
    def last_id(self) -> str:
        return whole_frames(self.body)[1]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await until(lambda: condition() or self.serving.done(), what=what)
        assert condition(), self.body

    async def leave(self) -> None:
        self._left.set()
        await self.serving

    async def _receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.offered += 1
        await self.may_read.wait()
        self.messages.append(message)


def _scope(query: bytes, address: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": "/v1/stream",
        "raw_path": b"/v1/stream",
        "query_string": query,
        "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("node", 80),
        "client": (address, 1),
        "root_path": "",
    }
