"""Errors of the ledger room, by whose fault they are; each names expected and actual."""

from chainnode.errors import InvalidInput, InvariantBroken, StorageError


class UnknownHeight(InvalidInput):
    """The caller asks for a block that is not on this chain yet."""

    def __init__(self, *, height: int, tip: int) -> None:
        self.height = height
        self.tip = tip
        super().__init__(f"height: expected 0 … {tip}, got {height}")


class UnknownPosition(InvalidInput):
    """The caller asks for an entry that the log does not have."""

    def __init__(self, *, position: int, size: int) -> None:
        self.position = position
        self.size = size
        super().__init__(f"log position: expected one below {size}, got {position}")


class HeightNotKept(InvalidInput):
    """The state of that height cannot be proven any more, or not yet; ask for a kept one."""

    def __init__(self, *, height: int, oldest: int, newest: int) -> None:
        self.height = height
        self.oldest = oldest
        self.newest = newest
        super().__init__(f"state at a height: expected {oldest} … {newest}, got {height}")


class NotABase(InvalidInput):
    """Nobody can be made to stand on that height: entries wait for the index, or it is gone."""

    def __init__(self, *, height: int, kept: tuple[int, ...]) -> None:
        self.height = height
        self.kept = kept
        super().__init__(f"height to stand on: expected one of {list(kept)}, got {height}")


class Pruned(InvalidInput):
    """The chain has it, this node does not any more, or never had: another one may.

    `what` is "height" or "position"; this node serves it from `oldest` on.
    """

    def __init__(self, *, what: str, asked: int, oldest: int) -> None:
        self.what = what
        self.asked = asked
        self.oldest = oldest
        super().__init__(f"{what}: pruned here below {oldest}, got {asked}")


class CertificateMismatch(InvalidInput):
    """A certificate for another header than the one at its height here."""

    def __init__(self, *, height: int, expected: bytes, actual: bytes) -> None:
        self.height = height
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"certificate of height {height}: expected header {expected.hex()}, got {actual.hex()}"
        )


class WrongBlock(InvariantBroken):
    """A block that does not continue the chain, or whose parts do not belong together."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"block: {what}: expected {expected}, got {actual}")


class DamagedLedger(StorageError):
    """What is stored contradicts itself: it must be refetched, never served."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"stored ledger: {what}: expected {expected}, got {actual}")


class ForeignLedger(StorageError):
    """The directory holds another chain than the one of this genesis."""

    def __init__(self, *, expected: bytes, actual: bytes) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"data directory: expected chain {expected.hex()}, got chain {actual.hex()}"
        )
