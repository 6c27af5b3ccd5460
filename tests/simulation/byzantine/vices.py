"""How a Byzantine member behaves: one vice each; several members of a run differ."""

from enum import Enum
from random import Random
from types import MappingProxyType

from consensus.messages import Checkpoint, Commit, Message, NewView, PrePrepare


class Vice(Enum):
    """What a member does that the protocol forbids."""

    NONE = "none"
    # Keeping back.
    SILENT = "silent"
    SILENT_PRIMARY = "silent_primary"
    PARTIAL_PRIMARY = "partial_primary"
    MUTE_COMMITS = "mute_commits"
    MUTE_NEW_VIEW = "mute_new_view"
    STARVING_PRIMARY = "starving_primary"
    BODILESS_PRIMARY = "bodiless_primary"
    SLOW = "slow"
    # Saying what is not so.
    LIAR = "liar"
    STATUS_LIAR = "status_liar"
    CHECKPOINT_LIAR = "checkpoint_liar"
    EQUIVOCATOR = "equivocator"
    INVALID_BATCHES = "invalid_batches"
    INVALID_NEW_VIEW = "invalid_new_view"
    MUTATOR = "mutator"
    FORGER = "forger"
    HOSTILE_SERVER = "hostile_server"
    # Saying too much.
    RESTLESS = "restless"
    YES_MAN = "yes_man"
    REPLAYER = "replayer"
    FLOODER = "flooder"
    TWINS = "twins"


# What each vice keeps back from everybody.
WITHHELD: dict[Vice, tuple[type[Message], ...]] = {
    Vice.SILENT_PRIMARY: (PrePrepare, NewView),
    Vice.MUTE_COMMITS: (Commit, Checkpoint),
    Vice.MUTE_NEW_VIEW: (NewView,),
}


# Who lies in many ways comes more often than the others.
_WEIGHTS = {
    Vice.NONE: 0,
    Vice.MUTATOR: 6,
    Vice.TWINS: 4,
    Vice.FORGER: 2,
    Vice.INVALID_NEW_VIEW: 2,
    Vice.EQUIVOCATOR: 2,
    Vice.HOSTILE_SERVER: 2,
    Vice.REPLAYER: 2,
}


def draw_vices(members: list[int], random: Random) -> MappingProxyType[int, Vice]:
    """Choose a vice for each of these members, mixed."""
    vices = list(Vice)
    weights = [_WEIGHTS.get(one, 1) for one in vices]
    drawn = random.choices(vices, weights, k=len(members))
    return MappingProxyType(dict(zip(members, drawn, strict=True)))
