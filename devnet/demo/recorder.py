"""Brings the halves of calls onto the chain through the SDK, many of them per submission.

A half is given up only when the ledger refuses it for ever; whatever is unknown is sent again.
A half that was recorded already is refused as double, which is as good as recorded.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chainnode.client import Client, Final
from chainnode.errors import NodeError
from chainnode.submission import Call
from contracts.schemas.access import NAME
from contracts.schemas.codes import Code

HALVES_PER_SUBMISSION = 450
# Halves that wait in memory; more means that the chain stands still, and calls are refused.
WAITING_MAX = 10_000
_GATHER_S = 0.02
_RETRY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """How far the recorder is."""

    recorded: int
    refused: int
    height: int


class Recorder:
    """One thread that submits what `record` hands over; `close` sends the rest first."""

    def __init__(self, client: Client, *, complain: Callable[[str], None]) -> None:
        self._client = client
        self._complain = complain
        self._waiting: queue.Queue[Call | None] = queue.Queue(maxsize=WAITING_MAX)
        self._closing = threading.Event()
        self._progress = Recorded(recorded=0, refused=0, height=0)
        self._thread = threading.Thread(target=self._run, name="recorder")
        self._thread.start()

    @property
    def progress(self) -> Recorded:
        """What is final so far."""
        return self._progress

    def record(self, half: Call) -> None:
        """Hand over a half.

        Raises:
            queue.Full: too many wait already.

        """
        self._waiting.put_nowait(half)

    def close(self) -> None:
        """Send what waits, once more at least, and end."""
        self._closing.set()
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            halves, ended = self._gather()
            while halves and not self._submit(halves):
                if self._closing.wait(_RETRY_S):
                    self._submit(halves)
                    break

    def _gather(self) -> tuple[list[Call], bool]:
        """Wait for a half and take those that come right after it."""
        halves: list[Call] = []
        one = self._waiting.get()
        while one is not None:
            halves.append(one)
            if len(halves) == HALVES_PER_SUBMISSION:
                return halves, False
            try:
                one = self._waiting.get(timeout=_GATHER_S)
            except queue.Empty:
                return halves, False
        return halves, True

    def _submit(self, halves: list[Call]) -> bool:
        """Submit once; False when it is unknown what became of it."""
        try:
            outcome = self._client.submit(NAME, halves)
        except NodeError as error:
            self._complain(type(error).__name__)
            return False
        if not isinstance(outcome, Final) or outcome.code != 0:
            self._complain(type(outcome).__name__)
            return False
        refused = count_refused(outcome)
        before = self._progress
        self._progress = Recorded(
            recorded=before.recorded + len(halves) - refused,
            refused=before.refused + refused,
            height=max(before.height, outcome.height),
        )
        return True


def count_refused(outcome: Final) -> int:
    """Count the calls that the ledger did not take and does not have either."""
    good = (Code.ACCEPTED, Code.ACCESS_DOUBLE_RECORD)
    return sum(one.code not in good for one in outcome.calls)


def in_portions(halves: Sequence[Call]) -> tuple[tuple[Call, ...], ...]:
    """Cut many halves into what one submission carries."""
    return tuple(
        tuple(halves[start : start + HALVES_PER_SUBMISSION])
        for start in range(0, len(halves), HALVES_PER_SUBMISSION)
    )
