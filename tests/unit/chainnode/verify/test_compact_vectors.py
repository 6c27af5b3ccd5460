"""The published vectors of compact proofs are judged as they say."""

import json
from pathlib import Path

import pytest

from chainnode.ledger.codec import encode_entry
from chainnode.verify.compact import CompactFacts, ReferenceFacts, verify_compact
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.judge import verdict_of_refusal
from chainnode.verify.qr_text import payload_of
from chainnode.verify.strict_json import JsonObject, JsonValue
from chainnode.verify.trust import Trust
from tests.vectors.make_compact import cases

FOLDER = Path(__file__).parents[3] / "vectors" / "compact"
FILES = sorted(FOLDER.glob("*/*.json"))


def told(facts: CompactFacts | ReferenceFacts) -> JsonObject:
    """Return all that was proven, as the vectors write it."""
    shown: JsonObject = {"height": facts.height}
    if facts.claim is not None:
        shown |= {"identifier": facts.claim.part.identifier, "public": facts.claim.public.hex()}
    if isinstance(facts, ReferenceFacts):
        return shown | {
            "submission_digest": facts.submission_digest.hex(),
            "key_id": facts.key_id.hex(),
            "call_index": facts.call_index,
        }
    signers: list[JsonValue] = list(facts.signers)
    return shown | {
        "submission_digest": facts.entry.submission_digest.hex(),
        "key_id": facts.entry.key_id.hex(),
        "call_index": facts.entry.call_index,
        "body_digest": facts.entry.body_digest.hex(),
        "entry": encode_entry(facts.entry).hex(),
        "header_digest": facts.header_digest.hex(),
        "time_ms": facts.time_ms,
        "signers": signers,
    }


def judged(text: str, trust: Trust) -> tuple[str, JsonObject | None]:
    """Return `accepted` and what is proven, or verdict and check."""
    try:
        return "accepted", told(verify_compact(payload_of(text), trust))
    except InvalidEvidence as error:
        return f"{verdict_of_refusal(error).verdict.name} {error.check}", None


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_published_case_is_judged_as_it_says(path: Path) -> None:
    case = json.loads(path.read_bytes())
    trust = Trust.load(json.dumps(case["trust"]).encode())
    assert judged(case["text"], trust) == (case["expect"], case["facts"])


@pytest.mark.parametrize("suite", ["sm", "intl"])
def test_every_case_of_the_script_is_published(suite: str) -> None:
    published = {json.loads(one.read_bytes())["name"] for one in FILES if one.parent.name == suite}
    assert published == {one.name for one in cases(suite)}
