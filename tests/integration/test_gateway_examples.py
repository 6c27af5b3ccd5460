"""The examples of docs/gateway.md run as they stand, beside a devnet: only ports are put in."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from devnet.topology import HOST, DevnetFolder, Topology, free_ports, load_topology
from tests.integration.devnets import ROOT, Net, environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_SAMPLE = re.compile(r"```(toml|python)\n(.*?)```", re.DOTALL)
_MIDDLEWARE = re.compile(r"app\.add_middleware\(.*?\n\)\n", re.DOTALL)
_PRINTED = '200 {"person_id":"999900195102020010","result":"owns no flat"} True\n'
_STOP_S = 30.0


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    net = Net(tmp_path_factory.mktemp("examples") / ".kun-devnet")
    try:
        up = net.kun("devnet", "up", "--detach", "--suite", "intl")
        assert up.code == 0, up.err
        yield net
    finally:
        net.kun("devnet", "down")


def examples(topology: Topology, ports: Sequence[int]) -> dict[str, str]:
    """Read the samples of the page, with the ports of this devnet in them."""
    text = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    assert _PRINTED.strip() in text
    nodes = ", ".join(f'"{one.api}"' for one in topology.nodes[:2])
    text = re.sub(r"(?m)^node = \[.*\]$", f"node = [{nodes}]", text)
    custodian = f'custodian = "http://{HOST}:{topology.services.custodian}"'
    text = re.sub(r'(?m)^custodian = ".*"$', custodian, text)
    text = text.replace(":9000", f":{ports[0]}").replace(":9001", f":{ports[1]}")
    found = [body for _, body in _SAMPLE.findall(text)]
    return dict(zip(("provider", "service", "caller", "ask", "proxy"), found, strict=True))


def written(net: Net, name: str, files: dict[str, str]) -> Path:
    """Make a folder next to the devnet's."""
    folder = net.folder.parent / name
    folder.mkdir()
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


@contextlib.contextmanager
def running(folder: Path, *words: str) -> Iterator[None]:
    """Run a Python module in a folder until the block ends."""
    command = [sys.executable, "-m", *words]
    env = {**environment(), "PYTHONPATH": str(ROOT)}
    with (folder / f"{words[0]}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(_STOP_S)


def answers(port: int) -> bool:
    """Say whether somebody speaks HTTP there; /healthz is an open path of the examples."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://{HOST}:{port}/healthz").status_code > 0
    return False


def asked(net: Net, folder: Path) -> str:
    """Run the caller's example, and return what it prints."""
    net.until(lambda: answers(_port_of(folder)), "the gateway listens")
    env = {**environment(), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "ask.py"],
        check=False,
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=_STOP_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _port_of(folder: Path) -> int:
    found = re.search(r'base_url="http://[\d.]+:(\d+)"', (folder / "ask.py").read_text())
    assert found is not None
    return int(found[1])


def test_the_service_of_the_example_answers_the_caller_of_the_example(net: Net) -> None:
    ports = free_ports(2)
    texts = examples(load_topology(DevnetFolder(net.folder)), ports)
    provider = {"kun-gateway.toml": texts["provider"], "service.py": texts["service"]}
    ownership = written(net, "ownership", provider)
    desk = written(net, "desk", {"kun-gateway.toml": texts["caller"], "ask.py": texts["ask"]})
    with running(ownership, "uvicorn", "service:app", "--port", str(ports[0])):
        assert asked(net, desk) == _PRINTED

    def rows() -> list[dict[str, object]]:
        words = ("audit", "query", "--grant", "police-housing", "--purpose", "first call")
        found: list[dict[str, object]] = net.kun(*words, "--json").json["items"]
        return [one for one in found if "household registration" in str(one)]

    # The caller's record waits in its own spool where its process ended before it was sent.
    net.until(lambda: len(rows()) >= 1, "a record of the call with its purpose")


def test_the_proxy_of_the_example_answers_the_caller_of_the_example(net: Net) -> None:
    ports = free_ports(2)
    texts = examples(load_topology(DevnetFolder(net.folder)), ports)
    plain = _MIDDLEWARE.sub("", texts["service"])
    assert plain != texts["service"]
    config = texts["provider"] + 'subject = "json:person_id"\n' + texts["proxy"]
    proxy = written(net, "proxy", {"kun-gateway.toml": config, "service.py": plain})
    desk = written(net, "desk2", {"kun-gateway.toml": texts["caller"], "ask.py": texts["ask"]})
    with (
        running(proxy, "uvicorn", "service:app", "--port", str(ports[1])),
        running(proxy, "chainnode.cli", "gateway", "run", "--config", "kun-gateway.toml"),
    ):
        assert asked(net, desk) == _PRINTED
