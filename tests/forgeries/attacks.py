"""Forgeries by somebody who knows the formats and recomputes all that can be recomputed.

What a database that was changed, or a node that lies, could answer: rows dropped, added,
swapped or changed with every digest above them made to fit, up to the root that a quorum
signed; signatures of the wrong people; parts of other chains and epochs.
"""

import base64
from collections.abc import Iterator
from dataclasses import replace

import msgpack

from chainnode.ledger.codec import decode_entry, encode_entry
from chainnode.verify.forms import Anchor, base64_text, certificate_form, header_form
from chainnode.verify.strict_json import JsonObject
from tests import naive_index
from tests.builders_evidence import OTHER_SUBJECT, SUBJECT
from tests.builders_trails import RARE_SUBJECT, Chunks, IndexedChain, Shown
from tests.forgeries.changes import at, replaced

SUBJECTS = (SUBJECT, OTHER_SUBJECT, RARE_SUBJECT, None)


def attacks(chain: IndexedChain, foreign: IndexedChain) -> Iterator[tuple[str, JsonObject]]:
    """Yield (name, evidence); every one is a lie."""
    yield from changed_rows(chain)
    yield from foreign_parts(chain, foreign)
    yield from wrong_signers(chain)


def changed_rows(chain: IndexedChain) -> Iterator[tuple[str, JsonObject]]:
    """A trail whose rows were changed, proven consistently, under the honest header."""
    honest = chain.anchor(chain.indexed_header())
    for subject in SUBJECTS:
        key = chain.key(subject)
        for name, chunks in tampered(chain, chain.chunks(key)):
            shown = Shown(subject=subject)
            forged = chain.trail(shown, replaced={key: chunks}, anchor=honest)
            yield name, forged
            # Beside the forged rows the honest map proof, and the honest trail as well.
            yield f"{name}, honest map proof", _mixed(forged, chain.trail(shown), trail=False)
            # No rows under the honest trail are no lie: they prove its counts and nothing more.
            if chunks:
                yield f"{name}, honest trail", _mixed(forged, chain.trail(shown), trail=True)


def tampered(chain: IndexedChain, chunks: Chunks) -> Iterator[tuple[str, Chunks]]:
    """Every row dropped, doubled, swapped with the next and changed, in and between chunks."""
    other = naive_index.row(chain.suite.digest, 43, chain.entries[43])
    for number, rows in enumerate(chunks):
        before, after = chunks[:number], chunks[number + 1 :]
        yield f"chunk {number} dropped", [*before, *after]
        yield f"chunk {number} doubled", [*before, rows, rows, *after]
        if after:
            yield f"chunks {number} swapped", [*before, after[0], rows, *after[1:]]
            yield f"chunks {number} joined", [*before, rows + after[0], *after[1:]]
        for place, row in enumerate(rows):
            rest = [*rows[:place], *rows[place + 1 :]]
            yield f"row {number}.{place} dropped", [*before, *([rest] if rest else []), *after]
            yield (
                f"row {number}.{place} doubled",
                [*before, [*rows[:place], row, *rows[place:]], *after],
            )
            yield (
                f"row {number}.{place} changed",
                [*before, [*rows[:place], other, *rows[place + 1 :]], *after],
            )
            if place:
                turned = [*rows[: place - 1], row, rows[place - 1], *rows[place + 1 :]]
                yield f"rows {number}.{place} swapped", [*before, turned, *after]


def foreign_parts(chain: IndexedChain, foreign: IndexedChain) -> Iterator[tuple[str, JsonObject]]:
    """Evidence of another chain under this chain's name, header, or both."""
    kinds = (
        (foreign.trail(Shown(subject=SUBJECT)), chain.trail(Shown(subject=SUBJECT))),
        (foreign.record(5), chain.record(6)),
        (foreign.authored_record(5), chain.authored_record(6)),
        (foreign.consistency(5), chain.consistency(4)),
        (foreign.receipt(1), chain.receipt(0)),
    )
    for theirs, ours in kinds:
        name = f"{theirs['kind']} of another chain"
        chain_id = {"chain_id": ours["chain_id"]}
        yield name, theirs
        yield f"{name}, renamed", {**theirs, **chain_id}
        yield (
            f"{name}, certificate of ours",
            {**theirs, **chain_id, "certificate": ours["certificate"]},
        )
    later = replace(chain.indexed_header().head, epoch=1)
    other_epoch = chain.anchor(replace(chain.indexed_header(), head=later))
    yield "a later epoch without its links", chain.trail(Shown(subject=None), anchor=other_epoch)
    yield (
        "a certificate of a later epoch",
        {**chain.trail(Shown(subject=None)), "certificate": certificate_form(other_epoch)},
    )
    entry = decode_entry(chain.entries[7])
    for name, changed in (
        ("outcome", replace(entry, outcome=1)),
        ("time", replace(entry, time_ms=entry.time_ms + 1)),
        ("position in its submission", replace(entry, call_index=0)),
        ("index keys", replace(entry, index_keys=())),
        ("body", replace(entry, body_digest=bytes(32))),
    ):
        record = {**chain.authored_record(7), "entry": base64_text(encode_entry(changed))}
        yield f"an entry with another {name}", record


def wrong_signers(chain: IndexedChain) -> Iterator[tuple[str, JsonObject]]:
    """Every certificate that is none: too few, twice, in another order, another's signature."""
    header = chain.indexed_header()
    full = chain.anchor(header, signers=range(4))
    signatures = dict(full.signatures)
    other = dict(chain.anchor(chain.header_at(9), signers=range(4)).signatures)
    documents = {
        "trail": chain.trail(Shown(subject=SUBJECT)),
        "record": {**chain.record(6), "header": header_form(full)},
    }
    for name, signers in _signer_lists():
        for kind, document in documents.items():
            rows = [(one, signatures[one % 4]) for one in signers]
            yield f"{kind}: {name}", _certified(document, full, rows)
    for liar in range(3):
        rows = [(one, other[one] if one == liar else signatures[one]) for one in range(3)]
        swapped = [
            (one, signatures[(one + 1) % 4] if one == liar else signatures[one]) for one in range(3)
        ]
        for kind, document in documents.items():
            yield f"{kind}: {liar} signed something else", _certified(document, full, rows)
            yield f"{kind}: {liar} shows another's", _certified(document, full, swapped)


def _signer_lists() -> Iterator[tuple[str, tuple[int, ...]]]:
    for size in range(3):
        yield f"{size} signers", tuple(range(size))
    for one in range(4):
        yield f"{one} twice", (one, one, (one + 1) % 4)
        yield f"{one} three times", (one, one, one)
        yield f"{one} last", (*(other for other in range(4) if other != one), one)[::-1]
    yield "no member", (0, 1, 4)
    yield "only strangers", (4, 5, 6)


def _certified(document: JsonObject, anchor: Anchor, rows: list[tuple[int, bytes]]) -> JsonObject:
    return {**document, "certificate": certificate_form(replace(anchor, signatures=rows))}


def _mixed(forged: JsonObject, honest: JsonObject, *, trail: bool) -> JsonObject:
    """Put honest bucket rows and siblings, and the honest trail, into the forged proof."""
    arrays = [_proof(one) for one in (forged, honest)]
    honest_parts = slice(3 if trail else 4, 6)
    arrays[0][honest_parts] = arrays[1][honest_parts]
    place = ("trails", 0, "proof")
    changed = replaced(forged, place, base64_text(naive_index.packed(arrays[0])))
    assert isinstance(changed, dict)
    return changed


def _proof(evidence: JsonObject) -> list[object]:
    text = at(evidence, ("trails", 0, "proof"))
    found = msgpack.unpackb(base64.b64decode(str(text)))
    assert isinstance(found, list)
    return found
