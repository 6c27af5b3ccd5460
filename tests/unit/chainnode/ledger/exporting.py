"""A chain that hands out its maps piece by piece, for ledgers that come to stand on them."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from chainnode.codec import encode
from chainnode.ledger import keyspace
from chainnode.ledger.chain import Ledger
from chainnode.ledger.keyspace import MapKeys
from chainnode.ledger.snapshots import Exported, SnapshotEnd
from chainnode.ledger.subtrees import SubtreePage, cut_manifest, verify_page
from tests.unit.chainnode.ledger.blocks import BlockMaker, open_ledger, state_key

BITS = 8
# Nothing waits for the index after an even number of blocks, a second apart.
BLOCKS = 10


class Source:
    """A chain that somebody else has executed, and another ledger may follow."""

    def __init__(self, folder: Path, *, calls: int = 5, blocks: int = BLOCKS) -> None:
        self.maker = BlockMaker()
        self.h = self.maker.suite.digest
        self.ledger = open_ledger(folder)
        for _ in range(blocks):
            self.grow(calls=calls)

    def grow(self, *followers: Ledger, calls: int = 5) -> None:
        submission = self.maker.submission(calls=calls)
        height = self.ledger.height + 1
        state: dict[bytes, bytes | None] = {
            state_key("height"): encode((height,)),
            **{state_key(f"thing {height} {one}"): encode((one,)) for one in range(20)},
            state_key(f"thing {height - 1} 3"): None,
        }
        for ledger in (self.ledger, *followers):
            ledger.append(self.maker.block(ledger, [submission], state=state))
            ledger.store_certificate(self.maker.encoded_certificate(ledger.tip))

    def end(self, height: int | None = None) -> SnapshotEnd:
        height = self.ledger.height if height is None else height
        header = self.ledger.header(height)
        certificate = self.ledger.certificate(height)
        assert certificate is not None
        edge = self.ledger.log_edge(header.head.log_size)
        return SnapshotEnd(header=header, certificate=certificate, edge=edge)

    def pages(self, height: int | None = None) -> Iterator[tuple[MapKeys, SubtreePage, bytes]]:
        """Yield the only page of every subtree: at 2^8 buckets one bucket each."""
        exported = self.ledger.export(self.ledger.height if height is None else height)
        for name, one in exported.maps.items():
            for subtree, digest in enumerate(cut_manifest(one.manifest)):
                items = items_of(exported, name, subtree)
                page = SubtreePage(subtree=subtree, first=0, buckets=(items,), others=())
                yield one.keys, page, digest

    def stage(self, ledger: Ledger, *, height: int | None = None, count: int | None = None) -> None:
        ledger.staging.open()
        for keys, page, digest in itertools.islice(self.pages(height), count):
            rows = verify_page(self.h, bits=BITS, digest=digest, page=page)
            ledger.staging.of(keys).put(page, rows, digest=digest)
        ledger.staging.close()

    def stage_and_install(self, ledger: Ledger, *, vote_mark: bytes | None = None) -> None:
        self.stage(ledger)
        ledger.install(self.end(), vote_mark=vote_mark)


def items_of(exported: Exported, name: str, bucket: int) -> tuple[tuple[bytes, bytes], ...]:
    one = exported.maps[name]
    start, stop = one.keys.values_between(one.slot, bucket, bucket + 1, bits=BITS)
    return tuple(
        (keyspace.key_digest_of(key), value)
        for key, value in exported.source.iterate(start=start, stop=stop)
    )
