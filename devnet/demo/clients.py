"""SDK clients of the demo's identities."""

import time

from chainnode.client import Client
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.verify import Trust
from devnet.topology import DevnetFolder, Topology


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

    def now_ms() -> int:
        return time.time_ns() // 1_000_000 + topology.clock_offset_ms

    trust = Trust.load(folder.genesis.read_bytes())
    return Client([one.api for one in nodes], trust, key, now_ms=now_ms)
