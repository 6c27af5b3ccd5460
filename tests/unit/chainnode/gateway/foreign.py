"""Python's own HTTP server as a service in another language, for what stands before it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = b'{"name": "x", "address": "y"}'


class Foreign:
    """Python's own HTTP server, as a service in another language would be."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.has_call = threading.Event()
        self.may_answer = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(size)
                outer.seen.append((self.command, self.path, dict(self.headers.items()), body))
                if self.path.startswith("/slow"):
                    outer.has_call.set()
                    outer.may_answer.wait(30)
                if self.path.startswith("/moved"):
                    self.send_response(302)
                    self.send_header("Location", f"http://127.0.0.1:{outer.port}/secret")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if self.path.startswith("/endless"):
                    self.send_response(200)
                    self.send_header("Content-Type", "application/octet-stream")
                    self.end_headers()
                    self.wfile.write(bytes(2 * 1024 * 1024))
                    outer.may_answer.wait(30)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(BODY)))
                self.send_header("Set-Cookie", "a=b")
                self.end_headers()
                self.wfile.write(BODY)

            def log_message(self, *_: object) -> None:
                """Keep the output of tests clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def foreign_service() -> Iterator[Foreign]:
    service = Foreign()
    try:
        yield service
    finally:
        service.close()
