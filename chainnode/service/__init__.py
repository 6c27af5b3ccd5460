"""The public face of a node: everything the HTTP API may ask, without HTTP.

Reads stand under certified heights; a write is answered when a quorum has signed its block.
"""

from chainnode.service.audit_answers import AuditAnswers
from chainnode.service.errors import Refused
from chainnode.service.exports import Exports, Voice
from chainnode.service.feed import Feed
from chainnode.service.node_service import NodeService
from chainnode.service.outcomes import Outcomes
from chainnode.service.questions import Questions
from chainnode.service.status import Identity, StatusReader

__all__ = [
    "AuditAnswers",
    "Exports",
    "Feed",
    "Identity",
    "NodeService",
    "Outcomes",
    "Questions",
    "Refused",
    "StatusReader",
    "Voice",
]
