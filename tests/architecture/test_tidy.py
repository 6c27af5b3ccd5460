"""Code stays small, named after what it does, and says why where a rule is switched off."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import (
    Module,
    parse,
    production_modules,
    python_modules,
    read,
)
from tests.architecture.suppressions import LIST, listed, suppressions_in

FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 500
LINE_CHARACTERS_MAX = 100
# As for the linter: why a rule is switched off may run past the end of the line.
TRAILING_REASON = re.compile(r"\s+#\s*(noqa|type: ignore|pragma:).*")
# A name that could hold anything holds everything after a year.
SHAPELESS_MODULES = frozenset({"utils", "util", "helpers", "helper", "misc", "common", "stuff"})
SHAPELESS_VERB = re.compile(r"^_*(get|handle|process|do)_")
# Names that a library looks for.
FOREIGN_NAMES = {
    "get_command": "click.Group",
    "do_GET": "http.server",
    "do_POST": "http.server",
    "handle_async_request": "httpx.AsyncBaseTransport",
    "handle_request": "httpx.BaseTransport",
}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def oversize(module: Module) -> tuple[str, ...]:
    """Name what needs scrolling."""
    lines = [TRAILING_REASON.sub("", line) for line in module.source.splitlines()]
    found = [
        f"{module.path}:{number} has {len(line)} characters"
        for number, line in enumerate(lines, start=1)
        if len(line) > LINE_CHARACTERS_MAX
    ]
    if len(lines) > MODULE_LINES_MAX:
        found.append(f"{module.path} has {len(lines)} lines")
    for function in functions(module):
        length = (function.end_lineno or 0) - function.lineno + 1
        if length > FUNCTION_LINES_MAX:
            found.append(f"{module.path}:{function.lineno} {function.name} has {length} lines")
    return tuple(found)


def shapeless(module: Module) -> tuple[str, ...]:
    """Name modules and functions whose name says nothing."""
    found = [
        f"{module.path}: no module is called {part}"
        for part in module.name.split(".")
        if part in SHAPELESS_MODULES
    ]
    return (
        *found,
        *(
            f"{module.path}:{one.lineno} {one.name}: which verb is it?"
            for one in functions(module)
            if SHAPELESS_VERB.match(one.name) and one.name not in FOREIGN_NAMES
        ),
    )


def unexplained(module: Module) -> tuple[str, ...]:
    """Name the places where a rule is switched off without its code or a reason."""
    return tuple(
        f"{one.path}:{one.line} {one.kind}: name the rule and say why"
        for one in suppressions_in(module)
        if not one.codes or not one.has_reason
    )


def test_no_function_module_or_line_needs_scrolling() -> None:
    found = [line for module in python_modules() for line in oversize(module)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX,
        "async def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX,
        "x = 1\n" * (MODULE_LINES_MAX + 1),
        "x = " + "1" * LINE_CHARACTERS_MAX,
    ],
    ids=["function", "coroutine", "module", "line"],
)
def test_one_line_too_many_is_found(source: str) -> None:
    assert oversize(parse("chainnode/x.py", source))


def test_sizes_at_their_limits_are_left_alone() -> None:
    source = "def f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1)
    assert oversize(parse("chainnode/x.py", source)) == ()
    assert oversize(parse("chainnode/x.py", "x = 1\n" * MODULE_LINES_MAX)) == ()


def test_names_say_what_a_thing_is() -> None:
    found = [line for module in production_modules() for line in shapeless(module)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("chainnode/utils.py", ""),
        ("devnet/helpers/x.py", ""),
        ("chainnode/x.py", "def get_height(): ..."),
        ("chainnode/x.py", "class C:\n    async def _handle_message(self): ..."),
        ("chainnode/x.py", "def process_batch(): ..."),
        ("chainnode/x.py", "def do_it(): ..."),
    ],
)
def test_a_name_that_says_nothing_is_found(path: str, source: str) -> None:
    assert shapeless(parse(path, source))


def test_nothing_is_left_for_later() -> None:
    found = [module.path for module in production_modules() if UNFINISHED.search(module.source)]
    assert found == []


def test_every_switched_off_rule_has_its_code_and_a_reason() -> None:
    found = [line for module in python_modules() for line in unexplained(module)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: E501",
        "# ruff: noqa\n",
        "x = 1  # type: ignore",
        "x = 1  # type: ignore[assignment]",
        "x = 1  # type: ignore[assignment]  # noqa: E501",
        "x = 1  # pragma: no cover",
        "import pytest\n\npytest.skip()",
        "import pytest\n\n@pytest.mark.skip\ndef test_it(): ...",
        "import pytest\n\n@pytest.mark.xfail(strict=True)\ndef test_it(): ...",
        "import pytest\n\nx = pytest.importorskip('x', reason='')",
        "import pytest\n\npytest.skip('needs fiu-utils')\npytest.skip()",
    ],
)
def test_a_rule_switched_off_in_silence_is_found(source: str) -> None:
    assert unexplained(parse("chainnode/x.py", source))


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ("x = 1  # noqa: E501, S105 - a name", "noqa E501"),
        ("x = 1  # type: ignore[misc]  # no types there", "type-ignore misc"),
        ("import pytest\n\npytest.skip('needs fiu-utils')", "skip skip"),
    ],
)
def test_a_reasoned_one_is_left_alone_and_listed(source: str, row: str) -> None:
    module = parse("chainnode/x.py", source)
    assert unexplained(module) == ()
    assert f"1 chainnode/x.py {row}\n" in listed([module])


def test_the_list_counts_every_switched_off_rule() -> None:
    """Mend by `python -m tests.architecture.suppressions`, and let a reviewer see the change."""
    assert read(LIST) == listed(python_modules())
