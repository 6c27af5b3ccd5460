"""A log in memory whose index advances every third block, and what it holds word by word."""

from collections.abc import Iterator, Sequence

from chainnode.ledger.codec import decode_entry, encode_entry
from chainnode.ledger.types import Entry, Head, Header, Rest
from chainnode.suites import suite_named
from tests import naive_index

CHAIN_ID = b"\x01" * 32
SUBJECT, REQUESTER = 1, 2
ALICE, BOB = b"\x01" + b"a" * 32, b"\x01" + b"b" * 32
POLICE, TAX = b"\x02POLICE", b"\x02TAX"
NOBODY = b"\x01" + b"n" * 32
# Two entries a block, a block a second; the index moves with every third block.
PER_BLOCK = 2
PER_ADVANCE = 3 * PER_BLOCK
H = suite_named("intl").digest


class MemoryLog:
    """An `EntrySource` over a list; block h holds entries 2h − 2 and 2h − 1."""

    def __init__(self, count: int = 0, *, per_advance: int = PER_ADVANCE) -> None:
        self.data: list[bytes] = []
        self.first_covered = 0
        self._per_advance = per_advance
        self.grow(count)

    def grow(self, count: int) -> None:
        for position in range(len(self.data), len(self.data) + count):
            subject = ALICE if position % 3 == 0 else BOB
            keys = tuple(sorted((subject, POLICE if position % 2 else TAX)))
            height = position // PER_BLOCK + 1
            entry = Entry(
                height=height,
                time_ms=height * 1000,
                submission_digest=b"d" * 32,
                call_index=0,
                organisation="ORG",
                key_id=b"k" * 20,
                contract="access",
                contract_version=1,
                outcome=0,
                index_keys=keys,
                body_digest=bytes(32),
            )
            self.data.append(encode_entry(entry))

    @property
    def height(self) -> int:
        return -(-len(self.data) // PER_BLOCK)

    @property
    def index_size(self) -> int:
        return len(self.data) // self._per_advance * self._per_advance

    def header(self, height: int) -> Header:
        zero = bytes(32)
        log_size = min(height * PER_BLOCK, len(self.data))
        head = Head(
            chain_id=CHAIN_ID,
            epoch=0,
            height=height,
            time_ms=height * 1000,
            parent_digest=zero,
            batch_digest=zero,
            log_size=log_size,
            index_size=log_size // self._per_advance * self._per_advance,
        )
        roots = ("log", "records", "index", "state", "receipts")
        return Header(
            head=head,
            rest=Rest(
                **{f"{name}_root": zero for name in roots},
                members_digest=zero,
                next_members_digest=zero,
            ),
        )

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        assert start >= self.first_covered, "an entry that is not here"
        return iter(self.data[start:stop])

    def advance_ends(self, start: int, stop: int) -> Sequence[int]:
        step = self._per_advance
        return range((start // step + 1) * step, min(stop, self.index_size) + 1, step)

    def positions(self, key: bytes) -> list[int]:
        """All positions of a key that the index covers."""
        entries = (decode_entry(one) for one in self.data[: self.index_size])
        return [position for position, one in enumerate(entries) if key in one.index_keys]

    def chunks(self, key: bytes) -> list[list[bytes]]:
        """The rows of a key, a list for each advance that had any."""
        found: dict[int, list[bytes]] = {}
        for position in self.positions(key):
            row = naive_index.row(H, position, self.data[position])
            found.setdefault(position // self._per_advance, []).append(row)
        return list(found.values())
