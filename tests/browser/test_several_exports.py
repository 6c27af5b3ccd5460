"""Exports of several questions: mutants and hostile texts get one answer from page and Python."""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import islice

import pytest
from playwright.sync_api import Page

from chainnode.submission import Call
from chainnode.verify.archive import CSV, MANIFEST, PAGE, ROWS, SIGNATURES, SUMMARY, write_archive
from chainnode.verify.csv_rows import csv_rows
from chainnode.verify.rows import canonical_line
from chainnode.verify.strict_json import read_object
from chainnode.verify.unseen import UNSEEN
from contracts.schemas.access_1 import AccessPrivate
from contracts.schemas.shape import encode_part
from tests.browser.answers import Question, differences, python_answer
from tests.browser.changes import changed_bytes
from tests.builders import SUITES
from tests.builders_exports import ASKED_AT
from tests.builders_several import ASKED_NEXT_AT, TwiceQuestionedChain, twice_questioned_chain
from tests.mutations import mutations
from tests.vectors import make_cells
from tests.vectors.export_story import POSITIONS, ExportStory

RANDOM_BYTES = 600
CHAINS = 12
# The published cells, spread over this many calls.
CELLS = [text for text, _ in json.loads(make_cells.FILE.read_text())]
CALLS = 4
TRAIL = "proofs/001-trail-0002.json"
# What a reason may hold that a spreadsheet or a screen would take for something else.
PIECES = (
    *(
        "=",
        "+",
        "-",
        "@",
        "－",
        "＝",
        "＋",
        "＠",
        "﹣",
        "−",
        ",",
        ";",
        "|",
        '"',
        "'",
        "\t",
        "\r",
        "\n",
    ),
    *(" ", "\u00a0", "\u3000", "\u2009", "\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad", "\x00"),
    *("\x7f", "\x9f", "\u2028", "\U000e0041", "\U0001f600", "户籍", "a", "1", "\u180e", "\n"),
    *("\u3164", "\u2800", "\ufe0f", "\u034f", "\u115f", "\U000e0100", "\uffff", "⁼", "⩵"),
)


def asked(data: bytes, trust: str) -> Question:
    return Question(evidence=base64.b64encode(data).decode(), isBase64=True, trust=trust)


@cache
def trust_of(suite: str, label: str = "synthetic") -> str:
    chain = twice_questioned_chain(suite, label)
    header = chain.indexed_header()
    pinned = chain.trust.pinned_at(
        epoch=0, height=1, header_digest=bytes(32), time_ms=header.head.time_ms
    )
    return json.dumps(pinned.form())


def mutants(suite: str) -> Iterator[tuple[str, bytes]]:
    """Yield exports with one change in one member, before or after they were signed."""
    chain = twice_questioned_chain(suite)
    members = chain.sealed_several(chain.several(more={PAGE: b"<html>", SUMMARY: b"%PDF"}))
    for name in (MANIFEST, SIGNATURES):
        for change, mutant in islice(mutations(read_object(members[name])), 0, None, 3):
            yield f"{name} {change}", write_archive({**members, name: canonical_line(mutant)})
    for change, mutant in islice(mutations(read_object(members[MANIFEST])), 0, None, 2):
        manifest = canonical_line(mutant)
        signed = {**members, MANIFEST: manifest, SIGNATURES: chain.signatures(manifest)}
        yield f"manifest {change}, signed", write_archive(signed)
    for change, mutant in islice(mutations(read_object(members[TRAIL])), 0, None, 41):
        altered = {**members, TRAIL: canonical_line(mutant)}
        yield f"{TRAIL} {change}, signed", write_archive(chain.sealed_several(altered))
    for name in [*members]:
        others = {one: data for one, data in members.items() if one != name}
        yield f"without {name}", write_archive(others)
        if name not in {MANIFEST, SIGNATURES}:
            yield f"without {name}, signed", write_archive(chain.sealed_several(others))


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_mutants_of_every_member_get_the_same_answer(page: Page, suite: str) -> None:
    names, exports = zip(*mutants(suite), strict=True)
    assert len(names) >= 200
    questions = [asked(one, trust_of(suite)) for one in exports]
    assert differences(page, questions, names) == []
    checks = {python_answer(one).get("refused") for one in questions}
    assert {"manifest", "auditor", "node", "members", "attested", "question"} <= checks


def random_exports(suite: str) -> Iterator[tuple[str, bytes]]:
    """Yield archives with a random byte changed: of the file, of a member, of the table."""
    rng = random.Random(f"several {suite}")  # noqa: S311 - seeded changes, no secrets
    chain = twice_questioned_chain(suite)
    members = chain.sealed_several(chain.several())
    whole = write_archive(members)
    for number in range(RANDOM_BYTES):
        name = rng.choice([*members, CSV, ROWS, MANIFEST])
        altered = {**members, name: changed_bytes(members[name], rng)}
        if number % 3 == 0:
            yield f"byte of the file, {number}", changed_bytes(whole, rng)
        elif number % 3 == 1:
            yield f"byte of {name}, {number}", write_archive(altered)
        else:
            yield f"byte of {name}, signed, {number}", write_archive(chain.sealed_several(altered))


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_random_changes_of_an_export_get_the_same_answer(page: Page, suite: str) -> None:
    names, exports = zip(*random_exports(suite), strict=True)
    questions = [asked(one, trust_of(suite)) for one in exports]
    assert differences(page, questions, names) == []


class HostileReasons(TwiceQuestionedChain):
    """A chain whose calls are about what a spreadsheet would run; the label seeds them."""

    def _call(self, index: int) -> Call:
        if index in {ASKED_AT, ASKED_NEXT_AT}:
            return super()._call(index)
        rng = random.Random(f"{self.genesis.label} {index}")  # noqa: S311 - seeded changes
        code, reason = ("".join(rng.choices(PIECES, k=rng.randrange(12))) for _ in range(2))
        why = AccessPrivate(bytes([index]) * 16, code, reason, "", "", "", "")
        half = ExportStory(self.suite.name).calls[rng.choice(POSITIONS[:2])]
        return replace(half, private=encode_part(why))


class EveryCell(TwiceQuestionedChain):
    """A chain whose calls give for their reasons what the published cells are made of."""

    def _call(self, index: int) -> Call:
        if index in {ASKED_AT, ASKED_NEXT_AT}:
            return super()._call(index)
        reason = ";".join(CELLS[index % CALLS :: CALLS])
        why = AccessPrivate(bytes([index]) * 16, "", reason, "", "", "", "")
        half = ExportStory(self.suite.name).calls[POSITIONS[0]]
        return replace(half, private=encode_part(why))


def test_every_published_cell_is_the_same_bytes_in_the_page(page: Page) -> None:
    chain = EveryCell("intl", label="cells")

    export = chain.export_of_several()

    table = csv_rows(chain.content().answer.rows)
    assert table.count(b"[U+") > len(UNSEEN)
    assert all(f"[U+{first:04X}]=1".encode() in table for first, _ in UNSEEN)
    question = asked(export, trust_of("intl", "cells"))
    assert python_answer(question).get("accepted") == "export"
    assert differences(page, [question], ["cells"]) == []


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_tables_of_hostile_reasons_are_the_same_bytes_in_the_page(page: Page, suite: str) -> None:
    """An export is accepted only where the page makes each cell as Python made it."""
    questions, names = [], []
    for number in range(CHAINS):
        chain = HostileReasons(suite, label=f"hostile {number}")
        questions.append(asked(chain.export_of_several(), trust_of(suite, f"hostile {number}")))
        names.append(f"hostile {number}")
    assert {python_answer(one).get("accepted") for one in questions} == {"export"}
    table = csv_rows(HostileReasons(suite, label="hostile 0").content().answer.rows)
    assert min(table.count(b"[U+"), table.count(b"'")) >= CHAINS
    assert differences(page, questions, names) == []
