"""Calls about keys, from plain arguments (see `calls`): of services, pseudonyms, content.

Only what the ledger keeps of a key is an argument here: a public key, or what binds a secret one.
"""

from collections.abc import Iterable, Mapping

from chainnode.client.calls import build_call, new_salt
from chainnode.submission import Call
from contracts.schemas import content, members, pseudonyms
from contracts.schemas.members import Role
from contracts.schemas.shape import encode_part


def add_key(
    public_key: bytes, *, roles: Iterable[Role], valid_from_ms: int = 0, valid_to_ms: int = 0
) -> Call:
    """Build `members` · `add_key`: a further key of the sender's organisation; 0 = no end."""
    part = members.AddKey(
        salt=new_salt(),
        public_key=public_key,
        roles=tuple(sorted({int(role) for role in roles})),
        valid_from_ms=valid_from_ms,
        valid_to_ms=valid_to_ms,
    )
    return build_call("add_key", part)


def end_key(key_id: bytes, *, valid_to_ms: int) -> Call:
    """Build `members` · `end_key`: from `valid_to_ms` on the key signs nothing more."""
    part = members.EndKey(salt=new_salt(), key_id=key_id, valid_to_ms=valid_to_ms)
    return build_call("end_key", part)


def open_epoch(department: str, *, epoch: int, key_check: bytes) -> Call:
    """Build `pseudonyms` · `open_epoch`: the next key of a department's tokens."""
    part = pseudonyms.OpenEpoch(
        salt=new_salt(), department=department, epoch=epoch, key_check=key_check
    )
    return build_call("open_epoch", part)


def tell_usage(
    department: str, *, epoch: int, from_ms: int, to_ms: int, made: int, refused: int
) -> Call:
    """Build `pseudonyms` · `usage`: what the custodian made since the last time."""
    part = pseudonyms.Usage(
        salt=new_salt(),
        department=department,
        epoch=epoch,
        from_ms=from_ms,
        to_ms=to_ms,
        made=made,
        refused=refused,
    )
    return build_call("usage", part)


def publish_wrapping_key(public_key: bytes, *, period: int) -> Call:
    """Build `content` · `publish_key`; `period` is YYYYMM."""
    part = content.PublishKey(salt=new_salt(), period=period, public_key=public_key)
    return build_call("publish_key", part)


def share_pair_key(
    *,
    requester: str,
    provider: str,
    period: int,
    key_check: bytes,
    wrapped: Mapping[str, bytes],
) -> Call:
    """Build `content` · `share`; `wrapped` is the pair key for each organisation that reads."""
    part = content.ShareKey(
        salt=new_salt(),
        requester=requester,
        provider=provider,
        period=period,
        key_check=key_check,
    )
    private = content.SharePrivate(new_salt(), tuple(sorted(wrapped.items())))
    return build_call("share", part, encode_part(private))
