"""Contract `access`, version 1 (rules 1): records of data calls, one by each side.

A record is testimony, not permission: it is refused only when it is unauthenticated, malformed
or double. Denied and failed calls are records. State: `access/half`, key requester, provider,
call id, side → where the side's record stands.
"""

from contracts.schemas.access_1 import HALVES, VERSION, AccessRecord, HalfRow
from contracts.schemas.call_words import NAME
from contracts.schemas.codes import Code, Rejection, digest_words
from contracts.schemas.members import Role
from contracts.sdk import ActionTable, Context, StateView, action


def _record(state: StateView, context: Context, part: AccessRecord) -> int:
    """Accept one side's record; the two sides may come in any order."""
    if context.organisation != part.speaker:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    key = (part.requester, part.provider, part.call_id, part.side)
    first = state.find(HALVES, *key)
    if first is not None:
        raise Rejection(
            Code.ACCESS_DOUBLE_RECORD,
            (first.call_index, *digest_words(first.submission_digest)),
        )
    state.put(HALVES, HalfRow(context.submission_digest, context.call_index), *key)
    return part.kind


CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={"record": action(AccessRecord, role=Role.SERVICE, run=_record)},
)
