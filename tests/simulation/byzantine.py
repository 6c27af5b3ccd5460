"""Members that do not follow the protocol.

Twins are two correct processes with one identity and no common guard: together they say
contradictory things, each half of them well-formed (an equivocating primary, double votes).
"""

from dataclasses import replace
from enum import Enum

from consensus.codec import signed_content
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    ViewChange,
)
from consensus.new_view import UNSIGNED
from consensus.ports import Signer
from consensus.types import View
from tests.simulation.node import Node
from tests.simulation.stubs import CHAIN_ID, ENCODER, LooseSigner, digest_of, stub_signature

_RESTLESS_MS = 60
_RESTLESS_STRIDE = 3
_RESTLESS_VIEWS_MAX = 100_000


class Vice(Enum):
    """How a Byzantine member behaves."""

    NONE = "none"
    SILENT_PRIMARY = "silent_primary"
    MUTE_COMMITS = "mute_commits"
    STARVING_PRIMARY = "starving_primary"
    RESTLESS = "restless"
    LIAR = "liar"
    TWINS = "twins"


# What must have happened in a large number of runs.
COUNTERS = tuple(f"vice_{one.value}" for one in Vice if one is not Vice.NONE)
# What each vice keeps back.
_WITHHELD: dict[Vice, tuple[type[Message], ...]] = {
    Vice.SILENT_PRIMARY: (PrePrepare, NewView),
    Vice.MUTE_COMMITS: (Commit, Checkpoint),
}


class ByzantineNode(Node):
    """Keeps back what its vice says; signs whatever it is asked to."""

    vice = Vice.NONE
    _wished = 0

    def withholds(self, message: Message, receiver: int) -> bool:
        if self.vice is Vice.STARVING_PRIMARY:
            return isinstance(message, PrePrepare) and receiver % 2 == 0
        return isinstance(message, _WITHHELD.get(self.vice, ()))

    def distort(self, message: Message, receiver: int) -> Message:
        """A liar votes for something else, and tells the truth to some."""
        if self.vice is not Vice.LIAR or receiver % 2 or not isinstance(message, Prepare | Commit):
            return message
        lie = replace(message, batch_digest=digest_of(b"lie about %d" % message.sequence))
        content = signed_content(lie, chain_id=CHAIN_ID, encoder=ENCODER)
        return replace(lie, signature=stub_signature(self.replica_id, content))

    def begin(self) -> None:
        """Start what the vice does by itself; called once, after the first start."""
        if self.vice is Vice.RESTLESS:
            self.agitate()

    def agitate(self) -> None:
        """Ask for ever later views, as only f+1 may do with success."""
        if self.is_alive and self.replica.view < _RESTLESS_VIEWS_MAX:
            self._surroundings.transmit(self, None, self._wish())
        self.later(_RESTLESS_MS, self.agitate)

    def _wish(self) -> Message:
        self._wished = max(self._wished, self.replica.view) + _RESTLESS_STRIDE
        unsigned = ViewChange(
            epoch=self.config.membership.epoch,
            new_view=View(self._wished),
            stable=self.replica.stable,
            prepared=(),
            sender=self.replica_id,
            signature=UNSIGNED,
        )
        content = signed_content(unsigned, chain_id=CHAIN_ID, encoder=ENCODER)
        return replace(unsigned, signature=stub_signature(self.replica_id, content))

    def _make_signer(self) -> Signer:
        return LooseSigner(self.replica_id)
