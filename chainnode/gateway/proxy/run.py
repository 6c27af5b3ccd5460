"""`kun gateway run`: the reverse proxy's process, until SIGTERM; calls in work are ended first."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import uvicorn
import uvloop

from chainnode.errors import ConfigurationError
from chainnode.foreground import ForegroundServer
from chainnode.gateway.asgi import GatewayMiddleware
from chainnode.gateway.core import Gateway
from chainnode.gateway.opening import open_gateway
from chainnode.gateway.proxy.app import ReverseProxy
from chainnode.gateway.proxy.settings import ProxySettings, proxy_settings
from chainnode.gateway.proxy.upstreams import PinnedUpstream, is_rebound, pin, resolved
from chainnode.gateway.settings import GatewaySettings, proxy_document, read_settings
from chainnode.process import tune_interpreter
from chainnode.prompt_http import PromptHttp
from chainnode.secret_files import read_secret_file

# DNS is asked again this often, to be compared with what was pinned.
RECHECK_S: Final = 60.0
CONNECTIONS_MAX: Final = 128
_HEAD_BYTES_MAX: Final = 32 * 1024
_CONCURRENCY_MAX: Final = 1024
_BACKLOG: Final = 2048
_PEM_BYTES_MAX: Final = 64 * 1024
_LOG: Final = logging.getLogger(__name__)


def run_gateway(config: Path) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        ConfigurationError: a setting, or what the gateway stands on, cannot be used.
        StorageError: the spool failed: calls are let through no more.

    """
    settings = read_settings(config)
    proxy = proxy_settings(proxy_document(config), folder=config.parent)
    tune_interpreter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, proxy))


@asynccontextmanager
async def proxy_app(settings: ProxySettings, gateway: Gateway) -> AsyncIterator[GatewayMiddleware]:
    """Pin the services and return the application that stands before them.

    Raises:
        ConfigurationError: a service that has no address, or one that must not be called.

    """
    pinned = [await pin(upstream) for upstream in settings.upstreams]
    transport = httpx.AsyncHTTPTransport(
        trust_env=False, limits=httpx.Limits(max_connections=CONNECTIONS_MAX)
    )
    watching = asyncio.create_task(_watch_names(pinned), name="kun-dns")
    try:
        yield GatewayMiddleware(
            ReverseProxy(
                pinned,
                transport=transport,
                request_bytes_max=gateway.service.request_bytes_max,
            ),
            opener=lambda: contextlib.nullcontext(gateway),
        )
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await transport.aclose()


async def _serve(settings: GatewaySettings, proxy: ProxySettings) -> None:
    ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def on_end(error: BaseException) -> None:
        if not ended.done():
            ended.set_result(error)

    async with open_gateway(settings, on_end=on_end) as gateway, proxy_app(proxy, gateway) as app:
        listener = _listening(proxy)
        await _say_start(proxy, gateway, listener)
        _LOG.info("gateway_started")
        server = ForegroundServer(_server_config(app, proxy))
        ended.add_done_callback(lambda _: server.end())
        await server.serve(sockets=[listener])
        _LOG.info("gateway_stopped")
        if ended.done():
            raise ended.result()


def _listening(proxy: ProxySettings) -> socket.socket:
    """Listen where the settings say.

    Raises:
        ConfigurationError: the address is in use, or not of this machine.

    """
    family = socket.AF_INET6 if ":" in proxy.host else socket.AF_INET
    try:
        return socket.create_server((proxy.host, proxy.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"[proxy] listen: {proxy.host}:{proxy.port}: {os.strerror(error.errno or 0)}"
        ) from error


async def _say_start(proxy: ProxySettings, gateway: Gateway, listener: socket.socket) -> None:
    """Tell a person where the gateway listens and for what, and what looks unsafe about it."""
    address, port = listener.getsockname()[:2]
    kind = "without TLS" if proxy.tls is None else "with TLS"
    service = gateway.service
    sys.stderr.write(
        f"gateway listens on {address}:{port} {kind}, department {service.organisation},"
        f" item {service.item}\n"
    )
    if proxy.tls is None and not ipaddress.ip_address(address).is_loopback:
        sys.stderr.write(
            "warning: it listens beyond this machine without TLS (tls_cert, tls_key)\n"
        )
    if fault := await gateway.item_fault():
        sys.stderr.write(f"warning: item: {fault}\n")
    sys.stderr.flush()


async def _watch_names(pinned: Sequence[PinnedUpstream]) -> None:
    """Say so when DNS names other addresses than the pinned ones; they are not used."""
    while True:
        await asyncio.sleep(RECHECK_S)
        for one in pinned:
            if is_rebound(one, await resolved(one.upstream)):
                _LOG.warning("upstream %s has other addresses in DNS by now", one.upstream.host)


def _server_config(app: GatewayMiddleware, proxy: ProxySettings) -> uvicorn.Config:
    tls = proxy.tls
    if tls is not None:
        # Only to refuse a key that others can read.
        read_secret_file(tls.key, bytes_max=_PEM_BYTES_MAX)
    has_clients = tls is not None and tls.client_ca is not None
    return uvicorn.Config(
        app,
        host=proxy.host,
        port=proxy.port,
        http=PromptHttp,
        ws="none",
        h11_max_incomplete_event_size=_HEAD_BYTES_MAX,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONCURRENCY_MAX,
        timeout_graceful_shutdown=proxy.drain_s,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
        ssl_ca_certs=None if tls is None or tls.client_ca is None else str(tls.client_ca),
        ssl_cert_reqs=ssl.CERT_REQUIRED if has_clients else ssl.CERT_NONE,
    )
