"""Real HTTP servers for the command line: one with answers of a test's choice, and little nodes."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chainnode.cli.main import run
from chainnode.genesis import write_genesis_file
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.secret_files import write_secret_file
from tests.builders_evidence import SyntheticChain
from tests.little_node import Alter, LittleChain, LittleNode, little_nodes


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


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass
class Site:
    """A user's files, three nodes of a synthetic chain, and `kun` over them."""

    path: Path
    nodes: list[LittleNode]
    evidence: SyntheticChain
    capture: pytest.CaptureFixture[str]

    @property
    def trust(self) -> str:
        return str(self.path / "genesis.json")

    def file(self, name: str, content: bytes) -> str:
        (self.path / name).write_bytes(content)
        return str(self.path / name)

    def kun(self, *words: str, signs: bool = False) -> Done:
        """Run a command over the nodes; `signs` names the key."""
        options = [word for node in self.nodes for word in ("--node", node.url)]
        options += ["--trust", self.trust]
        if signs:
            options += ["--key", str(self.path / "key.json")]
        return self.bare(*words, *options)

    def bare(self, *words: str) -> Done:
        """Run a command as it stands."""
        self.capture.readouterr()
        code = run(words)
        out, err = self.capture.readouterr()
        return Done(code=code, out=out, err=err)

    def alter_all(self, alter: Alter) -> None:
        for node in self.nodes:
            node.alter = alter


def at_home(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `kun` find its settings, its state and its pass phrase in this folder alone."""
    for name in [one for one in os.environ if one.startswith("KUN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KUN_LANG", "en")
    monkeypatch.setenv("KUN_KEY_PASSPHRASE_FILE", str(path / "passphrase"))
    monkeypatch.setenv("KUN_STATE_DIR", str(path / "state"))
    monkeypatch.chdir(path)


@pytest.fixture(scope="session")
def evidence() -> SyntheticChain:
    return SyntheticChain("intl")


@pytest.fixture
def site(
    tmp_path: Path,
    evidence: SyntheticChain,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    at_home(tmp_path, monkeypatch)
    write_genesis_file(tmp_path / "genesis.json", evidence.genesis)
    write_secret_file(tmp_path / "passphrase", b"correct horse\n")
    write_key_file(
        tmp_path / "key.json",
        evidence.client_key,
        suite=evidence.suite,
        purpose=KeyPurpose.SUBMISSION,
        passphrase=Passphrase(b"correct horse"),
        cost=DEVNET_COST,
    )
    with little_nodes(LittleChain(evidence), 3) as nodes:
        yield Site(path=tmp_path, nodes=nodes, evidence=evidence, capture=capsys)
