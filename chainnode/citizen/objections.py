"""Objections of people to a use of their data: filed by this service, answered by others.

docs/wire-format.md §18. What is filed names the call and the ground; no text of a person goes to
the ledger. That an objection was filed, and what became of it, stands in the person's own trail.

A use has one open objection at most. The id of a dispute is made of the call, the person and the
objection that it follows, with a key of this service; the ledger takes an id once. So two tabs, two
sessions or a service that was started anew cannot file two, whatever they know of each other.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chainnode.citizen.usages import Usage, UseKind
from chainnode.client import AsyncClient, CannotDecide, dispute_calls
from chainnode.client import Final as FinalOutcome
from chainnode.client.dispute_calls import object_to
from chainnode.errors import NodeError
from chainnode.verify.errors import InvalidEvidence
from contracts.schemas import disputes
from contracts.schemas.codes import Code
from contracts.schemas.disputes import DISPUTES, DisputeRow, Ground, Target
from contracts.schemas.index_kinds import DISPUTE_ID_BYTES

RULES_MIN: Final = 3
_BODY_BYTES_MAX: Final = 1_024
# What the later half says alone has no dispute: the row of a call keeps what the first one said.
_NOT_NAMED: Final = "expected a person whom the first half or a list of people names"


class NotDisputable(NodeError):
    """The use is no call of which a half is shown, or the chain has no disputes."""


class ObjectedAlready(NodeError):
    """The use has an objection that was filed here and is not answered."""


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
    client: AsyncClient, usage: Usage, ground: int, *, tokens: frozenset[bytes], secret: bytes
) -> Filed:
    """Record an objection to a use; `tokens` are those of the person, `secret` makes its id.

    Raises:
        NotDisputable: this is no call that is shown, or there are no disputes on this chain.
        ObjectedAlready: one that is filed here waits for its answer.
        NotFiled: the ledger did not take it.

    """
    if client.trust.parameters.rules < RULES_MIN:
        raise NotDisputable("the chain has no disputes")
    if usage.open_objection is not None:
        raise ObjectedAlready("an objection to this use is open")
    objection = _objection(usage, Ground(ground), tokens)
    named = tokens.intersection((*objection.subjects, objection.person))
    if not named:
        raise NotDisputable(_NOT_NAMED)
    dispute_id = _dispute_id(objection, min(named), secret)
    outcome = await client.submit(disputes.NAME, [object_to(dispute_id, objection)])
    if not isinstance(outcome, FinalOutcome):
        raise NotFiled("it is not known whether the ledger took the objection")
    codes = {one.code for one in outcome.calls}
    if Code.DISPUTES_DISPUTE_KNOWN in codes:
        raise ObjectedAlready("the ledger has the objection already")
    if Code.DISPUTES_CALL_SAYS_OTHERWISE in codes:
        raise NotDisputable(_NOT_NAMED)
    if not outcome.is_accepted:
        raise NotFiled("the ledger did not take the objection")
    try:
        row = (await client.state(DISPUTES, dispute_id)).row
    except (CannotDecide, InvalidEvidence):
        row = None
    return Filed(dispute_id=dispute_id, row=row)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledHere:
    """Knows the objections that this service filed for one person, by their ids.

    Who signed does not tell: a call names several people, each of whom may object, and the key
    of a service is changed now and then.
    """

    tokens: frozenset[bytes] = field(repr=False)
    secret: bytes = field(repr=False)

    def has(self, said: disputes.Object) -> bool:
        """Tell whether an objection was filed here for this person."""
        return any(
            hmac.compare_digest(_dispute_id(said, one, self.secret), said.dispute_id)
            for one in self.tokens.intersection((*said.subjects, said.person))
        )


def _dispute_id(
    objection: dispute_calls.Objection | disputes.Object, token: bytes, secret: bytes
) -> bytes:
    """Return the one id that the next objection of a person to this call can have.

    `token` is theirs: of a call that names several people it tells who objects. Keyed, so that
    nobody else can take the id first.
    """
    parts = (
        objection.requester.encode(),
        objection.provider.encode(),
        objection.call_id,
        token,
        objection.follows,
    )
    content = b"".join(len(one).to_bytes(4, "big") + one for one in (b"kun.objection", *parts))
    return hmac.digest(secret, content, hashlib.sha256)[:DISPUTE_ID_BYTES]


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
        follows=usage.followed,
    )
