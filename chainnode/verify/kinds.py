"""One door for evidence of any kind, for whoever has a file and knows nothing of it."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from chainnode.verify.certificate import CertificateFacts, verify_certificate_evidence
from chainnode.verify.consistency import ConsistencyFacts, verify_consistency_evidence
from chainnode.verify.disclosure import DisclosureFacts, verify_disclosure_evidence
from chainnode.verify.equivocation import EquivocationFacts, verify_equivocation_evidence
from chainnode.verify.errors import UnreadableEvidence
from chainnode.verify.evidence import (
    ReceiptFacts,
    RecordFacts,
    StateFacts,
    verify_receipt_evidence,
    verify_state_evidence,
)
from chainnode.verify.fork import ForkFacts, verify_fork_evidence
from chainnode.verify.record import BlockRecordFacts, verify_any_record_evidence
from chainnode.verify.strict_json import JsonValue, as_object, shown
from chainnode.verify.trail import TrailFacts, verify_trail_evidence
from chainnode.verify.trust import Trust

Facts: TypeAlias = (
    RecordFacts
    | BlockRecordFacts
    | ReceiptFacts
    | StateFacts
    | CertificateFacts
    | EquivocationFacts
    | TrailFacts
    | ConsistencyFacts
    | ForkFacts
    | DisclosureFacts
)

_VERIFIERS: Mapping[str, Callable[[JsonValue, Trust], Facts]] = {
    "record": verify_any_record_evidence,
    "receipt": verify_receipt_evidence,
    "state": verify_state_evidence,
    "certificate": verify_certificate_evidence,
    "equivocation": verify_equivocation_evidence,
    "trail": verify_trail_evidence,
    "consistency": verify_consistency_evidence,
    "fork": verify_fork_evidence,
    "disclosure": verify_disclosure_evidence,
}


def verify_evidence(evidence: JsonValue, trust: Trust) -> Facts:
    """Check the JSON object of any kind of evidence.

    Raises:
        UnreadableEvidence: it does not decode.
        ForeignEvidence: it belongs to another chain.
        NoQuorum: too few signatures.
        InvalidEvidence: any other check fails.

    """
    kind = as_object(evidence, "evidence").get("kind")
    verify = _VERIFIERS.get(kind) if isinstance(kind, str) else None
    if verify is None:
        raise UnreadableEvidence(
            check="kind", expected=f"one of {', '.join(_VERIFIERS)}", actual=shown(kind)
        )
    return verify(evidence, trust)
