"""Why evidence was not accepted. Every refusal names the check that refused it.

`check` is a short stable word; docs/verification.md explains each one.
"""

from chainnode.errors import InvalidInput


class InvalidEvidence(InvalidInput):
    """Evidence that decodes but fails a check: somebody changed it, or a node lied."""

    def __init__(self, *, check: str, expected: str, actual: str) -> None:
        self.check = check
        self.expected = expected
        self.actual = actual
        super().__init__(f"{check}: expected {expected}, got {actual}")

    @property
    def zh(self) -> str:
        """Return the sentence for a reader of Chinese; names of checks and values stay."""
        return f"证据未通过核验：{self}"


class UnreadableEvidence(InvalidEvidence):
    """Not evidence at all: JSON, base64 or canonical encoding does not decode."""


class ForeignEvidence(InvalidEvidence):
    """Evidence of another chain than the one that is trusted here."""


class NoQuorum(InvalidEvidence):
    """Too few signatures: nothing is forged, and nothing is proven."""


class OlderThanPinned(InvalidEvidence):
    """A height below the pinned checkpoint: it may be genuine, but this trust cannot tell."""

    def __str__(self) -> str:
        """Return the sentence of the refusal, and what the reader can do."""
        return (
            f"{super().__str__()}; ask a node for newer evidence, or judge this one with the "
            "genesis file or a trust file from before it"
        )

    @property
    def zh(self) -> str:
        """Return the same for a reader of Chinese."""
        told = f"高度 {self.actual} 低于信任文件所钉的区块（{self.expected}）"
        return f"{told}；请向节点索取较新的证据，或用创世文件或更早的信任文件核验"


class UnknownEpoch(InvalidEvidence):
    """An epoch whose members this trust does not name: it may be genuine, nobody can tell here."""


class OtherQuestion(InvalidEvidence):
    """Evidence that answers another question than the one that was asked."""


class InvalidTrust(InvalidInput):
    """A trust file or genesis file that cannot be used as an anchor."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"trust file: {what}: expected {expected}, got {actual}")
