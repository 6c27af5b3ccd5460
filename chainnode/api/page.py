"""The page that verifies evidence in a browser, for a person who opens the address of a QR code.

The same bytes as `kun trust page` writes, under the policy that stands in them: it runs its own
script and reaches nothing else. Whoever serves a page decides what it says, so a verifier who
does not believe this node keeps a page of his own.
"""

import re
from functools import cache

from fastapi import Request

from chainnode.api.gate import LargePage, hold_large_answer
from chainnode.errors import InvariantBroken
from chainnode.pages import verify_page

_HTML = "text/html"
_POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')
# Only a header can say this one.
_NO_FRAMES = "frame-ancestors 'none'"
# RFC 9110 §12.4.2: a weight of nothing is a no.
_WEIGHT_OF_NOTHING = re.compile(r";\s*q\s*=\s*0(\.0*)?\s*$")


def wants_page(request: Request) -> bool:
    """Return whether a person asks: for HTML by name, and about nothing in particular."""
    if request.url.query:
        return False
    ranges = request.headers.get("accept", "").lower().split(",")
    asked = [one for one in ranges if one.partition(";")[0].strip() == _HTML]
    return any(_WEIGHT_OF_NOTHING.search(one) is None for one in asked)


def page_answer(request: Request) -> LargePage:
    """Answer with the page. Raises Problem `BUSY` when too many large answers are on their way."""
    page, policy = _page_and_policy()
    hold_large_answer(request)
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }
    return LargePage(page, headers=headers)


@cache
def _page_and_policy() -> tuple[bytes, str]:
    page = verify_page()
    found = _POLICY.search(page)
    if found is None:
        raise InvariantBroken("verify page: expected a policy of its content in it, got none")
    return page, f"{found[1].decode('ascii')}; {_NO_FRAMES}"
