"""One door for evidence of any kind, for whoever has a file and knows nothing of it."""

from typing import TypeAlias

from chainnode.verify.certificate import CertificateFacts, verify_certificate_evidence
from chainnode.verify.equivocation import EquivocationFacts, verify_equivocation_evidence
from chainnode.verify.errors import UnreadableEvidence
from chainnode.verify.evidence import (
    ReceiptFacts,
    RecordFacts,
    StateFacts,
    verify_receipt_evidence,
    verify_record_evidence,
    verify_state_evidence,
)
from chainnode.verify.fork import ForkFacts, verify_fork_evidence
from chainnode.verify.strict_json import JsonValue, as_object, shown
from chainnode.verify.trust import Trust

Facts: TypeAlias = (
    RecordFacts | ReceiptFacts | StateFacts | CertificateFacts | EquivocationFacts | ForkFacts
)


def verify_evidence(evidence: JsonValue, trust: Trust) -> Facts:
    """Check the JSON object of any kind of evidence.

    Raises:
        UnreadableEvidence: it does not decode.
        ForeignEvidence: it belongs to another chain.
        NoQuorum: too few signatures.
        InvalidEvidence: any other check fails.

    """
    kind = as_object(evidence, "evidence").get("kind")
    match kind:
        case "record":
            return verify_record_evidence(evidence, trust)
        case "receipt":
            return verify_receipt_evidence(evidence, trust)
        case "state":
            return verify_state_evidence(evidence, trust)
        case "certificate":
            return verify_certificate_evidence(evidence, trust)
        case "equivocation":
            return verify_equivocation_evidence(evidence, trust)
        case "fork":
            return verify_fork_evidence(evidence, trust)
        case _:
            raise UnreadableEvidence(
                check="kind",
                expected="record, receipt, state, certificate, equivocation or fork",
                actual=shown(kind),
            )
