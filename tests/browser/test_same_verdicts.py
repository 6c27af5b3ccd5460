"""The page and the command line: one verdict for every vector, mutant and awkward input."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page

from chainnode import codec
from chainnode.genesis import Parameters, write_genesis_file
from chainnode.suites import InvalidKey, InvalidSignature, suite_named
from chainnode.verify import Trust, fork_evidence
from chainnode.verify.epochs import verify_placed_header
from chainnode.verify.spoken import spoken_code
from chainnode.verify.strict_json import JsonObject
from tests.browser.answers import Question, asked_of, differences, page_answers, python_answer
from tests.builders_epochs import (
    certified_in,
    end_link,
    first_group,
    record_in,
    recovery_link,
    second_group,
)
from tests.builders_evidence import TIME_MS, synthetic_chain
from tests.mutations import mutations
from tests.unit.chainnode.verify.test_record import (
    OWN,
    POSITION,
    AlteredChain,
    SecretiveChain,
)

VECTORS = Path(__file__).parents[1] / "vectors"
SUITES = ("sm", "intl")
# Every how many mutants one is tried: 6,000 of the published cases in both suites. A prime, so
# that no kind of change is always left out.
STRIDE = 41


def published(suite: str) -> Iterator[tuple[str, JsonObject, str]]:
    """Yield name, case and trust file of every published case of evidence."""
    folder = VECTORS / "evidence" / suite
    trust = (folder / "trust.json").read_text()
    for path in sorted(folder.glob("*.json")):
        if path.name != "trust.json":
            yield path.stem, json.loads(path.read_text()), trust


def evidence_of(case: JsonObject) -> JsonObject:
    evidence = case["evidence"]
    assert isinstance(evidence, dict)
    return evidence


@pytest.mark.parametrize("suite", SUITES)
def test_every_published_case_gets_the_verdict_of_the_command_line(page: Page, suite: str) -> None:
    cases = list(published(suite))
    questions = [asked_of(evidence_of(case), trust, case=case) for _, case, trust in cases]
    assert len(questions) >= 40
    assert differences(page, questions, [name for name, _, _ in cases]) == []


@pytest.mark.parametrize("suite", SUITES)
def test_every_published_case_is_judged_as_it_says(page: Page, suite: str) -> None:
    cases = list(published(suite))
    questions = [asked_of(evidence_of(case), trust, case=case) for _, case, trust in cases]
    for (name, case, _), answer in zip(cases, page_answers(page, questions), strict=True):
        assert outcome(answer, kind=str(evidence_of(case)["kind"])) == case["expect"], name
        assert answer.get("proves") == case.get("proves"), name


def outcome(answer: JsonObject, *, kind: str) -> str:
    """Return what a published case expects: see tests/vectors/evidence/README.md."""
    if "accepted" in answer:
        return "accepted"
    if kind != "certificate":
        return str(answer["refused"])
    verdict = answer["verdict"]
    assert isinstance(verdict, dict)
    checks = verdict["checks"]
    assert isinstance(checks, list)
    refused = [one["detail"] for one in checks if isinstance(one, dict) and one["result"] == "fail"]
    return f"{verdict['verdict']} {verdict['state'] or refused[0]}"


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_mutants_of_published_cases_get_the_same_answer(page: Page, suite: str) -> None:
    questions, names = [], []
    for first, (name, case, trust) in enumerate(published(suite)):
        every = mutations(evidence_of(case))
        for change, mutant in islice(every, first % STRIDE, None, STRIDE):
            questions.append(asked_of(mutant, trust, case=case))
            names.append(f"{name}, {change}")
    assert len(questions) >= 2_900
    assert differences(page, questions, names) == []


@pytest.mark.parametrize("suite", SUITES)
def test_mutants_of_a_trust_file_get_the_same_answer(page: Page, suite: str) -> None:
    evidence = synthetic_chain(suite).record(3)
    trust = json.loads((VECTORS / "evidence" / suite / "trust.json").read_text())
    mutants = [*mutations(trust)]
    questions = [asked_of(evidence, json.dumps(mutant)) for _, mutant in mutants]
    assert differences(page, questions, [change for change, _ in mutants]) == []


@pytest.mark.parametrize("suite", SUITES)
def test_a_genesis_file_is_trust_and_a_damaged_one_is_not(
    page: Page, suite: str, tmp_path: Path
) -> None:
    chain = synthetic_chain(suite)
    write_genesis_file(tmp_path / "genesis.json", chain.genesis)
    document = json.loads((tmp_path / "genesis.json").read_text())
    whole = asked_of(chain.record(3), json.dumps(document))
    assert page_answers(page, [whole]) == [{"accepted": "record"}]
    mutants = [one for one in mutations(document) if not one[0].startswith("readable")]
    questions = [asked_of(chain.record(3), json.dumps(mutant)) for _, mutant in mutants]
    assert differences(page, questions, [change for change, _ in mutants]) == []


@pytest.mark.parametrize("suite", SUITES)
def test_trust_in_a_chain_of_rules_2_gets_the_same_answer(
    page: Page, suite: str, tmp_path: Path
) -> None:
    chain = synthetic_chain(suite)
    trust = json.loads((VECTORS / "evidence" / suite / "trust.json").read_text())
    trust["parameters"] |= {"match_deadline_ms": 20_000, "rules": 2}
    assert page_answers(page, [asked_of(chain.record(3), json.dumps(trust))]) == [
        {"accepted": "record"}
    ]
    genesis = replace(chain.genesis, parameters=Parameters(devnet=1, match_deadline_ms=20_000))
    write_genesis_file(tmp_path / "genesis.json", genesis)
    document = json.loads((tmp_path / "genesis.json").read_text())
    mutants = [
        *(one for one in mutations(trust) if "parameters" in one[0]),
        *(one for one in mutations(document) if not one[0].startswith("readable")),
    ]
    questions = [asked_of(chain.record(3), json.dumps(mutant)) for _, mutant in mutants]
    assert differences(page, questions, [change for change, _ in mutants]) == []
    for text in (json.dumps(trust), json.dumps(document)):
        code = page.evaluate("text => kunlian.primitives.spokenCode(text)", text)
        assert code == spoken_code(Trust.load(text.encode()))


@pytest.mark.parametrize("kind", [AlteredChain, SecretiveChain])
def test_a_record_of_the_ledger_itself_gets_the_same_answer(
    page: Page, kind: type[AlteredChain]
) -> None:
    chain = kind(**OWN)
    evidence = chain.authored_record(POSITION)
    shown = [
        evidence,
        {**evidence, "authorship": []},
        {**evidence, "authorship": [], "body": []},
    ]
    trust = json.dumps(
        chain.trust.pinned_at(epoch=0, height=1, header_digest=bytes(32), time_ms=0).form()
    )
    questions = [asked_of(one, trust) for one in shown]
    assert python_answer(questions[2]) == {"accepted": "record"}
    assert differences(page, questions, ["signed", "unsigned", "closed"]) == []


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_evidence_of_later_epochs_gets_the_same_answer(page: Page, suite: str) -> None:
    chain = synthetic_chain(suite)
    first, second = first_group(chain), second_group(chain)
    links = [
        end_link(chain, first, second, epoch=0, height=20, signers=(0, 2, 3)),
        recovery_link(chain, second, epoch=1, height=30, batches=[b"b" * 32]),
    ]
    trust = (VECTORS / "evidence" / suite / "trust.json").read_text()
    evidence = record_in(chain, second, links, height=31)
    assert python_answer(asked_of(evidence, trust)) == {"accepted": "record"}
    mutants = [("unchanged", evidence), *mutations(evidence)]
    questions = [asked_of(mutant, trust) for _, mutant in mutants]
    assert differences(page, questions, [change for change, _ in mutants]) == []


@pytest.mark.parametrize("suite", SUITES)
def test_a_fork_and_its_mutants_get_the_same_answer(page: Page, suite: str) -> None:
    chain = synthetic_chain(suite)
    group = first_group(chain)
    sides = [
        verify_placed_header(
            {**certified_in(chain, group, header, signers=(0, 1, 3)), "epochs": []}, chain.trust
        )
        for header in (chain.header(), chain.header(time_ms=TIME_MS + 1))
    ]
    evidence = fork_evidence(sides[0], sides[1], trust=chain.trust)
    trust = (VECTORS / "evidence" / suite / "trust.json").read_text()
    assert python_answer(asked_of(evidence, trust)) == {"accepted": "fork"}
    mutants = [("unchanged", evidence), *islice(mutations(evidence), 0, None, 7)]
    questions = [asked_of(mutant, trust) for _, mutant in mutants]
    assert differences(page, questions, [change for change, _ in mutants]) == []


@pytest.mark.parametrize("suite", SUITES)
def test_the_code_to_read_aloud_is_that_of_the_command_line(
    page: Page, suite: str, tmp_path: Path
) -> None:
    write_genesis_file(tmp_path / "genesis.json", synthetic_chain(suite).genesis)
    for path in (tmp_path / "genesis.json", VECTORS / "evidence" / suite / "trust.json"):
        text = path.read_text()
        code = page.evaluate("text => kunlian.primitives.spokenCode(text)", text)
        assert code == spoken_code(Trust.load(text.encode()))


AWKWARD_TEXTS = (
    *("", " ", "{}", "[]", "null", '"x"', "{", "}", "[", "]", '"', "\\", "nul", "NaN", "-Infinity"),
    *('{"a":1,"a":1}', '{"a":1,"\\u0061":1}', '{"a":-0}', '{"a":01}', '{"a":1.0}', '{"a":1e3}'),
    *('{"a":-1}', '{"a":9007199254740992}', '{"a":9007199254740991}', '{"a":00}', '{"a":+1}'),
    *(
        '{"a":1,}',
        "[1,]",
        "[,]",
        '{"a" 1}',
        "{a:1}",
        "{'a':1}",
        "{} {}",
        "{}x",
        "\ufeff{}",
        "{}\x00",
    ),
    *('{"a":"\x01"}', '{"a":"\t"}', '{"a":"\\x"}', '{"a":"\\u12"}', '{"a":"\\ud800"}', "\x0b{}"),
    *('{"__proto__":1}', '{"constructor":{"x":1},"constructor":{}}', '{"a":"\\/\\b\\f\\n\\r\\t"}'),
    *("[" * 17 + "]" * 17, "[" * 16 + "]" * 16, '{"kind":"certificate"}', '{"kind":"record"}'),
    *('{"kind":"__proto__"}', '{"kind":["record"]}', '{"kind":null}', '"' + '\\"' * 1000),
    *(
        '{"a":99999999999999999}',
        '{"a":1' + "0" * 400 + "}",
        '{"a":tru}',
        '{"a":true1}',
        "\u3000{}",
    ),
)


def test_awkward_json_is_refused_by_the_same_check(page: Page) -> None:
    trust = (VECTORS / "evidence" / "intl" / "trust.json").read_text()
    questions = [Question(evidence=text, trust=trust) for text in AWKWARD_TEXTS]
    assert differences(page, questions, [ascii(text)[:60] for text in AWKWARD_TEXTS]) == []


def test_a_proof_of_very_many_elements_is_refused_by_the_same_check(page: Page) -> None:
    """More parts than a call of the browser's language may have arguments."""
    folder = VECTORS / "evidence" / "intl"
    case = json.loads((folder / "trail_from_a_count_on.json").read_text())
    proof = codec.encode((b"",) * 65_500)
    case["evidence"]["trails"][0]["proof"] = base64.b64encode(proof).decode()
    question = asked_of(evidence_of(case), (folder / "trust.json").read_text(), case=case)
    assert differences(page, [question], ["many elements"]) == []


def test_canonical_encoding_is_told_from_every_other_as_published(page: Page) -> None:
    cases = json.loads((VECTORS / "codec" / "canonical.json").read_text())
    legal = [data for data, _ in cases["valid"]]
    illegal = [one[0] if isinstance(one, list) else one for one in cases["invalid"]]
    found = page.evaluate(
        "texts => texts.map(text => kunlian.primitives.isCanonical(text))", [*legal, *illegal]
    )
    assert found == [True] * len(legal) + [False] * len(illegal)


@pytest.mark.parametrize("suite", SUITES)
def test_published_digests_and_signatures_hold(page: Page, suite: str) -> None:
    vectors = json.loads((VECTORS / "suites" / f"{suite}.json").read_text())
    for data, digest in vectors["digests"]:
        assert (
            page.evaluate("([name, data]) => kunlian.primitives.digest(name, data)", [suite, data])
            == digest
        )
    for key, content, signature in vectors["signatures"]:
        assert is_signature(page, suite, key, content, signature)


def is_signature(page: Page, suite: str, key: str, content: str, signature: str) -> bool:
    return bool(
        page.evaluate(
            "parts => kunlian.primitives.isSignature(...parts)", [suite, key, content, signature]
        )
    )


def python_accepts(suite: str, key: str, content: str, signature: str) -> bool:
    try:
        suite_named(suite).verify(
            public_key=bytes.fromhex(key),
            signature=bytes.fromhex(signature),
            content=bytes.fromhex(content),
        )
    except (InvalidKey, InvalidSignature):
        return False
    return True


@pytest.mark.parametrize("suite", SUITES)
def test_altered_signatures_and_keys_are_refused_alike(page: Page, suite: str) -> None:
    signer = suite_named(suite).load_private_key(bytes(31) + b"\x05")
    content, key = b"content", signer.public_key
    signature = signer.sign(content)
    order = ORDERS[suite]
    byte_order: Literal["little", "big"] = "little" if suite == "intl" else "big"
    raised = int.from_bytes(signature[32:], byte_order) + order
    tried = [
        (key, signature),
        (key, signature[:32] + (raised % 2**256).to_bytes(32, byte_order)),
        (key, signature[:32] + bytes(32)),
        (key, bytes(32) + signature[32:]),
        (key, signature + b"\x00"),
        (key, signature[:-1]),
        (key, b""),
        (key, signature[32:] + signature[:32]),
        (key[:-1], signature),
        (b"\x04" + key, signature),
        (bytes(len(key)), signature),
        (b"\xff" * len(key), signature),
        *((flipped(key, at), signature) for at in range(0, 8 * len(key), 7)),
        *((key, flipped(signature, at)) for at in range(0, 512, 7)),
    ]
    for one, other in tried:
        parts = (one.hex(), content.hex(), other.hex())
        assert is_signature(page, suite, *parts) == python_accepts(suite, *parts), parts
    assert is_signature(page, suite, key.hex(), content.hex(), signature.hex())


ORDERS = {
    "intl": 2**252 + 27742317777372353535851937790883648493,
    "sm": 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
}


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
