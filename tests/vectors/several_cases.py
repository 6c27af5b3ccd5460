"""Cases of exports of version 2: several questions, renderings, and named corruptions of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from chainnode.submission import Call
from chainnode.verify.archive import CSV, PAGE, PARQUET, ROWS, SIGNATURES, SUMMARY, write_archive
from chainnode.verify.rows import canonical_line
from chainnode.verify.strict_json import JsonObject, JsonValue
from contracts.schemas.access_1 import AccessPrivate
from contracts.schemas.call_words import Decision, Side
from contracts.schemas.shape import encode_part
from tests.builders_evidence import OTHER_SUBJECT
from tests.builders_exports import ASKED_AT, Members
from tests.builders_several import ASKED_NEXT_AT, TOLD, Part, TwiceQuestionedChain
from tests.builders_trails import Shown
from tests.vectors.export_story import (
    PAGE_BYTES,
    POSITIONS,
    Case,
    Corruption,
    ExportStory,
    packed,
    recorded_half,
    rows_of,
)

# A call whose reason is hostile: formulas, other separators, letters that turn the line round.
HOSTILE_AT = 12
HOSTILE = '=HYPERLINK("http://x";"y"),－1;\t@SUM(A1)|+2 \u202egnp.exe\u200b 户籍'
OF_OTHER = Shown(subject=OTHER_SUBJECT, start=3, stop=9, with_bodies=True)
PARTS = (
    Part(asked_at=ASKED_AT, pages=(rows_of(3, 6), rows_of(6, 9)), attested=TOLD),
    Part(asked_at=ASKED_NEXT_AT, pages=(OF_OTHER,)),
)
# Stand for renderings; a reader looks at their digests alone.
RENDERED = {PARQUET: b"PAR1 rows PAR1", SUMMARY: b"%PDF-1.4\n%%EOF\n"}
QUESTION_1, QUESTION_2 = "proofs/001-question.json", "proofs/002-question.json"
FIRST, SECOND, OTHER = (
    f"proofs/{one}.json" for one in ("001-trail-0001", "001-trail-0002", "002-trail-0001")
)


class SeveralStory(ExportStory, TwiceQuestionedChain):
    """The story of the vectors, asked twice: about two tokens of one person."""

    def _call(self, index: int) -> Call:
        if index != HOSTILE_AT:
            return super()._call(index)
        why = AccessPrivate(
            salt=bytes([index]) * 16,
            purpose_code="+户籍",
            reason_text=HOSTILE,
            case_number="",
            operator="",
            system="",
            represented_party="",
        )
        half = recorded_half(index, side=Side.REQUESTER, decision=Decision.PERMIT)
        return replace(half, private=encode_part(why))

    def proven(self, **changes: JsonValue) -> JsonObject:
        """What the export of both whole answers proves, but for `changes`."""
        told: JsonObject = {
            "custodian": TOLD.custodian,
            "places": [[*one] for one in TOLD.places],
        }
        return {
            **self.facts(positions=[*sorted((*POSITIONS, 8, 10, 12, 14))]),
            "questions": [self.submissions[at // 4].digest.hex() for at in (5, ASKED_NEXT_AT)],
            "attested": [told, None],
            "has_csv": True,
            "signed_alone": [],
            **changes,
        }


def several_cases(suite_name: str) -> Iterator[Case]:
    """Yield every case of version 2 of one suite."""
    story = SeveralStory(suite_name)
    yield from _believed(story)
    good = story.sealed_several(story.several(PARTS), parts=PARTS)
    for corruptions in (_members, _proofs, _written, _manifests, _signatures):
        for name, members, expect in corruptions(story, good):
            assert members != good, name
            yield packed(story, f"several, {name}", members, expect)


def _believed(story: SeveralStory) -> Iterator[Case]:
    short = (replace(PARTS[0], pages=PARTS[0].pages[:1]), PARTS[1])
    one = PARTS[1:]
    asked: list[JsonValue] = [story.submissions[ASKED_NEXT_AT // 4].digest.hex()]
    bare = {name: data for name, data in story.several(PARTS).items() if name != CSV}
    rendered = story.several(PARTS, more={**RENDERED, PAGE: PAGE_BYTES})
    for name, parts, members, facts in (
        ("whole", PARTS, story.several(PARTS), story.proven()),
        ("without a table", PARTS, bare, story.proven(has_csv=False)),
        (
            "with every rendering",
            PARTS,
            rendered,
            story.proven(has_page=True, signed_alone=[*RENDERED]),
        ),
        (
            "rows at the end of one withheld",
            short,
            story.several(short),
            story.proven(
                complete=False, complete_to_ms=story.period[0], positions=[8, 9, 10, 11, 12, 14]
            ),
        ),
        (
            "one question",
            one,
            story.several(one),
            story.proven(
                question=asked[0], questions=asked, attested=[None], positions=[8, 10, 12, 14]
            ),
        ),
    ):
        archive = write_archive(story.sealed_several(members, parts=parts))
        yield Case(name=f"several, {name}", trust=story.pinned, archive=archive, facts=facts)


def _signed(story: SeveralStory, members: Members) -> Members:
    """Sign these members with the manifest of what both questions prove."""
    return story.sealed_several(members, parts=PARTS)


def _without(good: Members, *names: str) -> Members:
    return {name: one for name, one in good.items() if name not in names}


def _moved(good: Members, old: str, new: str) -> Members:
    return {new if name == old else name: one for name, one in good.items()}


def _members(story: SeveralStory, good: Members) -> Iterator[Corruption]:
    """Members left out, renamed, unknown, or changed after both signed."""
    rendered = story.sealed_several(story.several(PARTS, more=RENDERED), parts=PARTS)
    for name, members, expect in (
        ("a question left out", _without(good, QUESTION_2, OTHER), "TAMPERED manifest"),
        ("the first question left out", _without(good, QUESTION_1, FIRST, SECOND), "members"),
        ("a question without pages", _without(good, OTHER), "members"),
        ("pages without a question", _without(good, QUESTION_2), "members"),
        ("the first page left out", _without(good, FIRST), "members"),
        ("a number left out", _moved(good, OTHER, "proofs/002-trail-0002.json"), "members"),
        ("a number from zero", _moved(good, OTHER, "proofs/002-trail-0000.json"), "members"),
        ("an unknown proof", {**good, "proofs/003-extra.json": good[OTHER]}, "members"),
        (
            "a name of the first version",
            _moved(good, QUESTION_1, "proofs/question.json"),
            "members",
        ),
        ("no lines", _without(good, ROWS), "members"),
    ):
        told = expect if " " in expect else f"UNREADABLE {expect}"
        yield name, _signed(story, members), told
    for name, members, expect in (
        ("an unknown member", {**good, "proofs/0001.json": b"{}"}, "UNREADABLE members"),
        ("no signatures", _without(good, SIGNATURES), "UNREADABLE members"),
        ("a table changed after signing", {**good, CSV: good[CSV] + b"\r\n"}, "TAMPERED members"),
        (
            "a table added",
            {**_signed(story, _without(good, CSV)), CSV: good[CSV]},
            "TAMPERED members",
        ),
        ("a table taken out", _without(good, CSV), "TAMPERED manifest"),
        ("a summary changed after signing", {**rendered, SUMMARY: b"%PDF"}, "TAMPERED members"),
        ("a parquet changed after signing", {**rendered, PARQUET: b"PAR1"}, "TAMPERED members"),
    ):
        yield name, members, expect


def _proofs(story: SeveralStory, good: Members) -> Iterator[Corruption]:
    """Other proofs under the lines and the manifest of the real ones; both signed them."""
    first, second = PARTS
    gap = replace(first, pages=(rows_of(3, 5), rows_of(6, 9)))
    for name, parts, expect in (
        ("the last rows of a key left out", (_paged(first, 0), second), "manifest"),
        ("the first rows of a key left out", (_paged(first, 1), second), "manifest"),
        ("rows in the middle left out", (gap, second), "rows"),
        ("pages of the other question", (first, replace(second, pages=first.pages)), "question"),
        ("the questions swapped", (second, first), "manifest"),
        ("one question twice", (first, first), "questions"),
        ("a question too many", (first, second, second), "manifest"),
    ):
        proofs = {name: canonical_line(one) for name, one in story.proofs(parts).items()}
        others = {name: one for name, one in good.items() if not name.startswith("proofs/")}
        yield name, _signed(story, {**others, **proofs}), f"TAMPERED {expect}"


def _paged(part: Part, at: int) -> Part:
    return replace(part, pages=(part.pages[at],))


def _written(story: SeveralStory, good: Members) -> Iterator[Corruption]:
    """Other lines and tables for people; the manifest lists them, and both signed it."""
    table, lines = good[CSV], good[ROWS].splitlines(keepends=True)
    rows = table.splitlines(keepends=True)
    for name, changed in (
        ("a cell changed", table.replace(b'"denied"', b'"permitted"')),
        ("not guarded", table.replace(b"\"'+", b'"+')),
        ("not guarded behind a separator", table.replace(b",'\xef\xbc\x8d", b",\xef\xbc\x8d")),
        ("an unseen character", table.replace(b"[U+202E]", b"\xe2\x80\xae")),
        ("a tab", table.replace(b"[U+0009]", b"\t")),
        ("guarded twice", table.replace(b"\"'+", b"\"''+")),
        ("no mark", table[3:]),
        ("other ends of lines", table.replace(b"\r\n", b"\n")),
        ("no end of the last line", table[:-2]),
        ("a row removed", b"".join([*rows[:1], *rows[2:]])),
        ("a row doubled", b"".join([*rows, rows[-1]])),
        ("other words above", table.replace(b"position", b"place", 1)),
        ("semicolons", table.replace(b'","', b'";"')),
        ("empty", b""),
    ):
        assert changed != table, name
        yield f"table, {name}", _signed(story, {**good, CSV: changed}), "TAMPERED csv"
    shorter = {**good, ROWS: b"".join(lines[1:])}
    yield "lines, the first removed", _signed(story, shorter), "TAMPERED rows"


def _manifests(story: SeveralStory, good: Members) -> Iterator[Corruption]:
    """Manifests that claim something else; auditor and node sign all the same."""
    place = b'["%s",%d]' % (TOLD.places[0][0].encode(), TOLD.places[0][1])
    attested = b'{"custodian":"%s","places":[%s]}' % (TOLD.custodian.encode(), place)
    for name, old, new, expect in (
        ("rows plus one", b'"rows":8', b'"rows":9', "TAMPERED manifest"),
        (
            "another end of all",
            b'"to_ms":1772416805000,"version"',
            b'"to_ms":0,"version"',
            "TAMPERED manifest",
        ),
        (
            "complete to no time",
            b'"complete_to_ms":1772416805000,"format"',
            b'"complete_to_ms":null,"format"',
            "TAMPERED manifest",
        ),
        ("no place for a subject", b"[" + place + b"]", b"[]", "UNREADABLE attested"),
        ("two places for a subject", place, place + b"," + place, "UNREADABLE attested"),
        ("a place of three parts", place, place[:-1] + b",1]", "UNREADABLE place"),
        ("key epoch zero", b",1]", b",0]", "UNREADABLE attested"),
        ("a department that is none", place, b'["police",1]', "UNREADABLE organisation"),
        (
            "a custodian more",
            b'"custodian":',
            b'"custodians":1,"custodian":',
            "UNREADABLE attested",
        ),
        ("attested by nobody", attested, b'""', "UNREADABLE attested"),
        ("a name more", b'"rows":8', b'"rows":8,"rowz":8', "UNREADABLE manifest"),
        ("a name twice", b'"rows":8', b'"rows":8,"rows":8', "UNREADABLE json names"),
        ("no questions", b'"questions":[{', b'"questions":[],"x":[{', "UNREADABLE manifest"),
        ("the first version", b'"version":2', b'"version":1', "UNREADABLE manifest"),
        ("a third version", b'"version":2', b'"version":3', "UNREADABLE manifest"),
    ):
        yield f"manifest, {name}", _claiming(story, good, old, new), expect
    untold = tuple(replace(one, attested=None) for one in PARTS)
    other = story.sealed_several(good, parts=untold)
    swapped = {**good, SIGNATURES: other[SIGNATURES]}
    yield "manifest, signatures of one that attests nothing", swapped, "TAMPERED auditor"


def _claiming(story: SeveralStory, good: Members, old: bytes, new: bytes) -> Members:
    def change(manifest: bytes) -> bytes:
        assert manifest.count(old) == 1, old
        return manifest.replace(old, new)

    return story.sealed_several(good, parts=PARTS, change=change)


def _signatures(story: SeveralStory, good: Members) -> Iterator[Corruption]:
    """Who signed: the key that asked, and a member."""
    signed = good[SIGNATURES]
    first: Sequence[Members] = (story.sealed_several(story.several(PARTS[:1]), parts=PARTS[:1]),)
    for name, data, expect in (
        ("over one question alone", first[0][SIGNATURES], "TAMPERED auditor"),
        ("another replica", signed.replace(b'"replica_id":2', b'"replica_id":1'), "TAMPERED node"),
        ("no member", signed.replace(b'"replica_id":2', b'"replica_id":9'), "TAMPERED node"),
    ):
        yield name, {**good, SIGNATURES: data}, expect
