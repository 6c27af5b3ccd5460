"""Many small byte strings in few blocks of memory, for changes of many keys. Pure.

A single call into C keeps the interpreter lock until it returns: to free a dict of 50,000 pairs,
to sort them, or to let the collector look at as many lists takes milliseconds, in which the loop
of the node stands still. What an advance of the index makes is therefore packed here: nothing to
look at, nothing to free one by one (docs/adr/0017-verifiable-index.md).
"""

import heapq
from array import array
from bisect import bisect_left
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from typing import Protocol

from chainnode.ledger.merkle import DIGEST_BYTES

# So many are sorted at a time: half a millisecond.
_PORTION = 4096


class Changes(Protocol):
    """New values by key digest, each key once; None takes the key out. A mapping is one."""

    def items(self) -> Iterable[tuple[bytes, bytes | None]]:
        """Return the pairs of key digest and value."""
        ...


class PackedStrings:
    """Byte strings of any length in the order in which they came."""

    __slots__ = ("_data", "_ends")

    def __init__(self) -> None:
        self._data = bytearray()
        self._ends = array("Q")

    def append(self, one: bytes) -> None:
        """Add one at the end."""
        self._data += one
        self._ends.append(len(self._data))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ends)

    def __getitem__(self, at: int) -> bytes:
        """Return the one at this place, from 0 on."""
        return bytes(self._data[self._ends[at - 1] if at else 0 : self._ends[at]])

    def __iter__(self) -> Iterator[bytes]:
        """Yield all in order."""
        data, start = self._data, 0
        for stop in self._ends:
            yield bytes(data[start:stop])
            start = stop


class PackedValues:
    """New values by key digest, none of which goes (`Changes`)."""

    __slots__ = ("_digests", "_values")

    def __init__(self) -> None:
        self._digests = bytearray()
        self._values = PackedStrings()

    def append(self, key_digest: bytes, value: bytes) -> None:
        """Add a key that is not here yet."""
        self._digests += key_digest
        self._values.append(value)

    def items(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield the pairs of key digest and value in the order in which they came."""
        at = 0
        for value in self._values:
            yield bytes(self._digests[at : at + DIGEST_BYTES]), value
            at += DIGEST_BYTES


class PackedRows(Mapping[int, bytes]):
    """Rows by bucket number, ascending."""

    __slots__ = ("_numbers", "_rows")

    def __init__(self) -> None:
        self._numbers = array("I")
        self._rows = PackedStrings()

    def append(self, number: int, rows: bytes) -> None:
        """Add a bucket above all that are here."""
        self._numbers.append(number)
        self._rows.append(rows)

    def pairs(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and rows of every bucket, ascending."""
        return zip(self._numbers, self._rows, strict=True)

    def items(self) -> ItemsView[int, bytes]:
        """Return the same, without a search for each."""
        return _RowItems(self)

    def __getitem__(self, number: int) -> bytes:
        """Return the rows of a bucket."""
        at = bisect_left(self._numbers, number)
        if at == len(self._numbers) or self._numbers[at] != number:
            raise KeyError(number)
        return self._rows[at]

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers, ascending."""
        return iter(self._numbers)

    def __len__(self) -> int:
        """Return how many buckets there are."""
        return len(self._numbers)


class _RowItems(ItemsView[int, bytes]):
    """The pairs of `PackedRows`."""

    def __init__(self, rows: PackedRows) -> None:
        super().__init__(rows)
        self._rows = rows

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield them, ascending."""
        return self._rows.pairs()


class PackedDigests:
    """Digests by index in a level of a tree, ascending: 36 bytes each."""

    __slots__ = ("_digests", "indexes")

    def __init__(self) -> None:
        self.indexes = array("I")
        self._digests = bytearray()

    def append(self, index: int, digest: bytes) -> None:
        """Add one above all that are here."""
        self.indexes.append(index)
        self._digests += digest

    def __iter__(self) -> Iterator[tuple[int, bytes | bytearray]]:
        """Yield index and digest of each, ascending."""
        digests, at = self._digests, 0
        for index in self.indexes:
            yield index, digests[at : at + DIGEST_BYTES]
            at += DIGEST_BYTES


def ascending(digests: Changes) -> Iterator[bytes]:
    """Yield every key, with the value's digest after it unless it is None, in ascending order.

    Sorted in portions, so that other threads never wait for all.
    """
    portions: list[list[bytes]] = [[]]
    for key_digest, value in digests.items():
        if len(portions[-1]) == _PORTION:
            portions.append([])
        portions[-1].append(key_digest if value is None else key_digest + value)
    return heapq.merge(*[iter(sorted(one)) for one in portions])
