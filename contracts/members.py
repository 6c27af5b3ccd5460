"""Contract `members`: the keys of organisations.

State: `members/org`, key organisation id → name and roles (from genesis); `members/key`, key
key id → the key, whose it is, what it may do and when. An organisation never locks itself out: the
latest end among its keys with the role member never moves forward.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from contracts.schemas.codes import Code, Rejection
from contracts.schemas.members import (
    KEYS,
    NAME,
    ORGANISATIONS,
    VERSION,
    AddKey,
    EndKey,
    KeyRow,
    MembersOutcome,
    OrganisationRow,
    Role,
)
from contracts.sdk import ActionTable, Context, StateView, action


def genesis_entries(
    organisations: Mapping[str, OrganisationRow],
    keys: Iterable[KeyRow],
    *,
    key_id: Callable[[bytes], bytes],
) -> tuple[tuple[bytes, bytes], ...]:
    """Return the state entries (encoded key, encoded value) with which a ledger begins.

    `organisations` is by organisation id; `key_id` makes the id of a public key.
    """
    return (
        *(
            (ORGANISATIONS.key(organisation), ORGANISATIONS.encode(row))
            for organisation, row in organisations.items()
        ),
        *((KEYS.key(key_id(row.public_key)), KEYS.encode(row)) for row in keys),
    )


def _add_key(state: StateView, context: Context, part: AddKey) -> int:
    """Register a key for the sender's organisation, with roles that the organisation has."""
    organisation = state.find(ORGANISATIONS, context.organisation)
    held = organisation.roles if organisation is not None else ()
    for role in part.roles:
        if role not in held:
            raise Rejection(Code.MEMBERS_ROLE_NOT_HELD, (role,))
    key_id = context.crypto.key_id(part.public_key)
    if state.find(KEYS, key_id) is not None:
        raise Rejection(Code.MEMBERS_KEY_KNOWN)
    if not context.crypto.is_public_key(part.public_key):
        raise Rejection(Code.MEMBERS_INVALID_KEY)
    row = KeyRow(
        public_key=part.public_key,
        organisation=context.organisation,
        roles=part.roles,
        valid_from_ms=part.valid_from_ms,
        valid_to_ms=part.valid_to_ms,
    )
    state.put(KEYS, row, key_id)
    return MembersOutcome.KEY_ADDED


def _end_key(state: StateView, context: Context, part: EndKey) -> int:
    """Bring the end of a key forward; what it signed before keeps standing."""
    row = state.find(KEYS, part.key_id)
    if row is None:
        raise Rejection(Code.MEMBERS_NO_SUCH_KEY)
    if row.organisation != context.organisation:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    if part.valid_to_ms < context.now_ms:
        raise Rejection(Code.MEMBERS_END_IN_PAST, (context.now_ms, part.valid_to_ms))
    if row.valid_to_ms and part.valid_to_ms >= row.valid_to_ms:
        raise Rejection(Code.MEMBERS_END_NOT_EARLIER, (row.valid_to_ms, part.valid_to_ms))
    if Role.MEMBER in row.roles:
        _require_another_member_key(state, context, part.key_id, row)
    ended = msgspec.structs.replace(row, valid_to_ms=part.valid_to_ms)
    state.put(KEYS, ended, part.key_id)
    return MembersOutcome.KEY_ENDED


def _require_another_member_key(
    state: StateView, context: Context, key_id: bytes, row: KeyRow
) -> None:
    """Refuse to end a member key unless the sender's own lasts as long.

    So the member key that lasts longest stays, whatever order such calls come in.
    """
    if key_id == context.key_id:
        raise Rejection(Code.MEMBERS_OWN_KEY)
    sender = state.find(KEYS, context.key_id)
    sender_end = sender.valid_to_ms if sender is not None else context.now_ms
    if sender_end and (row.valid_to_ms == 0 or sender_end < row.valid_to_ms):
        raise Rejection(Code.MEMBERS_KEY_OUTLIVES_SENDER, (sender_end, row.valid_to_ms))


CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={
        "add_key": action(AddKey, role=Role.MEMBER, run=_add_key),
        "end_key": action(EndKey, role=Role.MEMBER, run=_end_key),
    },
)
