"""Serves the search page as a console does, over a real socket, with an answer that is given."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from chainnode.genesis import write_genesis_file
from chainnode.pages import asset
from tests.builders_evidence import SyntheticChain

CSRF = "token-of-this-session"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_PAGE = """<!doctype html>
<html lang="{html}"><head><meta charset="utf-8"><title>Kunlian</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/console.css"><script src="/console.js" defer></script></head>
<body class="page"><main id="search" data-lang="{lang}" data-csrf="{csrf}" data-trust="/trust.json"
 data-directory="/directory.json"><h1>Search</h1></main></body></html>"""
_KINDS = (
    *("subject", "person", "requester", "provider", "item", "finding", "unmatched"),
    *("dispute", "responsible"),
)


@dataclass(slots=True)
class SearchSite:
    """A chain, what it is asked, and what is answered; both may be changed between requests."""

    chain: SyntheticChain
    answer: bytes = b""
    status: int = 200
    asked: list[Mapping[str, object]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    address: str = ""
    # What its directory says besides.
    more: dict[str, object] = field(default_factory=dict)

    def trust(self) -> bytes:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "genesis.json"
            write_genesis_file(path, self.chain.genesis)
            return path.read_bytes()

    def directory(self) -> bytes:
        named = [
            {"id": one.organisation, "name": one.name} for one in self.chain.genesis.organisations
        ]
        return json.dumps(
            {
                "departments": named,
                "items": ["population.basic"],
                "kinds": _KINDS,
                **self.more,
            }
        ).encode()


@contextmanager
def served_search(site: SearchSite) -> Iterator[SearchSite]:
    """Serve it until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(site: SearchSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.paths.append(self.path)
            path, _, query = self.path.partition("?")
            lang = "en" if query == "lang=en" else "zh"
            pages: dict[str, tuple[str, Callable[[], bytes]]] = {
                "/search": ("text/html", lambda: _page(lang)),
                "/console.js": ("text/javascript", lambda: asset("console.js")),
                "/console.css": ("text/css", lambda: asset("console.css")),
                "/trust.json": ("application/json", site.trust),
                "/directory.json": ("application/json", site.directory),
            }
            if path in pages:
                kind, make = pages[path]
                self._send(200, kind, make())
            else:
                self._send(404, "text/plain", b"")

        def do_POST(self) -> None:
            site.paths.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            site.asked.append(json.loads(body))
            site.tokens.append(self.headers.get("X-CSRF-Token"))
            if site.status == 200:
                self._send(200, "application/vnd.kunlian.kunproof", site.answer)
            else:
                self._send(site.status, "application/problem+json", site.answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
            """Say nothing."""

        def _send(self, status: int, kind: str, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def _page(lang: str) -> bytes:
    html = "zh-CN" if lang == "zh" else "en"
    return _PAGE.format(html=html, lang=lang, csrf=CSRF).encode()
