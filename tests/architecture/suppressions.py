"""Where a tool is told to look away, and whether each place says which rule and why.

`python -m tests.architecture.suppressions` writes the list anew; the change of that file is what
a reviewer reads.
"""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.architecture.sources import ROOT, Module, python_modules

LIST = "tests/architecture/suppressions.txt"
HEADER = "# How often each file switches a rule off: count, file, kind, code.\n"
DIRECTIVES = {
    "noqa": re.compile(r"#\s*(?:ruff:\s*)?noqa\b(?::\s*(?P<codes>[A-Z]+\d+(?:,\s*[A-Z]+\d+)*))?"),
    "type-ignore": re.compile(r"#\s*type:\s*ignore(?:\[(?P<codes>[^\]]+)\])?"),
    "no-cover": re.compile(r"#\s*pragma:\s*no (?P<codes>cover|branch)"),
    "format": re.compile(r"#\s*fmt:\s*(?P<codes>off|skip)"),
}
SKIPS = frozenset({"skip", "skipif", "xfail", "importorskip"})
REASON = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One place; `codes` is empty and `has_reason` false where the place does not say them."""

    path: str
    line: int
    kind: str
    codes: tuple[str, ...]
    has_reason: bool


def suppressions_in(module: Module) -> tuple[Suppression, ...]:
    """List the places of one file, comments and test marks alike."""
    return (*_in_comments(module), *_in_marks(module))


def _in_comments(module: Module) -> Iterator[Suppression]:
    for token in tokenize.generate_tokens(io.StringIO(module.source).readline):
        if token.type != tokenize.COMMENT:
            continue
        rest = token.string
        for pattern in DIRECTIVES.values():
            rest = pattern.sub("", rest)
        for kind, pattern in DIRECTIVES.items():
            for match in pattern.finditer(token.string):
                codes = re.split(r",\s*", match["codes"]) if match["codes"] else ()
                yield Suppression(
                    path=module.path,
                    line=token.start[0],
                    kind=kind,
                    codes=tuple(codes),
                    has_reason=REASON.search(rest) is not None,
                )


def _in_marks(module: Module) -> Iterator[Suppression]:
    reasoned = {
        (node.func.lineno, node.func.col_offset)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _is_skip(node.func) and _has_reason(node)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and _is_skip(node):
            yield Suppression(
                path=module.path,
                line=node.lineno,
                kind="skip",
                codes=(node.attr,),
                has_reason=(node.lineno, node.col_offset) in reasoned,
            )


def _is_skip(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in SKIPS
        and ast.unparse(node.value) in {"pytest", "pytest.mark"}
    )


def _has_reason(call: ast.Call) -> bool:
    stated: list[ast.expr] = [one.value for one in call.keywords if one.arg == "reason"]
    if ast.unparse(call.func) in {"pytest.skip", "pytest.xfail"}:
        stated += call.args[:1]
    return any(not isinstance(one, ast.Constant) or bool(one.value) for one in stated)


def listed(modules: Iterable[Module]) -> str:
    """Return the list of `modules` in the form of the list file."""
    counts = Counter(
        (one.path, one.kind, code)
        for module in modules
        for one in suppressions_in(module)
        for code in one.codes
    )
    rows = (f"{count} {' '.join(place)}\n" for place, count in sorted(counts.items()))
    return HEADER + "".join(rows)


if __name__ == "__main__":
    (ROOT / LIST).write_text(listed(python_modules()), encoding="utf-8")
