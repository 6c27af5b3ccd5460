"""A position that the log does not have: said with the size of the log, which is proven."""

from collections.abc import Iterator
from contextlib import contextmanager

from chainnode.cli.exits import NoDecision
from chainnode.cli.words import Text
from chainnode.client import CannotDecide, Client, NodeRefused

_NOT_FOUND = "NOT_FOUND"


@contextmanager
def within_log(client: Client, position: int) -> Iterator[None]:
    """Ask for the record at `position`; where nodes have none, say how long the log is.

    Raises:
        NoDecision: `NO_SUCH_POSITION`: the newest header that a quorum signed lies below it. A
            newer one may exist, so that is no proof of absence.
        CannotDecide: the nodes were no help for another reason.

    """
    try:
        yield
    except CannotDecide as error:
        reports = [one for one in error.reports if isinstance(one, NodeRefused)]
        if not any(one.code == _NOT_FOUND for one in reports):
            raise
        head = client.header_latest().header.head
        if position < head.log_size:
            raise
        raise NoDecision(
            "NO_SUCH_POSITION",
            Text(
                f"没有位置 {position}：高度 {head.height} 时日志有 {head.log_size} 条，从 0 起编号",
                f"no such position, {position}: the log has {head.log_size} records"
                f" as of height {head.height}, counted from 0",
            ),
        ) from error
