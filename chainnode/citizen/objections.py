"""Objections of people to a use of their data: filed by this service, answered by others.

docs/wire-format.md §18. What is filed names the call and the ground; no text of a person goes to
the ledger. That an objection was filed, and what became of it, stands in the person's own trail.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chainnode.citizen.usages import Usage, UseKind
from chainnode.client import AsyncClient, CannotDecide, dispute_calls
from chainnode.client import Final as FinalOutcome
from chainnode.client.dispute_calls import new_dispute_id, object_to
from chainnode.errors import NodeError
from contracts.schemas import disputes
from contracts.schemas.disputes import DISPUTES, DisputeRow, Ground, Target

RULES_MIN: Final = 3
_BODY_BYTES_MAX: Final = 1_024


class NotDisputable(NodeError):
    """The use is no call of which a half is shown, or the chain has no disputes."""


class NotFiled(NodeError):
    """The ledger did not take the objection, or it is not known whether it did."""


class Objection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a page sends: which use, and why."""

    use: Annotated[str, Meta(min_length=1, max_length=64)]
    ground: Annotated[int, Meta(ge=int(min(Ground)), le=int(max(Ground)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """An objection that is final; `row` is proven, None when no node proves it yet."""

    dispute_id: bytes
    row: DisputeRow | None


def read_objection(body: bytes) -> Objection:
    """Read the body of a request.

    Raises:
        ValueError: another form.

    """
    if len(body) > _BODY_BYTES_MAX:
        raise ValueError("too long")
    try:
        return msgspec.json.decode(body, type=Objection)
    except msgspec.MsgspecError:
        # The decoder's words may repeat what it read.
        raise ValueError("another form") from None


async def file_objection(
    client: AsyncClient, usage: Usage, ground: int, *, tokens: frozenset[bytes]
) -> Filed:
    """Record an objection to a use; `tokens` are those of the person.

    Raises:
        NotDisputable: this is no call that is shown, or there are no disputes on this chain.
        NotFiled: the ledger did not take it.

    """
    if client.trust.parameters.rules < RULES_MIN:
        raise NotDisputable("the chain has no disputes")
    dispute_id = new_dispute_id()
    call = object_to(dispute_id, _objection(usage, Ground(ground), tokens))
    outcome = await client.submit(disputes.NAME, [call])
    if not isinstance(outcome, FinalOutcome) or not outcome.is_accepted:
        raise NotFiled("the ledger did not take the objection")
    try:
        row = (await client.state(DISPUTES, dispute_id)).row
    except CannotDecide:
        row = None
    return Filed(dispute_id=dispute_id, row=row)


def _objection(usage: Usage, ground: Ground, tokens: frozenset[bytes]) -> dispute_calls.Objection:
    if usage.kind is not UseKind.CALL or not usage.halves:
        raise NotDisputable("expected a call of which a half is shown")
    # What a call is about is what the half says that came first.
    first = min(usage.halves, key=lambda one: one.position)
    is_named = not tokens.isdisjoint(first.subjects)
    beyond = sorted(tokens.intersection(usage.people_tokens))
    return dispute_calls.Objection(
        ground=ground,
        target=Target.CALL,
        requester=usage.requester,
        provider=usage.provider,
        call_id=bytes.fromhex(usage.name[2]),
        subjects=first.subjects,
        person=b"" if is_named or not beyond else beyond[0],
        item=first.item,
        grant=first.grant,
    )
