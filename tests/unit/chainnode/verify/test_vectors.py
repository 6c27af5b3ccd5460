"""The published vectors are judged as they say."""

import json
from pathlib import Path

import pytest

from chainnode.verify import (
    InvalidEvidence,
    Policy,
    TrailFacts,
    Trust,
    load_evidence,
    verify_certificate_evidence,
    verify_evidence,
)
from chainnode.verify.judge import judge_certificate
from chainnode.verify.strict_json import JsonObject
from tests.builders_evidence import synthetic_chain
from tests.vectors.make_evidence import cases

FOLDER = Path(__file__).parents[3] / "vectors" / "evidence"
FILES = sorted(one for one in FOLDER.glob("*/*.json") if one.name != "trust.json")


def outcome(case: JsonObject, trust: Trust) -> str:
    evidence = case["evidence"]
    assert isinstance(evidence, dict)
    if evidence["kind"] != "certificate":
        return refusal(evidence, trust) or "accepted"
    digest, identifier = case["content_digest"], case["identifier"]
    verdict = judge_certificate(
        evidence,
        trust,
        content_digest=None if digest is None else bytes.fromhex(str(digest)),
        identifier=None if identifier is None else str(identifier),
        policy=Policy(
            now_ms=0, as_of_ms=int(str(case["as_of_ms"])), max_age_ms=int(str(case["max_age_ms"]))
        ),
    )
    second = refusal(evidence, trust) if verdict.state is None else verdict.state.name
    return f"{verdict.verdict.name} {second}"


def refusal(evidence: JsonObject, trust: Trust) -> str | None:
    verify = verify_certificate_evidence if evidence["kind"] == "certificate" else verify_evidence
    try:
        verify(evidence, trust)
    except InvalidEvidence as error:
        return error.check
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_published_case_is_judged_as_it_says(path: Path) -> None:
    trust = Trust.load((path.parent / "trust.json").read_bytes())
    case = load_evidence(path.read_bytes())
    assert outcome(case, trust) == case["expect"]


TRAILS = [one for one in FILES if json.loads(one.read_bytes())["proves"] is not None]


@pytest.mark.parametrize("path", TRAILS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_published_trail_proves_what_it_says_and_no_more(path: Path) -> None:
    trust = Trust.load((path.parent / "trust.json").read_bytes())
    case = load_evidence(path.read_bytes())

    facts = verify_evidence(case["evidence"], trust)

    assert isinstance(facts, TrailFacts)
    assert case["proves"] == {
        "complete": facts.is_complete,
        "complete_to_ms": facts.complete_to_ms,
        "as_of_ms": facts.as_of_ms,
        "positions": [row.position for row in facts.rows()],
    }


@pytest.mark.parametrize("suite", ["sm", "intl"])
def test_every_case_of_the_script_is_published(suite: str) -> None:
    published = {json.loads(one.read_bytes())["name"] for one in FILES if one.parent.name == suite}
    assert published == {one.name for one in cases(synthetic_chain(suite))}
