"""Documents lead somewhere, examples are true, and nothing names the place it was made at."""

import hashlib
import re
from collections.abc import Sequence

import click
import pytest

from chainnode.cli.main import kun
from tests.architecture import documents as checked
from tests.architecture.documents import (
    Document,
    anchors,
    broken_links,
    documents,
    foreign_words,
    samples,
    tracked_texts,
)
from tests.architecture.sources import read, tracked_files

INDEX = "docs/adr/README.md"
DECISION = re.compile(r"docs/adr/(\d{4})-[a-z0-9-]+\.md")
DECISION_PARTS = ("## Context", "## Decision", "## Compared", "## Drawbacks")
MAKE_COMMAND = re.compile(r"(?:^|`)make ([a-z][a-z-]*)", re.MULTILINE)
# A noun and a verb at the start of a line or of a code span.
KUN_COMMAND = re.compile(r"(?:^|`)kun ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", re.MULTILINE)
MAKE_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def decision_faults(files: dict[str, str]) -> tuple[str, ...]:
    """Name decisions that are not in the index, lack a part or share a number."""
    pages = [path for path in files if path.startswith("docs/adr/") and path != INDEX]
    numbers = [match[1] for path in pages if (match := DECISION.fullmatch(path))]
    index = files.get(INDEX, "")
    return (
        *(f"{path}: not named NNNN-words.md" for path in pages if not DECISION.fullmatch(path)),
        *(f"{path}: not in the index" for path in pages if f"({path.split('/')[-1]})" not in index),
        *(f"number {one} twice" for one in sorted(set(numbers)) if numbers.count(one) > 1),
        *(
            f"{path}: no part {part!r}"
            for path in pages
            for part in (f"# ADR-{path[9:13]}: ", "\nStatus: ", *DECISION_PARTS)
            if part not in files[path]
        ),
    )


def markdown_files() -> dict[str, str]:
    """Map the path of every document to its text."""
    return {document.path: document.text for document in documents()}


def test_every_relative_link_leads_to_a_file_and_a_heading() -> None:
    files = dict.fromkeys(tracked_files(), "") | markdown_files()
    found = [line for document in documents() for line in broken_links(document, files)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "link", ["missing.md", "../docs/missing.md", "b.md#no-such", "#no-such", "../../outside.md"]
)
def test_a_link_that_leads_nowhere_is_found(link: str) -> None:
    files = {"docs/a.md": f"# A\n[x]({link})\n", "docs/b.md": "# B\n"}
    assert broken_links(Document(path="docs/a.md", text=files["docs/a.md"]), files)


@pytest.mark.parametrize(
    "link", ["b.md", "b.md#b-and-more", "../docs/b.md", "#a", "https://example.org/x", ".", ".."]
)
def test_a_link_that_leads_somewhere_is_left_alone(link: str) -> None:
    files = {"docs/a.md": f"# A\n[x]({link})\n", "docs/b.md": "# B\n## B, and more\n"}
    assert broken_links(Document(path="docs/a.md", text=files["docs/a.md"]), files) == ()


def test_a_heading_inside_a_code_sample_is_no_anchor() -> None:
    assert anchors("# One\n```\n# Two\n```\n## 3. Three & four\n") == {"one", "3-three--four"}


def test_every_decision_is_whole_and_stands_in_the_index() -> None:
    assert decision_faults(markdown_files()) == ()


def test_a_decision_outside_the_index_or_without_its_drawbacks_is_found() -> None:
    page = (
        "# ADR-0001: x\n\nStatus: accepted\n\n## Context\n## Decision\n## Compared\n## Drawbacks\n"
    )
    files = {INDEX: "[1](0001-a.md)", "docs/adr/0001-a.md": page}
    assert decision_faults(files) == ()
    assert decision_faults(files | {INDEX: ""})
    assert decision_faults(files | {"docs/adr/0001-a.md": page.replace("## Drawbacks", "")})
    assert decision_faults(files | {"docs/adr/0001-b.md": page, INDEX: "(0001-a.md)(0001-b.md)"})
    assert decision_faults(files | {"docs/adr/second.md": page})


def test_every_make_command_in_the_documents_exists() -> None:
    targets = set(MAKE_TARGET.findall(read("Makefile")))
    named = {
        (document.path, target)
        for document in documents()
        for target in MAKE_COMMAND.findall(document.text)
    }
    assert named
    assert [one for one in sorted(named) if one[1] not in targets] == []


def unknown_command(words: Sequence[str]) -> str | None:
    """Return the first of `words` that its group of `kun` does not know."""
    group: click.Command | None = kun
    for word in words:
        if not isinstance(group, click.Group):
            return None
        group = group.get_command(click.Context(group), word)
        if group is None:
            return word
    return None


def test_every_kun_command_in_the_documents_exists() -> None:
    named = {
        (document.path, words)
        for document in documents()
        for words in KUN_COMMAND.findall(document.text)
    }
    assert named
    assert [one for one in sorted(named) if unknown_command(one[1].split())] == []


def test_a_command_that_kun_does_not_know_is_found() -> None:
    assert KUN_COMMAND.findall("run `kun devnet up --detach` or\nkun verify FILE\n") == [
        "devnet up",
        "verify",
    ]
    assert unknown_command(["devnet", "up"]) is None
    assert unknown_command(["devnet", "fly"]) == "fly"
    assert unknown_command(["flying"]) == "flying"


def test_every_python_sample_in_the_documents_compiles() -> None:
    for document in documents():
        for sample in samples(document, "python"):
            compile(sample, document.path, "exec")


def test_no_tracked_file_names_a_machine_a_registry_or_a_workplace() -> None:
    found = [line for text in tracked_texts() for line in foreign_words(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "parts",
    [
        ("see /", "work/main"),
        ("'/", "tmp/x'"),
        ("cd /", "root"),
        ("from files.pythonhosted", ".org"),
        ("pip install --index", "-url=x"),
        ("--extra-index", "-url x"),
    ],
)
def test_a_place_of_one_machine_is_found(parts: tuple[str, ...]) -> None:
    assert foreign_words(Document(path="x.md", text="".join(parts)))


@pytest.mark.parametrize(
    "text", ["tests/work/x", "{root}/tmp", "https://example.org/work", "a/tmp", "state/root"]
)
def test_a_part_of_a_longer_path_is_left_alone(text: str) -> None:
    assert foreign_words(Document(path="x.md", text=text)) == ()


def test_a_word_of_a_workplace_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(b"our-own-tool").hexdigest()[:16]
    monkeypatch.setattr(checked, "WORKPLACE", frozenset({digest}))
    assert foreign_words(Document(path="x.md", text="run `Our-Own-Tool look`."))
    assert foreign_words(Document(path="x.md", text="run another tool")) == ()
