"""One power cut for all nodes of a recording: where each of them was at the same instant.

The watchers write times of one clock. A message that a node had received was noted by its
sender earlier, so the parts fit together: nobody knows of a vote that nobody cast.
"""

import bisect
import itertools
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from consensus.messages import Checkpoint, Commit
from devnet.topology import DevnetFolder
from tests.crash.disk import CrashState, Disk, Loss
from tests.crash.operations import Said
from tests.crash.recording import RecordedNode, Recording
from tests.crash.verifying import Listener, Promise

# As many must have prepared a batch that no view change of a group of four may drop.
WEAK_QUORUM = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonCut:
    """An instant at which a batch is prepared by a weak quorum and signed by nobody."""

    instant_s: float
    sequence: int
    batch_digest: bytes
    # Header digests that were signed by then, by height.
    signed: dict[int, bytes]


def common_cuts(recording: Recording) -> Iterator[CommonCut]:
    """Yield the instants between the prepared and the committed state of a batch, in order."""
    prepared: dict[tuple[int, int, bytes], set[int]] = defaultdict(set)
    signed: dict[int, bytes] = {}
    for instant_s, promise in sorted(_promises(recording), key=lambda one: one[0]):
        message = promise.message
        if isinstance(message, Checkpoint):
            signed[message.height] = message.header_digest
        if not isinstance(message, Commit) or message.sequence in signed:
            continue
        voters = prepared[message.view, message.sequence, message.batch_digest]
        if message.sender not in voters:
            voters.add(message.sender)
            if len(voters) == WEAK_QUORUM:
                yield CommonCut(
                    instant_s=instant_s,
                    sequence=message.sequence,
                    batch_digest=message.batch_digest,
                    signed=dict(signed),
                )


def state_at(node: RecordedNode, instant_s: float, *, loss: Loss, seed: int = 0) -> CrashState:
    """Return what is left of a node's folder when the power goes at `instant_s`."""
    disk = Disk()
    for operation in node.operations[: _count_at(node, instant_s)]:
        disk.apply(operation)
    return disk.cut(loss, seed=seed)


def cut_site(recording: Recording, instant_s: float, folder: Path, *, loss: Loss) -> DevnetFolder:
    """Make a devnet whose nodes are all as a cut at that instant left them."""
    shutil.copytree(
        recording.site.path,
        folder,
        ignore=shutil.ignore_patterns("*.trace", "*.said", "nodes", "run"),
    )
    site = DevnetFolder(folder.resolve())
    (site.path / "nodes").mkdir(mode=0o700)
    site.run.mkdir()
    for node in recording.nodes:
        state_at(node, instant_s, loss=loss).write_to(site.node(node.place.name))
    return site


def _count_at(node: RecordedNode, instant_s: float) -> int:
    """Return how many operations had happened; threads' times may cross by microseconds."""
    times = list(itertools.accumulate(node.times[node.first :], max))
    return node.first + bisect.bisect_right(times, instant_s)


def _promises(recording: Recording) -> Iterator[tuple[float, Promise]]:
    for node in recording.nodes:
        listener = Listener(node)
        for time_s, operation in zip(node.times, node.operations, strict=True):
            if isinstance(operation, Said):
                promise = listener.promise_of(operation.payload)
                if promise is not None:
                    yield time_s, promise
