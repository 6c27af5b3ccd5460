"""Contract `certificates`: what was issued by whom, and its state, with the whole history.

State: `certificates/id`, key identifier → the certificate with count and root of its history;
`certificates/history`, key identifier → the leaves under that root; `certificates/file`, key
file digest → identifier. A history is as long as the longest path of the state table: 2.
"""

import msgspec

from contracts.schemas.certificate_states import CertificateState, state_after_revoking
from contracts.schemas.certificates import (
    CERTIFICATES,
    FILES,
    HISTORIES,
    NAME,
    OWN_CODE_SYSTEM,
    VERSION,
    CertificateOutcome,
    CertificatePart,
    CertificateRow,
    FileRow,
    HistoryEntry,
    Import,
    Issue,
    Revoke,
    encode_history_entry,
    own_code,
)
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.identifiers import parse_identifier
from contracts.schemas.members import Role
from contracts.sdk import ActionTable, Context, StateView, action


class _NewState(msgspec.Struct, frozen=True, kw_only=True):
    """A state that a certificate enters, with the code of its own code system."""

    state: CertificateState
    code_system: str
    code: str
    since_ms: int


def _issue(state: StateView, context: Context, part: Issue) -> int:
    _require_new(state, context, part)
    new_state = _NewState(
        state=CertificateState.VALID,
        code_system=OWN_CODE_SYSTEM,
        code=own_code(CertificateState.VALID),
        since_ms=context.now_ms,
    )
    _register(state, context, part, new_state)
    return CertificateOutcome.ISSUED


def _import(state: StateView, context: Context, part: Import) -> int:
    """Take over a certificate with the state that it has had since some day."""
    _require_new(state, context, part)
    if part.since_ms > context.now_ms:
        raise Rejection(Code.CERTIFICATES_SINCE_IN_FUTURE, (context.now_ms, part.since_ms))
    new_state = _NewState(
        state=CertificateState(part.state),
        code_system=part.code_system,
        code=part.code,
        since_ms=part.since_ms,
    )
    _register(state, context, part, new_state)
    return CertificateOutcome.IMPORTED


def _revoke(state: StateView, context: Context, part: Revoke) -> int:
    """End a certificate: by its issuing organisation, from the states that allow it."""
    row = state.find(CERTIFICATES, part.identifier)
    if row is None:
        raise Rejection(Code.CERTIFICATES_NOT_ISSUED)
    if row.issuer != context.organisation:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    if row.state == CertificateState.REVOKED:
        raise Rejection(Code.CERTIFICATES_ALREADY_REVOKED)
    after = state_after_revoking(CertificateState(row.state))
    if after is None:
        raise Rejection(Code.CERTIFICATES_STATE_FORBIDS, (row.state,))
    new_state = _NewState(
        state=after, code_system=part.code_system, code=part.code, since_ms=context.now_ms
    )
    _enter(state, context, part.identifier, row, new_state)
    return CertificateOutcome.REVOKED


def _require_new(state: StateView, context: Context, part: CertificatePart) -> None:
    """Refuse an identifier of another issuer, and what is registered already."""
    if parse_identifier(part.identifier).issuer != context.organisation:
        raise Rejection(Code.CERTIFICATES_FOREIGN_ISSUER_CODE)
    known = state.find(CERTIFICATES, part.identifier)
    if known is not None:
        raise Rejection(Code.CERTIFICATES_IDENTIFIER_KNOWN, (known.state,))
    if state.find(FILES, part.file_digest) is not None:
        raise Rejection(Code.CERTIFICATES_FILE_KNOWN)


def _register(
    state: StateView, context: Context, part: CertificatePart, new_state: _NewState
) -> None:
    """Put a certificate that the ledger did not know, and its file."""
    row = CertificateRow(
        issuer=context.organisation,
        type=part.type,
        file_digest=part.file_digest,
        metadata_root=part.metadata_root,
        holder_commitment=part.holder_commitment,
        valid_from=part.valid_from,
        valid_to=part.valid_to,
        code_system=new_state.code_system,
        code=new_state.code,
        state=new_state.state,
        history_count=0,
        history_root=b"",
    )
    state.put(FILES, FileRow(part.identifier), part.file_digest)
    _enter(state, context, part.identifier, row, new_state)


def _enter(
    state: StateView,
    context: Context,
    identifier: str,
    row: CertificateRow,
    new_state: _NewState,
) -> None:
    """Append the new state to the history, and put the certificate in it."""
    entry = HistoryEntry(
        height=context.height,
        since_ms=new_state.since_ms,
        code_system=new_state.code_system,
        code=new_state.code,
        state=new_state.state,
        submission_digest=context.submission_digest,
        call_index=context.call_index,
    )
    leaves = (*(state.find(HISTORIES, identifier) or ()), encode_history_entry(entry))
    changed = msgspec.structs.replace(
        row,
        code_system=new_state.code_system,
        code=new_state.code,
        state=int(new_state.state),
        history_count=len(leaves),
        history_root=context.crypto.merkle_root(leaves),
    )
    state.put(HISTORIES, leaves, identifier)
    state.put(CERTIFICATES, changed, identifier)


CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={
        "issue": action(Issue, role=Role.ISSUER, run=_issue),
        "import": action(Import, role=Role.ISSUER, run=_import),
        "revoke": action(Revoke, role=Role.ISSUER, run=_revoke),
    },
)
