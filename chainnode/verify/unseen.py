"""Characters that show as nothing, or turn others round: told by their numbers where people read.

A fixed list, so that every interpreter and browser makes the same bytes of a text, whatever
version of Unicode it knows (docs/wire-format.md §12). Of Unicode 16: what has the property
`Default_Ignorable_Code_Point`, the controls (Cc), formats (Cf) and separators of lines and
paragraphs, what is no character, and blanks that are drawn as letters or signs (U+2800, 13441,
13442, 16FE4, 1D159, FFFC).
"""

import re
from typing import Final

# First and last of each range, ascending.
UNSEEN: Final[tuple[tuple[int, int], ...]] = (
    *((0x0000, 0x001F), (0x007F, 0x009F), (0x00AD, 0x00AD), (0x034F, 0x034F), (0x0600, 0x0605)),
    *((0x061C, 0x061C), (0x06DD, 0x06DD), (0x070F, 0x070F), (0x0890, 0x0891), (0x08E2, 0x08E2)),
    *((0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x2028, 0x202E)),
    *((0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164), (0xFDD0, 0xFDEF), (0xFE00, 0xFE0F)),
    *((0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFC), (0xFFFE, 0xFFFF)),
    *((0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x13441, 0x13442)),
    *((0x16FE4, 0x16FE4), (0x1BCA0, 0x1BCA3), (0x1D159, 0x1D159), (0x1D173, 0x1D17A)),
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0x10000, 0xE0000, 0x10000)),
    *((0xE0000, 0xE0FFF), (0xEFFFE, 0xEFFFF), (0xFFFFE, 0xFFFFF), (0x10FFFE, 0x10FFFF)),
)
_UNSEEN: Final = re.compile(
    "[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in UNSEEN) + "]"
)


def visible(text: str) -> str:
    """Return a text whose unseen characters show as their numbers."""
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
