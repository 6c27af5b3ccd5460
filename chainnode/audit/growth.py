"""What the read model keeps of an advance: computed from log entries, without a database.

The trees are those of docs/wire-format.md §10; of their nodes only a coarse part is kept.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chainnode.audit.port import (
    CHUNK_NODE_LEVEL_MIN,
    KIND_MAX,
    ROW_NODE_LEVEL,
    Growth,
    TrailState,
)
from chainnode.audit.tallies import Tallies, tallies_of
from chainnode.ledger.codec import decode_entry
from chainnode.ledger.merkle import DIGEST_BYTES, LEAF_TAG, NODE_TAG, Hash
from chainnode.ledger.trails import chunk_leaf, encode_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """The entries that one advance covers, decoded as far as the index looks at them."""

    stop: int
    # Position and kinds (as bits) of every entry.
    entries: Sequence[tuple[int, int]] = field(repr=False)
    # Key -> position and leaf hash of each entry that carries it, ascending.
    keyed: Mapping[bytes, Sequence[tuple[int, bytes]]] = field(repr=False)
    tallies: Tallies = field(default_factory=Counter, repr=False)


def read_advance(h: Hash, start: int, entries: Iterable[bytes]) -> Advance:
    """Read the entries of one advance, the first of which stands at `start`."""
    kinds: list[tuple[int, int]] = []
    keyed: dict[bytes, list[tuple[int, bytes]]] = {}
    tallies: Tallies = Counter()
    position = start - 1
    for position, data in enumerate(entries, start=start):
        leaf = (position, h(LEAF_TAG + data))
        mask = 0
        entry = decode_entry(data)
        tallies.update(tallies_of(entry))
        for key in entry.index_keys:
            keyed.setdefault(key, []).append(leaf)
            mask |= 1 << min(key[0], KIND_MAX)
        kinds.append((position, mask))
    return Advance(stop=position + 1, entries=kinds, keyed=keyed, tallies=tallies)


def grow(
    h: Hash,
    advances: Sequence[Advance],
    *,
    known: Mapping[bytes, TrailState],
    next_identity: int,
) -> Growth:
    """Return what these advances, one after the other, add to the trails that are `known`."""
    builder = _Builder(h, dict(known), next_identity)
    tallies: Tallies = Counter()
    for advance in advances:
        tallies.update(advance.tallies)
        for key, leaves in advance.keyed.items():
            builder.add(key, leaves)
    return Growth(
        log_size=advances[-1].stop,
        states=builder.states,
        entries=[one for advance in advances for one in advance.entries],
        rows=builder.rows,
        chunks=builder.chunks,
        nodes=builder.nodes,
        tallies=[(one.encoded, count) for one, count in sorted(tallies.items())],
    )


class _Builder:
    """Gathers the rows of the tables, one chunk of one key at a time."""

    def __init__(self, h: Hash, states: dict[bytes, TrailState], next_identity: int) -> None:
        self._h = h
        self._next_identity = next_identity
        self.states = states
        self.rows: list[tuple[int, int, int, int]] = []
        self.chunks: list[tuple[int, int, int, int, int, bytes, bytes]] = []
        self.nodes: list[tuple[int, int, int, bytes]] = []

    def add(self, key: bytes, leaves: Sequence[tuple[int, bytes]]) -> None:
        """Give the trail of `key` the chunk that holds these positions and leaf hashes."""
        state = self.states.get(key)
        if state is None:
            state = TrailState(identity=self._next_identity)
            self._next_identity += 1
        trail, number, first = state.identity, state.chunks, state.rows
        self.rows += [
            (trail, position, row, number) for row, (position, _) in enumerate(leaves, start=first)
        ]
        root, nodes = _chunk_tree(self._h, [encode_row(*leaf) for leaf in leaves])
        self.chunks.append((trail, number, first, len(leaves), leaves[0][0], root, nodes))
        self.states[key] = TrailState(
            identity=trail,
            rows=first + len(leaves),
            chunks=number + 1,
            peaks=self._next_peaks(state, chunk_leaf(first, len(leaves), root)),
        )

    def _next_peaks(self, state: TrailState, leaf: bytes) -> bytes:
        """Put one chunk behind the others; keep the nodes that this completes."""
        digest = self._h(LEAF_TAG + leaf)
        peaks, number, level = state.peaks, state.chunks, 0
        while number & 1:
            digest = self._h(NODE_TAG + peaks[-DIGEST_BYTES:] + digest)
            peaks = peaks[:-DIGEST_BYTES]
            number >>= 1
            level += 1
            if level >= CHUNK_NODE_LEVEL_MIN:
                self.nodes.append((state.identity, level, number, digest))
        return peaks + digest


def _chunk_tree(h: Hash, rows: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the root over the rows of a chunk, and the packed digests of its runs of 64."""
    level = [h(LEAF_TAG + row) for row in rows]
    height, kept = 0, b""
    while len(level) > 1:
        above = [h(NODE_TAG + level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
        # The last node of a level without a sibling moves up as it is.
        level = above + level[len(above) * 2 :]
        height += 1
        if height == ROW_NODE_LEVEL:
            kept = b"".join(level[: len(rows) >> ROW_NODE_LEVEL])
    return level[0], kept


def row_node(
    h: Hash, *, level: int, index: int, nodes: bytes, leaf: Callable[[int], bytes]
) -> bytes:
    """Return a complete node of the tree over a chunk's rows: from what was kept, or from rows.

    `leaf` gives the hash of a row's leaf by its number in the chunk.
    """
    if level >= ROW_NODE_LEVEL:
        width = 1 << level - ROW_NODE_LEVEL
        start = index * width * DIGEST_BYTES
        run = nodes[start : start + width * DIGEST_BYTES]
        digests = [run[i : i + DIGEST_BYTES] for i in range(0, len(run), DIGEST_BYTES)]
    else:
        digests = [leaf(one) for one in range(index << level, index + 1 << level)]
    return fold(h, digests)


def fold(h: Hash, digests: Sequence[bytes]) -> bytes:
    """Return the node above a power of two of digests; of none (a damaged store), no digest."""
    row = list(digests)
    while len(row) > 1:
        row = [h(NODE_TAG + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
    return row[0] if row else b""
