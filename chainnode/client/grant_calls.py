"""Calls of the contracts `catalog` and `grants` from plain arguments (see `calls`).

What the catalogue publishes and what is granted stand in clear on every node: no name of an
item, purpose or grant may say anything of a person.
"""

from dataclasses import dataclass

from chainnode.client.calls import build_call, new_salt
from chainnode.submission import Call
from contracts.schemas import catalog, grants
from contracts.schemas.catalog_states import Grade, Share
from contracts.schemas.grants import GrantKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDraft:
    """A version of an item; `supervisor` from grade 重要 on, else empty."""

    item: str
    title: str
    fields: tuple[str, ...]
    version: int = 1
    grade: Grade = Grade.GENERAL
    share: Share = Share.CONDITIONAL
    supervisor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDraft:
    """What is applied for; `fields` are bits, days are YYYYMMDD, 0 = no end or no limit."""

    grant: str
    item: str
    item_version: int
    fields: int
    purpose: str
    valid_from: int
    valid_to: int = 0
    quota: int = 0
    kind: GrantKind = GrantKind.AGREEMENT


def publish_item(draft: ItemDraft) -> Call:
    """Build `catalog` · `publish`: the first version of an item, or the next one."""
    part = catalog.Publish(
        salt=new_salt(),
        item=draft.item,
        version=draft.version,
        title=draft.title,
        grade=int(draft.grade),
        share=int(draft.share),
        fields=draft.fields,
        supervisor=draft.supervisor,
    )
    return build_call("publish", part)


def withdraw_item(item: str) -> Call:
    """Build `catalog` · `withdraw`; grants that run go on until they are revoked."""
    return build_call("withdraw", catalog.Withdraw(salt=new_salt(), item=item))


def apply_for_grant(draft: GrantDraft) -> Call:
    """Build `grants` · `apply`."""
    part = grants.Apply(
        salt=new_salt(),
        grant=draft.grant,
        item=draft.item,
        item_version=draft.item_version,
        fields=draft.fields,
        kind=int(draft.kind),
        purpose=draft.purpose,
        valid_from=draft.valid_from,
        valid_to=draft.valid_to,
        quota=draft.quota,
    )
    return build_call("apply", part)


def approve_grant(grant: str, *, fields: int, quota: int, valid_to: int) -> Call:
    """Build `grants` · `review` with a yes to at most what was applied for."""
    part = grants.Review(
        salt=new_salt(), grant=grant, decision=1, fields=fields, quota=quota, valid_to=valid_to
    )
    return build_call("review", part)


def reject_grant(grant: str) -> Call:
    """Build `grants` · `review` with a no."""
    part = grants.Review(salt=new_salt(), grant=grant, decision=0, fields=0, quota=0, valid_to=0)
    return build_call("review", part)


def confirm_grant(grant: str, *, is_confirmed: bool) -> Call:
    """Build `grants` · `confirm`: the second level's answer."""
    part = grants.Confirm(salt=new_salt(), grant=grant, decision=int(is_confirmed))
    return build_call("confirm", part)


def suspend_grant(grant: str, *, reason_code: str) -> Call:
    """Build `grants` · `suspend`; only who suspended resumes."""
    part = grants.Suspend(salt=new_salt(), grant=grant, reason_code=reason_code)
    return build_call("suspend", part)


def resume_grant(grant: str, *, reason_code: str) -> Call:
    """Build `grants` · `resume`."""
    part = grants.Resume(salt=new_salt(), grant=grant, reason_code=reason_code)
    return build_call("resume", part)


def revoke_grant(grant: str, *, reason_code: str) -> Call:
    """Build `grants` · `revoke`: the application or grant ends for ever."""
    part = grants.RevokeGrant(salt=new_salt(), grant=grant, reason_code=reason_code)
    return build_call("revoke", part)
