"""A bulk call of the demo, and its two halves: what requester and provider say of it alike."""

from dataclasses import dataclass

from chainnode.client.calls import AccessCall, AccessReason, access_record
from chainnode.submission import Call
from contracts.schemas.access import Decision, Side

HTTP_FORBIDDEN = 403
DURATION_MS = 35
_REASONS = {
    "marriage": "婚姻登记核对 marriage registration check",
    "property": "不动产登记核验 property registration check",
    "service": "政务服务办理 public service request",
}
PURPOSES = tuple(_REASONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCall:
    """One data call between two departments, as both of them know it."""

    call_id: bytes
    trace_id: bytes
    requester: str
    provider: str
    item: str
    fields: int
    grant: str
    subjects: tuple[bytes, ...]
    status: int
    count: int
    requested_ms: int
    purpose: str
    case_number: str

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
                fields=self.fields,
                grant=self.grant,
                trace_id=self.trace_id,
                subjects=tuple(sorted(self.subjects)),
                decision=Decision.DENY if denied else Decision.PERMIT,
                status=self.status,
                count=self.count,
                requested_ms=self.requested_ms,
                answered_ms=self.requested_ms + DURATION_MS,
            ),
            AccessReason(
                purpose_code=self.purpose,
                reason_text=_REASONS[self.purpose],
                case_number=self.case_number,
                operator="demo-operator",
                system="demo",
            ),
        )
