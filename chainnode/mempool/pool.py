"""Submissions from admission until their block is certified.

Each waiting submission is *fresh* (may be offered to the next batch), *sealed* (in a proposal
that is not finished) or *executed* (in a block that is not certified yet). Batches take fresh
ones round robin over keys, first in first out within a key. Pure: time comes in as block time;
the caller has checked the submissions. Not for several threads at once.
"""

import heapq
import itertools
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from chainnode.mempool.limits import PoolLimits, PoolRefusal, PoolRefusalCode
from chainnode.submission import Submission, SubmissionDigest

_DEFAULT_LIMITS: Final = PoolLimits()
# Below this many forgotten entries the expiry heap is not worth rebuilding.
_HEAP_SLACK: Final = 1_024


@dataclass(slots=True, kw_only=True)
class _Lane:
    """What waits of one key."""

    count: int = 0
    bytes_held: int = 0
    # In order of arrival.
    fresh: OrderedDict[SubmissionDigest, Submission] = field(default_factory=OrderedDict)


class Mempool:
    """See the module. Only `unseal_all` looks at all that waits, and `take` at all fresh keys."""

    def __init__(self, limits: PoolLimits = _DEFAULT_LIMITS) -> None:
        self._limits = limits
        # In order of arrival.
        self._waiting: OrderedDict[SubmissionDigest, Submission] = OrderedDict()
        self._lanes: dict[bytes, _Lane] = {}
        # Keys with something fresh; the first one's turn is next.
        self._turns: OrderedDict[bytes, None] = OrderedDict()
        self._executed: set[SubmissionDigest] = set()
        # (valid_until_ms, digest), entries of removed submissions included for a while.
        self._expiries: list[tuple[int, SubmissionDigest]] = []
        self._bytes_held = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, digest: object) -> bool:
        return digest in self._waiting

    @property
    def bytes_held(self) -> int:
        """Bytes of the encodings of all that waits."""
        return self._bytes_held

    @property
    def oldest(self) -> SubmissionDigest | None:
        """What has waited longest for its certificate, sealed and executed ones included.

        The request timer watches it, so that a primary that serves all but one is replaced.
        """
        return next(iter(self._waiting), None)

    @property
    def has_unsealed(self) -> bool:
        """Whether `take` has something to offer."""
        return bool(self._turns)

    def add(self, submission: Submission) -> bool:
        """Take in a submission; return False when it waits already.

        Raises:
            PoolRefusal: no room, in the key's share or at all.

        """
        if submission.digest in self._waiting:
            return False
        lane = self._lanes.get(submission.public_key, _Lane())
        self._check_room(lane, len(submission.encoded))
        self._lanes[submission.public_key] = lane
        self._waiting[submission.digest] = submission
        self._count(lane, submission, 1)
        self._freshen(submission)
        heapq.heappush(self._expiries, (submission.valid_until_ms, submission.digest))
        return True

    def take(self, *, bytes_max: int, overhead_bytes: int = 0) -> tuple[Submission, ...]:
        """Seal and return what fits into a batch: one of each key per turn.

        Counts `overhead_bytes` for each submission besides its encoding. A key whose first one
        does not fit any more keeps its turn for the next batch; nothing overtakes within a key.
        """
        taken: list[Submission] = []
        left = bytes_max
        turn = list(self._turns)
        while turn:
            served = []
            for key in turn:
                first = next(iter(self._lanes[key].fresh.values()))
                size = len(first.encoded) + overhead_bytes
                if size <= left:
                    left -= size
                    taken.append(first)
                    self._turns.move_to_end(key)
                    if not self._seal_one(first):
                        served.append(key)
            turn = served
        return tuple(taken)

    def unseal_all(self) -> None:
        """Offer again what was sealed, at its old place: the proposals of the old view are gone."""
        for lane in self._lanes.values():
            lane.fresh.clear()
        for digest, submission in self._waiting.items():
            if digest not in self._executed:
                self._freshen(submission)

    def executed(self, digests: Iterable[SubmissionDigest], *, block_time_ms: int) -> None:
        """Note what a block executed, and drop what no later block can execute.

        Executed ones are never offered again and wait for their certificate (`remove`).
        """
        for digest in digests:
            if (submission := self._waiting.get(digest)) is not None:
                self._seal_one(submission)
                self._executed.add(digest)
        self.expire(block_time_ms)

    def remove(self, digests: Iterable[SubmissionDigest]) -> None:
        """Forget these, in whatever state: their block is certified, or nobody wants them."""
        for digest in digests:
            if (submission := self._waiting.get(digest)) is None:
                continue
            self._seal_one(submission)
            self._executed.discard(digest)
            del self._waiting[digest]
            lane = self._lanes[submission.public_key]
            self._count(lane, submission, -1)
            if lane.count == 0:
                del self._lanes[submission.public_key]
        if len(self._expiries) > 2 * len(self._waiting) + _HEAP_SLACK:
            self._expiries = [(one.valid_until_ms, one.digest) for one in self._waiting.values()]
            heapq.heapify(self._expiries)

    def waiting(self, count_max: int) -> tuple[Submission, ...]:
        """Return what has waited longest, oldest first, executed ones left out."""
        open_ones = (one for digest, one in self._waiting.items() if digest not in self._executed)
        return tuple(itertools.islice(open_ones, count_max))

    def expire(self, time_ms: int) -> None:
        """Drop what is valid until before this time: nobody may propose it any more.

        Its timer stops with it (F2): a primary is not to blame for what came too late.
        """
        expired = []
        while self._expiries and self._expiries[0][0] < time_ms:
            _, digest = heapq.heappop(self._expiries)
            if digest not in self._executed:
                expired.append(digest)
        self.remove(expired)

    def _check_room(self, lane: _Lane, size: int) -> None:
        limits = self._limits
        if lane.count >= limits.key_count_max or lane.bytes_held + size > limits.key_bytes_max:
            raise PoolRefusal(
                code=PoolRefusalCode.KEY_QUOTA,
                expected=f"≤ {limits.key_count_max} submissions and "
                f"{limits.key_bytes_max} bytes of one key",
                actual=f"{lane.count} and {lane.bytes_held} waiting, {size} bytes more",
            )
        if len(self) >= limits.count_max or self._bytes_held + size > limits.bytes_max:
            raise PoolRefusal(
                code=PoolRefusalCode.POOL_FULL,
                expected=f"≤ {limits.count_max} submissions and {limits.bytes_max} bytes",
                actual=f"{len(self)} and {self._bytes_held} waiting, {size} bytes more",
            )

    def _freshen(self, submission: Submission) -> None:
        self._lanes[submission.public_key].fresh[submission.digest] = submission
        self._turns.setdefault(submission.public_key)

    def _seal_one(self, submission: Submission) -> bool:
        """Return whether nothing fresh is left of the key."""
        fresh = self._lanes[submission.public_key].fresh
        fresh.pop(submission.digest, None)
        if not fresh:
            self._turns.pop(submission.public_key, None)
        return not fresh

    def _count(self, lane: _Lane, submission: Submission, sign: int) -> None:
        size = sign * len(submission.encoded)
        lane.count += sign
        lane.bytes_held += size
        self._bytes_held += size
