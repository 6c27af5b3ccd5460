"""What a page cannot do, as a code that `words` has in both languages."""

from chainnode.errors import NodeError


class PageRefused(NodeError):
    """A page, record or answer that there is not; `code` stands in `WORDS`."""

    def __init__(self, code: str, status: int, *, retry_after_s: int | None = None) -> None:
        """`retry_after_s`: when trying once more may help, if it may."""
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s
        super().__init__(code)


NOT_FOUND = ("NOT_FOUND", 404)
UNKNOWN_CALL = ("UNKNOWN_CALL", 404)
CANNOT_DECIDE = ("CANNOT_DECIDE", 503)
FORKED = ("FORKED", 503)
BUSY = ("BUSY", 503)
BAD_FORM = ("BAD_FORM", 400)
