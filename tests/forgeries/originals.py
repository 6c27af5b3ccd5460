"""The evidence that is forged, what else proves something similar, and which changes are none.

Excluded before anything is verified are changes of what evidence does not claim: a question
(`from_ms`, `to_ms`), an index that only leads through a tree, and withholding, which proves less.
What is excluded and accepted must still be true: `is_true` compares it with the whole chain.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgpack

from chainnode.ledger.codec import decode_entry, encode_receipt
from chainnode.ledger.merkle import Hash
from chainnode.verify import (
    BlockRecordFacts,
    CertificateFacts,
    Facts,
    ReceiptFacts,
    RecordFacts,
    StateFacts,
    TrailFacts,
)
from chainnode.verify.strict_json import JsonObject, JsonValue
from contracts.schemas.certificates import CERTIFICATES
from contracts.schemas.members import ORGANISATIONS
from tests.builders_evidence import GENESIS_MS, ISSUER, sample
from tests.builders_trails import (
    ABSENT_SUBJECT,
    ALL_OF_REQUESTER,
    ALL_OF_SUBJECT,
    ENTRIES,
    IndexedChain,
    Shown,
)
from tests.forgeries.changes import Mutant, at
from tests.forgeries.disclosures import (
    OTHER_POSITION,
    DisclosedChain,
    excluded_disclosure,
    honest,
    is_true_disclosure,
)


@dataclass(frozen=True, kw_only=True)
class Original:
    """Honest evidence, and evidence of the same kind that proves something else."""

    name: str
    document: JsonObject
    donors: tuple[JsonObject, ...]
    is_excluded: Callable[[JsonObject, Mutant], bool]


def originals(chain: DisclosedChain, foreign: DisclosedChain) -> tuple[Original, ...]:
    """Return one or more of every kind; donors are under other headers, or of another chain."""
    earlier = chain.anchor(chain.header_at(9))
    disclosure = Original(
        name="disclosure",
        document=honest(chain),
        donors=(
            chain.disclosure(
                "response", {"status", "body.city"}, position=OTHER_POSITION, anchor=earlier
            ),
            chain.disclosure("request", {"method", "body.id"}, anchor=earlier),
            honest(foreign),
        ),
        is_excluded=excluded_disclosure,
    )
    return (*_of_the_log(chain, foreign), *_of_the_maps(chain, foreign), disclosure)


def _of_the_log(chain: IndexedChain, foreign: IndexedChain) -> tuple[Original, ...]:
    earlier = chain.anchor(chain.header_at(9))
    return (
        Original(
            name="record",
            document=chain.record(6),
            donors=(chain.record(7, anchor=earlier), foreign.record(6)),
            is_excluded=_withheld("body"),
        ),
        Original(
            name="authored record",
            document=chain.authored_record(18),
            donors=(chain.authored_record(22, in_block=True), foreign.authored_record(18)),
            is_excluded=_withheld("body", "authorship"),
        ),
        Original(
            name="record in its block",
            document=chain.authored_record(18, in_block=True),
            donors=(chain.authored_record(22, in_block=True), foreign.authored_record(17)),
            is_excluded=_leading("body", "authorship"),
        ),
        Original(
            name="receipt",
            document=chain.receipt(1),
            donors=(chain.receipt(2, anchor=earlier), foreign.receipt(1)),
            is_excluded=_leading(),
        ),
        Original(
            name="consistency",
            document=chain.consistency(5),
            donors=(chain.consistency(6, newer=earlier), foreign.consistency(5)),
            is_excluded=lambda _original, _mutant: False,
        ),
    )


def _of_the_maps(chain: IndexedChain, foreign: IndexedChain) -> tuple[Original, ...]:
    h = chain.suite.digest
    earlier = chain.anchor(chain.header_at(9))
    state_keys = [ORGANISATIONS.key(ISSUER), CERTIFICATES.key("1.2.156.3005.2.absent")]
    run = Shown(subject=None, start=5, stop=18, with_bodies=True)
    period = (GENESIS_MS + 3000, GENESIS_MS + 5000)
    return (
        Original(
            name="state",
            document=chain.state(state_keys),
            donors=(chain.state(state_keys[::-1], anchor=earlier), foreign.state(state_keys)),
            is_excluded=partial(_excluded_state, h),
        ),
        Original(
            name="certificate",
            document=chain.certificate_of(sample("valid")),
            donors=(
                chain.certificate(identifier=sample("revoked").identifier, anchor=earlier),
                foreign.certificate_of(sample("expired")),
            ),
            is_excluded=_excluded_certificate,
        ),
        Original(
            name="trail",
            document=chain.trail(run, period=period),
            donors=(chain.trail(ALL_OF_REQUESTER, index_size=ENTRIES), foreign.trail(run)),
            is_excluded=partial(_excluded_trail, h),
        ),
        Original(
            name="trails of two keys",
            document=chain.trail(ALL_OF_SUBJECT, Shown(subject=ABSENT_SUBJECT)),
            donors=(
                chain.trail(ALL_OF_SUBJECT, index_size=ENTRIES),
                foreign.trail(ALL_OF_SUBJECT),
            ),
            is_excluded=partial(_excluded_trail, h),
        ),
    )


def is_true(facts: Facts, chain: IndexedChain) -> bool:
    """Tell whether what was proven is so, looked up in the whole chain."""
    match facts:
        case RecordFacts(position=position, entry=entry, call=call):
            is_entry = decode_entry(chain.entries[position]) == entry
            return is_entry and call in {None, chain.calls[position]}
        case BlockRecordFacts(entry=entry):
            return any(decode_entry(one) == entry for one in chain.entries)
        case ReceiptFacts(receipt=receipt):
            return encode_receipt(receipt) in chain.receipts
        case StateFacts(values=values):
            return all(chain.values.get(key) == value for key, value in values.items())
        case TrailFacts():
            return _is_true_trail(facts, chain)
        case _:
            # What is excluded of certificates is the same evidence in another order.
            return isinstance(facts, CertificateFacts) or is_true_disclosure(facts)


def _is_true_trail(facts: TrailFacts, chain: IndexedChain) -> bool:
    size = facts.header.header.head.index_size
    for one in facts.listings:
        true = {
            position: entry
            for position, entry in enumerate(map(decode_entry, chain.entries[:size]))
            if one.index_key in entry.index_keys
        }
        shown = {row.position: row.entry for row in one.rows}
        if any(true.get(position) != entry for position, entry in shown.items()):
            return False
        until = one.complete_to_ms
        missing = [position for position in true if position not in shown]
        if until is not None and any(
            facts.from_ms <= true[position].time_ms < until for position in missing
        ):
            return False
    return True


def _withheld(*names: str) -> Callable[[JsonObject, Mutant], bool]:
    """What may be left out, as a whole, without changing what the rest proves."""

    def excluded(_original: JsonObject, mutant: Mutant) -> bool:
        name = mutant.place[0] if mutant.place else None
        return name in names and mutant.document[str(name)] == []

    return excluded


def _leading(*names: str) -> Callable[[JsonObject, Mutant], bool]:
    """As well, index and count: near the right edge several of them describe one path."""
    withheld = _withheld(*names)

    def excluded(original: JsonObject, mutant: Mutant) -> bool:
        leads = bool(mutant.place) and mutant.place[-1] in {"index", "count"}
        return leads or withheld(original, mutant)

    return excluded


def _excluded_state(h: Hash, original: JsonObject, mutant: Mutant) -> bool:
    """Fewer items, the same ones in another order, and another key of the same empty place."""
    place = mutant.place
    items, others = original["items"], mutant.document.get("items")
    assert isinstance(items, list)
    if place == ("items",) and isinstance(others, list):
        return all(one in items and others.count(one) == 1 for one in others)
    if place[:1] != ("items",) or place[2:] != ("key",):
        return False
    keys = [_base64(at(one, place)) for one in (original, mutant.document)]
    is_absent = at(original, (*place[:2], "value")) is None
    # Neighbouring empty buckets have the same digest, and then the same proof.
    is_empty = at(original, (*place[:2], "rows")) == ""
    is_near = is_empty or len({_bucket(h, one) for one in keys}) == 1
    return is_absent and None not in keys and is_near


def _excluded_certificate(original: JsonObject, mutant: Mutant) -> bool:
    """The same items in another order."""
    items, others = original["items"], mutant.document.get("items")
    assert isinstance(items, list)
    if mutant.place != ("items",) or not isinstance(others, list):
        return False
    return len(items) == len(others) and all(one in others for one in items)


def _excluded_trail(h: Hash, original: JsonObject, mutant: Mutant) -> bool:
    """Another question, bodies withheld, fewer trails, another key of the same empty place."""
    place = mutant.place
    if place in {("from_ms",), ("to_ms",)}:
        return True
    before, after = (at(one, place) for one in (original, mutant.document))
    if place[2:3] == ("bodies",) and len(place) == 4:
        return after == []
    if place[2:] == ("bodies",) and isinstance(before, list) and isinstance(after, list):
        pairs = zip(before, after, strict=False)
        return len(before) == len(after) and all(new in ([], old) for old, new in pairs)
    if place == ("trails",) and isinstance(before, list) and isinstance(after, list):
        return bool(after) and all(one in before for one in after)
    return place[2:] == ("proof",) and _is_neighbour(h, _base64(before), _base64(after))


def _is_neighbour(h: Hash, before: bytes | None, after: bytes | None) -> bool:
    """Tell whether both prove that a key is absent, from the same bucket or from empty ones."""
    try:
        first, second = (msgpack.unpackb(one or b"") for one in (before, after))
    except (ValueError, msgpack.UnpackException):
        return False
    if not isinstance(second, list) or len(second) != len(first) or first[3] != []:
        return False
    rest_is_equal = first[:2] + first[3:] == second[:2] + second[3:]
    is_key = isinstance(second[2], bytes)
    is_near = is_key and (first[4] == b"" or _bucket(h, first[2]) == _bucket(h, second[2]))
    return rest_is_equal and is_near


def _base64(value: JsonValue) -> bytes | None:
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        return None


def _bucket(h: Hash, key: bytes | None) -> int:
    """The maps of these chains have 256 buckets."""
    return h(key or b"")[0]
