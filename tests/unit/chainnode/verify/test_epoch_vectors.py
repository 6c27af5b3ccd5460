"""Published vectors of epochs and forks: judged as they say, and the same as the script makes."""

from pathlib import Path

import pytest

from chainnode.verify import (
    ConsistencyFacts,
    Facts,
    ForkFacts,
    InvalidEvidence,
    Policy,
    ReceiptFacts,
    RecordFacts,
    Trust,
    judge_certificate,
    verify_certificate_evidence,
    verify_evidence,
)
from chainnode.verify.judge import verdict_of_refusal
from chainnode.verify.strict_json import JsonObject, as_integer, as_object, read_object
from tests.vectors.documents import document_text, published, texts
from tests.vectors.make_epochs import FOLDER, cases

FILES = sorted(FOLDER.glob("*/*.json"))
SUITES = ("sm", "intl")


def judged(case: JsonObject) -> tuple[str, JsonObject | None]:
    """Return `accepted` and what is proven, or verdict and check (of a certificate: state)."""
    trust = Trust.load(document_text(as_object(case["trust"], "trust")).encode())
    evidence = as_object(case["evidence"], "evidence")
    try:
        if evidence["kind"] == "certificate":
            verify_certificate_evidence(evidence, trust)
            return certificate_outcome(case, evidence, trust), None
        return "accepted", told(verify_evidence(evidence, trust))
    except InvalidEvidence as error:
        return f"{verdict_of_refusal(error).verdict.name} {error.check}", None


def certificate_outcome(case: JsonObject, evidence: JsonObject, trust: Trust) -> str:
    verdict = judge_certificate(
        evidence,
        trust,
        content_digest=bytes.fromhex(str(case["content_digest"])),
        identifier=str(case["identifier"]),
        policy=Policy(now_ms=0, as_of_ms=as_integer(case["as_of_ms"], "as_of_ms")),
    )
    return f"{verdict.verdict.name} {'' if verdict.state is None else verdict.state.name}"


def told(facts: Facts) -> JsonObject:
    """Return what was proven, as the vectors write it."""
    if isinstance(facts, ForkFacts):
        return {
            "epoch": facts.first.epoch,
            "height": facts.height,
            "on_both_sides": list(facts.on_both_sides),
        }
    assert isinstance(facts, RecordFacts | ReceiptFacts | ConsistencyFacts)
    header = facts.header
    return {
        "epoch": header.epoch,
        "height": header.height,
        "signers": list(header.signers),
        "quorum": header.quorum,
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_published_case_is_judged_as_it_says(path: Path) -> None:
    case = read_object(path.read_bytes())
    assert judged(case) == (case["expect"], case["facts"])


@pytest.mark.parametrize("suite", SUITES)
def test_the_script_makes_what_is_published_byte_for_byte(suite: str) -> None:
    assert texts(cases(suite)) == published(FOLDER / suite)
