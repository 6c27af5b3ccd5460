"""QR codes: the page judges their text as `kun verify CODE --offline` does, one by one."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations, product
from pathlib import Path

import pytest
from playwright.sync_api import Page

from chainnode import codec
from chainnode.genesis import write_genesis_file
from chainnode.proving.compact import CompactProofs
from chainnode.verify import payload_of, text_of
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.text import first_illegal
from tests.browser.answers import Question, differences, page_answers, python_answer
from tests.browser.changes import SCALARS, changed_value
from tests.builders import NOW_MS, SUITES, genesis_of, submission_key
from tests.builders_compact import PLAIN_ISSUE, Paper, packed
from tests.mutations import mutations
from tests.sites import Site

VECTORS = Path(__file__).parents[1] / "vectors" / "compact"
NOW = 1_790_000_000_000
MUTANTS = 2_000
LIMITS = codec.Limits(bytes_max=4096)


@cache
def published(suite: str) -> tuple[JsonObject, ...]:
    return tuple(json.loads(one.read_bytes()) for one in sorted((VECTORS / suite).glob("*.json")))


def asked(case: JsonObject) -> Question:
    return Question(
        code=str(case["text"]), evidence=None, nowMs=NOW, trust=json.dumps(case["trust"])
    )


@pytest.mark.parametrize("suite", SUITES)
def test_every_published_code_is_judged_as_it_says_and_as_by_the_command_line(
    page: Page, suite: str
) -> None:
    cases = published(suite)
    questions = [asked(one) for one in cases]
    assert len(questions) >= 60
    assert differences(page, questions, [str(one["name"]) for one in cases]) == []
    for case, answer in zip(cases, page_answers(page, questions), strict=True):
        assert (answer.get("code") is not None) == (case["expect"] == "accepted"), case["name"]
        assert outcome(answer) == str(case["expect"]), case["name"]


def outcome(answer: JsonObject) -> str:
    """Return what a published case expects: see tests/vectors/compact/README.md."""
    if answer.get("code") is not None:
        return "accepted"
    verdict = answer["verdict"]
    assert isinstance(verdict, dict)
    checks = verdict["checks"]
    assert isinstance(checks, list)
    refused = [one["detail"] for one in checks if isinstance(one, dict) and one["result"] == "fail"]
    return f"{verdict['verdict']} {refused[0]}"


@pytest.mark.parametrize("suite", SUITES)
def test_a_good_code_is_judged_alike_for_any_time_and_any_file(page: Page, suite: str) -> None:
    good = [one for one in published(suite) if one["expect"] == "accepted"]
    questions = [
        question
        for one in map(asked, good)
        for question in (
            replace(one, nowMs=0),
            replace(one, asOfMs=5),
            replace(one, digest=PLAIN_ISSUE.file_digest.hex()),
            replace(one, digest="00" * 32),
        )
    ]
    assert differences(page, questions, [str(one)[:200] for one in questions]) == []


@pytest.mark.parametrize("suite", SUITES)
def test_half_a_record_of_the_ledger_itself_is_unreadable_alike(page: Page, suite: str) -> None:
    (case,) = (one for one in published(suite) if one["name"] == "proof, call among others")
    wire = codec.decode(payload_of(str(case["text"])), LIMITS)
    assert isinstance(wire, tuple)
    nobodys = [bytes(52), bytes(32) + b"k" * 20, b"s" * 32 + bytes(20)]
    texts = [text_of(codec.encode((*wire[:4], (one, 0), *wire[5:]))) for one in nobodys]
    questions = [replace(asked(case), code=one) for one in texts]
    assert differences(page, questions, ["submission and key", "submission", "key"]) == []
    for question in questions:
        assert "record" in str(python_answer(question)["verdict"])


def changed_text(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    other = rng.choice("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-/*.:# kü😀")
    return rng.choice(
        [
            text[:at] + other + text[at + 1 :],
            text[:at] + other + text[at:],
            text[:at] + text[at + 1 :],
            text[:at],
            f"https://verify.example/verify#{text}",
        ]
    )


def mutants(suite: str, count: int) -> Iterator[tuple[str, Question]]:
    """Yield random changes of good codes: of a value, of a byte, of the text."""
    rng = random.Random(f"codes {suite}")  # noqa: S311 - seeded changes, no secrets
    good = [one for one in published(suite) if one["expect"] == "accepted"]
    for number in range(count):
        case = rng.choice(good)
        payload = payload_of(str(case["text"]))
        match number % 4:
            case 0:
                text = changed_text(text_of(payload), rng)
            case 1:
                flipped = bytearray(payload)
                flipped[rng.randrange(len(flipped))] = rng.randrange(256)
                text = text_of(bytes(flipped))
            case _:
                text = text_of(codec.encode(changed_value(codec.decode(payload, LIMITS), rng)))
        digest = rng.choice([None, PLAIN_ISSUE.file_digest.hex()])
        yield f"{case['name']}, mutant {number}", replace(asked(case), code=text, digest=digest)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_random_mutants_of_codes_get_the_same_answer(page: Page, suite: str) -> None:
    names, questions = zip(*mutants(suite, MUTANTS), strict=True)
    assert differences(page, questions, names) == []
    checks = {str(python_answer(one).get("refused")) for one in questions}
    assert {"qr text", "compact"} <= checks


@pytest.fixture(params=SUITES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A chain with one certificate, issued by the second department."""
    made = Site(tmp_path, genesis=genesis_of(request.param))
    made.grow(made.submission(PLAIN_ISSUE, private=b"", key=submission_key(made.suite.name, 1)))
    yield made
    made.close()


def beside_state(site: Site, trust: str) -> Iterator[tuple[str, Question]]:
    """Yield codes beside evidence of the state, good and altered."""
    proofs = CompactProofs(site.ledger, genesis=site.genesis, suite=site.suite)
    code = proofs.certificate(PLAIN_ISSUE.identifier)
    assert code is not None
    state = site.proofs.certificate(file_digest=None, identifier=PLAIN_ISSUE.identifier)
    absent = site.proofs.certificate(file_digest=b"x" * 32, identifier=None)
    codes = {
        "proof": code,
        "reference": packed(Paper(suite_name=site.suite.name).reference()),
        "withheld": packed(Paper(suite_name=site.suite.name, withheld=True).proof()),
    }
    changed = [*mutations(state)][::9]
    shown = [("whole", state), ("absent", absent), *changed]
    for (kind, payload), (what, evidence) in product(codes.items(), shown):
        for digest in (None, PLAIN_ISSUE.file_digest.hex(), "00" * 32):
            yield (
                f"{kind} beside {what}, file {digest}",
                Question(
                    code=text_of(payload),
                    evidence=json.dumps(evidence),
                    trust=trust,
                    digest=digest,
                    nowMs=NOW_MS + 60_000,
                ),
            )


@pytest.mark.slow
def test_a_code_beside_evidence_of_the_state_is_judged_alike(
    page: Page, site: Site, tmp_path: Path
) -> None:
    write_genesis_file(tmp_path / "genesis.json", site.genesis)
    trust = (tmp_path / "genesis.json").read_text()
    names, questions = zip(*beside_state(site, trust), strict=True)
    verdict = page_answers(page, questions[:1])[0]["verdict"]
    assert isinstance(verdict, dict)
    assert verdict["verdict"] == "VALID"
    assert differences(page, questions, names) == []


def legal_in_page(page: Page, texts: Sequence[str]) -> list[bool]:
    found = page.evaluate(
        "text => JSON.stringify(JSON.parse(text).map(kunlian.primitives.isLegalText))",
        json.dumps(texts),
    )
    return [bool(one) for one in json.loads(found)]


@pytest.mark.slow
def test_texts_are_legal_in_the_page_where_they_are_on_the_chain(page: Page) -> None:
    rng = random.Random("legal texts")  # noqa: S311 - seeded texts, no secrets
    marks = [chr(one) for one in (0x300, 0x301, 0x327, 0x1161, 0x11A8, 0x0B3E, 0x0B47, 0x1100)]
    some = [*marks, *"ae c가한", *map(chr, rng.sample(SCALARS, 60))]
    texts = [
        *map(chr, SCALARS),
        *(left + right for left, right in combinations(some, 2)),
        *("".join(rng.choices(some, k=4)) for _ in range(5_000)),
        *("", " ", "a b", " a", "a ", "a  b", "a\tb"),
    ]
    found = legal_in_page(page, texts)
    assert [
        ascii(text)
        for text, legal in zip(texts, found, strict=True)
        if legal != (first_illegal(text) is None)
    ] == []
