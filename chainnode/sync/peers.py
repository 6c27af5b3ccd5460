"""Whom to ask next: peers that help first, those that failed or lied after a pause.

What a peer claims moves nothing here; it is only held against the peer itself: a height that is
taken back, or blocks that are claimed and do not come, are failures like a wrong byte
(checklist H2). Loop thread only.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum

from chainnode.errors import InvalidInput
from chainnode.p2p.errors import RequestTimeout

# A peer that was silent once may have restarted; one that stays so costs a time-out each time.
_PAUSE_FIRST_S = 1.0
_PAUSE_MAX_S = 60.0
_DOUBLINGS_MAX = 6
# What does not prove itself was made up: no pause is too long, unless nobody else is left.
_LIAR_PAUSE_S = 60.0
# Counted under this id: certificates that we put together ourselves.
OURSELVES = -1

_log = logging.getLogger(__name__)


class ClaimTakenBack(InvalidInput):
    """A peer says less than it said before, or claims what it does not deliver."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what}: expected {expected}, got {actual}")


class Claim(Enum):
    """What a peer says it has reached."""

    CERTIFIED = "certified height"
    # The newest certified height that one may stand on: below the other most of the time.
    BASE = "height to stand on"


class PeerBook:
    """The connected peers in the order in which to ask them."""

    def __init__(
        self, *, connected: Callable[[], Sequence[int]], now_s: Callable[[], float]
    ) -> None:
        self._connected = connected
        self._now_s = now_s
        self._turn = 0
        self._failures: Counter[int] = Counter()
        self._paused_until_s: dict[int, float] = {}
        self._claimed: dict[tuple[int, Claim], int] = {}
        # How often each peer was passed over, and why.
        self.passed_over: Counter[tuple[int, str]] = Counter()

    def in_order(self) -> tuple[int, ...]:
        """Return whom to ask, each time starting with another one, those on pause last."""
        peers = tuple(self._connected())
        ready = [one for one in peers if not self._is_paused(one)]
        paused = sorted(set(peers) - set(ready), key=lambda one: self._paused_until_s[one])
        if ready:
            self._turn = (self._turn + 1) % len(ready)
        return (*ready[self._turn :], *ready[: self._turn], *paused)

    def ready(self) -> tuple[int, ...]:
        """Return whom to ask all at once: those not on pause, or everybody when all are.

        A network that failed as a whole must not stand still for a minute when it is back.
        """
        everybody = self.in_order()
        return tuple(one for one in everybody if not self._is_paused(one)) or everybody

    def _is_paused(self, peer: int) -> bool:
        return self._paused_until_s.get(peer, 0.0) > self._now_s()

    def helped(self, peer: int) -> None:
        """Take note of an answer that was good."""
        self._failures.pop(peer, None)
        self._paused_until_s.pop(peer, None)

    def pass_over(self, peer: int, error: Exception) -> None:
        """Take note of an answer that was not, or did not come.

        Who says at once that it has no answer costs nothing, and is not made to wait.
        """
        self.passed_over[peer, type(error).__name__] += 1
        _log.info("transfer_failed", extra={"peer": peer, "reason": type(error).__name__})
        if peer == OURSELVES:
            return
        if isinstance(error, InvalidInput):
            self._paused_until_s[peer] = self._now_s() + _LIAR_PAUSE_S
        elif isinstance(error, RequestTimeout):
            doublings = min(self._failures[peer], _DOUBLINGS_MAX)
            self._failures[peer] += 1
            pause_s = min(_PAUSE_MAX_S, _PAUSE_FIRST_S * (1 << doublings))
            self._paused_until_s[peer] = self._now_s() + pause_s

    def note_claim(self, peer: int, height: int, *, of: Claim = Claim.CERTIFIED) -> None:
        """Remember what a peer says it has reached.

        Raises:
            ClaimTakenBack: it said more before; it is judged by the lower one from now on.

        """
        before = self._claimed.get((peer, of), 0)
        self._claimed[peer, of] = height
        if height < before:
            raise ClaimTakenBack(
                what=f"{of.value} of a peer", expected=f"≥ {before}", actual=f"{height}"
            )
