"""The built pages, read as they are and held against the hashes recorded with them.

The sources stand beside this file in TypeScript (`verify/`); `make assets` builds `assets/` out
of them and nobody needs Node to use it (ADR-0019). Nothing here knows what a page does.
"""

import hashlib
import json
from importlib.resources import files

from chainnode.errors import InvariantBroken

VERIFY_PAGE = "verify.html"
_HASHES = "hashes.json"


def verify_page() -> bytes:
    """Return the self-contained page that verifies evidence in a browser, without a network.

    Raises:
        InvariantBroken: the installed page is not the one that was built.

    """
    assets = files("chainnode.pages") / "assets"
    page = (assets / VERIFY_PAGE).read_bytes()
    expected = json.loads((assets / _HASHES).read_bytes())[VERIFY_PAGE]
    actual = f"sha256:{hashlib.sha256(page).hexdigest()}"
    if actual != expected:
        raise InvariantBroken(f"{VERIFY_PAGE}: expected {expected}, got {actual}")
    return page
