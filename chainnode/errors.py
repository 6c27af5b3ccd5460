"""Errors of the node, by whose fault they are. Rooms derive their own from these roots."""


class NodeError(Exception):
    """Root of all errors of `chainnode`."""


class InvalidInput(NodeError):
    """What came from a peer, client, file or disk is malformed: expected and actual are named."""


class StorageError(NodeError):
    """The environment failed: an errored write is unknown, so the process stops."""


class ConfigurationError(NodeError):
    """A file or setting of this site is wrong; names every fault found. Exit code 5."""


class InvariantBroken(NodeError):
    """Our own fault: stop at once."""
