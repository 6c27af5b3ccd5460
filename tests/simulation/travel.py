"""A message as bytes and back: what one in a hundred goes through on its way.

Core and node have a codec each; together they must return the very value that went in, and
make the same bytes of it again.
"""

from chainnode import codec
from chainnode.codec import Limits
from consensus.codec import message_from_plain, message_to_plain
from consensus.messages import Message
from tests.simulation.checkers.violation import Violation
from tests.simulation.stubs import open_batch

# As generous as the node is to a peer's message (chainnode/driver/intake.py).
_LIMITS = Limits(bytes_max=4 * 1024 * 1024, depth_max=10, elements_max=262_144)


class LostInTranslation(Violation):
    """Codecs that do not return what they were given."""


def through_the_codec(message: Message) -> Message:
    """Encode, decode, compare, encode again, compare; return the decoded message.

    Raises:
        InvalidMessage, InvalidInput: the message is none that may travel.
        LostInTranslation: a codec is wrong.

    """
    data = encode_message(message)
    arrived = message_from_plain(codec.decode(data, _LIMITS), open_batch=open_batch)
    if arrived != message or encode_message(arrived) != data:
        raise LostInTranslation(f"{message} arrived as {arrived}")
    return arrived


def encode_message(message: Message) -> bytes:
    """Return the bytes of a message on the wire."""
    return codec.encode(message_to_plain(message))
