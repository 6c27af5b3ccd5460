"""Errors of the consensus core: one root, and whose fault each one is."""


class ConsensusError(Exception):
    """Root of all errors that leave the core."""


class InvalidMessage(ConsensusError):
    """A peer's fault: drop the message and count it."""


class InvariantViolation(ConsensusError):
    """Our own fault, or more than `max_faulty` liars: stop at once."""


class InvalidMembership(ConsensusError):
    """A group that is too small to tolerate a fault."""

    def __init__(self, *, expected: int, actual: int) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"a group needs at least {expected} replicas, this one has {actual}")


class ConflictingVote(ConsensusError):
    """The vote guard refused to sign a second, different message for one slot."""

    def __init__(self, *, slot: str) -> None:
        self.slot = slot
        super().__init__(f"already signed a different message for {slot}")


class ConflictingCertificates(InvariantViolation):
    """Two valid prepared certificates for one view and sequence with two digests."""

    def __init__(self, *, view: int, sequence: int) -> None:
        self.view = view
        self.sequence = sequence
        super().__init__(
            f"two prepared certificates for view {view}, sequence {sequence}:"
            " more replicas lie than the group tolerates"
        )
