"""Errors of the devnet: about this machine, exit code 5, but for a node that there is not, 2."""

import shlex
from pathlib import Path

from chainnode.errors import ConfigurationError


class DevnetError(ConfigurationError):
    """Root of the devnet's errors."""


class NotADevnet(DevnetError):
    """A folder that no devnet made is never touched."""

    def __init__(self, path: Path, *, reason: str) -> None:
        self.path = path
        super().__init__(f"{path} is not a devnet: {reason}")


class OldDevnet(DevnetError):
    """A devnet of an earlier version, which can only be removed."""

    def __init__(self, path: Path, *, expected: int, actual: int) -> None:
        self.path = path
        self.expected = expected
        self.actual = actual
        where = f"--dir {shlex.quote(str(path))}"
        super().__init__(
            f"{path} was made by an earlier kun (version {actual} of its files, expected"
            f" {expected}); remove it and make a new one: kun devnet reset {where},"
            f" kun devnet up {where}"
        )


class UnknownNode(DevnetError):
    """A node is named by its name or by its number from 1."""

    def __init__(self, name: str, *, known: tuple[str, ...]) -> None:
        self.name = name
        listed = ", ".join(f"{number} {one}" for number, one in enumerate(known, start=1))
        super().__init__(f"expected one of the nodes {listed}; got {name!r:.40}")


class NodeState(DevnetError):
    """The node is not in the state that the request needs."""

    def __init__(self, name: str, *, expected: str, actual: str) -> None:
        self.name = name
        self.expected = expected
        self.actual = actual
        super().__init__(f"node {name}: expected {expected}, it is {actual}")


class NotReady(DevnetError):
    """A process ended or stayed silent while it was starting; its last words are shown."""

    def __init__(self, name: str, *, reason: str, last_lines: tuple[str, ...] = ()) -> None:
        self.name = name
        words = "".join(f"\n  | {line}" for line in last_lines)
        super().__init__(f"{name} did not become ready: {reason}{words}")


class DevnetBusy(DevnetError):
    """Another command is starting or stopping the same devnet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: another kun devnet command is at work on this folder")
