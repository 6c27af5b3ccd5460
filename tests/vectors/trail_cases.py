"""Cases of `kind: "trail"`: what is proven, and named corruptions of it."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import msgpack

from chainnode.verify.forms import base64_text
from chainnode.verify.strict_json import JsonObject, JsonValue
from tests import naive_index
from tests.builders_evidence import GENESIS_MS, SUBJECT, TIME_MS
from tests.builders_trails import (
    ABSENT_SUBJECT,
    ALL_OF_REQUESTER,
    ALL_OF_SUBJECT,
    ENTRIES,
    INDEX_SIZE,
    RARE_SUBJECT,
    Chunks,
    IndexedChain,
    Shown,
)
from tests.vectors.cases import Case, altered

# Places in the array of a trail proof.
KEY, TRAIL, BUCKET, SIBLINGS, FIRST_CHUNK, FIRST_ROW, START, SIZES, RUN, HEAD, TAIL, PATH = range(
    2, 14
)
ROW_BYTES = 40
# The tail is in the eleventh block.
AS_OF_MS = GENESIS_MS + 11_000
THIRD_BLOCK_MS, FIFTH_BLOCK_MS = GENESIS_MS + 3000, GENESIS_MS + 5000
PERIOD = (THIRD_BLOCK_MS, FIFTH_BLOCK_MS)

# A proof as its array; what a corruption does to it.
Proof = list[object]
Corruption = Callable[[Proof], object]


def trail_cases(chain: IndexedChain) -> Iterator[Case]:
    """Trails that are accepted; `proves` says whether they are whole, and why not."""
    odd = list(range(1, INDEX_SIZE, 2))
    everything = list(range(INDEX_SIZE))

    def case(
        name: str, evidence: JsonObject, positions: list[int], complete_to_ms: int | None
    ) -> Case:
        to_ms = evidence["to_ms"] or (TIME_MS if not evidence["tail"] else AS_OF_MS)
        return Case(
            name=f"trail, {name}",
            evidence=evidence,
            expect="accepted",
            proves={
                "complete": complete_to_ms == to_ms,
                "complete_to_ms": complete_to_ms,
                "as_of_ms": AS_OF_MS if evidence["tail"] else TIME_MS,
                "positions": list(positions),
            },
        )

    def run(start: int, stop: int, period: tuple[int, int] = PERIOD) -> JsonObject:
        return chain.trail(Shown(subject=None, start=start, stop=stop), period=period)

    whole = chain.trail(ALL_OF_SUBJECT)
    yield case("whole, to the tail", whole, odd, AS_OF_MS)
    bodies = chain.trail(Shown(subject=SUBJECT, with_bodies=True))
    yield case("with bodies", bodies, odd, AS_OF_MS)
    no_tail = chain.trail(Shown(subject=RARE_SUBJECT), index_size=ENTRIES)
    yield case("index up to date", no_tail, [17, 41], TIME_MS)
    yield case("zero rows", chain.trail(Shown(subject=ABSENT_SUBJECT)), [], AS_OF_MS)
    three = chain.trail(
        ALL_OF_SUBJECT, ALL_OF_REQUESTER, Shown(subject=ABSENT_SUBJECT), period=PERIOD
    )
    yield case("three keys for a period", three, list(range(8, 16)), FIFTH_BLOCK_MS)
    yield case("period with both boundary rows", run(7, 17), list(range(8, 16)), FIFTH_BLOCK_MS)
    yield case("no row before the period", run(8, 17), list(range(8, 16)), None)
    late = run(7, 16)
    yield case("no row after the period", late, list(range(8, 16)), GENESIS_MS + 4000)
    yield case("counts alone", run(0, 0), [], None)
    future = chain.trail(ALL_OF_REQUESTER, period=(0, AS_OF_MS + 1))
    yield case("period beyond the index", future, everything, AS_OF_MS)
    yield case("rows in the middle of chunks", run(9, 14, (0, 0)), list(range(9, 14)), None)
    since = chain.trail(Shown(subject=SUBJECT, start=8), period=(GENESIS_MS + 6000, 0))
    yield case("from a count on", since, odd[10:], AS_OF_MS)


def corrupted_trails(chain: IndexedChain) -> Iterator[Case]:
    """One corruption each; `expect` is the check that refuses."""
    yield from _corrupted_proofs(chain)
    yield from _corrupted_evidence(chain)
    yield from _lies_of_a_quorum(chain)


def _corrupted_proofs(chain: IndexedChain) -> Iterator[Case]:
    """Corruptions of the proof itself: of a run within the trail of the requester.

    Its chunks hold 4, 8 and 4 rows; the first is shown from row 1 on, the last to row 1.
    """
    evidence = chain.trail(Shown(subject=None, start=5, stop=18))
    tables = (*CORRUPTED_RUNS, *CORRUPTED_CHUNKS, *corrupted_bindings(chain.key(SUBJECT)))
    for name, corrupt, expect in tables:
        yield Case(name=f"trail, {name}", evidence=with_proof(evidence, corrupt), expect=expect)
    odd = chain.trail(ALL_OF_SUBJECT, index_size=16)
    for name, corrupt, expect in (
        ("an odd leaf doubled", _double_odd, "trail"),
        ("equal sizes in two pairs", _two_pairs, "proof"),
    ):
        yield Case(name=f"trail, {name}", evidence=with_proof(odd, corrupt), expect=expect)
    data = base64.b64decode(_proof_text(evidence))
    cut = altered(evidence, ("trails", 0, "proof"), base64_text(data[:-1]))
    yield Case(name="trail, proof cut short", evidence=cut, expect="proof")


def _corrupted_evidence(chain: IndexedChain) -> Iterator[Case]:
    """Corruptions around the proof."""
    whole = chain.trail(Shown(subject=SUBJECT, with_bodies=True))
    trails, entries = whole["trails"], [base64_text(one) for one in chain.entries]
    header = chain.indexed_header()
    twice = chain.anchor(header, signers=(0, 1, 1))
    wrong = chain.anchor(chain.header())
    rest = replace(header.rest, index_root=chain.index(36).root)
    other_root = chain.anchor(replace(header, rest=rest))
    other = chain.trail(ALL_OF_SUBJECT, ALL_OF_REQUESTER)["trails"]
    assert isinstance(trails, list)
    assert isinstance(other, list)
    first = ("trails", 0)
    up_to_date = chain.trail(ALL_OF_SUBJECT, index_size=ENTRIES)
    for name, evidence, expect in (
        ("another entry", altered(whole, (*first, "entries", 0), entries[0]), "entries"),
        ("two entries swapped", altered(whole, (*first, "entries", 0), entries[3]), "entries"),
        ("an entry gone", _without_last(whole, "entries"), "entries"),
        ("a body gone", _without_last(whole, "bodies"), "entries"),
        (
            "body of another record",
            altered(whole, (*first, "bodies", 0), _first(whole, "bodies")[1]),
            "body",
        ),
        ("tail withheld", {**whole, "tail": []}, "tail"),
        ("another tail", {**whole, "tail": _tail(chain, 41)}, "tail"),
        ("tail without need", {**up_to_date, "tail": _tail(chain, 43)}, "tail"),
        ("period turned round", {**whole, "from_ms": 2, "to_ms": 1}, "period"),
        ("no trails", {**whole, "trails": []}, "trails"),
        ("one trail twice", {**whole, "trails": trails * 2}, "trails"),
        ("trails out of order", {**whole, "trails": other[::-1]}, "trails"),
        ("index root of another size", chain.trail(ALL_OF_SUBJECT, anchor=other_root), "trail"),
        ("a claim that it is complete", {**whole, "complete": True}, "evidence"),
        ("as version 1", {**whole, "version": 1}, "version"),
        ("one signer twice", chain.trail(ALL_OF_SUBJECT, anchor=twice), "quorum"),
        ("signatures of another header", _signed(whole, wrong.signatures), "quorum"),
        ("two signatures", _signed(whole, chain.anchor(header).signatures[:2]), "quorum"),
        ("another epoch", altered(whole, ("certificate", "epoch"), 1), "quorum"),
        (
            "another suite",
            {**whole, "suite": "sm" if whole["suite"] == "intl" else "intl"},
            "suite",
        ),
    ):
        yield Case(name=f"trail, {name}", evidence=evidence, expect=expect)
    foreign = IndexedChain(chain.suite.name, label="another chain")
    yield Case(name="trail, another chain", evidence=foreign.trail(ALL_OF_SUBJECT), expect="chain")


def _lies_of_a_quorum(chain: IndexedChain) -> Iterator[Case]:
    """An index that is wrong although a quorum signed it."""
    key = chain.key(RARE_SUBJECT)
    rows = {one: naive_index.row(chain.suite.digest, one, chain.entries[one]) for one in range(44)}

    def lie(chunks: Chunks) -> JsonObject:
        return chain.trail(Shown(subject=RARE_SUBJECT), replaced={key: chunks})

    rules = chain.anchor(chain.indexed_header(index_rules=2))
    for name, evidence, expect in (
        ("an entry without the key", lie([[rows[16], rows[17]]]), "key"),
        ("positions that descend", lie([[rows[17]], [rows[16]]]), "trail"),
        ("one position twice", lie([[rows[17], rows[17]]]), "trail"),
        ("a position above the index size", lie([[rows[17]], [rows[41]]]), "trail"),
        ("other index rules", chain.trail(ALL_OF_SUBJECT, anchor=rules), "rules"),
    ):
        yield Case(name=f"trail, {name}", evidence=evidence, expect=expect)


def _first(evidence: JsonObject, name: str) -> list[JsonValue]:
    """Return a list of the first trail."""
    trails = evidence["trails"]
    assert isinstance(trails, list)
    assert isinstance(trails[0], dict)
    values = trails[0][name]
    assert isinstance(values, list)
    return values


def _proof_text(evidence: JsonObject) -> str:
    trails = evidence["trails"]
    assert isinstance(trails, list)
    assert isinstance(trails[0], dict)
    return str(trails[0]["proof"])


def with_proof(evidence: JsonObject, corrupt: Corruption) -> JsonObject:
    proof = msgpack.unpackb(base64.b64decode(_proof_text(evidence)))
    corrupt(proof)
    return altered(evidence, ("trails", 0, "proof"), base64_text(naive_index.packed(proof)))


def _list(value: Proof, place: int) -> Proof:
    found = value[place]
    assert isinstance(found, list)
    return found


def _put(proof: Proof, place: int, value: object) -> None:
    proof[place] = value


def _add(proof: Proof, place: int, number: int) -> None:
    old = proof[place]
    assert isinstance(old, int)
    proof[place] = old + number


def _set_run(proof: Proof, change: Callable[[bytes], bytes]) -> None:
    proof[RUN] = change(_bytes(proof[RUN]))


def _flip(run: bytes) -> bytes:
    return run[:7] + bytes([run[7] ^ 1]) + run[8:]


def _swap(run: bytes) -> bytes:
    return run[ROW_BYTES : 2 * ROW_BYTES] + run[:ROW_BYTES] + run[2 * ROW_BYTES :]


def _without_chunk(proof: Proof) -> None:
    proof[SIZES] = [[2, 4]]
    _set_run(proof, lambda run: run[: 3 * ROW_BYTES] + run[11 * ROW_BYTES :])


def _last_doubled(proof: Proof) -> None:
    """One chunk of four more, its first two rows shown; the one before is then filled up."""
    proof[SIZES] = [[1, 4], [1, 8], [2, 4]]
    _set_run(proof, lambda run: run + 2 * run[-2 * ROW_BYTES :])


def _swap_ends(proof: Proof) -> None:
    proof[HEAD], proof[TAIL] = proof[TAIL], proof[HEAD]


def _node_for_leaf(proof: Proof) -> None:
    """Show the first chunk as one row, and the rest of its tree as its sibling."""
    proof[SIZES] = [[1, 2], [1, 8], [1, 4]]
    _set_run(proof, lambda run: run[:ROW_BYTES] + run[3 * ROW_BYTES :])


def _fewer_rows(proof: Proof) -> None:
    trail = msgpack.unpackb(_bytes(_list(proof, TRAIL)[0]))
    trail[2] -= 1
    proof[TRAIL] = [naive_index.packed(trail)]


def _double_odd(proof: Proof) -> None:
    """A third chunk counted twice: where odd leaves are paired with themselves, the root stays."""
    assert proof[SIZES] == [[2, 2], [1, 4]]
    proof[SIZES] = [[2, 2], [2, 4]]
    _set_run(proof, lambda run: run + run[-4 * ROW_BYTES :])


def _two_pairs(proof: Proof) -> None:
    assert proof[SIZES] == [[2, 2], [1, 4]]
    proof[SIZES] = [[1, 2], [1, 2], [1, 4]]


def _flip_sibling(proof: Proof) -> None:
    siblings = _list(proof, SIBLINGS)
    first = _bytes(siblings[0])
    siblings[0] = first[:-1] + bytes([first[-1] ^ 1])


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


def _without_last(evidence: JsonObject, name: str) -> JsonObject:
    return altered(evidence, ("trails", 0, name), _first(evidence, name)[:-1])


def _tail(chain: IndexedChain, position: int) -> list[JsonValue]:
    item = chain.record_item(position)
    return [{"entry": base64_text(item.entry), "path": [one.hex() for one in item.path]}]


def _signed(evidence: JsonObject, signatures: Sequence[tuple[int, bytes]]) -> JsonObject:
    rows = [[replica, base64_text(one)] for replica, one in signatures]
    return altered(evidence, ("certificate", "signatures"), rows)


Corruptions = tuple[tuple[str, Corruption, str], ...]

CORRUPTED_RUNS: Corruptions = (
    ("a bit of a row", lambda one: _set_run(one, _flip), "trail"),
    ("row dropped at the start", lambda one: _set_run(one, lambda run: run[40:]), "trail"),
    ("row dropped at the end", lambda one: _set_run(one, lambda run: run[:-40]), "trail"),
    (
        "row dropped inside",
        lambda one: _set_run(one, lambda run: run[:80] + run[120:]),
        "trail",
    ),
    ("row added", lambda one: _set_run(one, lambda run: run + run[-40:]), "trail"),
    ("two rows swapped", lambda one: _set_run(one, _swap), "trail"),
    ("half a row", lambda one: _set_run(one, lambda run: run[:-20]), "proof"),
    ("rows beyond the chunks", lambda one: _set_run(one, lambda run: run + run[:120]), "proof"),
    ("rows of two chunks alone", lambda one: _set_run(one, lambda run: run[:440]), "proof"),
    ("index plus one", lambda one: _add(one, START, 1), "trail"),
    ("index minus one", lambda one: _add(one, START, -1), "trail"),
    ("first row plus one", lambda one: _add(one, FIRST_ROW, 1), "trail"),
    ("first row minus one", lambda one: _add(one, FIRST_ROW, -1), "trail"),
    ("first chunk plus one", lambda one: _add(one, FIRST_CHUNK, 1), "trail"),
    ("first chunk minus one", lambda one: _add(one, FIRST_CHUNK, -1), "trail"),
)
CORRUPTED_CHUNKS: Corruptions = (
    (
        "last chunk one row larger",
        lambda one: _put(one, SIZES, [[1, 4], [1, 8], [1, 5]]),
        "trail",
    ),
    ("sizes of chunks turned round", lambda one: _put(one, SIZES, [[1, 8], [2, 4]]), "trail"),
    ("two chunks joined", lambda one: _put(one, SIZES, [[1, 4], [1, 12]]), "trail"),
    ("a chunk left out", _without_chunk, "trail"),
    ("the last chunk doubled", _last_doubled, "trail"),
    (
        "no chunks of a size",
        lambda one: _put(one, SIZES, [[1, 4], [0, 9], [1, 8], [1, 4]]),
        "proof",
    ),
    ("chunks without number", lambda one: _put(one, SIZES, [[2**53 - 1, 1]]), "proof"),
    ("sizes withheld", lambda one: _put(one, SIZES, []), "proof"),
    ("path of the first chunk withheld", lambda one: _put(one, HEAD, []), "trail"),
    ("paths of both ends swapped", _swap_ends, "trail"),
    ("path reversed", lambda one: _list(one, PATH).reverse(), "trail"),
    ("a node of the path gone", lambda one: _list(one, PATH).pop(), "trail"),
    ("a node more in the path", lambda one: _list(one, PATH).append(bytes(32)), "trail"),
    ("a node for a leaf", _node_for_leaf, "trail"),
)


def corrupted_bindings(other_key: bytes) -> Corruptions:
    """Return what breaks the binding of the trail to its key, and the form of the whole."""
    return (
        ("one row fewer in the trail", _fewer_rows, "trail"),
        ("shown as absent", lambda one: _put(one, TRAIL, []), "trail"),
        ("trail of another key", lambda one: _put(one, KEY, other_key), "trail"),
        ("a bit of the siblings", _flip_sibling, "trail"),
        ("bucket emptied", lambda one: _put(one, BUCKET, b""), "trail"),
        ("a field gone", lambda one: one.pop(), "proof"),
        ("another tag", lambda one: _put(one, 0, "kun.trail"), "proof"),
    )
