"""A proxy before a real node that forges one field of one answer at a time."""

import copy
import http.server
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

JsonPath = tuple[str | int, ...]


def paths_of(document: Any, at: JsonPath = ()) -> Iterator[JsonPath]:  # noqa: ANN401 - any JSON
    """Yield the path of every member and element, outer ones first."""
    if at:
        yield at
    if isinstance(document, dict):
        for name, value in document.items():
            yield from paths_of(value, (*at, name))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from paths_of(value, (*at, index))


def forgeries(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    """Return other values that a liar might put in the place of `value`."""
    if isinstance(value, str):
        flipped = value[:-2] + ("A" if value[-2:-1] != "A" else "B") + value[-1:]
        return [flipped, "", "VALID"]
    if isinstance(value, bool) or value is None:
        return [not value, 1]
    if isinstance(value, int):
        return [value + 1, 0, -1]
    if isinstance(value, list):
        return [value[:-1], value[::-1], [*value, *value[:1]]]
    return [{}, None]


@dataclass(slots=True)
class Forger:
    """Serves what the node behind it says, changed by `change`."""

    upstream: str
    change: Callable[[str, Any], Any] = lambda _path, document: document
    url: str = ""
    seen: list[tuple[str, Any]] = field(default_factory=list)

    def forge(self, where: JsonPath, value: object) -> None:
        """From now on put `value` at `where` in every answer that has such a place."""
        self.change = lambda _path, document: _put(document, where, value)

    @contextmanager
    def running(self) -> Iterator["Forger"]:
        """Listen on a free port."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _put(document: Any, where: JsonPath, value: object) -> Any:  # noqa: ANN401 - any JSON
    changed = copy.deepcopy(document)
    place = changed
    for step in where[:-1]:
        try:
            place = place[step]
        except (KeyError, IndexError, TypeError):
            return document
    try:
        place[where[-1]] = value
    except (KeyError, IndexError, TypeError):
        return document
    return changed


def _handler(forger: Forger) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on(None)

        def do_POST(self) -> None:
            self._pass_on(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Keep the test's output clean."""

        def _pass_on(self, body: bytes | None) -> None:
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() in {"content-type", "prefer", "accept-language"}
            }
            request = urllib.request.Request(  # noqa: S310 - http to loopback alone
                forger.upstream + self.path, data=body, headers=headers, method=self.command
            )
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
                    status, content = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                status, content = error.code, error.read()
            try:
                document = json.loads(content)
            except ValueError:
                forged = content
            else:
                forger.seen.append((self.path, document))
                forged = json.dumps(forger.change(self.path, document)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(forged)))
            self.end_headers()
            self.wfile.write(forged)

    return Handler
