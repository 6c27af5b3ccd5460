"""Refusals of the node's public face."""

from chainnode.errors import NodeError


class Refused(NodeError):
    """A question or write that cannot be served; `code` is stable and becomes the problem code."""

    def __init__(self, code: str, *, expected: str, actual: str) -> None:
        self.code = code
        self.expected = expected
        self.actual = actual
        super().__init__(f"{code}: expected {expected}, got {actual}")
