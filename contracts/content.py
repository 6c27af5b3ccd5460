"""Contract `content`: which keys open the encrypted parts of records, and to whom they went.

State: `content/wrapping`, key organisation, period → its wrapping key; `content/shared`, key
requester, provider, period → what binds the pair's key and where it was shared. The wrapped keys
stand in the private part, which no contract reads: it can be deleted, and what it opened with it.
"""

from contracts.schemas.codes import Code, Rejection, digest_words
from contracts.schemas.content import (
    NAME,
    PRIVATE_BYTES_MIN,
    SHARED,
    VERSION,
    WRAPPINGS,
    ContentOutcome,
    PublishKey,
    SharedRow,
    ShareKey,
    WrappingRow,
)
from contracts.schemas.members import Role
from contracts.sdk import ActionTable, Context, StateView, action


def _publish_key(state: StateView, context: Context, part: PublishKey) -> int:
    """Publish the sender's wrapping key of a period, once."""
    if state.find(WRAPPINGS, context.organisation, part.period) is not None:
        raise Rejection(Code.CONTENT_KEY_KNOWN)
    state.put(WRAPPINGS, WrappingRow(part.public_key), context.organisation, part.period)
    return ContentOutcome.KEY_PUBLISHED


def _share(state: StateView, context: Context, part: ShareKey) -> int:
    """Share the key of a pair and period, once, by the provider."""
    if context.organisation != part.provider:
        raise Rejection(Code.FOREIGN_ORGANISATION)
    key = (part.requester, part.provider, part.period)
    first = state.find(SHARED, *key)
    if first is not None:
        submission_digest, call_index = first.place
        raise Rejection(Code.CONTENT_SHARED_BEFORE, (call_index, *digest_words(submission_digest)))
    place = (context.submission_digest, context.call_index)
    state.put(SHARED, SharedRow(key_check=part.key_check, place=place), *key)
    return ContentOutcome.KEY_SHARED


CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={
        "publish_key": action(PublishKey, role=Role.MEMBER, run=_publish_key),
        "share": action(
            ShareKey, role=Role.SERVICE, run=_share, private_bytes_min=PRIVATE_BYTES_MIN
        ),
    },
)
