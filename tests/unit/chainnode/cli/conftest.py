"""A real HTTP server with answers of a test's choice, on a port that the system chooses."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class FakeNode:
    """Answers `routes`; what it was asked stands in `asked`."""

    routes: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def says(self, path: str, document: Mapping[str, object], *, status: int = 200) -> None:
        self.routes[path] = (status, json.dumps(document).encode())


def _handler(node: FakeNode) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            node.asked.append(self.path)
            status, body = node.routes.get(self.path, (404, b'{"code":"NOT_FOUND"}'))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Be silent."""

    return Handler


@pytest.fixture
def fake_node() -> Iterator[Callable[[], FakeNode]]:
    servers: list[ThreadingHTTPServer] = []

    def start() -> FakeNode:
        node = FakeNode()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(node))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        node.url = f"http://127.0.0.1:{server.server_port}"
        return node

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
