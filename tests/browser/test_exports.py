"""`.kunproof` files: the page judges them whole, as `kun audit verify` does, one by one."""

import base64
import json
import random
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Page

from chainnode import codec
from chainnode.submission import Call
from chainnode.verify.archive import (
    ARCHIVE_BYTES_MAX,
    MANIFEST,
    MEMBERS_MAX,
    QUESTION,
    ROWS,
    SIGNATURES,
    write_archive,
)
from chainnode.verify.pages import pages_form
from chainnode.verify.rows import canonical_line
from chainnode.verify.strict_json import JsonObject, read_object
from contracts.schemas import access
from contracts.schemas.access_1 import AccessPrivate, AccessRecord
from contracts.schemas.shape import encode_part
from tests.browser.answers import Question, differences, page_answers, python_answer
from tests.browser.changes import changed_bytes, changed_value
from tests.builders import SUITES
from tests.builders_evidence import POLICE, SUBJECT
from tests.builders_exports import ASKED_AT, Members, QuestionedChain, questioned_chain
from tests.builders_trails import Shown
from tests.mutations import mutations

VECTORS = Path(__file__).parents[1] / "vectors"
LIMITS = codec.Limits(bytes_max=4096)
TRAIL = "proofs/trail-0001.json"
# One of so many changes of a proof is tried; prime, so that no kind of change is left out.
STRIDE = 13
RANDOM_BYTES = 1_500
CHAINS = 40


def asked(data: bytes, trust: str) -> Question:
    return Question(evidence=base64.b64encode(data).decode(), isBase64=True, trust=trust)


@cache
def published(suite: str) -> tuple[JsonObject, ...]:
    folder = VECTORS / "exports" / suite
    return tuple(json.loads(one.read_bytes()) for one in sorted(folder.glob("*.json")))


@cache
def trust_of(suite: str) -> str:
    chain = questioned_chain(suite)
    header = chain.indexed_header()
    return json.dumps(
        chain.trust.pinned_at(
            epoch=0,
            height=header.height - 1,
            header_digest=bytes(32),
            time_ms=header.head.time_ms,
        ).form()
    )


@pytest.mark.parametrize("suite", SUITES)
def test_every_published_export_is_judged_as_it_says_and_as_by_the_command_line(
    page: Page, suite: str
) -> None:
    cases = published(suite)
    questions = [
        asked(base64.b64decode(str(one["archive"])), json.dumps(one["trust"])) for one in cases
    ]
    assert len(questions) >= 80
    assert differences(page, questions, [str(one["name"]) for one in cases]) == []
    for case, answer in zip(cases, page_answers(page, questions), strict=True):
        # What has not even the mark of an archive is no evidence of any other form either.
        is_archive = base64.b64decode(str(case["archive"])).startswith(b"PK")
        expected = str(case["expect"]) if is_archive else "UNREADABLE json"
        assert outcome(answer) == expected, case["name"]
        assert answer.get("proves") == case["facts"], case["name"]


def outcome(answer: JsonObject) -> str:
    """Return what a published case expects: see tests/vectors/exports/README.md."""
    if "accepted" in answer:
        return "accepted"
    verdict = answer["verdict"]
    assert isinstance(verdict, dict)
    return f"{verdict['verdict']} {answer['refused']}"


def resealed(chain: QuestionedChain, members: Members) -> bytes:
    """Return the archive of altered members that auditor and node signed all the same."""
    bare = {name: one for name, one in members.items() if name not in {MANIFEST, SIGNATURES}}
    manifest = chain.manifest(bare)
    signed = {MANIFEST: manifest, SIGNATURES: chain.signatures(manifest)}
    return write_archive({**bare, **signed})


def mutants(suite: str) -> Iterator[tuple[str, bytes]]:
    """Yield exports with one change in one member, before or after they were signed."""
    chain = questioned_chain(suite)
    members = chain.sealed(chain.members(page=b"<html>"))
    for name in (QUESTION, TRAIL):
        changed = mutations(read_object(members[name]))
        for change, mutant in islice(changed, 0, None, STRIDE):
            altered = {**members, name: canonical_line(mutant)}
            yield f"{name} {change}, signed", resealed(chain, altered)
    for name in (MANIFEST, SIGNATURES):
        for change, mutant in islice(mutations(read_object(members[name])), 0, None, 3):
            yield f"{name} {change}", write_archive({**members, name: canonical_line(mutant)})
    for change, mutant in islice(mutations(read_object(members[MANIFEST])), 0, None, 3):
        manifest = canonical_line(mutant)
        signed = {**members, MANIFEST: manifest, SIGNATURES: chain.signatures(manifest)}
        yield f"manifest {change}, signed", write_archive(signed)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_mutants_of_every_member_get_the_same_answer(page: Page, suite: str) -> None:
    names, exports = zip(*mutants(suite), strict=True)
    assert len(names) >= 200
    questions = [asked(one, trust_of(suite)) for one in exports]
    assert differences(page, questions, names) == []
    checks = {python_answer(one).get("refused") for one in questions}
    assert {"manifest", "auditor", "node", "quorum", "header", "members", "rows"} <= checks


def random_exports(suite: str) -> Iterator[tuple[str, bytes]]:
    """Yield archives with a random byte changed: of the file, of a member, of the rows."""
    rng = random.Random(f"exports {suite}")  # noqa: S311 - seeded changes, no secrets
    chain = questioned_chain(suite)
    members = chain.sealed(chain.members(page=b"<html>"))
    whole = write_archive(members)
    for number in range(RANDOM_BYTES):
        name = rng.choice([*members])
        altered = {**members, name: changed_bytes(members[name], rng)}
        if number % 3 == 0:
            yield f"byte of the file, {number}", changed_bytes(whole, rng)
        elif number % 3 == 1:
            yield f"byte of {name}, {number}", write_archive(altered)
        else:
            yield f"byte of {name}, signed, {number}", resealed(chain, altered)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_random_changes_of_an_export_get_the_same_answer(page: Page, suite: str) -> None:
    names, exports = zip(*random_exports(suite), strict=True)
    questions = [asked(one, trust_of(suite)) for one in exports]
    assert differences(page, questions, names) == []


class StrangeCalls(QuestionedChain):
    """A chain whose calls hold near misses of access records and of private parts.

    The label seeds them; with `of_question` the recorded question is one too.
    """

    of_question = False

    def _call(self, index: int) -> Call:
        rng = random.Random(f"{self.genesis.label} {index}")  # noqa: S311 - seeded changes
        if index == ASKED_AT:
            call = super()._call(index)
            public = changed_part(call.public, rng) if self.of_question else call.public
            return Call(action="question", public=public, private=changed_part(call.private, rng))
        private = changed_part(encode_part(self.reason_of(private_part(rng), rng)), rng)
        public = changed_part(encode_part(self.half_of(access_record(rng), rng)), rng)
        return Call(action="record", public=public, private=private)

    def half_of(self, part: AccessRecord, _rng: random.Random) -> msgspec.Struct:
        return part

    def reason_of(self, part: AccessPrivate, _rng: random.Random) -> msgspec.Struct:
        return part


class StrangeHalves(StrangeCalls):
    """Such a chain under rules 2: the same calls, as version 2 of the contract records them."""

    contract_version = 2

    def half_of(self, part: AccessRecord, rng: random.Random) -> msgspec.Struct:
        fields = msgspec.structs.asdict(part)
        other = fields.pop("other_token")
        return access.AccessRecord(
            **fields,
            fields=rng.choice([0, 1, 2**48 - 1] * 8 + [2**48]),
            people=rng.choice([0, 7]),
            checked_height=rng.choice([0, 2**53 - 1]),
            other=other[: rng.choice([0, 160, 160, 161])],
        )

    def reason_of(self, part: AccessPrivate, rng: random.Random) -> msgspec.Struct:
        why = msgspec.structs.asdict(part)
        derived = [rng.randbytes(rng.choice([16] * 9 + [15])) for _ in range(rng.randrange(3))]
        return access.AccessPrivate(
            **why, operator_role="role", legal_basis="statute", derived_from=tuple(derived)
        )


class StrangeQuestion(StrangeCalls):
    """Such a chain with a near miss of a question."""

    of_question = True


def access_record(rng: random.Random) -> AccessRecord:
    texts = ["person-basic", "a b", "户籍 查询", "e\u0301", "\u00e9", " a", "", "x" * 60, "x" * 61]
    organisations = [POLICE, "AB", "A", "a b", "X" * 32]
    return AccessRecord(
        salt=rng.randbytes(16),
        call_id=rng.randbytes(16),
        side=rng.randrange(2),
        requester=rng.choice([POLICE] * 6 + organisations),
        provider=rng.choice([POLICE] * 6 + organisations),
        item=rng.choice(texts[:3] * 4 + texts),
        item_version=1,
        subjects=(SUBJECT,) * rng.choice([0, 1, 1, 1, 2]),
        decision=rng.randrange(2),
        status=rng.choice([0, 200, 399, 400, 999, 1000]),
        count=rng.choice([0, 7, 2**53 - 1]),
        requested_ms=rng.choice([0, 1_772_416_803_001, 2**53 - 1]),
        answered_ms=0,
        trace_id=rng.randbytes(16),
        parent_call_id=rng.choice([b"", rng.randbytes(16), b"short"]),
        grant=rng.choice(["", *texts]),
        other_token=rng.randbytes(rng.choice([0, 512, 513])),
        request_commitment=rng.choice([b"", rng.randbytes(32), rng.randbytes(31)]),
        response_commitment=b"",
    )


def private_part(rng: random.Random) -> AccessPrivate:
    texts = ["", "复核", "case 1", 'quote " \\ \x01\x7f\u2028\n', "\U0001f600"]
    codes = [rng.choice(texts) for _ in range(6)]
    return AccessPrivate(rng.randbytes(rng.choice([16] * 5 + [15])), *codes)


def changed_part(data: bytes, rng: random.Random) -> bytes:
    """Return the part as it is, with a value or a byte changed, or in a longer form."""
    match rng.randrange(5):
        case 0:
            return codec.encode(changed_value(codec.decode(data, LIMITS), rng))
        case 1:
            return changed_bytes(data, rng)
        case 2:
            return b"\xdc\x00" + bytes([data[0] & 0x0F]) + data[1:]
        case _:
            return data


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("kind", [StrangeCalls, StrangeHalves])
def test_lines_of_strange_calls_are_the_same_bytes_in_the_page(
    page: Page, suite: str, kind: type[StrangeCalls]
) -> None:
    """An export is accepted only where the page makes each line as Python made it."""
    questions, names = [], []
    for number in range(CHAINS):
        chain = kind(suite, label=f"strange {number}")
        trust = json.dumps(pinned_form(chain))
        questions.append(asked(chain.export(), trust))
        names.append(f"strange {number}")
    assert {python_answer(one).get("accepted") for one in questions} == {"export"}
    lines = b"".join(base64.b64decode(str(one.evidence)) for one in questions)
    assert min(lines.count(b'"call":null'), lines.count(b'"call":{')) >= CHAINS
    assert min(lines.count(b'"purpose":null'), lines.count(b'"purpose":"')) >= CHAINS
    assert differences(page, questions, names) == []


def pinned_form(chain: QuestionedChain) -> JsonObject:
    header = chain.indexed_header()
    time_ms = header.head.time_ms
    pinned = chain.trust.pinned_at(epoch=0, height=1, header_digest=bytes(32), time_ms=time_ms)
    return pinned.form()


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_near_misses_of_a_question_get_the_same_answer(page: Page, suite: str) -> None:
    questions, names = [], []
    for number in range(2 * CHAINS):
        strange = StrangeQuestion(suite, label=f"question {number}")
        good = QuestionedChain(suite, label=f"question {number}")
        swapped = {**good.members(), QUESTION: canonical_line(strange.record(ASKED_AT))}
        questions.append(asked(resealed(good, swapped), json.dumps(pinned_form(good))))
        names.append(f"question {number}")
    assert differences(page, questions, names) == []


@pytest.mark.parametrize("suite", SUITES)
def test_kept_pages_of_an_answer_get_the_same_answer(page: Page, suite: str) -> None:
    chain = questioned_chain(suite)
    shown = [Shown(subject=SUBJECT, start=at, stop=at + 5, with_bodies=True) for at in (0, 5, 10)]
    pages: list[JsonObject] = [{"evidence": one} for one in chain.pages(shown)]
    header = {name: chain.record(1)[name] for name in ("header", "certificate", "epochs")}
    items = [chain.record(at) for at in (1, 3)]
    names = ("position", "entry", "path", "body")
    listed: JsonObject = {**header, "items": [{name: one[name] for name in names} for one in items]}
    documents = [
        *(pages_form(pages[:count]) for count in range(4)),
        pages_form(pages[::-1]),
        pages_form([listed]),
        pages_form([listed, listed]),
        pages_form([listed, *pages]),
        *(one for _, one in islice(mutations(pages_form([listed])), 0, None, 11)),
        *(one for _, one in islice(mutations(pages_form(pages[:1])), 0, None, 211)),
    ]
    questions = [Question(evidence=json.dumps(one), trust=trust_of(suite)) for one in documents]
    assert python_answer(questions[3]).get("accepted") == "answer"
    assert differences(page, questions, [str(at) for at in range(len(questions))]) == []


def test_an_archive_at_and_above_its_bounds_is_refused_alike(page: Page) -> None:
    many = {f"proofs/{number:04d}.json": b"" for number in range(MEMBERS_MAX + 1)}
    fewer = dict(islice(many.items(), MEMBERS_MAX))
    archives = [b"PK", write_archive({}), write_archive(many), write_archive(fewer)]
    questions = [asked(one, trust_of("intl")) for one in archives]
    assert differences(page, questions, ["a mark", "none", "many", "as many as may be"]) == []
    size = ARCHIVE_BYTES_MAX + 1
    too_large = page.evaluate(
        "([size, trust]) => kunlian.answer({ code: null, isBase64: false, digest: null,"
        " identifier: null, nowMs: 0, asOfMs: null, maxAgeMs: 1, trust,"
        " evidence: 'PK' + ' '.repeat(size - 2) })",
        [size, trust_of("intl")],
    )
    assert too_large["refused"] == "archive"


@pytest.mark.parametrize("name", [MANIFEST, ROWS, SIGNATURES, QUESTION, TRAIL])
def test_an_export_without_a_member_is_refused_alike(page: Page, name: str) -> None:
    chain = questioned_chain("intl")
    members = chain.sealed(chain.members())
    del members[name]
    questions = [asked(write_archive(members), trust_of("intl"))]
    assert differences(page, questions, [name]) == []
