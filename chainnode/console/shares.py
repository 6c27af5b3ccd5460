"""How much one person may have in work at once, so that nobody's browser shuts all others out.

Counted by person and not by session: whoever logs in twice has no more. What is bounded for all
together is in `desk` and `news`, and is more than one person's share.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final

from chainnode.console.errors import PageRefused
from chainnode.login import Session

RETRY_AFTER_S: Final = 5
_TOO_MANY: Final = 429


class Share(Enum):
    """What is counted, and how many of it one person may have at once."""

    QUESTIONS = ("TOO_MANY_QUESTIONS", 2)
    LOOKS = ("TOO_MANY_LOOKS", 4)
    STREAMS = ("TOO_MANY_STREAMS", 3)

    def __init__(self, code: str, most: int) -> None:
        self.code = code
        self.most = most


class Shares:
    """What everybody has in work now. Belongs to one event loop."""

    def __init__(self) -> None:
        self._taken = Counter[tuple[Share, str]]()

    def require(self, share: Share, session: Session) -> None:
        """Check that a person may have one more.

        Raises:
            PageRefused: they have as many as one person may; 429, with when to come back.

        """
        if self._taken[share, session.person.pseudonym] >= share.most:
            raise PageRefused(share.code, _TOO_MANY, retry_after_s=RETRY_AFTER_S)

    @contextmanager
    def taken(self, share: Share, session: Session) -> Iterator[None]:
        """Count one more until the block ends; raises as `require` does."""
        self.require(share, session)
        name = (share, session.person.pseudonym)
        self._taken[name] += 1
        try:
            yield
        finally:
            self._taken[name] -= 1
            if not self._taken[name]:
                del self._taken[name]
