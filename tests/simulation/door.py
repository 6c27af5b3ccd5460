"""The driver's door: what a liar says comes to the core only with good signatures.

The same rules as the real intake: the shape of the wire, the outermost signature, every nested
one, the batch. A NEW-VIEW that is malformed goes in as it is, since it proves its primary faulty.
"""

from consensus.codec import message_from_plain, message_to_plain, signed_content, signed_parts
from consensus.errors import InvalidMessage, RefusedMessage
from consensus.messages import Message, NewView, PrePrepare
from consensus.types import Membership, ReplicaId, Window
from consensus.validation import validate_message
from tests.simulation.stubs import (
    CHAIN_ID,
    ENCODER,
    has_stub_signature,
    is_proposable,
    open_batch,
)


class Door:
    """Opens messages one by one; what was opened last is remembered for its next receiver."""

    def __init__(self) -> None:
        self._last: tuple[Message, Message] | None = None

    def open(self, message: Message, *, membership: Membership, window: int) -> Message:
        """Return the message as it comes off the wire.

        Raises:
            ConsensusError: it does not come in.

        """
        if self._last is not None and self._last[0] is message:
            return self._last[1]
        opened = message_from_plain(message_to_plain(message), open_batch=open_batch)
        _verify(opened, membership=membership, window=Window(size=window))
        self._last = (message, opened)
        return opened


def _verify(message: Message, *, membership: Membership, window: Window) -> None:
    content = signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)
    _verify_signature(message.sender, message.signature, content, membership)
    if isinstance(message, NewView) and not _is_well_formed(message, membership, window):
        return
    nested = signed_parts(message, chain_id=CHAIN_ID, encoder=ENCODER, size=membership.size)
    for replica, signature, part in nested[1:]:
        _verify_signature(replica, signature, part, membership)
    if isinstance(message, PrePrepare) and message.batch is not None:
        is_named = message.batch.digest == message.batch_digest
        if not is_named or not is_proposable(message.batch):
            raise _refused(message.sender, "batch")


def _is_well_formed(message: NewView, membership: Membership, window: Window) -> bool:
    try:
        validate_message(message, membership=membership, window=window)
    except InvalidMessage:
        return False
    return True


def _verify_signature(
    replica: ReplicaId, signature: bytes, content: bytes, membership: Membership
) -> None:
    if not membership.is_member(replica) or not has_stub_signature(replica, signature, content):
        raise _refused(replica, "signature")


def _refused(replica: int, what: str) -> RefusedMessage:
    return RefusedMessage(sender=replica, what=what, expected="a good one", actual="a lie")
