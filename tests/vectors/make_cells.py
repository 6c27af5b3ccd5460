"""Write the vectors of table cells: run `python -m tests.vectors.make_cells`.

Rows of a text and the cell that `rows.csv` makes of it (docs/wire-format.md §12).
"""

import json
from collections.abc import Iterator
from pathlib import Path

from chainnode.verify.csv_rows import guarded
from chainnode.verify.unseen import UNSEEN

FILE = Path(__file__).parent / "cells" / "cells.json"
STARTS = "=+-@＝＋－＠﹦﹢﹣﹫−⁺⁻⁼₊₋₌﬩⩵⩶"
BLANKS = " \u00a0\u1680\u2000\u2005\u200a\u202f\u205f\u3000"
PLAIN = ("", "a=b", "1 + 1", "2026-03-02", "户籍－查询", "user@example", "[U+0009]", "'", '"')
_SURROGATES = range(0xD800, 0xE000)


def texts() -> Iterator[str]:
    """Yield what stands at every edge of the rule."""
    yield from PLAIN
    for start in STARTS:
        yield from (f"{before}{start}1" for before in ("", "a", "\u034f", *",;|\"'"))
    yield from (f"{blank}=1" for blank in BLANKS)
    yield from (f"x;{blank}{blank}@1" for blank in BLANKS)
    for first, last in UNSEEN:
        for code in sorted({first - 1, first, last, last + 1}):
            if 0 <= code <= 0x10FFFF and code not in _SURROGATES:
                yield f"{chr(code)}=1"
    yield "\u3164 \u2800\t=cmd|' /C calc'!A1"


def document() -> str:
    """Return the content of the file; nothing of it is seen wrongly, because all is ASCII."""
    rows = [json.dumps([one, guarded(one)]) for one in dict.fromkeys(texts())]
    return "[\n" + ",\n".join(rows) + "\n]\n"


def main() -> None:
    """Write the file anew."""
    FILE.write_text(document())


if __name__ == "__main__":
    main()
