"""What the tests of the main job share: the devnet, its keys, and the figures they print."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from chainnode.client import Client
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.suites.port import PrivateKey
from chainnode.verify import Trust
from tests.acceptance.commands import Kun
from tests.acceptance.waiting import until

NAMES = ("police", "civil", "housing", "data")
SETTLE_S = 60.0


def report(line: str) -> None:
    """Print a figure for the closing note."""
    print(f"  · {line}", flush=True)  # noqa: T201 - the output is the point


@dataclass(frozen=True, slots=True)
class MainJob:
    """The running devnet with the demo."""

    kun: Kun
    up_seconds: float
    banner: str

    @property
    def folder(self) -> Path:
        """The devnet's folder."""
        return self.kun.folder

    @property
    def demo(self) -> Any:  # noqa: ANN401 - the JSON of the contract for scripts
        """The `demo` object of the status."""
        return self.kun.status["demo"]

    @property
    def trust(self) -> Trust:
        """The chain's genesis as trust anchor."""
        return Trust.load((self.folder / "genesis.json").read_bytes())

    def key(self, name: str) -> PrivateKey:
        """Open the key of a demo identity."""
        _, key = open_key(
            self.folder / "identities" / f"{name}.key.json",
            purpose=KeyPurpose.SUBMISSION,
            passphrase=read_passphrase(self.folder / "passphrase"),
        )
        return key

    def client(self, *nodes: str, key: str | None = None) -> Client:
        """Return an SDK client of these nodes, of all when none is named."""
        urls = nodes or self.kun.apis
        return Client(urls, self.trust, None if key is None else self.key(key))

    def settle(self) -> list[dict[str, Any]]:
        """Start what is stopped, wait until all four nodes are in step, return their status."""
        for node in self.kun.status["nodes"]:
            if node["state"] == "stopped":
                self.kun("devnet", "start", node["name"])
        return until(self._in_step, timeout_s=SETTLE_S, what="all four nodes in step")

    def _in_step(self) -> list[dict[str, Any]] | None:
        status = self.kun.status
        nodes = status["nodes"]
        heights = [node["height"] or 0 for node in nodes]
        is_close = max(heights) - min(heights) <= 1
        return nodes if status["healthy"] and is_close else None


def header_digests(apis: tuple[str, ...], height: int) -> set[str]:
    """Return the digests that the nodes certify for one height."""
    return {
        httpx.get(f"{api}/v1/headers/{height}", timeout=10).json()["certificate"]["header_digest"]
        for api in apis
    }


def unbase64(text: str) -> bytes:
    """Read padded base64."""
    return base64.b64decode(text, validate=True)
