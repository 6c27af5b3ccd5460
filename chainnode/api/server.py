"""Serves the HTTP API on the node's own event loop, without touching process signals."""

import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from fastapi import FastAPI

from chainnode.config import Address, Network
from chainnode.errors import ConfigurationError
from chainnode.prompt_http import PromptHttp

_BACKLOG = 1024
_KEEP_ALIVE_S = 30
# Requests in work at a time; more are told to come back.
_CONCURRENCY_MAX = 2048
_SHUTDOWN_S = 5
# A request's head; the parser in C has no such limit.
_HEAD_BYTES_MAX = 32 * 1024


class ApiServer(uvicorn.Server):
    """A uvicorn server that leaves signals to the node, and at its end lets streams go."""

    def __init__(self, config: uvicorn.Config, *, close_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._close_streams = close_streams

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave SIGTERM and SIGINT alone: the node stops its parts in order."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what has no end by itself, then wait for the answers in work."""
        self._close_streams()
        await super().shutdown(sockets)


def open_listener(address: Address) -> socket.socket:
    """Bind the API's address before anything else starts, so that a clash is seen at once.

    Raises:
        ConfigurationError: the address cannot be used.

    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"[api] listen = {address}: cannot be used: {error.strerror}"
        ) from error
    return listener


def api_server(app: FastAPI, *, trusted_proxies: Sequence[Network] = ()) -> ApiServer:
    """Return a server for the application; `serve(sockets=[…])` runs it.

    What a request says of its client (X-Forwarded-For) is believed of these proxies alone: the
    last address that is none of theirs is the client. Nothing comes from the environment.
    """
    config = uvicorn.Config(
        app,
        http=PromptHttp,
        h11_max_incomplete_event_size=_HEAD_BYTES_MAX,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=_KEEP_ALIVE_S,
        limit_concurrency=_CONCURRENCY_MAX,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=[str(one) for one in trusted_proxies],
    )
    return ApiServer(config, close_streams=app.state.service.feed.close)
