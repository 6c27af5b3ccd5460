"""What a dispute is about, as the state has it (docs/wire-format.md §18)."""

from dataclasses import dataclass

from contracts.schemas.access import DISPUTABLE_CALLS, PEOPLE, Side, about_content
from contracts.schemas.catalog import ITEMS
from contracts.schemas.certificates import CERTIFICATES
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.disputes import Object, Target
from contracts.sdk import Context, StateView


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTarget:
    """Who provides what is disputed, and who owns the item behind it, where somebody does."""

    provider: str
    owner: str


def named_target(state: StateView, context: Context, part: Object) -> NamedTarget:
    """Return what the objection names.

    Raises:
        Rejection: the ledger has no such thing, or the objection says otherwise of it.

    """
    match Target(part.target):
        case Target.CALL:
            return _call(state, context, part)
        case Target.CERTIFICATE:
            row = state.find(CERTIFICATES, part.certificate)
            if row is None:
                raise Rejection(Code.DISPUTES_NO_SUCH_CERTIFICATE)
            return NamedTarget(provider=row.issuer, owner=row.issuer)
        case Target.ITEM:
            item = state.find(ITEMS, part.item)
            if item is None:
                raise Rejection(Code.DISPUTES_NO_SUCH_ITEM)
            return NamedTarget(provider=item.owner, owner=item.owner)


def _call(state: StateView, context: Context, part: Object) -> NamedTarget:
    """Hold what the objection says of a call against what the first half said of it."""
    key = (part.requester, part.provider, part.call_id)
    row = state.find(DISPUTABLE_CALLS, *key)
    if row is None:
        raise Rejection(Code.DISPUTES_NO_SUCH_CALL)
    about = context.crypto.digest(about_content(part.subjects, part.item, part.grant))
    if about != row.about:
        raise Rejection(Code.DISPUTES_CALL_SAYS_OTHERWISE)
    has_people = any(state.find(PEOPLE, *key, int(side)) is not None for side in Side)
    if part.person and not has_people:
        raise Rejection(Code.DISPUTES_NO_PEOPLE)
    item = state.find(ITEMS, part.item)
    owner = part.provider if item is None else item.owner
    return NamedTarget(provider=part.provider, owner=owner)
