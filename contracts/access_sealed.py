"""Calls under seal: set by an authority elsewhere, used by the department, opened in the end.

What stays public of a sealed call is whom it was about, how much was answered, and when.
"""

import msgspec

from contracts.index_rule import unsealed_index_keys
from contracts.schemas.access_sealed import (
    SEALED,
    SEALS,
    Seal,
    Sealed,
    SealedRow,
    SealOutcome,
    SealRow,
    Unseal,
)
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.members import Role
from contracts.sdk import Context, StateView


def seal(state: StateView, context: Context, part: Seal) -> int:
    """Let a department keep its calls secret for a time; never one's own."""
    if part.department == context.organisation:
        raise Rejection(Code.ACCESS_SEAL_OF_OWN_DEPARTMENT)
    if state.find(SEALS, part.seal_id) is not None:
        raise Rejection(Code.ACCESS_SEAL_KNOWN)
    row = SealRow(context.organisation, part.department, part.from_ms, part.until_ms)
    state.put(SEALS, row, part.seal_id)
    return SealOutcome.SEAL_SET


def seal_call(state: StateView, context: Context, part: Sealed) -> int:
    """Record a call of the sealed department while its seal holds."""
    row = _seal(state, part.seal_id)
    if row.department != context.organisation:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    if not row.from_ms <= context.now_ms <= row.until_ms:
        raise Rejection(Code.ACCESS_OUTSIDE_SEAL, (row.from_ms, row.until_ms, context.now_ms))
    if state.find(SEALED, part.commitment) is not None:
        raise Rejection(Code.ACCESS_COMMITMENT_KNOWN)
    sealed = SealedRow(context.organisation, part.seal_id, part.subjects, 0)
    state.put(SEALED, sealed, part.commitment)
    return SealOutcome.CALL_SEALED


def unseal(state: StateView, context: Context, part: Unseal) -> int:
    """Open a sealed call: the department after its time, the authority whenever it wants."""
    sealed = _sealed(state, part)
    row = _seal(state, sealed.seal_id)
    _require_right(context, row)
    if sealed.is_opened:
        raise Rejection(Code.ACCESS_UNSEALED_ALREADY)
    if context.crypto.digest(part.committed()) != part.commitment:
        raise Rejection(Code.ACCESS_COMMITMENT_DIFFERS)
    state.put(SEALED, msgspec.structs.replace(sealed, is_opened=1), part.commitment)
    return SealOutcome.CALL_UNSEALED


def unsealed_keys(state: StateView, context: Context, part: Unseal) -> tuple[bytes, ...]:
    """Return the index keys of an opened call: whom it was about stands in the state."""
    sealed = _sealed(state, part)
    return unsealed_index_keys(context.crypto.digest, part, sealed)


def _require_right(context: Context, row: SealRow) -> None:
    """Refuse a stranger, a role that has no say, and a department that is too early."""
    if context.organisation == row.authority and Role.AUDITOR in context.roles:
        return
    if context.organisation not in {row.authority, row.department}:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    role = Role.AUDITOR if context.organisation == row.authority else Role.SERVICE
    if role not in context.roles:
        raise Rejection(Code.ROLE_MISSING, (role,))
    if context.now_ms <= row.until_ms:
        raise Rejection(Code.ACCESS_SEALED_UNTIL, (row.until_ms, context.now_ms))


def _seal(state: StateView, seal_id: bytes) -> SealRow:
    row = state.find(SEALS, seal_id)
    if row is None:
        raise Rejection(Code.ACCESS_NO_SUCH_SEAL)
    return row


def _sealed(state: StateView, part: Unseal) -> SealedRow:
    row = state.find(SEALED, part.commitment)
    if row is None:
        raise Rejection(Code.ACCESS_NO_SUCH_COMMITMENT)
    return row
