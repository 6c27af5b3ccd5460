"""The SDK: submit, verify and ask with every answer checked against pinned trust."""

from chainnode.client.asking import QuestionNotRecorded
from chainnode.client.calls import (
    AccessCall,
    AccessReason,
    CertificateDraft,
    InvalidCall,
    access_record,
    audit_question,
    import_certificate,
    issue_certificate,
    revoke_certificate,
)
from chainnode.client.clients import AsyncClient, Client
from chainnode.client.codes import CertificateCode
from chainnode.client.exporting import Exported, NotExportable
from chainnode.client.memory import ChainForked
from chainnode.client.reading import StateRow
from chainnode.client.reports import (
    CannotDecide,
    NodeBehind,
    NodeLied,
    NodeRefused,
    NodeReport,
    NodeUnreachable,
)
from chainnode.client.results import (
    AuditAnswer,
    CallResult,
    Final,
    NodeStatus,
    Outcome,
    Refused,
    Unknown,
    Verification,
)

__all__ = [
    "AccessCall",
    "AccessReason",
    "AsyncClient",
    "AuditAnswer",
    "CallResult",
    "CannotDecide",
    "CertificateCode",
    "CertificateDraft",
    "ChainForked",
    "Client",
    "Exported",
    "Final",
    "InvalidCall",
    "NodeBehind",
    "NodeLied",
    "NodeRefused",
    "NodeReport",
    "NodeStatus",
    "NodeUnreachable",
    "NotExportable",
    "Outcome",
    "QuestionNotRecorded",
    "Refused",
    "StateRow",
    "Unknown",
    "Verification",
    "access_record",
    "audit_question",
    "import_certificate",
    "issue_certificate",
    "revoke_certificate",
]
