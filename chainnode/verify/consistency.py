"""Evidence that one log continues another: what was recorded earlier is still there, unchanged.

RFC 9162 §2.1.4, docs/wire-format.md §11. The older header is checked like the newer one, but
against no pinned checkpoint: it may well lie below it, and the proof under the newer header is
what makes its log, and nothing else of it, part of the trusted chain.
"""

from dataclasses import dataclass

from chainnode.ledger.merkle import InvalidProof, verify_consistency
from chainnode.verify.epochs import verify_placed_header
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import open_envelope, read_path
from chainnode.verify.forms import EVIDENCE_VERSION_2
from chainnode.verify.header import CertifiedHeader, refused, require_equal, require_within_epoch
from chainnode.verify.strict_json import JsonValue, as_fields
from chainnode.verify.trust import Trust

KIND = "consistency"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyFacts:
    """Every entry of the log of `older` stands at the same position in the log of `header`."""

    header: CertifiedHeader
    older: CertifiedHeader


def verify_consistency_evidence(evidence: JsonValue, trust: Trust) -> ConsistencyFacts:
    """Check `kind: "consistency"`.

    Raises:
        UnreadableEvidence: it does not decode.
        NoQuorum: too few signatures under either header.
        InvalidEvidence: the older header is above the newer one, is another one at the same
            height, or its log is not a beginning of the newer log.

    """
    fields, newer = open_envelope(
        evidence, trust, kind=KIND, names=("older", "path"), version=EVIDENCE_VERSION_2
    )
    shown = as_fields(fields["older"], "older", ("header", "certificate", "epochs"))
    older = verify_placed_header(shown, trust, is_pinned=False)
    # What led to the newer header may tell where the epoch of the older one ended.
    require_within_epoch(older.epoch, older.height, newer.trust)
    if older.height > newer.height:
        raise InvalidEvidence(
            check="older", expected=f"height ≤ {newer.height}", actual=f"{older.height}"
        )
    if older.height == newer.height:
        require_equal("older", newer.digest, older.digest)
    try:
        verify_consistency(
            trust.suite.digest,
            old_size=older.header.head.log_size,
            new_size=newer.header.head.log_size,
            old_root=older.header.rest.log_root,
            new_root=newer.header.rest.log_root,
            path=read_path(fields["path"]),
        )
    except InvalidProof as error:
        raise refused("consistency", error) from error
    return ConsistencyFacts(header=newer, older=older)
