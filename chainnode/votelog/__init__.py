"""The vote log and the guarded vote key: what this replica promised, and that it keeps to it."""

from chainnode.segments.port import RecordCodec
from chainnode.votelog.errors import (
    VoteLogCorrupted,
    VoteLogOfAnotherKey,
    VoteLogRolledBack,
    VoteLogUnusable,
)
from chainnode.votelog.log import VoteLog
from chainnode.votelog.opening import open_vote_log
from chainnode.votelog.segment import LEARNER_MARK, Identity
from chainnode.votelog.voter import ConsensusRecords, Voter, open_voter

__all__ = [
    "LEARNER_MARK",
    "ConsensusRecords",
    "Identity",
    "RecordCodec",
    "VoteLog",
    "VoteLogCorrupted",
    "VoteLogOfAnotherKey",
    "VoteLogRolledBack",
    "VoteLogUnusable",
    "Voter",
    "open_vote_log",
    "open_voter",
]
