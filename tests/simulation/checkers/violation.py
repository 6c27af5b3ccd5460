"""What an oracle says, and the quorum, written down a second time."""


class Violation(AssertionError):
    """An oracle found what must never happen."""


def fair_quorum(size: int) -> int:
    """⌈(n+f+1)/2⌉: two quorums share f+1 members."""
    faulty = (size - 1) // 3
    return -((size + faulty + 1) // -2)
