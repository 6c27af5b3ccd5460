"""The font of reports: Chinese of GB 2312, Latin, punctuation; shipped with the package.

Made by `chainnode.reports.make_font` of Droid Sans Fallback and DejaVu Sans; licences beside it.
"""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

from chainnode.errors import InvariantBroken

FONT_NAME = "KunlianReport"
FONT_FILE = "report.ttf"
HASHES_FILE = "font.json"


def assets_folder() -> Path:
    """Return where the font lies; only who makes it writes there."""
    return Path(str(files("chainnode.reports") / "assets"))


def font_bytes() -> bytes:
    """Return the font.

    Raises:
        InvariantBroken: the installed font is not the one that was made.

    """
    data = (assets_folder() / FONT_FILE).read_bytes()
    expected = json.loads((assets_folder() / HASHES_FILE).read_bytes())["made"][FONT_FILE]
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise InvariantBroken(f"{FONT_FILE}: expected sha256 {expected}, got {actual}")
    return data
