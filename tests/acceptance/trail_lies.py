"""One row changed in a node's answer to an audit question, proof and entries alike.

The liar is careful: row, entry and body change together, and the counts of the proof follow.
"""

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chainnode.ledger.trail_proofs import decode_trail_proof, encode_trail_proof
from chainnode.ledger.trails import ROW_BYTES

# Row of the proof, entry and body as they travel.
Told = tuple[bytes, str, list[str]]


@dataclass(slots=True)
class TrailLie:
    """A change to the rows of the first chunk that an answer shows."""

    name: str
    change: Callable[[list[Told]], list[Told]]
    was_told: bool = field(default=False, init=False)

    def told(self, path: str, document: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return the answer with the lie in it; anything else is passed on."""
        if not path.startswith("/audit") or not (document.get("evidence") or {}).get("trails"):
            return document
        forged = copy.deepcopy(document)
        trail = forged["evidence"]["trails"][0]
        proof = decode_trail_proof(base64.b64decode(trail["proof"]))
        first = proof.chunks[0]
        count = len(first.disclosed) // ROW_BYTES
        rows = [first.disclosed[at * ROW_BYTES :][:ROW_BYTES] for at in range(count)]
        before = list(zip(rows, trail["entries"], trail["bodies"], strict=False))
        after = self.change(before)
        shown = replace(
            first,
            rows=first.rows + len(after) - count,
            disclosed=b"".join(row for row, _, _ in after),
        )
        changed = replace(proof, chunks=(shown, *proof.chunks[1:]))
        trail["proof"] = base64.b64encode(encode_trail_proof(changed)).decode()
        trail["entries"] = [entry for _, entry, _ in after] + trail["entries"][count:]
        trail["bodies"] = [body for _, _, body in after] + trail["bodies"][count:]
        self.was_told = forged != document
        return forged


def _changed(rows: list[Told]) -> list[Told]:
    row, entry, body = rows[0]
    return [(row[:-1] + bytes((row[-1] ^ 1,)), entry, body), *rows[1:]]


def _renamed(rows: list[Told]) -> list[Told]:
    """Let the entry say something else; the row stays as it was."""
    row, entry, body = rows[0]
    data = bytearray(base64.b64decode(entry))
    data[-1] ^= 1
    return [(row, base64.b64encode(bytes(data)).decode(), body), *rows[1:]]


TRAIL_LIES = (
    TrailLie("a row dropped", lambda rows: rows[:1] + rows[2:]),
    TrailLie("the first row dropped", lambda rows: rows[1:]),
    TrailLie("a row added", lambda rows: [rows[0], *rows]),
    TrailLie("two rows swapped", lambda rows: [rows[1], rows[0], *rows[2:]]),
    TrailLie("a row changed", _changed),
    TrailLie("an entry changed", _renamed),
)
