"""All proxies of a devnet on one thread; may be told from any other what to break.

A change is in force when the call returns.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from devnet.faults.proxy import OPEN, LinkProxy, Shape, Way
from devnet.topology import HOST, NodePlace, Topology

_CALL_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class LinkName:
    """The replica that dials and the one that listens."""

    dialler: int
    listener: int


class Proxies:
    """A proxy on every link; a context manager, open while the links shall work."""

    def __init__(self, topology: Topology) -> None:
        self._loop = asyncio.new_event_loop()
        self._links = {
            LinkName(one.replica_id, other.replica_id): LinkProxy(upstream_port=other.p2p_port)
            for one in topology.nodes
            for other in topology.nodes
            if one is not other
        }
        self._thread = threading.Thread(target=self._serve, name="proxies", daemon=True)
        self._serving: asyncio.Task[None] | None = None

    @property
    def names(self) -> tuple[LinkName, ...]:
        """Every link."""
        return tuple(self._links)

    def address(self, dialler: NodePlace, listener: NodePlace) -> str:
        """Return what the dialler's settings shall name (`site.Dialling`)."""
        port = self._links[LinkName(dialler.replica_id, listener.replica_id)].port
        return f"{HOST}:{port}"

    def __enter__(self) -> Self:
        """Serve on a thread of its own."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections and the thread."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(_CALL_TIMEOUT_S)

    def shape(self, changes: Mapping[LinkName, Mapping[Way, Shape]]) -> None:
        """Give directions of links another shape."""

        def change() -> None:
            for name, shapes in changes.items():
                self._links[name].change(shapes)

        self._call(change)

    def cut(self, names: Iterable[LinkName]) -> None:
        """Reset the connections of these links, and those to come, until `heal`."""

        def cut_all() -> None:
            for name in names:
                self._links[name].is_cut = True
                self._links[name].reset_connections()

        self._call(cut_all)

    def tear(self, names: Iterable[LinkName]) -> None:
        """Let the next bytes of these links arrive in half, and the connection die of it."""

        def tear_all() -> None:
            for name in names:
                self._links[name].tears_next = True

        self._call(tear_all)

    def heal(self, *, resets_lossy: bool) -> None:
        """Make every link whole again.

        A connection that lost bytes is reset, or else stays dumb until its ends give it up.
        """

        def heal_all() -> None:
            for link in self._links.values():
                link.is_cut = link.tears_next = False
                link.change(dict.fromkeys(Way, OPEN))
                if resets_lossy:
                    link.reset_connections(only_lossy=True)

        self._call(heal_all)

    def effects(self) -> Counter[str]:
        """Return what faults did to traffic so far, over all links."""
        total: Counter[str] = Counter()

        def add() -> None:
            for link in self._links.values():
                total.update(link.effects)

        self._call(add)
        return total

    def _call(self, function: Callable[[], None]) -> None:
        async def call() -> None:
            function()

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(_CALL_TIMEOUT_S)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._serving = self._loop.create_task(self._serve_all())
            self._loop.run_until_complete(self._serving)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    async def _serve_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for link in self._links.values():
                group.create_task(link.serve())

    def _stop(self) -> None:
        if self._serving is not None:
            self._serving.cancel()
