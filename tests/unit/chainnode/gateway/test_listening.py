"""`kun gateway run` says where it listens; a place that it cannot have is an error of the site."""

import ipaddress
import socket
from pathlib import Path

import pytest

from chainnode.errors import ConfigurationError
from chainnode.gateway.proxy.run import _listening, _say_start
from chainnode.gateway.proxy.settings import ProxySettings, proxy_settings
from tests.builders_gateway import World


def settings(listen: str) -> ProxySettings:
    return proxy_settings({"listen": listen, "upstream": "http://127.0.0.1:9"}, folder=Path())


def test_port_in_use_is_an_error_of_this_site() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}: Address already in use"):
            _listening(settings(f"127.0.0.1:{port}"))


@pytest.mark.parametrize(
    ("host", "is_warned"), [("127.0.0.1", False), (str(ipaddress.IPv4Address(0)), True)]
)
async def test_one_line_says_where_and_for_what_and_another_what_is_unsafe(
    host: str, capsys: pytest.CaptureFixture[str], *, is_warned: bool
) -> None:
    gateway = World().gateway
    with _listening(settings(f"{host}:0")) as listener:
        await _say_start(settings(f"{host}:0"), gateway, listener)
        port = listener.getsockname()[1]
    said = capsys.readouterr().err.splitlines()
    assert f"{host}:{port} without TLS" in said[0]
    assert gateway.service.item in said[0]
    assert gateway.service.organisation in said[0]
    assert [one.startswith("warning: ") for one in said[1:]] == [True] * is_warned


async def test_item_that_the_catalogue_does_not_have_is_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World()
    world.rows.items.clear()
    place = settings("127.0.0.1:0")
    with _listening(place) as listener:
        await _say_start(place, world.gateway, listener)
    assert "warning: item: the catalogue does not have" in capsys.readouterr().err
