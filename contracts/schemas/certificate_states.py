"""States of an e-certificate and the transitions between them, as data.

Every row of `TRANSITIONS` may happen and nothing else may; docs/contracts.md draws the same table.
"""

from dataclasses import dataclass
from enum import IntEnum


class CertificateState(IntEnum):
    """Canonical states, beside the codes that differ by certificate type."""

    IN_MAKING = 1
    VALID = 2
    SUSPENDED = 3
    SUPERSEDED = 4
    CANCELLED = 5
    REVOKED = 6
    WITHDRAWN = 7
    EXPIRED = 8
    TRANSFERRED = 9


STATE_WORDS = {
    CertificateState.IN_MAKING: "制证中",
    CertificateState.VALID: "有效",
    CertificateState.SUSPENDED: "暂扣",
    CertificateState.SUPERSEDED: "变更替代",
    CertificateState.CANCELLED: "注销",
    CertificateState.REVOKED: "撤销",
    CertificateState.WITHDRAWN: "吊销",
    CertificateState.EXPIRED: "过期",
    CertificateState.TRANSFERRED: "转出",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """An action and the states around it; `before` None = the ledger knows no certificate."""

    action: str
    before: CertificateState | None
    after: CertificateState


TRANSITIONS = (
    Transition("issue", None, CertificateState.VALID),
    *(Transition("import", None, state) for state in CertificateState),
    Transition("revoke", CertificateState.VALID, CertificateState.REVOKED),
    Transition("revoke", CertificateState.SUSPENDED, CertificateState.REVOKED),
    # What has run out can still turn out to be obtained by fraud.
    Transition("revoke", CertificateState.EXPIRED, CertificateState.REVOKED),
)


def state_after_revoking(before: CertificateState) -> CertificateState | None:
    """Return the state that `revoke` leads to, or None where it is not allowed."""
    return _REVOKED_FROM.get(before)


_REVOKED_FROM = {
    one.before: one.after
    for one in TRANSITIONS
    if one.action == "revoke" and one.before is not None
}
