"""An export of several questions is whole for each of them, or refused by the check that fails."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest

from chainnode.verify import InvalidEvidence
from chainnode.verify.archive import (
    CSV,
    MANIFEST,
    PARQUET,
    ROWS,
    SIGNATURES,
    SUMMARY,
    write_archive,
)
from chainnode.verify.export import verify_export
from chainnode.verify.export_forms import manifest_bytes
from chainnode.verify.rows import canonical_line
from tests.builders_evidence import OTHER_SUBJECT, SUBJECT
from tests.builders_exports import ASKED_AT, Members
from tests.builders_several import (
    ASKED_NEXT_AT,
    PARTS,
    TOLD,
    Part,
    TwiceQuestionedChain,
    twice_questioned_chain,
)
from tests.builders_trails import Shown, positions_of
from tests.forgeries.attacks import changed_rows

SUITES = ("sm", "intl")
QUESTION_1, TRAIL_1 = "proofs/001-question.json", "proofs/001-trail-0001.json"
QUESTION_2, TRAIL_2 = "proofs/002-question.json", "proofs/002-trail-0001.json"
# One of so many forgeries is tried; prime, so that no kind of them is left out.
FORGERY_STRIDE = 23
Corrupt = Callable[[TwiceQuestionedChain, Members], Members]


@pytest.fixture(params=SUITES)
def chain(request: pytest.FixtureRequest) -> TwiceQuestionedChain:
    return twice_questioned_chain(request.param)


def test_two_questions_are_one_list_that_is_whole(chain: TwiceQuestionedChain) -> None:
    facts = verify_export(chain.export_of_several(), chain.trust)
    both = {*positions_of(chain, SUBJECT), *positions_of(chain, OTHER_SUBJECT)}
    assert [one.position for one in facts.answer.rows] == sorted(both)
    assert facts.answer.is_complete
    assert [one.question.record.position for one in facts.questions] == [ASKED_AT, ASKED_NEXT_AT]
    assert [one.attested for one in facts.questions] == [TOLD, None]
    assert (facts.version, facts.has_csv, facts.signed_alone) == (2, True, {})


def test_one_answer_that_is_not_whole_makes_no_list_whole(chain: TwiceQuestionedChain) -> None:
    short = replace(PARTS[0], pages=PARTS[0].pages[:1])
    parts = (short, PARTS[1])
    facts = verify_export(
        write_archive(chain.sealed_several(chain.several(parts), parts=parts)), chain.trust
    )
    assert not facts.answer.is_complete
    assert facts.questions[1].answer.is_complete
    assert facts.answer.complete_to_ms == facts.questions[0].answer.complete_to_ms


def test_renderings_that_do_not_follow_from_proofs_are_named(chain: TwiceQuestionedChain) -> None:
    more = {PARQUET: b"PAR1", SUMMARY: b"%PDF-1.4"}
    facts = verify_export(chain.export_of_several(more=more), chain.trust)
    assert facts.signed_alone == more


def test_an_export_of_one_question_without_a_table_is_one(chain: TwiceQuestionedChain) -> None:
    members = chain.several(PARTS[:1])
    del members[CSV]
    facts = verify_export(
        write_archive(chain.sealed_several(members, parts=PARTS[:1])), chain.trust
    )
    assert (len(facts.questions), facts.has_csv) == (1, False)


def test_a_rendering_has_no_place_in_the_first_version(chain: TwiceQuestionedChain) -> None:
    for name in (CSV, PARQUET, SUMMARY):
        members = chain.sealed({**chain.members(), name: b"x"})
        assert refusing_check(chain, members) == "members"


def refusing_check(chain: TwiceQuestionedChain, members: Members) -> str:
    with pytest.raises(InvalidEvidence) as caught:
        verify_export(write_archive(members), chain.trust)
    return caught.value.check


def claiming(old: bytes, new: bytes) -> Corrupt:
    def change(manifest: bytes) -> bytes:
        assert manifest.count(old) == 1, old
        return manifest.replace(old, new)

    return lambda chain, members: chain.sealed_several(members, change=change)


def without(*names: str) -> Corrupt:
    return lambda chain, members: chain.sealed_several(
        {name: one for name, one in members.items() if name not in names}
    )


def with_member(name: str, old: bytes, new: bytes) -> Corrupt:
    def corrupt(chain: TwiceQuestionedChain, members: Members) -> Members:
        changed = members[name].replace(old, new, 1)
        assert changed != members[name]
        return chain.sealed_several({**members, name: changed})

    return corrupt


def renamed(old: str, new: str) -> Corrupt:
    return lambda chain, members: chain.sealed_several(
        {new if name == old else name: one for name, one in members.items()}
    )


def of_parts(*parts: Part) -> Corrupt:
    """Proofs of these parts, under lines and manifest of the real ones."""

    def corrupt(chain: TwiceQuestionedChain, members: Members) -> Members:
        proofs = {name: canonical_line(one) for name, one in chain.proofs(parts).items()}
        others = {name: one for name, one in members.items() if not name.startswith("proofs/")}
        return chain.sealed_several({**others, **proofs})

    return corrupt


def summary_changed_later(chain: TwiceQuestionedChain, _members: Members) -> Members:
    return {
        **chain.sealed_several(chain.several(more={SUMMARY: b"%PDF-1.4"})),
        SUMMARY: b"%PDF-1.5",
    }


CORRUPTIONS: dict[str, tuple[str, Corrupt]] = {
    "the second question left out": ("manifest", without(QUESTION_2, TRAIL_2)),
    "the first question left out": ("members", without(QUESTION_1, TRAIL_1)),
    "a question without pages": ("members", without(TRAIL_2)),
    "pages without a question": ("members", without(QUESTION_2)),
    "a number left out": ("members", renamed(TRAIL_2, "proofs/002-trail-0002.json")),
    "another name": ("members", renamed(TRAIL_2, "proofs/002-page-0001.json")),
    "a name of the first version": ("members", renamed(QUESTION_1, "proofs/question.json")),
    "the last rows of a key left out": (
        "manifest",
        of_parts(replace(PARTS[0], pages=PARTS[0].pages[:1]), PARTS[1]),
    ),
    "the first rows of a key left out": (
        "manifest",
        of_parts(replace(PARTS[0], pages=PARTS[0].pages[1:]), PARTS[1]),
    ),
    "a gap between pages": (
        "rows",
        of_parts(
            replace(PARTS[0], pages=(PARTS[0].pages[0], Shown(subject=SUBJECT, start=10))),
            PARTS[1],
        ),
    ),
    "pages of the other question": (
        "question",
        of_parts(PARTS[0], replace(PARTS[1], pages=PARTS[0].pages)),
    ),
    "questions swapped": ("manifest", of_parts(PARTS[1], PARTS[0])),
    "one question twice": ("questions", of_parts(PARTS[0], PARTS[0])),
    "a cell changed": ("csv", with_member(CSV, b'"access"', b'"access "')),
    "a guard taken away": ("csv", with_member(CSV, "例行检查".encode(), "=例行检查".encode())),
    "other ends of lines": ("csv", with_member(CSV, b"\r\n", b"\n")),
    "no mark before the table": ("csv", with_member(CSV, b"\xef\xbb\xbf", b"")),
    "a line changed": ("rows", with_member(ROWS, b'"outcome":1', b'"outcome":2')),
    "a rendering changed later": ("members", summary_changed_later),
    "another place attested for nobody": (
        "attested",
        claiming(b'"places":[["POLICE",1]]', b'"places":[]'),
    ),
    "an epoch below the first": ("attested", claiming(b'["POLICE",1]', b'["POLICE",0]')),
    "a department that is none": ("organisation", claiming(b'["POLICE",1]', b'["police",1]')),
    "a form of the first version": ("manifest", claiming(b'"version":2', b'"version":1')),
    "an end of the whole": ("manifest", claiming(b'],"rows":', b'],"rowz":')),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_export_of_several_is_refused_by_the_check_that_names_it(
    chain: TwiceQuestionedChain, name: str
) -> None:
    check, corrupt = CORRUPTIONS[name]
    good = chain.sealed_several(chain.several())
    verify_export(write_archive(good), chain.trust)
    assert refusing_check(chain, corrupt(chain, good)) == check


@pytest.mark.slow
def test_no_trail_forged_down_to_its_root_is_believed_inside_an_export(
    chain: TwiceQuestionedChain,
) -> None:
    """Rows dropped, doubled, swapped or changed, with every digest above them made to fit."""
    good, content, tried = chain.several(), chain.content(), 0
    for name, forged in islice(changed_rows(chain), 0, None, FORGERY_STRIDE):
        members = {**good, TRAIL_2: canonical_line(forged)}
        manifest = manifest_bytes(content, members=members)
        members |= {MANIFEST: manifest, SIGNATURES: chain.signatures(manifest)}
        with pytest.raises(InvalidEvidence):
            pytest.fail(f"accepted: {name}, {verify_export(write_archive(members), chain.trust)}")
        tried += 1
    assert tried >= 20
