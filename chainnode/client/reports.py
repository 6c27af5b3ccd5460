"""What each node did when it was no help: named, so that a person can act on it."""

from dataclasses import dataclass

from chainnode.errors import NodeError


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport:
    """One node and what it did; `detail` is a sentence without any content of records."""

    node: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLied(NodeReport):
    """Its answer failed the named check against q signatures."""

    check: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUnreachable(NodeReport):
    """No whole answer came in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRefused(NodeReport):
    """It answered with an error; `code` is the stable code of its problem document.

    `retry_after_s` is when it wants to be asked again; 0: it did not say.
    """

    status: int
    code: str
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBehind(NodeReport):
    """Its answer is genuine but older than what this client has already verified."""


class CannotDecide(NodeError):
    """No node gave an answer that survived its checks. `reports` says what each one did."""

    def __init__(self, reports: tuple[NodeReport, ...]) -> None:
        self.reports = reports
        told = "; ".join(f"{one.node}: {one.detail}" for one in reports[-8:])
        super().__init__(f"no node gave an answer that can be checked: {told or 'none was asked'}")
