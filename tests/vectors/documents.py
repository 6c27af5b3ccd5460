"""How a set of vectors becomes files, and how a test sees that nobody edited them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from chainnode.suites import SUITE_NAMES
from chainnode.verify.strict_json import JsonObject


class Documented(Protocol):
    """A vector: its name, and all that its file holds."""

    @property
    def name(self) -> str: ...

    def document(self) -> JsonObject: ...


def file_name(name: str) -> str:
    """Return the name of the file of a vector."""
    return f"{name.replace(', ', '_').replace(' ', '_').lower()}.json"


def texts(cases: Iterable[Documented]) -> dict[str, str]:
    """Return the content of every file, by its name; no two vectors share one."""
    found: dict[str, str] = {}
    for one in cases:
        assert file_name(one.name) not in found, one.name
        found[file_name(one.name)] = document_text(one.document())
    return found


def document_text(document: JsonObject) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def write_folder(folder: Path, cases: Iterable[Documented]) -> None:
    """Write the files of a folder anew; what is no vector any more goes."""
    written = texts(cases)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")


def write_suites(folder: Path, names: Iterable[str], contents: Callable[[str, str], str]) -> None:
    """Write files of these names anew for each suite; `contents` of suite and name is the text."""
    for suite_name in SUITE_NAMES:
        (folder / suite_name).mkdir(parents=True, exist_ok=True)
        for name in names:
            text = contents(suite_name, name)
            (folder / suite_name / name).write_text(text, encoding="utf-8")


def published(folder: Path) -> dict[str, str]:
    """Return the files of a folder as they are published."""
    return {one.name: one.read_text(encoding="utf-8") for one in folder.glob("*.json")}
