"""Write the vectors of evidence: run `python -m tests.vectors.make_evidence`.

Formats: tests/vectors/evidence/README.md. `tests/unit/chainnode/verify/test_vectors.py` judges
each case and compares. SM2 signatures hold a random number, so the files of suite `sm` differ
in every run; what they must be judged as does not.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from chainnode.verify.strict_json import JsonObject
from contracts.schemas.certificates import CERTIFICATES
from contracts.schemas.members import ORGANISATIONS
from tests.builders_evidence import ISSUER, SAMPLES, TIME_MS, SyntheticChain, sample
from tests.builders_trails import IndexedChain
from tests.vectors.cases import DAY_MS, Case, altered
from tests.vectors.log_cases import consistency_cases, record_cases
from tests.vectors.trail_cases import corrupted_trails, trail_cases

FOLDER = Path(__file__).parent / "evidence"
EXPECTED = {
    "valid": "VALID VALID",
    "revoked": "REVOKED REVOKED",
    "expired": "EXPIRED EXPIRED",
    "last day": "VALID VALID",
    "not yet valid": "EXPIRED NOT_YET_VALID",
    "foreign issuer": "UNTRUSTED_ISSUER VALID",
    "state IN_MAKING": "NOT_REGISTERED IN_MAKING",
    "state SUSPENDED": "REVOKED SUSPENDED",
}


def cases(chain: SyntheticChain) -> Iterator[Case]:
    """Yield every case of one suite."""
    yield from certificate_cases(chain)
    yield from refused_cases(chain)
    yield from other_kinds(chain)
    yield from equivocation_cases(chain)
    indexed = IndexedChain(chain.suite.name)
    yield from trail_cases(indexed)
    yield from corrupted_trails(indexed)
    yield from record_cases(indexed)
    yield from consistency_cases(indexed)


def certificate_cases(chain: SyntheticChain) -> Iterator[Case]:
    """Certificates in their states, by file, by identifier, and absent."""
    for one in (sample(name) for name in EXPECTED):
        yield Case(
            name=f"certificate, {one.name}",
            evidence=chain.certificate_of(one),
            digest=chain.digest_of(one),
            identifier=one.identifier,
            expect=EXPECTED[one.name],
        )
    valid = sample("valid")
    by_identifier = chain.certificate(identifier=valid.identifier)
    yield Case(
        name="identifier alone",
        evidence=by_identifier,
        identifier=valid.identifier,
        expect="VALID VALID",
    )
    changed = chain.suite.digest(b"changed")
    yield Case(
        name="changed file of a known identifier",
        evidence=chain.certificate(digest=changed, identifier=valid.identifier),
        digest=changed,
        identifier=valid.identifier,
        expect="TAMPERED VALID",
    )
    yield Case(
        name="file nobody registered",
        evidence=chain.certificate(digest=changed),
        digest=changed,
        expect="NOT_REGISTERED ABSENT",
    )
    yield Case(
        name="revoked later than the day it is judged for",
        evidence=chain.certificate_of(sample("revoked")),
        digest=chain.digest_of(sample("revoked")),
        identifier=sample("revoked").identifier,
        as_of_ms=TIME_MS - 5000,
        expect="VALID VALID",
    )
    yield Case(
        name="older than allowed",
        evidence=by_identifier,
        identifier=valid.identifier,
        as_of_ms=TIME_MS + DAY_MS + 1,
        expect="CANNOT_DECIDE VALID",
    )


def refused_cases(chain: SyntheticChain) -> Iterator[Case]:
    """One corruption each; `expect` names verdict and check."""
    valid = sample("valid")
    digest, identifier = chain.digest_of(valid), valid.identifier
    original = chain.certificate_of(valid)

    def case(name: str, expect: str, evidence: JsonObject) -> Case:
        return Case(
            name=name, evidence=evidence, digest=digest, identifier=identifier, expect=expect
        )

    for signers, name, expect in (
        ((0, 1), "two signatures", "CANNOT_DECIDE quorum"),
        ((0, 1, 1), "one signer twice", "TAMPERED quorum"),
        ((1, 0, 3), "signers out of order", "TAMPERED quorum"),
    ):
        evidence = chain.certificate(
            digest=digest, identifier=identifier, anchor=chain.anchor(signers=signers)
        )
        yield case(name, expect, evidence)
    foreign = SyntheticChain(chain.suite.name, label="another chain")
    yield case("another chain", "UNTRUSTED_ISSUER chain", foreign.certificate_of(valid))
    for place, changed, name, expect in (
        (("header", "rest", 3), "00" * 32, "another state root", "TAMPERED header"),
        (("certificate", "height"), 13, "another height in the certificate", "TAMPERED quorum"),
        (("items", 0, "value"), None, "presence shown as absence", "TAMPERED state"),
        (("query", "digest"), "00" * 32, "another query", "TAMPERED items"),
        (("history",), [], "history withheld", "TAMPERED history"),
        (("epochs",), [{}], "an epoch that nobody signed", "UNREADABLE epochs"),
        (("version",), 2, "another version", "UNREADABLE version"),
    ):
        yield case(name, expect, altered(original, place, changed))


def other_kinds(chain: SyntheticChain) -> Iterator[Case]:
    """Records, receipts and state items; `expect` is `accepted` or the refusing check."""
    record, receipt = chain.record(6), chain.receipt(1)
    keys = [ORGANISATIONS.key(ISSUER), CERTIFICATES.key("1.2.156.3005.2.absent")]
    state = chain.state(keys)
    yield Case(name="record", evidence=record, expect="accepted")
    yield Case(name="record, body withheld", evidence={**record, "body": []}, expect="accepted")
    yield Case(name="receipt", evidence=receipt, expect="accepted")
    yield Case(name="state, present and absent", evidence=state, expect="accepted")
    path = record["path"]
    assert isinstance(path, list)
    for name, evidence, check in (
        ("record, next position", {**record, "position": 7}, "record"),
        ("record, last step of the path gone", {**record, "path": path[:-1]}, "record"),
        ("record, path reversed", {**record, "path": path[::-1]}, "record"),
        ("record, another body", {**record, "body": chain.record(5)["body"]}, "body"),
        ("receipt, index beyond the count", {**receipt, "index": 3}, "receipt"),
    ):
        yield Case(name=name, evidence=evidence, expect=check)


def equivocation_cases(chain: SyntheticChain) -> Iterator[Case]:
    """Two contents under one slot, and what only looks like it."""
    pair = chain.equivocation()
    one = chain.vote(b"a" * 32)
    stranger = replace(chain.vote(b"b" * 32), signature=one.signature)
    for name, evidence, expect in (
        ("equivocation", pair, "accepted"),
        ("equivocation, the greater first", _turned(pair), "order"),
        ("equivocation, one content twice", chain.equivocation(one, one), "slot"),
        (
            "equivocation, two slots",
            chain.equivocation(one, chain.vote(b"b" * 32, sequence=8)),
            "slot",
        ),
        ("equivocation, wrong signature", chain.equivocation(one, stranger), "signature"),
        (
            "equivocation, two senders",
            chain.equivocation(one, chain.vote(b"b" * 32, replica=1)),
            "sender",
        ),
        ("equivocation, no member", {**pair, "replica_id": 4}, "sender"),
    ):
        yield Case(name=name, evidence=evidence, expect=expect)


def _turned(pair: JsonObject) -> JsonObject:
    return {**pair, "first": pair["second"], "second": pair["first"]}


def main() -> None:
    """Write all files anew."""
    assert set(EXPECTED) <= {one.name for one in SAMPLES}
    for suite_name in ("sm", "intl"):
        chain = SyntheticChain(suite_name)
        folder = FOLDER / suite_name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.json"):
            old.unlink()
        header = chain.header(height=1, time_ms=TIME_MS - 11_000)
        trust = chain.trust.pinned_at(
            epoch=0,
            height=1,
            header_digest=header.digest(chain.suite.digest),
            time_ms=TIME_MS - 11_000,
        )
        _write(folder / "trust.json", trust.form())
        for case in cases(chain):
            file_name = case.name.replace(", ", "_").replace(" ", "_").lower()
            _write(folder / f"{file_name}.json", case.document())


def _write(path: Path, document: JsonObject) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
