"""What the demo's identities submit: one SDK client for each key, because it counts its nonces."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from chainnode.client import Client, Final
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.submission import Call
from chainnode.verify import Trust
from devnet.departments import Department
from devnet.errors import NotReady
from devnet.topology import DevnetFolder, Topology

# More wait for the nodes than compute here.
_SUBMITTERS = 8


class DemoRefused(NotReady):
    """The chain did not take the demo's data: our fault, or a chain that is not its own."""


def demo_now_ms(topology: Topology) -> int:
    """Return what the clock of the devnet reads."""
    return time.time_ns() // 1_000_000 + topology.clock_offset_ms


def open_client(
    folder: DevnetFolder, topology: Topology, identity: str, *, first: str = ""
) -> Client:
    """Return a client with the key of `identity` that asks the node `first` before others."""
    _, key = open_key(
        folder.identity(identity),
        purpose=KeyPurpose.SUBMISSION,
        passphrase=read_passphrase(folder.passphrase),
    )
    nodes = sorted(topology.nodes, key=lambda one: one.name != first)
    trust = Trust.load(folder.genesis.read_bytes())
    return Client([one.api for one in nodes], trust, key, now_ms=lambda: demo_now_ms(topology))


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitters:
    """Threads that submit side by side, and clients that are closed at the end."""

    folder: DevnetFolder
    topology: Topology
    threads: ThreadPoolExecutor
    stack: ExitStack

    def client(self, identity: str, department: Department) -> Client:
        """Open the client of an identity, which asks its own department's node first."""
        opened = open_client(self.folder, self.topology, identity, first=department.name)
        return self.stack.enter_context(opened)

    def submit(self, client: Client, contract: str, calls: Sequence[Call]) -> "Future[int]":
        """Submit in the background; the result is the height."""
        return self.threads.submit(submit_all, client, contract, calls)


@contextmanager
def submitters(folder: DevnetFolder, topology: Topology) -> Iterator[Submitters]:
    """Open threads for submitting; all of them have ended when it closes."""
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(max_workers=_SUBMITTERS))
        yield Submitters(folder=folder, topology=topology, threads=threads, stack=stack)


def submit_all(client: Client, contract: str, calls: Sequence[Call]) -> int:
    """Submit and return the height; every call must be accepted.

    Raises:
        DemoRefused: something was not.

    """
    outcome = client.submit(contract, calls)
    if not isinstance(outcome, Final):
        reports = "; ".join(f"{one.node}: {one.detail}" for one in outcome.reports[-4:])
        raise DemoRefused("the demo", reason=f"{contract}: no finality ({reports})")
    if not outcome.is_accepted:
        codes = sorted({one.code_name for one in outcome.calls if one.code})
        raise DemoRefused("the demo", reason=f"{contract}: {outcome.code_name} {codes}")
    return outcome.height
