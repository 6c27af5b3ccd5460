"""LevelDB behind one wall: bytes in, bytes out, and no second chance after an error.

The only file that imports plyvel; its types and exceptions stay here (ADR-0005). LevelDB goes on
acknowledging synchronous writes after a log write failed and loses them, so the first error of
any kind poisons the store: every later call raises, and the process is meant to exit.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import plyvel

from chainnode.errors import StorageError
from chainnode.ledger.directory import sync_folder

# A block of 1000 records is about 0.6 MB: some twenty of them go into one table.
_WRITE_BUFFER_BYTES = 16 * 1024 * 1024
_CACHE_BYTES = 32 * 1024 * 1024
_TABLE_BYTES_MAX = 8 * 1024 * 1024
# One false answer in a hundred: most digests that are looked up are new.
_BLOOM_BITS = 10
# A folder's time of change moves in ticks of a few milliseconds; this is many of them.
_SURE_AFTER_NS = 100_000_000

_Result = TypeVar("_Result")
Change = tuple[bytes, bytes | None]


class StoreFailed(StorageError):
    """LevelDB or the system below it failed: what was being written is unknown."""

    def __init__(self, *, operation: str, cause: str) -> None:
        self.operation = operation
        self.cause = cause
        super().__init__(f"ledger store: {operation} failed: {cause}")


class _Readable(Protocol):
    """What a database and a snapshot have in common."""

    def get(self, key: bytes, *, verify_checksums: bool) -> bytes | None: ...

    def iterator(
        self,
        *,
        start: bytes,
        stop: bytes,
        reverse: bool,
        verify_checksums: bool,
        fill_cache: bool,
    ) -> "_Rows": ...


class _Rows(Protocol):
    """An iterator of LevelDB, which is to be closed."""

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]: ...

    def __next__(self) -> tuple[bytes, bytes]: ...

    def close(self) -> None: ...


class Snapshot:
    """The store as it was at one moment; cheap to hold, released with the last reference."""

    def __init__(self, store: "Store", source: _Readable) -> None:
        self._store = store
        self._source = source

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key` at that moment."""
        return self._store.read(self._source, key)

    def iterate(self, *, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs with `start ≤ key < stop` of that moment, ascending."""
        return self._store.rows(self._source, start=start, stop=stop)


class Store:
    """Ordered map from bytes to bytes with atomic, synchronous writes. Thread-safe.

    `close` only when no other thread is inside a call any more.
    """

    def __init__(self, database: plyvel.DB, names: "_Names") -> None:
        self._database = database
        self._names = names
        self._failure: StoreFailed | None = None

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open or make the database, refusing one whose log or table index is damaged.

        Raises:
            StoreFailed: LevelDB refuses it or the file system fails.

        """
        try:
            database = plyvel.DB(
                str(path),
                create_if_missing=True,
                paranoid_checks=True,
                write_buffer_size=_WRITE_BUFFER_BYTES,
                lru_cache_size=_CACHE_BYTES,
                max_file_size=_TABLE_BYTES_MAX,
                bloom_filter_bits=_BLOOM_BITS,
            )
            names = _Names(path)
            names.make_durable()
        except (plyvel.Error, OSError) as error:
            raise StoreFailed(operation="open", cause=f"{_cause(error)} ({path})") from error
        return cls(database, names)

    @property
    def has_failed(self) -> bool:
        """Tell whether an error was seen; nothing is read or written any more."""
        return self._failure is not None

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, its checksum verified.

        Raises:
            StoreFailed: damaged or unreadable, or the store failed before.

        """
        return self.read(self._database, key)

    def read(self, source: _Readable, key: bytes) -> bytes | None:
        """Read from the database or one of its snapshots (for `Snapshot`)."""
        return self._guarded("read", lambda: source.get(key, verify_checksums=True))

    def iterate(
        self, *, start: bytes, stop: bytes, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs with `start ≤ key < stop`, ascending or descending.

        Raises:
            StoreFailed: damaged or unreadable, or the store failed before.

        """
        return self.rows(self._database, start=start, stop=stop, reverse=reverse)

    def rows(
        self, source: _Readable, *, start: bytes, stop: bytes, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over the database or one of its snapshots (for `Snapshot`)."""
        rows = self._guarded(
            "iterate",
            lambda: source.iterator(
                start=start,
                stop=stop,
                reverse=reverse,
                verify_checksums=True,
                fill_cache=False,
            ),
        )
        try:
            while (row := self._guarded("iterate", lambda: next(rows, None))) is not None:
                yield row
        finally:
            rows.close()

    def snapshot(self) -> Snapshot:
        """Return the store as it is now.

        Raises:
            StoreFailed: the store failed before.

        """
        return Snapshot(self, self._guarded("snapshot", self._database.snapshot))

    def write(self, changes: Iterable[Change], *, sync: bool) -> None:
        """Write all changes or none; None deletes. With `sync` durable when this returns.

        A later synchronous write makes earlier ones durable too: LevelDB's log is sequential.

        Raises:
            StoreFailed: unknown whether it happened; the process must exit.

        """
        self._guarded("write", lambda: self._write(changes, sync=sync))

    def close(self) -> None:
        """Close the database; snapshots must not be used afterwards."""
        self._database.close()

    def _write(self, changes: Iterable[Change], *, sync: bool) -> None:
        batch = self._database.write_batch(sync=sync)
        for key, value in changes:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.write()
        if sync:
            self._names.make_durable()

    def _guarded(self, operation: str, action: Callable[[], _Result]) -> _Result:
        """Run one call into LevelDB; the first error is the last call that gets through."""
        if self._failure is not None:
            raise StoreFailed(
                operation=operation, cause=f"stopped after: {self._failure}"
            ) from self._failure
        try:
            return action()
        except (plyvel.Error, OSError, RuntimeError) as error:
            # RuntimeError is plyvel's word for a closed database.
            self._failure = StoreFailed(operation=operation, cause=_cause(error))
            raise self._failure from error


class _Names:
    """Makes the names of LevelDB's files durable before a synchronous write is acknowledged.

    LevelDB syncs what is in a new log, and what CURRENT says, but neither's name: a power cut
    could take the log away with all that it held. Looking costs one `stat` a write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._durable_ns = -1

    def make_durable(self) -> None:
        """Sync the folder if a name in it may have changed since the last time."""
        changed_ns = self._folder.stat().st_mtime_ns
        if changed_ns == self._durable_ns:
            return
        sync_folder(self._folder)
        # Within one tick another change would bear the same time: then look again.
        is_sure = time.time_ns() - changed_ns > _SURE_AFTER_NS
        self._durable_ns = changed_ns if is_sure else -1


def _cause(error: Exception) -> str:
    """Return LevelDB's words, which plyvel passes on as bytes, or the system's."""
    if isinstance(error, OSError) and error.errno is not None:
        return str(error)
    return " ".join(
        one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in error.args
    )
