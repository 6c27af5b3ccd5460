"""What of a chain stands for all of it below a certified height, and what of it is exported.

A snapshot is the header with its certificate, and parts, each proven by a root of the header:
the right edge of the log here, the maps by subtrees (`subtrees`, `staging`). ADR-0013.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chainnode.ledger import keyspace
from chainnode.ledger.base import Base, encode_base
from chainnode.ledger.codec import encode_header
from chainnode.ledger.log import STORED_LEVEL_MIN
from chainnode.ledger.merkle import Frontier, Hash, InvalidProof, hash_leaf
from chainnode.ledger.store import Change, Snapshot
from chainnode.ledger.stored_map import ExportedMap
from chainnode.ledger.types import Header

# The lowest levels of the log are hashed again from entries: those of the last, unfinished
# node of the lowest stored level travel with the edge.
EDGE_ENTRIES = 1 << STORED_LEVEL_MIN


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEdge:
    """What a log needs to go on: stored complete nodes, largest first, and the entries after."""

    nodes: tuple[bytes, ...]
    entries: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEnd:
    """The certified header that a snapshot stands under, and the edge of its log."""

    header: Header
    certificate: bytes = field(repr=False)
    edge: LogEdge


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One height as it is handed out: a view of the store, and its maps by name."""

    header: Header
    maps: Mapping[str, ExportedMap] = field(repr=False)
    source: Snapshot = field(repr=False)


def is_base(header: Header) -> bool:
    """Tell whether one may stand on this height: nothing waits for the index, which travels not."""
    return header.head.index_size == header.head.log_size


def edge_start(log_size: int) -> int:
    """Return the first position whose entry travels with the edge of a log of this size."""
    return log_size - log_size % EDGE_ENTRIES


def verify_edge(h: Hash, *, header: Header, edge: LogEdge) -> Frontier:
    """Check that a log as of `header` has this edge; return it, ready to be extended.

    Raises:
        InvalidProof: it has another one.

    """
    size = header.head.log_size
    start = edge_start(size)
    if len(edge.entries) != size - start:
        raise InvalidProof(
            what="entries at the edge", expected=f"{size - start}", actual=f"{len(edge.entries)}"
        )
    frontier = Frontier(h, size=start, nodes=edge.nodes)
    frontier.extend([hash_leaf(h, one) for one in edge.entries])
    root = frontier.root()
    if root != header.rest.log_root:
        raise InvalidProof(what="log root", expected=header.rest.log_root.hex(), actual=root.hex())
    return frontier


def switch_changes(end: SnapshotEnd, *, slot: int) -> Iterator[Change]:
    """Yield the one write after which what was staged is live, and its header the tip."""
    header = end.header
    start = edge_start(header.head.log_size)
    base = Base(slot=slot, height=header.height, first_position=start)
    yield keyspace.BASE, encode_base(base)
    yield keyspace.FLOOR, keyspace.encode_number(header.height + 1)
    yield keyspace.header_key(header.height), encode_header(header)
    yield keyspace.certificate_key(header.height), end.certificate
    if header.head.index_size:
        yield keyspace.advance_key(header.head.index_size), keyspace.encode_number(header.height)
    levels = [level for level in range(start.bit_length()) if start >> level & 1]
    for level, digest in zip(reversed(levels), end.edge.nodes, strict=True):
        yield keyspace.log_node_key(level, (start >> level) - 1), digest
    for position, entry in enumerate(end.edge.entries, start):
        yield keyspace.entry_key(position), entry
