"""The two halves of a demo call: what the requester says of it and what the provider says.

Content stays with the two parties; the chain gets salted commitments to it.
"""

from dataclasses import dataclass

from chainnode.client.calls import AccessCall, AccessReason, access_record
from chainnode.codec import encode
from chainnode.submission import Call
from chainnode.suites.port import Suite
from contracts.schemas.access import Decision, Side

HTTP_FORBIDDEN = 403
_REASONS = {
    "housing": "公租房资格审核 public housing eligibility",
    "marriage": "婚姻登记核对 marriage registration check",
    "property": "不动产登记核验 property registration check",
    "service": "政务服务办理 public service request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCall:
    """One data call between two departments, as both of them know it."""

    call_id: bytes
    trace_id: bytes
    requester: str
    provider: str
    item: str
    subjects: tuple[bytes, ...]
    status: int
    count: int
    requested_ms: int
    answered_ms: int
    purpose: str
    case_number: str
    request_commitment: bytes = b""
    response_commitment: bytes = b""

    def half(self, side: Side) -> Call:
        """Return the record of one side."""
        denied = self.status == HTTP_FORBIDDEN
        return access_record(
            AccessCall(
                call_id=self.call_id,
                side=side,
                requester=self.requester,
                provider=self.provider,
                item=self.item,
                trace_id=self.trace_id,
                subjects=tuple(sorted(self.subjects)),
                decision=Decision.DENY if denied else Decision.PERMIT,
                status=self.status,
                count=self.count,
                requested_ms=self.requested_ms,
                answered_ms=self.answered_ms,
                request_commitment=self.request_commitment,
                response_commitment=self.response_commitment,
            ),
            AccessReason(
                purpose_code=self.purpose,
                reason_text=_REASONS.get(self.purpose, self.purpose),
                case_number=self.case_number,
                operator="demo-operator",
                system="demo",
            ),
        )


def is_known_purpose(purpose: str) -> bool:
    """Tell whether the demo knows this purpose code."""
    return purpose in _REASONS


def commitment(suite: Suite, *, salt: bytes, content: bytes) -> bytes:
    """Commit to what was sent: shows nothing of it, and fits nothing else."""
    return suite.digest(encode(("kun.demo.commitment", salt, content)))
