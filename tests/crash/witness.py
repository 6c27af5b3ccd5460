"""A real node that says, into a file of its own, what it hands to the network.

Between nodes all is encrypted, so a trace does not show what left. This process is `kun node
start` with one addition: before a consensus message goes to the transport, its bytes are
written to a file. A trace shows that write in its place among the writes and syncs of the data
directory; a message counts as sent from there on, which is a little earlier than the truth.
Files that are replaced when they are full are made small, so that a short run replaces some.
"""

import os
import sys
from pathlib import Path

import chainnode.driver.network
import chainnode.ledger.store
import chainnode.node
import chainnode.votelog.log
from chainnode.cli import main
from chainnode.codec import encode
from chainnode.driver.network import PeerNetwork
from consensus.codec import message_to_plain
from consensus.messages import Message
from consensus.types import ReplicaId

# Some seconds of load fill these several times.
SEGMENT_BYTES = 32 * 1024
WRITE_BUFFER_BYTES = 64 * 1024


class WitnessedNetwork(PeerNetwork):
    """Notes each consensus message before it goes."""

    descriptor = -1

    def send(self, to: ReplicaId, message: Message) -> None:
        self._note(message)
        super().send(to, message)

    def broadcast(self, message: Message) -> None:
        self._note(message)
        super().broadcast(message)

    def _note(self, message: Message) -> None:
        os.write(self.descriptor, encode(message_to_plain(message)))


def run(witness: Path, folder: Path) -> None:
    """Be `kun node start --dir folder`."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    WitnessedNetwork.descriptor = os.open(witness, flags, 0o600)
    vars(chainnode.node)["PeerNetwork"] = WitnessedNetwork
    vars(chainnode.votelog.log)["SEGMENT_BYTES"] = SEGMENT_BYTES
    vars(chainnode.ledger.store)["_WRITE_BUFFER_BYTES"] = WRITE_BUFFER_BYTES
    main(["node", "start", "--dir", str(folder)])


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
