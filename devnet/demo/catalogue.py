"""What the departments of the demo share, and the grants under which they call each other.

Every department publishes its item, applies for those of all others and reviews what it is asked
for, by its own member key. One grant more is revoked again: a call under it is refused.
"""

from collections.abc import Sequence

from chainnode.client.grant_calls import (
    GrantDraft,
    ItemDraft,
    apply_for_grant,
    approve_grant,
    publish_item,
    revoke_grant,
)
from chainnode.submission import Call
from contracts.schemas.catalog import bits_of
from devnet.departments import HOUSING, POLICE, Department

# Two words of an answer that every item here has.
_COMMON = ("person_id", "result")
# Item -> its title and fields; what is not listed has the common fields alone.
_ITEMS = {
    POLICE.serves: ("人口基本信息", ("person_id", "name", "born", "address")),
    "marriage.status": ("婚姻登记信息", _COMMON),
    "housing.ownership": ("房屋权属信息", _COMMON),
    "catalog.shared": ("共享目录信息", _COMMON),
    "insurance.status": ("社会保险信息", _COMMON),
    "health.card": ("健康卡信息", _COMMON),
    "education.degree": ("学历信息", _COMMON),
    "company.basic": ("企业基本信息", _COMMON),
    "tax.paid": ("完税信息", _COMMON),
    "land.parcel": ("地块信息", _COMMON),
}
# What housing needs to know of a person; the address it asks the person for.
_GRANTED = {POLICE.serves: ("person_id", "name", "born")}
_PURPOSES = {POLICE.serves: "公租房资格审核"}
ENDED_GRANT = "housing-police-ended"


def grant_name(requester: Department, provider: Department) -> str:
    """Name the grant under which one department calls another."""
    return f"{requester.name}-{provider.name}"


def granted_fields(provider: Department) -> int:
    """Return the bits of the fields that are granted of a department's item."""
    _, fields = _ITEMS[provider.serves]
    return bits_of(_GRANTED.get(provider.serves, fields), fields)


def publication(owner: Department) -> Call:
    """Return the call that publishes a department's item."""
    title, fields = _ITEMS[owner.serves]
    return publish_item(ItemDraft(item=owner.serves, title=title, fields=fields))


def applications(
    requester: Department, departments: Sequence[Department], *, today: int
) -> tuple[Call, ...]:
    """Return what a department applies for: the item of every other; `today` is YYYYMMDD."""
    return tuple(
        apply_for_grant(
            GrantDraft(
                grant=grant,
                item=provider.serves,
                item_version=1,
                fields=granted_fields(provider),
                purpose=_PURPOSES.get(provider.serves, "政务服务办理"),
                valid_from=today,
            )
        )
        for provider in departments
        for grant in _grants_of(requester, provider)
    )


def reviews(provider: Department, departments: Sequence[Department]) -> tuple[Call, ...]:
    """Return a department's yes to all who applied for its item."""
    return tuple(
        approve_grant(grant, fields=granted_fields(provider), quota=0, valid_to=0)
        for requester in departments
        for grant in _grants_of(requester, provider)
    )


def revocation() -> Call:
    """Return the call by which the police end the grant that shall have ended."""
    return revoke_grant(ENDED_GRANT, reason_code="ended")


def _grants_of(requester: Department, provider: Department) -> tuple[str, ...]:
    if requester is provider:
        return ()
    ended = (ENDED_GRANT,) if (requester, provider) == (HOUSING, POLICE) else ()
    return (grant_name(requester, provider), *ended)
