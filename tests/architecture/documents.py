"""Reading our own documents: links, headings, code samples, and words that do not belong."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.architecture.sources import read, tracked_files

FENCE = re.compile(r"^(`{3,})(\w*)[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"^[a-z]+:")
# Folders of one machine; a name inside a longer path or a URL is none.
MACHINE_PATH = re.compile(r"(?<![\w.$})/-])/(?:work|farm|root|tmp|home/\w+)(?![\w.-])")
REGISTRY = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|crates|maven|debian|golang)\.(?:org|io|com)\b"
    r"|--(?:extra-)?index-url\s*[=\s]"
)
TOKEN = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
# Names of the place where the project is made. They say nothing to its readers, so they stand
# nowhere in it: here as the first 16 hexadecimal digits of the SHA-256 of each word.
WORKPLACE = frozenset(
    {
        "04a3b7c9ec8ed4f1",
        "22184701a8266bfc",
        "3fa07a1a8ec71533",
        "54ea723241231828",
        "60965168ce762e94",
        "73d7146ce6e337d8",
        "8cf10d1b0e07c1d8",
        "8e4b48bdb90d6d37",
        "9aa9d196b6c33168",
        "a1ed080e7848974b",
        "c70eca6b0f88f44d",
        "c857d09db23e6822",
        "d832a6f1b375efec",
        "f7b021820c46f0b5",
        "fbb8037df8cc9050",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text file under its path."""

    path: str
    text: str


def documents() -> tuple[Document, ...]:
    """Every tracked Markdown file."""
    return tuple(
        Document(path=path, text=read(path)) for path in tracked_files() if path.endswith(".md")
    )


def tracked_texts() -> Iterator[Document]:
    """Every tracked file that is text; what is not UTF-8 is an asset."""
    for path in tracked_files():
        try:
            yield Document(path=path, text=read(path))
        except UnicodeDecodeError:
            continue


def anchors(text: str) -> frozenset[str]:
    """Return the anchors of a document's headings, as hosts of repositories make them."""
    plain = FENCE.sub("", text)
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(plain)
    )


def broken_links(document: Document, files: dict[str, str]) -> tuple[str, ...]:
    """Name relative links of `document` that lead nowhere among `files` (path to text)."""
    prose = CODE_SPAN.sub("", FENCE.sub("", document.text))
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    found = []
    for link in LINK.findall(prose):
        if ELSEWHERE.match(link):
            continue
        place, _, anchor = link.partition("#")
        target = _resolved(document.path, place) if place else document.path
        if target not in files and target not in folders:
            found.append(f"{document.path}: {link} leads nowhere")
        elif anchor and anchor not in anchors(files.get(target, "")):
            found.append(f"{document.path}: {link} has no such heading")
    return tuple(found)


def _resolved(source: str, link: str) -> str:
    parts = list(PurePosixPath(source).parent.parts)
    for part in PurePosixPath(link).parts:
        if part == "..":
            if not parts:
                return f"outside: {link}"
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or "."


def foreign_words(document: Document) -> tuple[str, ...]:
    """Name what ties a text to one machine, one registry or one workplace."""
    lines = enumerate(document.text.splitlines(), start=1)
    return tuple(
        f"{document.path}:{number} {what}" for number, line in lines for what in _foreign(line)
    )


def _foreign(line: str) -> Iterator[str]:
    if match := MACHINE_PATH.search(line):
        yield f"path of a machine: {match[0]}"
    if match := REGISTRY.search(line):
        yield f"host of a registry: {match[0]}"
    for token in TOKEN.findall(line.lower()):
        if hashlib.sha256(token.encode()).hexdigest()[:16] in WORKPLACE:
            yield f"word of a workplace: {token}"


def samples(document: Document, language: str) -> tuple[str, ...]:
    """Return the fenced code of one language in a document."""
    return tuple(body for _, name, body in FENCE.findall(document.text) if name == language)
