"""CHECKPOINTs of all replicas, keyed by sender and height. OSDI '99 §4.3.

One vote per sender and height: the first, unless f+1 others bear a later one out. Every height
gets its own certificate when it can, also after a later one became stable, since readers carry
them; so votes stay for one window below the stable checkpoint. Above the high watermark each
sender has a quota of its own.
"""

from consensus.certificates import stable_checkpoint
from consensus.messages import Checkpoint, StableCheckpoint
from consensus.types import Digest, Height, Membership, ReplicaId, SequenceNumber, Window


class CheckpointVotes:
    """Holds at most five windows of votes per member, whatever peers send."""

    def __init__(self, *, membership: Membership, window: Window) -> None:
        self._membership = membership
        self._window = window
        self._votes: dict[ReplicaId, dict[Height, Checkpoint]] = {}
        self._certified: dict[Height, Digest] = {}
        # Headers that this replica computed by executing.
        self._computed: dict[Height, Digest] = {}

    def add(self, vote: Checkpoint, *, low: SequenceNumber) -> Checkpoint | None:
        """Count `vote`; return an earlier vote of its sender that it contradicts.

        The first of two counts. But a liar may have sent us another header first, and a
        certificate that holds its true signature may be all that is left of this height: a
        vote for a header that f+1 others signed takes the place of one that stands alone.
        """
        if vote.height <= self._floor(low):
            return None
        votes = self._votes.setdefault(vote.sender, {})
        held = votes.get(vote.height)
        if held is None:
            votes[vote.height] = vote
            self._keep_quota(votes, low)
            return None
        if held.header_digest == vote.header_digest:
            return None
        if self._is_borne_out(vote):
            votes[vote.height] = vote
        return held

    def _is_borne_out(self, vote: Checkpoint) -> bool:
        """Tell whether at least one honest replica signed the header of `vote` as well."""
        same = (one.header_digest == vote.header_digest for one in self.votes_at(vote.height))
        return sum(same) >= self._membership.weak_quorum

    def certificate_at(self, height: Height, digest: Digest) -> StableCheckpoint | None:
        """Return a certificate that was not formed before, once a quorum signed this header."""
        if height in self._certified:
            return None
        matching = (votes[height] for votes in self._votes.values() if height in votes)
        return stable_checkpoint(
            (vote for vote in matching if vote.header_digest == digest),
            membership=self._membership,
        )

    def is_split(self, height: Height) -> bool:
        """Tell whether no header of `height` can reach a quorum, whoever still votes (B9).

        While at most `max_faulty` replicas lie, the honest ones must have computed
        different headers then.
        """
        cast = [votes[height].header_digest for votes in self._votes.values() if height in votes]
        most = max((cast.count(digest) for digest in cast), default=0)
        return most + self._membership.size - len(cast) < self._membership.quorum

    def votes_at(self, height: Height) -> tuple[Checkpoint, ...]:
        """List the votes for one height, ascending by replica."""
        return tuple(
            self._votes[one][height] for one in sorted(self._votes) if height in self._votes[one]
        )

    def note_certified(self, stable: StableCheckpoint) -> None:
        """Remember what a quorum signed at this height."""
        self._certified[stable.height] = stable.header_digest

    def note_computed(self, height: Height, digest: Digest) -> None:
        """Remember the header that our own execution gave."""
        self._computed[height] = digest

    def certified_digest(self, height: Height) -> Digest | None:
        """Return what a quorum signed, if it is known."""
        return self._certified.get(height)

    def computed_digest(self, height: Height) -> Digest | None:
        """Return what our own execution gave, if it is remembered."""
        return self._computed.get(height)

    def vote_of(self, replica: ReplicaId, height: Height) -> Checkpoint | None:
        """Return the vote of one replica."""
        return self._votes.get(replica, {}).get(height)

    def votes_above(self, replica: ReplicaId, height: Height) -> tuple[Checkpoint, ...]:
        """List the votes of one replica above `height`, ascending."""
        votes = self._votes.get(replica, {})
        return tuple(votes[one] for one in sorted(votes) if one > height)

    def voters_above(self, height: Height) -> int:
        """Count the replicas that signed some header above `height`."""
        return sum(any(one > height for one in votes) for votes in self._votes.values())

    def collect(self, *, low: SequenceNumber) -> None:
        """Forget what lies a window below the stable checkpoint.

        Whoever executes that far behind is caught by the parent digest of a later header.
        """
        floor = self._floor(low)
        for votes in self._votes.values():
            _forget(votes, floor)
        _forget(self._certified, floor)
        _forget(self._computed, floor)

    def _floor(self, low: SequenceNumber) -> Height:
        return Height(low - self._window.size)

    def _keep_quota(self, votes: dict[Height, Checkpoint], low: SequenceNumber) -> None:
        """Let a sender's newest far votes displace its own older ones, and nobody else's."""
        far = [height for height in votes if height > self._window.top(low)]
        if len(far) > 2 * self._window.size:
            del votes[min(far)]


def _forget(by_height: dict[Height, Checkpoint] | dict[Height, Digest], floor: Height) -> None:
    for height in [one for one in by_height if one <= floor]:
        del by_height[height]
