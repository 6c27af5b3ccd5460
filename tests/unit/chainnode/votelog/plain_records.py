"""A vote log of plain byte strings: what the log does, without saying what a vote is."""

from pathlib import Path

from chainnode.errors import InvalidInput
from chainnode.votelog import Identity, VoteLog, open_vote_log

IDENTITY = Identity(chain_id=b"c" * 32, public_key=b"k" * 33)
UNREADABLE = b"unreadable"


class PlainRecords:
    """Payloads are the records."""

    def encode(self, record: bytes) -> bytes:
        return record

    def decode(self, payload: bytes) -> bytes:
        if payload == UNREADABLE:
            raise InvalidInput("expected a record, got another thing")
        return payload


def open_plain(
    directory: Path, mark: bytes | None = None, identity: Identity = IDENTITY
) -> tuple[VoteLog[bytes], tuple[bytes, ...]]:
    """Open a log of byte strings."""
    return open_vote_log(directory, identity=identity, codec=PlainRecords(), ledger_mark=mark)


def written(directory: Path, *records: bytes) -> bytes:
    """Write each record with a sync of its own; return the last mark."""
    log, _ = open_plain(directory)
    for record in records:
        log.append([record])
        log.sync()
    mark = log.mark()
    log.close()
    return mark


def read(directory: Path, mark: bytes | None = None) -> tuple[bytes, ...]:
    """Open, and give back the records."""
    log, records = open_plain(directory, mark)
    log.close()
    return records


def segment(directory: Path) -> Path:
    """Return the one segment."""
    (path,) = directory.glob("votes-*.log")
    return path
