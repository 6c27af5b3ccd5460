"""Index rules, version 1: under which keys a record is found (wire format §9, §18). Pure.

A rule never changes: a new one has a new version and holds from a position of the log on.
"""

from collections.abc import Sequence

from contracts.schemas.access import AccessRecord, People
from contracts.schemas.access_1 import AccessRecord as FirstAccessRecord
from contracts.schemas.access_sealed import Seal, Sealed, SealedRow, Unseal
from contracts.schemas.audit import Question
from contracts.schemas.audit_1 import Question as FirstQuestion
from contracts.schemas.catalog import Publish, Withdraw
from contracts.schemas.certificates import Import, Issue, Revoke
from contracts.schemas.content import PublishKey, ShareKey
from contracts.schemas.disputes import DisputeRow
from contracts.schemas.grants import GrantRow
from contracts.schemas.index_kinds import Digester, IndexKind, index_key
from contracts.schemas.members import AddKey, EndKey
from contracts.schemas.pseudonyms import OpenEpoch, Usage
from contracts.schemas.shape import PublicPart

_SUBJECT = bytes((IndexKind.SUBJECT,))
_FOUND_BY_THE_LEDGER = (IndexKind.FINDING, IndexKind.UNMATCHED)


def index_keys(digest: Digester, part: PublicPart, organisation: str) -> tuple[bytes, ...]:
    """Return the keys of a record by its public part and sender: ascending, distinct, ≤ 12.

    Every rule lists its kinds ascending, and subjects ascend by their schema.
    """
    match part:
        case FirstAccessRecord():
            return _call_keys(digest, part)
        case Issue() | Import() | Revoke():
            return (
                index_key(digest, IndexKind.PROVIDER, organisation),
                index_key(digest, IndexKind.CERTIFICATE, part.identifier),
            )
        case FirstQuestion():
            subjects = part.values if part.kind == IndexKind.SUBJECT else ()
            return (
                *(_SUBJECT + subject for subject in subjects),
                index_key(digest, IndexKind.REQUESTER, organisation),
            )
        case AddKey() | EndKey():
            return (index_key(digest, IndexKind.PROVIDER, organisation),)
        case Question():
            return _question_keys(digest, part, organisation)
        case _:
            return _exchange_keys(digest, part, organisation)


def _exchange_keys(digest: Digester, part: PublicPart, organisation: str) -> tuple[bytes, ...]:
    """Return the keys of the parts that only chains with rules 2 have (wire format §14)."""
    match part:
        case Publish() | Withdraw():
            return (
                index_key(digest, IndexKind.PROVIDER, organisation),
                index_key(digest, IndexKind.ITEM, part.item),
            )
        case OpenEpoch() | Usage():
            return (
                index_key(digest, IndexKind.REQUESTER, part.department),
                index_key(digest, IndexKind.PROVIDER, organisation),
            )
        case ShareKey():
            return (
                index_key(digest, IndexKind.REQUESTER, part.requester),
                index_key(digest, IndexKind.PROVIDER, part.provider),
            )
        case People() | Seal() | Sealed():
            return _access_keys(digest, part, organisation)
        case PublishKey():
            return (index_key(digest, IndexKind.PROVIDER, organisation),)
        case _:
            raise TypeError(f"no index rule for {type(part).__name__}")


def grant_keys(digest: Digester, grant: str, row: GrantRow) -> tuple[bytes, ...]:
    """Return the keys of a decision about a grant: whose it is and what for, as state says."""
    return (
        index_key(digest, IndexKind.REQUESTER, row.requester),
        index_key(digest, IndexKind.PROVIDER, row.provider),
        index_key(digest, IndexKind.ITEM, row.item),
        index_key(digest, IndexKind.GRANT, grant),
    )


def _access_keys(
    digest: Digester, part: People | Seal | Sealed, organisation: str
) -> tuple[bytes, ...]:
    match part:
        case People():
            return tuple(_SUBJECT + token for token in part.tokens)
        case Sealed():
            return (
                *(_SUBJECT + subject for subject in part.subjects),
                index_key(digest, IndexKind.PROVIDER, organisation),
            )
        case Seal():
            return (
                index_key(digest, IndexKind.REQUESTER, part.department),
                index_key(digest, IndexKind.PROVIDER, organisation),
            )


def half_keys(digest: Digester, half: AccessRecord, findings: Sequence[int]) -> tuple[bytes, ...]:
    """Return the keys of a half: whom it is about, both sides, item, grant, what was found."""
    return (
        *_call_keys(digest, half),
        *(index_key(digest, IndexKind.FINDING, bytes((number,))) for number in findings),
    )


def chained_half_keys(
    digest: Digester, half: AccessRecord, findings: Sequence[int]
) -> tuple[bytes, ...]:
    """Return those of a half of version 3: one that another call caused is found by its trace."""
    keys = half_keys(digest, half, findings)
    if not half.parent_call_id:
        return keys
    return (*keys, index_key(digest, IndexKind.TRACE, half.trace_id))


def dispute_keys(
    digest: Digester, dispute_id: bytes, row: DisputeRow, *responsible: str
) -> tuple[bytes, ...]:
    """Return the keys of a record about a dispute: all of its target, itself, who answers for it.

    `responsible`: further organisations than that of the row; a forward names the one before.
    """
    people = row.subjects if not row.person else (*row.subjects, row.person)
    texts = (
        (IndexKind.REQUESTER, row.requester),
        (IndexKind.PROVIDER, row.provider),
        (IndexKind.ITEM, row.item),
        (IndexKind.GRANT, row.grant),
        (IndexKind.CERTIFICATE, row.certificate),
        *((IndexKind.RESPONSIBLE, one) for one in (row.responsible, *responsible)),
    )
    found = [
        *(_SUBJECT + token for token in people),
        *(index_key(digest, kind, text) for kind, text in texts if text),
        index_key(digest, IndexKind.DISPUTE, dispute_id),
    ]
    return tuple(sorted(frozenset(found)))


def _question_keys(digest: Digester, part: Question, organisation: str) -> tuple[bytes, ...]:
    """Return the keys under which a question is found where what it asked about is found.

    Trails of findings and gaps hold what the ledger found, and who reads counts them: a question
    about them stands in its asker's trail alone.
    """
    kind = IndexKind(part.kind)
    found = [
        *(index_key(digest, kind, one) for one in part.values if kind not in _FOUND_BY_THE_LEDGER),
        index_key(digest, IndexKind.REQUESTER, organisation),
    ]
    return tuple(sorted(frozenset(found)))


def gap_keys(
    digest: Digester, half: AccessRecord, *, finding: int | None = None, gap_at: str | None
) -> tuple[bytes, ...]:
    """Return the keys of a record that the ledger makes about this half and its gap."""
    keys = half_keys(digest, half, () if finding is None else (finding,))
    if gap_at is None:
        return keys
    return (*keys, index_key(digest, IndexKind.UNMATCHED, gap_at))


def unsealed_index_keys(digest: Digester, part: Unseal, sealed: SealedRow) -> tuple[bytes, ...]:
    """Return the keys of an opened call: subjects and department as the state has them."""
    return (
        *(_SUBJECT + subject for subject in sealed.subjects),
        index_key(digest, IndexKind.REQUESTER, part.requester),
        index_key(digest, IndexKind.PROVIDER, sealed.organisation),
        index_key(digest, IndexKind.ITEM, part.item),
    )


def _call_keys(digest: Digester, part: AccessRecord | FirstAccessRecord) -> tuple[bytes, ...]:
    keys = [_SUBJECT + subject for subject in part.subjects]
    keys.append(index_key(digest, IndexKind.REQUESTER, part.requester))
    keys.append(index_key(digest, IndexKind.PROVIDER, part.provider))
    keys.append(index_key(digest, IndexKind.ITEM, part.item))
    if part.grant:
        keys.append(index_key(digest, IndexKind.GRANT, part.grant))
    return tuple(keys)
