"""The committed page is what its sources make, runs nothing else, and needs nothing else."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from chainnode.errors import InvariantBroken
from chainnode.pages import CONSOLE_ASSETS, asset, verify_page
from tests.architecture.sources import ROOT, read, tracked_files

PAGES = ROOT / "chainnode" / "pages"
ASSETS = PAGES / "assets"
BUILD_FILES = ("build.mjs", "package-lock.json", "package.json", "tsconfig.json")
PAGE_BYTES_MAX = 180 * 1024
SERVED_SCRIPT_BYTES_MAX = 192 * 1024
# The folders of sources of each page.
FOLDERS = {
    "sources": ("verify",),
    "console sources": ("verify", "console"),
    "citizen sources": ("verify", "citizen"),
}


@pytest.fixture(scope="module")
def html() -> str:
    return verify_page().decode()


def recorded() -> dict[str, object]:
    document = json.loads((ASSETS / "hashes.json").read_text())
    assert isinstance(document, dict)
    return document


def source_names(pages: Path, folders: Iterable[str]) -> list[str]:
    return [f"{folder}/{one.name}" for folder in folders for one in (pages / folder).iterdir()]


def sources_digest(folder: Path, folders: Iterable[str] = ("verify",)) -> str:
    """The computation of `sourcesDigest` in build.mjs."""
    names = [*BUILD_FILES, *source_names(folder, folders)]
    hasher = hashlib.sha256()
    for name in sorted(names):
        data = (folder / name).read_bytes()
        hasher.update(f"{name}\0{len(data)}\0".encode() + data)
    return f"sha256:{hasher.hexdigest()}"


def csp_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def only(pattern: str, text: str) -> str:
    (found,) = re.findall(pattern, text, re.DOTALL)
    return str(found)


def test_the_page_was_built_from_the_sources_that_stand_here(html: str) -> None:
    actual = sources_digest(PAGES)
    assert recorded()["sources"] == actual, "run `make assets` and commit what it made"
    assert only('name="kunlian-sources" content="([^"]*)"', html) == actual


@pytest.mark.parametrize("name", FOLDERS)
def test_every_page_was_built_from_the_sources_that_stand_here(name: str) -> None:
    actual = sources_digest(PAGES, FOLDERS[name])
    assert recorded()[name] == actual, "run `make assets` and commit what it made"


@pytest.mark.parametrize("name", CONSOLE_ASSETS)
def test_a_served_page_loads_nothing_from_elsewhere(name: str) -> None:
    text = asset(name).decode()
    assert len(text.encode()) <= SERVED_SCRIPT_BYTES_MAX
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []
    assert "@import" not in text
    assert "url(" not in text


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "verify").mkdir()
    for name in (*BUILD_FILES, *source_names(PAGES, ["verify"])):
        (tmp_path / name).write_bytes((PAGES / name).read_bytes())
    assert sources_digest(tmp_path) == sources_digest(PAGES)
    with (tmp_path / "verify" / "judge.ts").open("a") as file:
        file.write("\n")
    assert sources_digest(tmp_path) != sources_digest(PAGES)


def test_every_source_of_the_pages_is_tracked() -> None:
    folders = {folder for names in FOLDERS.values() for folder in names}
    on_disk = {f"chainnode/pages/{name}" for name in source_names(PAGES, folders)}
    assert on_disk <= set(tracked_files())


def test_a_page_that_was_altered_after_it_was_built_is_not_handed_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "hashes.json").write_bytes((ASSETS / "hashes.json").read_bytes())
    (tmp_path / "assets" / "verify.html").write_bytes(verify_page() + b" ")
    monkeypatch.setattr("chainnode.pages.built.files", lambda _package: tmp_path)
    with pytest.raises(InvariantBroken, match=r"verify\.html"):
        verify_page()


def test_the_policy_lets_the_browser_run_these_two_texts_and_nothing_else(html: str) -> None:
    policy = dict(
        one.split(" ", 1) for one in only('Security-Policy" content="([^"]*)"', html).split("; ")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == csp_hash(only("<script>(.*?)</script>", html))
    assert policy["style-src"] == csp_hash(only("<style>(.*?)</style>", html))
    assert policy["require-trusted-types-for"] == "'script'"
    # The policy stands before whatever it rules.
    assert html.index("Security-Policy") < html.index("<style>") < html.index("<script>")


def test_the_page_names_no_file_and_no_address_to_load(html: str) -> None:
    assert re.findall(r"\s(?:src|srcset|action|poster|data|ping|style|on\w+)=", html) == []
    assert re.findall(r"<(?:link|iframe|object|embed|base|img|svg|form)\b", html) == []
    assert re.findall(r'href="([^"#][^"]*)"', html) == []


@pytest.mark.parametrize("word", ["innerHTML", "outerHTML", "document.write", "eval(", "fetch("])
def test_the_sources_have_no_way_to_make_markup_or_requests(word: str) -> None:
    found = [
        path
        for path in tracked_files()
        if path.startswith("chainnode/pages/verify/") and word in re.sub(r"//.*", "", read(path))
    ]
    assert found == []


@pytest.mark.parametrize("word", ["innerHTML", "outerHTML", "document.write", "eval("])
def test_the_sources_of_served_pages_have_no_way_to_make_markup(word: str) -> None:
    found = [
        path
        for path in tracked_files()
        if path.startswith("chainnode/pages/") and path.endswith(".ts") and word in read(path)
    ]
    # A comment there says that there is none.
    assert found == (["chainnode/pages/verify/dom.ts"] if word == "innerHTML" else [])


def test_the_page_is_small_enough_to_be_handed_on(html: str) -> None:
    assert len(html.encode()) <= PAGE_BYTES_MAX


def test_licences_and_hashes_of_the_packages_inside_are_named(html: str) -> None:
    wanted = json.loads((PAGES / "package.json").read_text())["dependencies"]
    locked = json.loads((PAGES / "package-lock.json").read_text())["packages"]
    packages = recorded()["packages"]
    text = (ASSETS / "licences.txt").read_text()
    assert packages == {
        f"{name} {version}": locked[f"node_modules/{name}"]["integrity"]
        for name, version in wanted.items()
    }
    assert text.count("Permission is hereby granted") == len(wanted)
    for name, version in wanted.items():
        assert f"{name} {version} (MIT)" in text
        assert f"{name} {version} (MIT)" in html
