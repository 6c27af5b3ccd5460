"""Servers in other hands behind the proxy: Python's own `http.server`, and nginx from Debian."""

import json
import os
import pwd
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from devnet.topology import free_ports
from tests.acceptance.exchange_processes import Server
from tests.acceptance.exchange_site import Exchange

ENTRY = "/entry.json"
# The person travels in a header: the path of a request stands in logs of servers.
SUBJECT_HEADER = "x-id-card"
SUBJECT = f"header:{SUBJECT_HEADER}"
_NGINX = """daemon off;
user {user};
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
  access_log {home}/nginx-access.log;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  types {{ application/json json; }}
  server {{ listen 127.0.0.1:{port}; root {entries}; }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A server program that knows nothing of us, and how it is started."""

    name: str
    package: str
    program: str
    command: Callable[[str, Path, Path, int], list[str]]

    def start(self, exchange: Exchange) -> Server:
        """Serve one entry of the register; skip where the program is not installed."""
        program = shutil.which(self.program)
        if program is None:
            pytest.skip(f"{self.package} is not installed")
        entries = exchange.registers / self.name
        entries.mkdir()
        entry = next(iter(exchange.people.values()))
        (entries / ENTRY[1:]).write_text(json.dumps(entry, ensure_ascii=False), encoding="utf-8")
        home = exchange.folder / self.name
        home.mkdir()
        (port,) = free_ports(1)
        return exchange.serve(self.name, self.command(program, home, entries, port), port=port)


def _python(program: str, home: Path, entries: Path, port: int) -> list[str]:
    del home
    server = ("-m", "http.server", str(port), "--bind", "127.0.0.1")
    return [program, *server, "--directory", str(entries)]


def _nginx(program: str, home: Path, entries: Path, port: int) -> list[str]:
    user = pwd.getpwuid(os.geteuid()).pw_name
    config = home / "nginx.conf"
    config.write_text(
        _NGINX.format(user=user, home=home, entries=entries, port=port), encoding="utf-8"
    )
    return [program, "-p", str(home), "-c", str(config), "-e", str(home / "error.log")]


FOREIGN = (
    Foreign(name="http.server", package="python3", program=sys.executable, command=_python),
    Foreign(name="nginx", package="nginx", program="nginx", command=_nginx),
)
