"""Make `assets/report.ttf`: run `python -m chainnode.reports.make_font CJK.ttf LATIN.ttf`.

Only whoever changes the font runs it; it needs fonttools. CJK.ttf is Droid Sans Fallback (Debian
`fonts-droid-fallback`), LATIN.ttf is DejaVu Sans (Debian `fonts-dejavu-core`): their digests stand
in `assets/font.json`, with that of what was made. The same sources give the same bytes.
"""

import hashlib
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem

from chainnode.reports.fonts import FONT_FILE, FONT_NAME, HASHES_FILE, assets_folder

_UNITS_PER_EM = 1000
# Seconds since 1904 of 2026-01-01: a font says when it was made.
_MADE = 3_850_070_400
_LICENCE = (
    "Droid Sans Fallback: Apache-2.0. DejaVu Sans: Bitstream Vera licence. See font-licence.txt"
)
# Latin with diacritics, punctuation, currency, arrows, mathematics, shapes and marks.
_LATIN = (
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    *range(0x2010, 0x2028),
    *range(0x2030, 0x205F),
    *(0x20AC, 0x2103, 0x2116, 0x2122, 0x2190, 0x2191, 0x2192, 0x2193, 0x2713, 0x2717),
    *range(0x2200, 0x2270),
    *range(0x25A0, 0x25D0),
)
_IDEOGRAPHS_FROM = 0x2E80
# Ideographic punctuation, enclosed and full-width forms, beyond those of GB 2312.
_WIDE = (*range(0x3000, 0x3030), *range(0x3200, 0x3400), *range(0xFF01, 0xFFE7))


def gb_2312() -> frozenset[int]:
    """Return the characters of GB 2312: two bytes from 0xA1 on, 94 rows of 94."""
    found = set()
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            found |= {ord(one) for one in bytes((row, cell)).decode("gb2312", errors="ignore")}
    return frozenset(found)


def part(source: Path, wanted: frozenset[int]) -> TTFont:
    """Return a font cut down to the wanted characters, without hints and layout rules."""
    font = TTFont(source)
    options = Options(hinting=False, layout_features=[], notdef_outline=True, glyph_names=False)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "kern", "vhea", "vmtx", "FFTM", "gasp", "DSIG"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=sorted(wanted & set(font.getBestCmap())))
    subsetter.subset(font)
    scale_upem(font, _UNITS_PER_EM)
    return font


def merged(cjk: Path, latin: Path) -> bytes:
    """Return one font: what the Latin one has of the wanted characters, and the rest of the CJK."""
    wanted = gb_2312() | set(_LATIN)
    narrow = part(latin, frozenset(one for one in wanted if one < _IDEOGRAPHS_FROM))
    wide = part(cjk, frozenset((wanted | set(_WIDE)) - set(narrow.getBestCmap())))
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("latin.ttf", "cjk.ttf")]
        for font, path in zip((narrow, wide), paths, strict=True):
            font.save(path)
        font = Merger().merge([str(one) for one in paths])
        named = {1: FONT_NAME, 2: "Regular", 4: FONT_NAME, 6: FONT_NAME, 13: _LICENCE}
        font["name"].names = []
        for number, text in named.items():
            font["name"].setName(text, number, 3, 1, 0x409)
        font.recalcTimestamp = False
        font["head"].created = font["head"].modified = _MADE
        made = Path(folder) / "merged.ttf"
        font.save(made)
        return made.read_bytes()


def main() -> None:
    """Write the font and its digests."""
    sources = [Path(one) for one in sys.argv[1:3]]
    data = merged(*sources)
    (assets_folder() / FONT_FILE).write_bytes(data)
    digests = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in sources}
    record = {"made": {FONT_FILE: hashlib.sha256(data).hexdigest()}, "sources": digests}
    (assets_folder() / HASHES_FILE).write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
