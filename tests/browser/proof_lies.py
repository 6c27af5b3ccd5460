"""What a proxy between a page and its service could do to a proof: bytes in, bytes out."""

import json
from collections.abc import Callable

from chainnode.verify.archive import ROWS, read_archive, write_archive

Forge = Callable[[bytes], bytes]


def without_a_line(data: bytes) -> bytes:
    """Take the last line out of what people read."""
    members = read_archive(data)
    lines = members[ROWS].splitlines(keepends=True)
    return write_archive({**members, ROWS: b"".join(lines[:-1])})


def without_a_proven_row(data: bytes) -> bytes:
    """Take the last record out of a proven trail."""
    members = read_archive(data)
    name = next(one for one in members if one.startswith("proofs/") and "question" not in one)
    document = json.loads(members[name])
    listing = next(one for one in document["trails"] if one["entries"])
    listing["entries"].pop()
    listing["bodies"].pop()
    return write_archive({**members, name: json.dumps(document).encode()})


def with_a_changed_byte(data: bytes) -> bytes:
    """Change a letter of what was asked for, or of anything."""
    at = data.index(b"population.basic") if b"population.basic" in data else len(data) // 2
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def another_file(data: bytes) -> bytes:
    """Hand out something else."""
    del data
    return b"PK"


PROOF_LIES = (without_a_line, without_a_proven_row, with_a_changed_byte, another_file)
