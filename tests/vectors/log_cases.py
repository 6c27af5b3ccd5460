"""Cases of records of version 2 and of `kind: "consistency"`, with named corruptions."""

from collections.abc import Iterator
from dataclasses import replace

from chainnode.ledger.codec import encode_receipt
from chainnode.submission import sign_submission
from chainnode.verify.forms import (
    Anchor,
    authored_record_evidence,
    base64_text,
    certificate_form,
    header_form,
)
from chainnode.verify.strict_json import JsonObject, JsonValue
from tests.builders_evidence import GENESIS_MS
from tests.builders_trails import CALLS_PER_BLOCK, IndexedChain
from tests.vectors.cases import Case, altered

POSITION = 18


def record_cases(chain: IndexedChain) -> Iterator[Case]:
    """Records in the log and in their block, with the submission of their sender."""
    in_log = chain.authored_record(POSITION)
    in_block = chain.authored_record(POSITION, in_block=True)
    for name, evidence in (
        ("authored record", in_log),
        ("authored record, in its block", in_block),
        ("authored record, body withheld", {**in_log, "body": []}),
        ("authored record, authorship withheld", {**in_log, "authorship": []}),
    ):
        yield Case(name=name, evidence=evidence, expect="accepted")
    yield from _misplaced(chain, in_log, in_block)
    yield from _wrong_authors(chain, in_log)


def _misplaced(chain: IndexedChain, in_log: JsonObject, in_block: JsonObject) -> Iterator[Case]:
    path = in_log["place"]
    assert isinstance(path, dict)
    nodes = path["path"]
    assert isinstance(nodes, list)
    place = ("place", "path")
    receipt = base64_text(encode_receipt(chain.rejected_receipt()))
    inner = base64_text(bytes.fromhex(str(nodes[0])) + bytes.fromhex(str(nodes[1])))
    earlier = chain.anchor(chain.header_at(4))
    other_block = {
        **in_block,
        "header": header_form(earlier),
        "certificate": certificate_form(earlier),
    }
    for name, evidence, expect in (
        ("position plus one", altered(in_log, ("place", "position"), POSITION + 1), "record"),
        ("position minus one", altered(in_log, ("place", "position"), POSITION - 1), "record"),
        ("position beyond the log", altered(in_log, ("place", "position"), 44), "record"),
        ("path reversed", altered(in_log, place, nodes[::-1]), "record"),
        ("path one node shorter", altered(in_log, place, nodes[:-1]), "record"),
        ("path one node longer", altered(in_log, place, [*nodes, "00" * 32]), "record"),
        (
            "a node for the leaf",
            altered(altered(in_log, place, nodes[1:]), ("entry",), inner),
            "entry",
        ),
        ("index beyond its block", altered(in_block, ("place", "index"), 4), "record"),
        ("another index", altered(in_block, ("place", "index"), 1), "record"),
        ("another block", other_block, "record"),
        ("log place with the block's header", {**in_block, "place": in_log["place"]}, "record"),
        ("two places", altered(in_log, ("place", "index"), 2), "place"),
        ("rejected call presented as record", {**in_log, "entry": receipt}, "entry"),
    ):
        yield Case(name=f"authored record, {name}", evidence=evidence, expect=expect)


def _wrong_authors(chain: IndexedChain, evidence: JsonObject) -> Iterator[Case]:
    """The submission of somebody or something else."""
    item = chain.record_item(POSITION)
    other_key = chain.vote_keys[0]
    block = POSITION // CALLS_PER_BLOCK
    good = chain.authorship(POSITION)
    forged = sign_submission(
        chain.suite,
        other_key,
        chain_id=chain.genesis.chain_id,
        nonce=block,
        valid_until_ms=GENESIS_MS + (block + 20) * 1000,
        contract="access",
        calls=chain.calls[block * CALLS_PER_BLOCK : (block + 1) * CALLS_PER_BLOCK],
    )
    for name, authorship in (
        ("wrong signer", replace(good, signature=other_key.sign(good.header))),
        ("forged submission", replace(good, header=forged.header, signature=forged.signature)),
        ("submission of another record", chain.authorship(POSITION + CALLS_PER_BLOCK)),
        ("path of another call", replace(good, path=chain.authorship(POSITION + 1).path)),
        ("path cut short", replace(good, path=good.path[:-1])),
        ("submission header cut short", replace(good, header=good.header[:-1])),
    ):
        changed = authored_record_evidence(chain.anchor(), item, authorship)
        yield Case(name=f"authored record, {name}", evidence=changed, expect="authorship")
    twice = evidence["authorship"]
    assert isinstance(twice, list)
    yield Case(
        name="authored record, two authors",
        evidence={**evidence, "authorship": twice * 2},
        expect="authorship",
    )


def consistency_cases(chain: IndexedChain) -> Iterator[Case]:
    """Logs that continue one another, and what only looks like it."""
    good = chain.consistency(5)
    newest = chain.anchor()
    same = {**chain.consistency(5), "older": _side(newest), "path": []}
    for name, evidence in (
        ("consistency", good),
        ("consistency, one header twice", same),
        ("consistency, a log of a power of two", chain.consistency(8)),
        ("consistency, an empty log", _with_older(good, chain.anchor(chain.header_at(0)), [])),
    ):
        yield Case(name=name, evidence=evidence, expect="accepted")
    nodes = good["path"]
    assert isinstance(nodes, list)
    fork = replace(chain.header(), head=replace(chain.header().head, batch_digest=bytes(32)))
    rewritten = chain.header_at(5)
    rewritten = replace(rewritten, rest=replace(rewritten.rest, log_root=bytes(32)))
    two = chain.anchor(chain.header_at(5), signers=(0, 1))
    for name, evidence, expect in (
        (
            "a log that was rewritten",
            _with_older(good, chain.anchor(rewritten), nodes),
            "consistency",
        ),
        ("path reversed", {**good, "path": nodes[::-1]}, "consistency"),
        ("path one node shorter", {**good, "path": nodes[:-1]}, "consistency"),
        ("path one node longer", {**good, "path": [*nodes, "00" * 32]}, "consistency"),
        ("path withheld", {**good, "path": []}, "consistency"),
        (
            "another older size",
            _with_older(good, chain.anchor(chain.header_at(6)), nodes),
            "consistency",
        ),
        (
            "the older above the newer",
            chain.consistency(5, newer=chain.anchor(chain.header_at(4))),
            "older",
        ),
        ("a fork at one height", _with_older(good, chain.anchor(fork), []), "older"),
        ("older with two signatures", _with_older(good, two, nodes), "quorum"),
        ("older withheld", {**good, "older": None}, "older"),
    ):
        yield Case(name=f"consistency, {name}", evidence=evidence, expect=expect)


def _side(anchor: Anchor) -> JsonObject:
    return {"header": header_form(anchor), "certificate": certificate_form(anchor), "epochs": []}


def _with_older(evidence: JsonObject, older: Anchor, path: list[JsonValue]) -> JsonObject:
    return {**evidence, "older": _side(older), "path": path}
