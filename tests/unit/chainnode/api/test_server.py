"""The listening socket and the server around the application."""

import asyncio
import signal
import socket
from contextlib import suppress

import pytest

from chainnode import prompt_http
from chainnode.api.gate import REQUESTS_MAX
from chainnode.api.server import api_server, open_listener
from chainnode.config import Address
from chainnode.errors import ConfigurationError
from tests.unit.chainnode.api.web import Web


def test_a_listener_is_bound_before_anything_runs() -> None:
    with open_listener(Address(host="127.0.0.1", port=0)) as listener:
        host, port = listener.getsockname()
        assert (host, port > 0) == ("127.0.0.1", True)
        with socket.create_connection((host, port)):
            pass


def test_an_address_in_use_is_named_at_once() -> None:
    with open_listener(Address(host="127.0.0.1", port=0)) as listener:
        taken = Address(host="127.0.0.1", port=listener.getsockname()[1])
        with pytest.raises(ConfigurationError, match=str(taken)):
            open_listener(taken)


def test_an_address_that_is_not_ours_is_named_in_either_family() -> None:
    for host in ("192.0.2.1", "2001:db8::1"):
        with pytest.raises(ConfigurationError):
            open_listener(Address(host=host, port=0))


async def test_the_server_leaves_signals_alone_and_refuses_later_than_the_gate(web: Web) -> None:
    server = api_server(web.site.app())
    before = signal.getsignal(signal.SIGTERM)
    with server.capture_signals():
        assert signal.getsignal(signal.SIGTERM) is before
    assert server.config.limit_concurrency is not None
    assert server.config.limit_concurrency > REQUESTS_MAX
    assert not server.config.access_log


@pytest.mark.parametrize("head", [b"", b"GET /healthz HTTP/1.1\r\nHo"], ids=["none", "half"])
async def test_a_head_that_does_not_come_is_not_waited_for(
    head: bytes, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_http.PromptHttp, "head_s_max", 0.05)
    listener = open_listener(Address(host="127.0.0.1", port=0))
    server = api_server(web.site.app())
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(head)
    async with asyncio.timeout(20):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()
    server.should_exit = True
    await serving
