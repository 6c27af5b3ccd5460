"""The listening socket: who may start a handshake, for how long, and how many at a time.

Connections are accepted as plain sockets and counted before TLS begins, so that strangers who
connect and say nothing, or say it byte by byte, hold a bounded number of places for a bounded
time. When all places are taken, the oldest handshake of the address with the most of them makes
room: a flood from one address does not lock out the others.
"""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chainnode.errors import ConfigurationError, InvariantBroken
from chainnode.p2p.errors import RefusalReason
from chainnode.p2p.link import SHUTDOWN_TIMEOUT_S, Link, LocalEnd, is_power_of_two, refusal_reason

_log = logging.getLogger("chainnode.p2p")

_BACKLOG: Final = 128
# `accept` fails when descriptors run out; trying on at full speed would not bring them back.
_ACCEPT_RETRY_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Handshaking:
    """A place taken by a connection that has not proven anything yet."""

    host: str
    task: asyncio.Task[None]


class Listener:
    """Accepts connections and brings them through TLS and hello, or not."""

    def __init__(
        self, *, local: LocalEnd, listen: tuple[str, int], new_link: Callable[[], Link]
    ) -> None:
        self._local = local
        self._listen = listen
        self._new_link = new_link
        # In order of arrival.
        self._handshaking: list[_Handshaking] = []
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port actually listened on."""
        if self._socket is None:
            raise InvariantBroken("address of a listener that was not started")
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Bind and begin to accept.

        Raises:
            ConfigurationError: the address cannot be listened on.

        """
        host, port = self._listen
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise ConfigurationError(
                f"p2p listen address {host}:{port}: expected a free address of this host, "
                f"got {error.strerror or error}"
            ) from error
        self._socket.settimeout(0)
        self._task = asyncio.get_running_loop().create_task(
            self._accept_forever(self._socket), name="p2p-accept"
        )

    async def close(self) -> None:
        """Stop accepting, drop the handshakes in flight."""
        tasks = [place.task for place in self._handshaking]
        if self._task is not None:
            tasks.append(self._task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    async def _accept_forever(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:
                self._local.metrics.accepts_failed += 1
                _log.warning("accept_failed", extra={"error": error.strerror})
                await asyncio.sleep(_ACCEPT_RETRY_S)
                continue
            self._begin(connection, str(address[0]))

    def _begin(self, connection: socket.socket, host: str) -> None:
        if len(self._handshaking) >= self._local.settings.handshakes_max:
            self._evict()
        link = self._new_link()
        task = asyncio.get_running_loop().create_task(self._shake_hands(link, connection, host))
        place = _Handshaking(host=host, task=task)
        self._handshaking.append(place)
        task.add_done_callback(lambda _: self._leave(place, link, connection))

    def _leave(self, place: _Handshaking, link: Link, connection: socket.socket) -> None:
        if place in self._handshaking:
            self._handshaking.remove(place)
        if not link.has_connection:
            connection.close()

    def _evict(self) -> None:
        crowd = Counter(place.host for place in self._handshaking)
        crowded_host, _ = crowd.most_common(1)[0]
        place = next(place for place in self._handshaking if place.host == crowded_host)
        self._handshaking.remove(place)
        place.task.cancel()
        self._note_refused(RefusalReason.CROWDED, crowded_host, "")

    async def _shake_hands(self, link: Link, connection: socket.socket, host: str) -> None:
        try:
            async with asyncio.timeout(self._local.settings.handshake_timeout_s):
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: link,
                    connection,
                    ssl=self._local.tls.server,
                    ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
                )
                await link.opened
        except Exception as error:  # noqa: BLE001 - whatever a stranger sends ends here
            self._note_refused(refusal_reason(error), host, f"{error}")
        finally:
            if not link.is_open and link.failure is None:
                link.abort()

    def _note_refused(self, reason: RefusalReason, host: str, detail: str) -> None:
        self._local.metrics.refused[reason] += 1
        count = self._local.metrics.refused[reason]
        if is_power_of_two(count):
            _log.warning(
                "connection_refused",
                extra={"reason": reason.value, "host": host, "count": count, "detail": detail},
            )
