"""One link between two nodes, broken on request: a TCP proxy in front of the listener.

A link is a dialler and a listener; both of its directions can be broken apart. Nothing is
decoded: what is carried is TLS. Event loop only; threads go through `proxies`.

Bounded: a connection holds at most one chunk a direction, the rest waits in the kernel and at
the sender; a link has at most `CONNECTIONS_MAX` connections.
"""

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from devnet.topology import HOST

CONNECTIONS_MAX: Final = 32
_CHUNK_BYTES: Final = 64 * 1024
# Small sips, so that a slow link is slow evenly.
_SLOW_CHUNK_BYTES: Final = 4 * 1024
_BACKLOG: Final = 16
# `l_onoff, l_linger`: closing sends a reset, and what was not delivered is thrown away.
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Way(Enum):
    """A direction of a link, seen from its dialler."""

    OUT = "out"
    BACK = "back"


class Flow(Enum):
    """What happens to bytes: they pass, vanish while the connection stays, or wait."""

    WHOLE = "whole"
    SWALLOW = "swallow"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one direction of a link behaves; `bytes_per_s` 0 is no limit."""

    flow: Flow = Flow.WHOLE
    delay_s: float = 0.0
    bytes_per_s: int = 0


OPEN: Final = Shape()


class LinkProxy:
    """Listens from the moment it is made; carries connections while `serve` runs."""

    def __init__(self, *, upstream_port: int) -> None:
        self._listening = socket.create_server((HOST, 0), backlog=_BACKLOG)
        self._listening.settimeout(0)
        self._upstream_port = upstream_port
        self._connections: dict[asyncio.Task[None], _Connection] = {}
        self._changed = asyncio.Event()
        self.shapes = dict.fromkeys(Way, OPEN)
        self.is_cut = False
        # The next bytes that go out are cut in half, and the connection dies of it.
        self.tears_next = False
        # What the faults really did to traffic, by name.
        self.effects: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """The port that the dialler is told."""
        return int(self._listening.getsockname()[1])

    async def serve(self) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                dialled, _ = await loop.sock_accept(self._listening)
                if self.is_cut or len(self._connections) >= CONNECTIONS_MAX:
                    self.effects["refused"] += 1
                    _reset_on_close(dialled)
                    dialled.close()
                else:
                    self._carry(_Connection(self, dialled))
        finally:
            self._listening.close()
            tasks = tuple(self._connections)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def change(self, shapes: Mapping[Way, Shape]) -> None:
        """Give directions another shape; what was held goes on under it."""
        self.shapes.update(shapes)
        self._changed.set()
        self._changed = asyncio.Event()

    def reset_connections(self, *, only_lossy: bool = False) -> None:
        """Reset all connections, or those that have lost bytes and can carry nothing any more."""
        for task, connection in tuple(self._connections.items()):
            if connection.is_lossy or not only_lossy:
                self.effects["reset"] += 1
                task.cancel()

    async def shape_when_released(self, way: Way) -> Shape:
        """Return the shape of a direction, as soon as it does not hold bytes back."""
        self.effects["held"] += self.shapes[way].flow is Flow.HOLD
        while self.shapes[way].flow is Flow.HOLD:
            await self._changed.wait()
        return self.shapes[way]

    def _carry(self, connection: "_Connection") -> None:
        task = asyncio.get_running_loop().create_task(connection.carry(self._upstream_port))
        self._connections[task] = connection
        task.add_done_callback(self._connections.pop)


class _Torn(Exception):
    """The connection is to die in the middle of what it carries."""


class _Connection:
    """Two sockets and what goes on between them."""

    def __init__(self, link: LinkProxy, dialled: socket.socket) -> None:
        self.is_lossy = False
        self._link = link
        self._dialled = dialled
        self._onward = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        for one in (self._dialled, self._onward):
            one.settimeout(0)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def carry(self, upstream_port: int) -> None:
        """Carry until an end closes; an error, a tear or a cancellation resets both ends."""
        is_closed_by_an_end = False
        try:
            await asyncio.get_running_loop().sock_connect(self._onward, (HOST, upstream_port))
            await self._pump_both()
            is_closed_by_an_end = True
        except (OSError, _Torn):
            pass
        finally:
            for one in (self._dialled, self._onward):
                if not is_closed_by_an_end:
                    _reset_on_close(one)
                one.close()

    async def _pump_both(self) -> None:
        pumps = [
            asyncio.ensure_future(self._pump(self._dialled, self._onward, Way.OUT)),
            asyncio.ensure_future(self._pump(self._onward, self._dialled, Way.BACK)),
        ]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in pumps:
                one.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, source: socket.socket, sink: socket.socket, way: Way) -> None:
        """Carry one direction until its end.

        Once bytes are lost it stays dumb, also when the link is whole again: what follows would
        make no sense. A middlebox that has forgotten a connection does the same.
        """
        loop = asyncio.get_running_loop()
        is_dumb = False
        while data := await loop.sock_recv(source, self._chunk_bytes(way)):
            shape = await self._link.shape_when_released(way)
            if is_dumb or shape.flow is Flow.SWALLOW:
                is_dumb = self.is_lossy = True
                self._link.effects["swallowed_bytes"] += len(data)
                continue
            await self._slow_down(shape, len(data))
            if self._is_to_tear(data, way):
                await loop.sock_sendall(sink, data[: len(data) // 2])
                raise _Torn
            await loop.sock_sendall(sink, data)

    async def _slow_down(self, shape: Shape, size: int) -> None:
        if shape.delay_s:
            self._link.effects["delayed"] += 1
            await asyncio.sleep(shape.delay_s)
        if shape.bytes_per_s:
            self._link.effects["throttled_bytes"] += size
            await asyncio.sleep(size / shape.bytes_per_s)

    def _is_to_tear(self, data: bytes, way: Way) -> bool:
        link = self._link
        if not (link.tears_next and way is Way.OUT and len(data) > 1):
            return False
        link.tears_next = False
        link.effects["torn"] += 1
        return True

    def _chunk_bytes(self, way: Way) -> int:
        return _SLOW_CHUNK_BYTES if self._link.shapes[way].bytes_per_s else _CHUNK_BYTES


def _reset_on_close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
