"""The lineage of a call as a picture: SVG without scripts or style sheets. Pure.

A layer for each level, parents above; each call a box, each claim an arrow, and what is missing a
dashed box. Equal lineages give equal bytes. Nothing depends on colour alone: words stand in the
boxes and at the arrows. Every text of the ledger is escaped and cut.
"""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from chainnode.analysis.lineage import CallName, Lineage, Link, LinkedCall, LinkKind, Missing, Note

_BOX_WIDTH, _BOX_HEIGHT = 260, 92
_GAP_X, _GAP_Y, _MARGIN = 40, 84, 24
_LINE = 18
_TEXT_CHARACTERS = 34
_ID_CHARACTERS = 12
_NOTES = {
    Note.ONE_SIDE: "仅一方称 one side says so",
    Note.AMBIGUOUS: "不唯一 ambiguous",
    Note.OF_OTHERS: "他人的调用 of others",
    Note.CYCLE: "循环 cycle",
    Note.LATER: "晚于后者 recorded later",
    Note.OTHER_TRACE: "追踪号不同 other trace",
}
# Attributes and no style sheet: a strict content security policy would drop one.
_CALL = 'fill="#fff" stroke="#234" stroke-width="1.5"'
_START = 'fill="#fff" stroke="#234" stroke-width="4"'
_MISSING = 'fill="#fff" stroke="#a00" stroke-width="2" stroke-dasharray="6 4"'
_LINK = 'fill="none" stroke="#234" stroke-width="1.5"'
_NOTED = 'fill="none" stroke="#a00" stroke-width="1.5"'
_DERIVED = ' stroke-dasharray="2 3"'
_ARROW = (
    '<defs><marker id="lineage-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"'
    ' markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#234"/></marker></defs>'
)


@dataclass(frozen=True, slots=True)
class _Place:
    """The upper left corner of a box."""

    x: int
    y: int

    @property
    def top(self) -> tuple[int, int]:
        return self.x + _BOX_WIDTH // 2, self.y

    @property
    def bottom(self) -> tuple[int, int]:
        return self.x + _BOX_WIDTH // 2, self.y + _BOX_HEIGHT


def lineage_svg(lineage: Lineage) -> bytes:
    """Return the picture."""
    levels = {one.name: one.level for one in lineage.calls}
    absent = {_absent(one): levels.get(one.named_by, 0) - 1 for one in lineage.missing}
    places = _placed({**levels, **absent})
    width = max(one.x for one in places.values()) + _BOX_WIDTH + _MARGIN
    height = max(one.y for one in places.values()) + _BOX_HEIGHT + _MARGIN
    title = f"调用链 Lineage of call {lineage.start.call_id}"
    told = f"{len(lineage.calls)} calls, {len(lineage.links)} links, {len(lineage.missing)} missing"
    parts = [
        _opening(width, height),
        f'<title id="lineage-title">{_shown(title, 80)}</title>',
        f'<desc id="lineage-desc">{_described(lineage, told)}</desc>',
        _ARROW,
        *(_arrow(one, places) for one in lineage.links),
        *(_missing_arrow(one, places) for one in lineage.missing),
        *(_box(one, places[one.name], is_start=one.name == lineage.start) for one in lineage.calls),
        *(_missing_box(one, places[_absent(one)]) for one in lineage.missing),
        "</svg>",
    ]
    return ("\n".join(parts) + "\n").encode()


def _opening(width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" font-size="13"'
        ' aria-labelledby="lineage-title lineage-desc">'
    )


def _absent(missing: Missing) -> CallName:
    """Return a name for the box of a call that is nowhere: no organisation has an empty id."""
    return CallName(requester="", provider=missing.named_by.requester, call_id=missing.call_id)


def _placed(levels: dict[CallName, int]) -> dict[CallName, _Place]:
    rows = sorted(set(levels.values()))
    places = {}
    for number, level in enumerate(rows):
        names = sorted(name for name, one in levels.items() if one == level)
        for column, name in enumerate(names):
            x = _MARGIN + column * (_BOX_WIDTH + _GAP_X)
            places[name] = _Place(x, _MARGIN + number * (_BOX_HEIGHT + _GAP_Y))
    return places


def _box(call: LinkedCall, place: _Place, *, is_start: bool) -> str:
    outcomes = " / ".join(f"{one.outcome} {one.status}" for one in call.halves)
    items = sorted({one.item or "" for one in call.halves})
    lines = [
        f"{call.name.requester} → {call.name.provider}",
        " / ".join(items),
        f"{call.match} · {outcomes}" if outcomes else call.match,
        f"{call.name.call_id[:_ID_CHARACTERS]}…",
    ]
    return _boxed(place, lines, style=_START if is_start else _CALL)


def _missing_box(missing: Missing, place: _Place) -> str:
    lines = [
        "链上没有 not on the chain",
        missing.kind.value,
        f"looked for in {missing.places} places",
        f"{missing.call_id[:_ID_CHARACTERS]}…",
    ]
    return _boxed(place, lines, style=_MISSING)


def _boxed(place: _Place, lines: list[str], *, style: str) -> str:
    texts = "".join(
        f'<text x="{place.x + 10}" y="{place.y + 22 + number * _LINE}" fill="#111">'
        f"{_shown(line, _TEXT_CHARACTERS)}</text>"
        for number, line in enumerate(lines)
    )
    return (
        f'<g><rect {style} x="{place.x}" y="{place.y}" width="{_BOX_WIDTH}"'
        f' height="{_BOX_HEIGHT}" rx="6"/>{texts}</g>'
    )


def _arrow(link: Link, places: dict[CallName, _Place]) -> str:
    if link.source not in places or link.target not in places:
        return ""
    is_derived = link.kind is LinkKind.DERIVED
    style = (_NOTED if link.notes else _LINK) + (_DERIVED if is_derived else "")
    words = [*(["派生 derived"] if is_derived else []), *(_NOTES[one] for one in link.notes)]
    return _line(places[link.source], places[link.target], style=style, words=" · ".join(words))


def _missing_arrow(missing: Missing, places: dict[CallName, _Place]) -> str:
    if missing.named_by not in places:
        return ""
    source, target = places[_absent(missing)], places[missing.named_by]
    return _line(source, target, style=_NOTED, words="")


def _line(source: _Place, target: _Place, *, style: str, words: str) -> str:
    (x1, y1), (x2, y2) = source.bottom, target.top
    middle = (y1 + y2) // 2
    path = f"M{x1} {y1}C{x1} {middle} {x2} {middle} {x2} {y2}"
    text = (
        f'<text x="{(x1 + x2) // 2 + 6}" y="{middle}" fill="#111">{_shown(words, 80)}</text>'
        if words
        else ""
    )
    return f'<path {style} d="{path}" marker-end="url(#lineage-arrow)"/>{text}'


def _described(lineage: Lineage, told: str) -> str:
    sentences = [told]
    for one in lineage.links:
        notes = ", ".join(note.value for note in one.notes)
        said = f" ({notes})" if notes else ""
        sentences.append(
            f"{one.target.call_id} of {one.target.requester} names {one.kind.value}"
            f" {one.source.call_id} of {one.source.requester}{said}"
        )
    sentences += [f"{one.kind.value} {one.call_id} is not on the chain" for one in lineage.missing]
    return escape(". ".join(_legible(one) for one in sentences))


def _shown(text: str, characters: int) -> str:
    """Return a text of others: cut, escaped, without what turns or hides other text."""
    cut = text if len(text) <= characters else f"{text[: characters - 1]}…"
    return escape(_legible(cut))


def _legible(text: str) -> str:
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
