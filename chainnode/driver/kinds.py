"""Kinds of application frames between replicas. Not hashed or signed."""

from enum import IntEnum


class FrameKind(IntEnum):
    """What a payload is; requests and messages share one numbering."""

    CONSENSUS = 1
    SUBMISSIONS = 2
    BATCH_REQUEST = 16
    BLOCKS_REQUEST = 17
    CHECKPOINT_REQUEST = 18
    SNAPSHOT_REQUEST = 19
    PAGES_REQUEST = 20
