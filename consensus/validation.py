"""The first door: what one message must satisfy whatever this replica knows. OSDI '99 §4.2–§4.4.

No state, no clock. What passes here can still be stale, early or contradictory; that is
decided by the `on_*` functions. Signatures were verified before.
"""

from dataclasses import replace
from typing import TypeAlias, assert_never

from consensus.certificates import validate_prepared_set, validate_stable_checkpoint
from consensus.epochs import FROM_GENESIS, EpochStart
from consensus.errors import RefusedMessage
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    Recall,
    Recollection,
    Status,
    ViewChange,
)
from consensus.new_view import UNSIGNED, new_view_proposals
from consensus.types import NULL_BATCH_DIGEST, Membership, Window

AnyVote: TypeAlias = PrePrepare | Prepare | Commit


def validate_message(
    message: Message,
    *,
    membership: Membership,
    window: Window,
    start: EpochStart = FROM_GENESIS,
) -> None:
    """Refuse a message that no honest member can have sent.

    Raises:
        RefusedMessage: saying which rule, what was expected and what came.
        ConflictingCertificates: a NEW-VIEW proves more liars than the group tolerates.

    """
    _require_member(message, membership)
    match message:
        case PrePrepare():
            validate_pre_prepare(message, membership=membership)
        case Prepare():
            validate_prepare(message, membership=membership)
        case Commit():
            _require_position(message, message.sequence)
        case Checkpoint():
            _require_position(message, message.height)
        case ViewChange():
            validate_view_change(message, membership=membership, window=window, start=start)
        case NewView():
            validate_new_view(message, membership=membership, window=window, start=start)
        case Status() | Recall():
            pass
        case Recollection():
            validate_recollection(message, membership=membership, window=window, start=start)
        case _:
            assert_never(message)


def _require_member(message: Message, membership: Membership) -> None:
    if message.epoch != membership.epoch:
        raise _refused(
            message, what="epoch", expected=str(membership.epoch), actual=str(message.epoch)
        )
    if not membership.is_member(message.sender):
        raise _refused(
            message,
            what="sender",
            expected=f"a member 0 … {membership.size - 1}",
            actual=str(message.sender),
        )


def validate_pre_prepare(message: PrePrepare, *, membership: Membership) -> None:
    """§4.2: from the primary of its view, with the batch that its digest names, if any."""
    _require_position(message, message.sequence)
    _require_primary(message, membership)
    batch = message.batch
    if batch is not None and not batch.digest == message.batch_digest != NULL_BATCH_DIGEST:
        raise _refused(
            message,
            what="batch",
            expected=f"digest {message.batch_digest.hex()}, not that of the NULL batch",
            actual=batch.digest.hex(),
        )


def validate_prepare(message: Prepare, *, membership: Membership) -> None:
    """§4.2: from a backup; the primary's PRE-PREPARE is its vote and it is not counted twice."""
    _require_position(message, message.sequence)
    if message.sender == membership.primary(message.view):
        raise _refused(
            message,
            what="PREPARE",
            expected=f"a backup of view {message.view}",
            actual="its primary",
        )


def validate_view_change(
    message: ViewChange,
    *,
    membership: Membership,
    window: Window,
    start: EpochStart = FROM_GENESIS,
) -> None:
    """§4.4, checklist E4: valid as a whole or refused as a whole."""
    if message.new_view == 0:
        raise _refused(message, what="new view", expected="a view after the first", actual="0")
    validate_stable_checkpoint(
        message.stable, membership=membership, sender=message.sender, start=start
    )
    validate_prepared_set(
        message.prepared,
        stable=message.stable,
        new_view=message.new_view,
        membership=membership,
        window=window,
        sender=message.sender,
        start=start,
    )


def validate_new_view(
    message: NewView,
    *,
    membership: Membership,
    window: Window,
    start: EpochStart = FROM_GENESIS,
) -> None:
    """§4.4, checklist E8: a quorum asked for this view, and O is exactly what follows from it."""
    _require_primary(message, membership)
    _validate_quorum(message, membership=membership, window=window, start=start)
    expected = new_view_proposals(
        message.view, message.view_changes, membership=membership, settled=start.settled
    )
    actual = tuple(replace(one, signature=UNSIGNED) for one in message.pre_prepares)
    if actual != expected:
        raise _refused(
            message,
            what="pre-prepares of NEW-VIEW",
            expected=_positions(expected),
            actual=_positions(actual),
        )


def _validate_quorum(
    message: NewView, *, membership: Membership, window: Window, start: EpochStart
) -> None:
    senders = tuple(one.sender for one in message.view_changes)
    is_ordered = membership.are_distinct_members(senders) and list(senders) == sorted(senders)
    if len(senders) < membership.quorum or not is_ordered:
        raise _refused(
            message,
            what="view changes of NEW-VIEW",
            expected=f"at least {membership.quorum} distinct members, ascending",
            actual=str(senders),
        )
    for one in message.view_changes:
        if one.new_view != message.view or one.epoch != membership.epoch:
            raise _refused(
                message,
                what=f"view change of replica {one.sender} in NEW-VIEW",
                expected=f"epoch {membership.epoch}, view {message.view}",
                actual=f"epoch {one.epoch}, view {one.new_view}",
            )
        validate_view_change(one, membership=membership, window=window, start=start)


def validate_recollection(
    message: Recollection,
    *,
    membership: Membership,
    window: Window,
    start: EpochStart = FROM_GENESIS,
) -> None:
    """Checklist G5: a bounded list of what one member signed in this epoch.

    The parts are not judged by themselves: a signature binds whatever it stands under.
    """
    if not membership.is_member(message.asker) or message.asker == message.sender:
        raise _refused(message, what="asker", expected="another member", actual=str(message.asker))
    validate_stable_checkpoint(
        message.stable, membership=membership, sender=message.sender, start=start
    )
    if len(message.messages) > window.promises_max:
        raise _refused(
            message,
            what="messages of Recollection",
            expected=f"at most {window.promises_max}",
            actual=str(len(message.messages)),
        )
    for one in message.messages:
        if (one.sender, one.epoch) != (message.asker, message.epoch):
            raise _refused(
                message,
                what="message of Recollection",
                expected=f"one of replica {message.asker}, epoch {message.epoch}",
                actual=f"one of replica {one.sender}, epoch {one.epoch}",
            )


def _require_primary(message: PrePrepare | NewView, membership: Membership) -> None:
    primary = membership.primary(message.view)
    if message.sender != primary:
        raise _refused(
            message,
            what=f"sender for view {message.view}",
            expected=f"its primary {primary}",
            actual=str(message.sender),
        )


def _require_position(message: AnyVote | Checkpoint, position: int) -> None:
    if position == 0:
        raise _refused(message, what="position", expected="a block after genesis", actual="0")


def _positions(proposals: tuple[PrePrepare, ...]) -> str:
    named = (f"{one.view}/{one.sequence}:{one.batch_digest.hex()[:8]}" for one in proposals)
    return " ".join(named) or "none"


def _refused(message: Message, *, what: str, expected: str, actual: str) -> RefusedMessage:
    return RefusedMessage(sender=message.sender, what=what, expected=expected, actual=actual)
