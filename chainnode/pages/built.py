"""The built pages, read as they are and held against the hashes recorded with them.

The sources stand beside this file in TypeScript, a folder a page; `make assets` builds `assets/`
out of them and nobody needs Node to use it (ADR-0019). Nothing here knows what a page does.
"""

import hashlib
import json
from importlib.resources import files

from chainnode.errors import InvariantBroken

VERIFY_PAGE = "verify.html"
# What pages load that a service of a department serves; css and js.
CONSOLE_ASSETS = ("console.css", "console.js")
# The citizen's page by the paths under which it asks for itself.
CITIZEN_ASSETS = {"/": "citizen.html", "/citizen.css": "citizen.css", "/citizen.js": "citizen.js"}
_HASHES = "hashes.json"


def verify_page() -> bytes:
    """Return the self-contained page that verifies evidence in a browser, without a network.

    Raises:
        InvariantBroken: the installed page is not the one that was built.

    """
    return asset(VERIFY_PAGE)


def asset(name: str) -> bytes:
    """Return a built file by its name.

    Raises:
        InvariantBroken: the installed file is not the one that was built.

    """
    assets = files("chainnode.pages") / "assets"
    data = (assets / name).read_bytes()
    expected = json.loads((assets / _HASHES).read_bytes())[name]
    actual = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if actual != expected:
        raise InvariantBroken(f"{name}: expected {expected}, got {actual}")
    return data
