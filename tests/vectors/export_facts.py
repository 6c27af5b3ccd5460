"""What an export proves, as its vectors write it and the page says it."""

from chainnode.verify.export import ExportFacts
from chainnode.verify.export_forms import Attested
from chainnode.verify.export_names import ONE_QUESTION
from chainnode.verify.strict_json import JsonObject


def export_facts(facts: ExportFacts) -> JsonObject:
    """Return what an export proves, named as in the published vectors."""
    question, answer = facts.question, facts.answer
    proven: JsonObject = {
        "question": question.record.entry.submission_digest.hex(),
        "purpose": question.purpose,
        "as_of_height": answer.header.height,
        "from_ms": answer.from_ms,
        "to_ms": answer.to_ms,
        "complete": answer.is_complete,
        "complete_to_ms": answer.complete_to_ms,
        "positions": [one.position for one in answer.rows],
        "replica_id": facts.replica_id,
        "organisation": facts.organisation,
        "has_page": facts.has_page,
    }
    return proven if facts.version == ONE_QUESTION else {**proven, **_of_several(facts)}


def _of_several(facts: ExportFacts) -> JsonObject:
    """Return what the second version says besides."""
    asked = [one.question.record.entry.submission_digest.hex() for one in facts.questions]
    return {
        "questions": [*asked],
        "attested": [_attested(one.attested) for one in facts.questions],
        "has_csv": facts.has_csv,
        "signed_alone": [*facts.signed_alone],
    }


def _attested(told: Attested | None) -> JsonObject | None:
    if told is None:
        return None
    return {"custodian": told.custodian, "places": [[*one] for one in told.places]}
