"""The gateway between a department's services and the ledger."""

from chainnode.exchange import CallReason
from chainnode.gateway.access_log import AccessLog
from chainnode.gateway.asgi import GatewayMiddleware
from chainnode.gateway.calling.caller import Caller, CallNotMade, CallOutcome
from chainnode.gateway.calling.reading import AnswerCoded, AnswerTooLarge
from chainnode.gateway.calling.requesting import CallIntent, Requester, new_call_id
from chainnode.gateway.calling.steps import HeaderOfOurs
from chainnode.gateway.calling.transports import AnswerLimits, AsyncCallTransport, CallTransport
from chainnode.gateway.core import Gateway
from chainnode.gateway.guard import PersonalText, refuse_personal_text
from chainnode.gateway.kept import DamagedKept, KeptCall, KeptCalls, KeptMessage
from chainnode.gateway.opening import open_caller, open_gateway
from chainnode.gateway.ports import NoNodeAnswers
from chainnode.gateway.pseudonyms import CustodianAccess, NotTokenised, Pseudonyms
from chainnode.gateway.replay.replayer import Replayer, ReplaySettings
from chainnode.gateway.rows import CachedRows
from chainnode.gateway.settings import GatewaySettings, read_settings
from chainnode.gateway.spool.entries import (
    CallIdentity,
    CallQueue,
    DeadLetter,
    EntryId,
    Fate,
    InvalidEntry,
    Settled,
    SpoolEntry,
    SpoolStatus,
    Waiting,
)
from chainnode.gateway.spool.errors import (
    SpoolConflict,
    SpoolCorrupted,
    SpoolFull,
    SpoolOfAnotherChain,
    UnknownEntry,
    UnknownSpoolFormat,
)
from chainnode.gateway.spool.file import StoredSpool, look_at_spool
from chainnode.gateway.spool.metrics import spool_readings
from chainnode.gateway.spool.spool import Spool, SpoolLimits

__all__ = [
    "AccessLog",
    "AnswerCoded",
    "AnswerLimits",
    "AnswerTooLarge",
    "AsyncCallTransport",
    "CachedRows",
    "CallIdentity",
    "CallIntent",
    "CallNotMade",
    "CallOutcome",
    "CallQueue",
    "CallReason",
    "CallTransport",
    "Caller",
    "CustodianAccess",
    "DamagedKept",
    "DeadLetter",
    "EntryId",
    "Fate",
    "Gateway",
    "GatewayMiddleware",
    "GatewaySettings",
    "HeaderOfOurs",
    "InvalidEntry",
    "KeptCall",
    "KeptCalls",
    "KeptMessage",
    "NoNodeAnswers",
    "NotTokenised",
    "PersonalText",
    "Pseudonyms",
    "ReplaySettings",
    "Replayer",
    "Requester",
    "Settled",
    "Spool",
    "SpoolConflict",
    "SpoolCorrupted",
    "SpoolEntry",
    "SpoolFull",
    "SpoolLimits",
    "SpoolOfAnotherChain",
    "SpoolStatus",
    "StoredSpool",
    "UnknownEntry",
    "UnknownSpoolFormat",
    "Waiting",
    "look_at_spool",
    "new_call_id",
    "open_caller",
    "open_gateway",
    "read_settings",
    "refuse_personal_text",
    "spool_readings",
]
