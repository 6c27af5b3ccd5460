"""Corruptions of what is proven: the pages of an answer and the question."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from chainnode.verify.archive import QUESTION
from chainnode.verify.forms import base64_text
from chainnode.verify.rows import canonical_line
from chainnode.verify.strict_json import JsonObject
from tests.builders_evidence import OTHER_SUBJECT
from tests.builders_exports import ASKED_AT, Members
from tests.builders_trails import CALLS_PER_BLOCK
from tests.vectors.cases import altered, array, bit, cut, swapped
from tests.vectors.export_story import TRAIL, WHOLE, Corruption, ExportStory, rows_of
from tests.vectors.trail_cases import CORRUPTED_RUNS, with_proof

SIGNED = ("certificate", "signatures")
# Corruptions of a run that fit any run; where its length follows from the chunks, form refuses.
RUNS = {
    "a bit of a row": "TAMPERED trail",
    "two rows swapped": "TAMPERED trail",
    "row added": "TAMPERED trail",
    "first row plus one": "TAMPERED trail",
    "first row minus one": "TAMPERED trail",
    "row dropped at the start": "UNREADABLE proof",
    "row dropped at the end": "UNREADABLE proof",
    "row dropped inside": "UNREADABLE proof",
    "half a row": "UNREADABLE proof",
    "index plus one": "UNREADABLE proof",
    "index minus one": "UNREADABLE proof",
}


def corrupted_proofs(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """Yield every corruption of these parts; auditor and node sign all the same."""
    for corruptions in (_pages, _trails, _questions):
        yield from corruptions(story, good)


def _pages(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """Other pages under the manifest and the rows of the real answer."""
    first, middle, last = (story.pages([rows_of(*one)])[0] for one in ((3, 5), (5, 7), (7, 9)))
    page = story.pages()[0]
    foreign = ExportStory(story.suite.name, label="another chain").pages()[0]
    other_period = story.trail(WHOLE, period=(story.period[0], story.period[1] + 1))
    lower = _older_page(story, height=10, start=7, stop=9)
    for name, pages, expect in (
        ("swapped", [middle, first, last], "TAMPERED rows"),
        ("one in the middle left out", [first, last], "TAMPERED rows"),
        ("one doubled", [first, first, middle, last], "TAMPERED rows"),
        ("overlapping", [first, page], "TAMPERED rows"),
        ("the first left out", [middle, last], "TAMPERED manifest"),
        ("the last left out", [first, middle], "TAMPERED manifest"),
        ("a later one under an older header", [first, middle, lower], "TAMPERED order"),
        ("of another period", [other_period], "TAMPERED period"),
        ("of another subject", [_of_another(story)], "TAMPERED question"),
        ("of another chain", [foreign], "UNTRUSTED_ISSUER chain"),
        ("bodies withheld", [story.pages([replace(WHOLE, with_bodies=False)])[0]], "TAMPERED rows"),
        ("the question for a page", [story.record(ASKED_AT)], "UNREADABLE evidence"),
    ):
        yield f"pages, {name}", _with_pages(story, good, pages), expect


def _with_pages(story: ExportStory, good: Members, pages: Sequence[JsonObject]) -> Members:
    others = {name: one for name, one in good.items() if name != TRAIL}
    shown = {
        f"proofs/trail-{number:04d}.json": canonical_line(one)
        for number, one in enumerate(pages, 1)
    }
    return story.claimed({**others, **shown})


def _of_another(story: ExportStory) -> JsonObject:
    return story.trail(replace(WHOLE, subject=OTHER_SUBJECT), period=story.period)


def _older_page(story: ExportStory, *, height: int, start: int, stop: int) -> JsonObject:
    """Rows of the answer under the header of an earlier block, which covers all of them."""
    page = story.trail(
        rows_of(start, stop),
        period=story.period,
        index_size=CALLS_PER_BLOCK * height,
        anchor=story.anchor(story.indexed_at(height)),
    )
    return altered(page, ("tail",), [])


def _trails(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """Corruptions inside of the page."""
    page = story.pages()[0]
    entries, bodies = ("trails", 0, "entries"), ("trails", 0, "bodies")
    tail = ("tail", 0)
    replaced = story.record(ASKED_AT)["entry"]
    for name, changed, expect in (
        ("an entry removed", altered(page, entries, array(page, entries)[:-1]), "TAMPERED entries"),
        ("an entry swapped", altered(page, (*entries, 1), replaced), "TAMPERED entries"),
        ("a body removed", altered(page, bodies, array(page, bodies)[:-1]), "TAMPERED entries"),
        ("a body of another record", swapped(page, bodies), "TAMPERED body"),
        ("the tail withheld", altered(page, ("tail",), []), "TAMPERED tail"),
        ("the tail, path reversed", _turned(page, (*tail, "path")), "TAMPERED tail"),
        ("two signatures", altered(page, SIGNED, array(page, SIGNED)[:2]), "CANNOT_DECIDE quorum"),
        ("one signer twice", _twice(page), "TAMPERED quorum"),
        ("signature, one bit", bit(page, (*SIGNED, 0, 1)), "TAMPERED quorum"),
        ("wrong signer", altered(page, (*SIGNED, 1, 0), 2), "TAMPERED quorum"),
        ("index root, one bit", bit(page, ("header", "rest", 2)), "TAMPERED header"),
        ("another epoch", altered(page, ("certificate", "epoch"), 1), "TAMPERED quorum"),
        ("a name more", {**page, "complete": True}, "UNREADABLE evidence"),
    ):
        yield f"page, {name}", _with_pages(story, good, [changed]), expect
    for name, corrupt, _ in CORRUPTED_RUNS:
        if name in RUNS:
            changed = with_proof(page, corrupt)
            yield f"page, {name}", _with_pages(story, good, [changed]), RUNS[name]


def _turned(evidence: JsonObject, place: tuple[str | int, ...]) -> JsonObject:
    return altered(evidence, place, array(evidence, place)[::-1])


def _twice(page: JsonObject) -> JsonObject:
    one, other, *_ = array(page, SIGNED)
    return altered(page, SIGNED, [one, other, other])


def _questions(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """Another question than the one that was asked, or one that nobody recorded."""
    asked = story.record(ASKED_AT)
    nodes = array(asked, ("path",))
    position = ("position",)
    inner = base64_text(bytes.fromhex(str(nodes[0])) + bytes.fromhex(str(nodes[1])))
    as_leaf = altered(altered(asked, ("path",), nodes[1:]), ("entry",), inner)
    other = story.record(ASKED_AT + 2)
    for name, changed, expect in (
        ("another record", other, "TAMPERED question"),
        ("body withheld", {**asked, "body": []}, "TAMPERED question"),
        ("body of another", {**asked, "body": other["body"]}, "TAMPERED body"),
        ("another purpose", bit(asked, ("body", 2)), "TAMPERED body"),
        ("position plus one", altered(asked, position, ASKED_AT + 1), "TAMPERED record"),
        ("position minus one", altered(asked, position, ASKED_AT - 1), "TAMPERED record"),
        ("path reversed", _turned(asked, ("path",)), "TAMPERED record"),
        ("path one node shorter", altered(asked, ("path",), nodes[:-1]), "TAMPERED record"),
        ("path one node longer", altered(asked, ("path",), [*nodes, "00" * 32]), "TAMPERED record"),
        ("a node for the leaf", as_leaf, "UNREADABLE entry"),
        (
            "two signatures",
            altered(asked, SIGNED, array(asked, SIGNED)[:2]),
            "CANNOT_DECIDE quorum",
        ),
        ("one signer twice", _twice(asked), "TAMPERED quorum"),
        ("signature cut short", cut(asked, (*SIGNED, 0, 1)), "UNREADABLE signature"),
        ("a page for the question", story.pages()[0], "UNREADABLE evidence"),
    ):
        yield (
            f"question, {name}",
            story.claimed({**good, QUESTION: canonical_line(changed)}),
            expect,
        )
    early = _older_page(story, height=1, start=0, stop=0)
    yield "question, after the answer", story.answered(pages=[early]), "TAMPERED as_of_height"
