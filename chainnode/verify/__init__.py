"""Offline verification: what evidence and a trust file prove, without a node (public names)."""

from chainnode.verify.certificate import (
    CertificateFacts,
    CertificateQuery,
    RegisteredCertificate,
    verify_certificate_evidence,
)
from chainnode.verify.compact import CompactFacts, ReferenceFacts, verify_compact
from chainnode.verify.consistency import ConsistencyFacts
from chainnode.verify.discovery import (
    PDF_KEY,
    SIDECAR_SUFFIX,
    FileContent,
    UnreadableFile,
    read_file,
    sidecar_form,
)
from chainnode.verify.equivocation import EquivocationFacts, equivocation_evidence
from chainnode.verify.errors import (
    ForeignEvidence,
    InvalidEvidence,
    InvalidTrust,
    NoQuorum,
    UnreadableEvidence,
)
from chainnode.verify.evidence import (
    ReceiptFacts,
    RecordFacts,
    StateFacts,
    load_evidence,
    verify_record_item,
)
from chainnode.verify.fork import ForkFacts, fork_evidence
from chainnode.verify.header import CertifiedHeader, verify_header
from chainnode.verify.judge import (
    MAX_AGE_MS_DEFAULT,
    ONLINE_MAX_AGE_MS_DEFAULT,
    Policy,
    cannot_decide,
    judge_certificate,
    judge_facts,
    unreadable,
)
from chainnode.verify.judge_code import code_form, judge_code
from chainnode.verify.kinds import Facts, verify_evidence
from chainnode.verify.qr_text import is_qr_text, payload_of, text_of, url_of
from chainnode.verify.record import BlockRecordFacts
from chainnode.verify.trail import (
    TrailFacts,
    TrailListing,
    TrailRow,
    require_continuation,
    verify_trail_evidence,
)
from chainnode.verify.trust import PinnedCheckpoint, Trust
from chainnode.verify.verdict import (
    Check,
    CheckName,
    CheckResult,
    StateWord,
    Verdict,
    VerdictCode,
    Words,
)

__all__ = [
    "MAX_AGE_MS_DEFAULT",
    "ONLINE_MAX_AGE_MS_DEFAULT",
    "PDF_KEY",
    "SIDECAR_SUFFIX",
    "BlockRecordFacts",
    "CertificateFacts",
    "CertificateQuery",
    "CertifiedHeader",
    "Check",
    "CheckName",
    "CheckResult",
    "CompactFacts",
    "ConsistencyFacts",
    "EquivocationFacts",
    "Facts",
    "FileContent",
    "ForeignEvidence",
    "ForkFacts",
    "InvalidEvidence",
    "InvalidTrust",
    "NoQuorum",
    "PinnedCheckpoint",
    "Policy",
    "ReceiptFacts",
    "RecordFacts",
    "ReferenceFacts",
    "RegisteredCertificate",
    "StateFacts",
    "StateWord",
    "TrailFacts",
    "TrailListing",
    "TrailRow",
    "Trust",
    "UnreadableEvidence",
    "UnreadableFile",
    "Verdict",
    "VerdictCode",
    "Words",
    "cannot_decide",
    "code_form",
    "equivocation_evidence",
    "fork_evidence",
    "is_qr_text",
    "judge_certificate",
    "judge_code",
    "judge_facts",
    "load_evidence",
    "payload_of",
    "read_file",
    "require_continuation",
    "sidecar_form",
    "text_of",
    "unreadable",
    "url_of",
    "verify_certificate_evidence",
    "verify_compact",
    "verify_evidence",
    "verify_header",
    "verify_record_item",
    "verify_trail_evidence",
]
