"""What a gateway counts since it started; labels are closed sets, never values of a call."""

from collections import Counter
from collections.abc import Iterator

from chainnode.gateway.messages import Unrecorded
from chainnode.metrics import Reading, counter
from contracts.schemas.access import Decision


class GatewayCounters:
    """Counts by outcome; belongs to one event loop."""

    def __init__(self) -> None:
        self._recorded: Counter[tuple[Decision, str]] = Counter()
        self._refused: Counter[Unrecorded] = Counter()
        self.members_removed = 0
        self.repeated = 0

    def recorded(self, decision: Decision, why: str) -> None:
        """Count a half; `why` is the name of a denial or the class of the status, as `2xx`."""
        self._recorded[decision, why] += 1

    def refused(self, reason: Unrecorded) -> None:
        """Count a request that left no half."""
        self._refused[reason] += 1

    def refusals(self, reason: Unrecorded) -> int:
        """Tell how many requests left no half for this reason."""
        return self._refused[reason]

    def readings(self) -> Iterator[Reading]:
        """Return all figures."""
        for (decision, why), number in sorted(self._recorded.items()):
            yield counter(
                "gateway_halves",
                "Halves that this gateway made",
                number,
                decision=decision.name.lower(),
                why=why,
            )
        for reason in Unrecorded:
            yield counter(
                "gateway_unrecorded",
                "Requests that were refused and left no half",
                self._refused[reason],
                reason=reason.name.lower(),
            )
        yield counter(
            "gateway_members_removed",
            "Members that were cut from answers because no field was given for them",
            self.members_removed,
        )
        yield counter(
            "gateway_repeated", "Calls that were answered again from memory", self.repeated
        )
