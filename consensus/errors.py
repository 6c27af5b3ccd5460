"""Errors of the consensus core: one root, and whose fault each one is."""


class ConsensusError(Exception):
    """Root of all errors that leave the core."""


class InvalidMessage(ConsensusError):
    """A peer's fault: drop the message and count it."""


class RefusedMessage(InvalidMessage):
    """A message breaks a rule of the protocol; says which, what was expected, and what came."""

    def __init__(self, *, sender: int, what: str, expected: str, actual: str) -> None:
        self.sender = sender
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what} of replica {sender}: expected {expected}, got {actual}")


class InvalidShape(InvalidMessage):
    """Plain values that are not a consensus message (docs/wire-format.md §8)."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what}: expected {expected}, got {actual}")


class InvariantViolation(ConsensusError):
    """Our own fault, or more than `max_faulty` liars: stop at once."""


class InvalidMembership(ConsensusError):
    """A group that is too small to tolerate a fault."""

    def __init__(self, *, expected: int, actual: int) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"a group needs at least {expected} replicas, this one has {actual}")


class InvalidReplicaConfig(ConsensusError):
    """A setting of the core that cannot work."""

    def __init__(self, *, name: str, expected: str, actual: int) -> None:
        self.name = name
        self.expected = expected
        self.actual = actual
        super().__init__(f"{name}: expected {expected}, got {actual}")


class InvalidEpochChange(InvariantViolation):
    """Execution, the ledger or the driver tell something about epochs that cannot be."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what}: expected {expected}, got {actual}")


class ConflictingVote(ConsensusError):
    """The vote guard refused to sign a second, different message for one slot."""

    def __init__(self, *, slot: str) -> None:
        self.slot = slot
        super().__init__(f"already signed a different message for {slot}")


class ForgottenVote(ConflictingVote):
    """The slot lies below what the guard still remembers: signing could contradict the past."""

    def __init__(self, *, slot: str, floor: int) -> None:
        self.floor = floor
        super().__init__(slot=f"{slot}, or may have: nothing below {floor} is signed any more")


class ConflictingCertificates(InvariantViolation):
    """Two valid certificates for one sequence with two digests.

    `view` is that of the later one; for prepared certificates both have it.
    """

    def __init__(self, *, view: int, sequence: int) -> None:
        self.view = view
        self.sequence = sequence
        super().__init__(
            f"two certificates for view {view}, sequence {sequence}:"
            " more replicas lie than the group tolerates"
        )


class Diverged(InvariantViolation):
    """Our execution differs from the header that a quorum signed: do not repair silently."""

    def __init__(self, *, height: int, own: bytes, certified: bytes) -> None:
        self.height = height
        self.own = own
        self.certified = certified
        super().__init__(
            f"height {height}: this replica computed header {own.hex()},"
            f" a quorum signed {certified.hex()}"
        )


class ExecutionOutOfOrder(InvariantViolation):
    """The ledger reported a block that was not the next one asked for."""

    def __init__(self, *, expected: int, actual: int) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"expected block {expected} to be executed next, got {actual}")


class NotRestored(InvariantViolation):
    """`Restored` is the first event of a process and comes once."""

    def __init__(self, *, event: str) -> None:
        self.event = event
        super().__init__(f"Restored comes first and once; this is {event}")
