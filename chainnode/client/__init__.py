"""The SDK: submit, verify and ask with every answer checked against pinned trust."""

from chainnode.client.asking import QuestionNotRecorded
from chainnode.client.calls import (
    AccessCall,
    AccessReason,
    CertificateDraft,
    InvalidCall,
    access_people,
    access_record,
    audit_question,
    import_certificate,
    issue_certificate,
    revoke_certificate,
)
from chainnode.client.clients import AsyncClient, Client
from chainnode.client.codes import CertificateCode
from chainnode.client.dispute_lists import DisputeList, ListedDispute, list_disputes
from chainnode.client.exporting import Exported, NotExportable, ToldPlaces
from chainnode.client.following import ChainEvent
from chainnode.client.grant_calls import (
    GrantDraft,
    ItemDraft,
    apply_for_grant,
    approve_grant,
    confirm_grant,
    publish_item,
    reject_grant,
    resume_grant,
    revoke_grant,
    suspend_grant,
    withdraw_item,
)
from chainnode.client.key_calls import (
    add_key,
    end_key,
    open_epoch,
    publish_wrapping_key,
    share_pair_key,
    tell_usage,
)
from chainnode.client.memory import ChainForked
from chainnode.client.person_tokens import (
    Person,
    PersonTokens,
    TokenDesk,
    fetch_person_tokens,
    person_tokens,
)
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
from chainnode.client.token_asks import TokensNotMade

__all__ = [
    "AccessCall",
    "AccessReason",
    "AsyncClient",
    "AuditAnswer",
    "CallResult",
    "CannotDecide",
    "CertificateCode",
    "CertificateDraft",
    "ChainEvent",
    "ChainForked",
    "Client",
    "DisputeList",
    "Exported",
    "Final",
    "GrantDraft",
    "InvalidCall",
    "ItemDraft",
    "ListedDispute",
    "NodeBehind",
    "NodeLied",
    "NodeRefused",
    "NodeReport",
    "NodeStatus",
    "NodeUnreachable",
    "NotExportable",
    "Outcome",
    "Person",
    "PersonTokens",
    "QuestionNotRecorded",
    "Refused",
    "StateRow",
    "TokenDesk",
    "TokensNotMade",
    "ToldPlaces",
    "Unknown",
    "Verification",
    "access_people",
    "access_record",
    "add_key",
    "apply_for_grant",
    "approve_grant",
    "audit_question",
    "confirm_grant",
    "end_key",
    "fetch_person_tokens",
    "import_certificate",
    "issue_certificate",
    "list_disputes",
    "open_epoch",
    "person_tokens",
    "publish_item",
    "publish_wrapping_key",
    "reject_grant",
    "resume_grant",
    "revoke_certificate",
    "revoke_grant",
    "share_pair_key",
    "suspend_grant",
    "tell_usage",
    "withdraw_item",
]
