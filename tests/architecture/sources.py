"""What this repository is made of, read from git and by syntax tree; nothing is imported.

Only tracked files count: what somebody is still writing, environments and caches do not.
"""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The four packages of the wheel; everything else is about them.
PRODUCTION = ("chainnode", "consensus", "contracts", "devnet")
# How a table names what is imported when it is needed: "package.module:attribute".
MODULE_AND_ATTRIBUTE = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)+:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file under the name by which it is imported."""

    name: str
    path: str
    source: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Tell whether the module is the face of a folder."""
        return self.path.endswith("__init__.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported name, whole (`chainnode.codec.encode`), and where it stands.

    `is_lazy`: inside a function. `is_type_only`: under `if TYPE_CHECKING`.
    """

    target: str
    line: int
    is_lazy: bool
    is_type_only: bool


@cache
def tracked_files() -> tuple[str, ...]:
    """List the tracked files that exist, relative to the root, ascending."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(sorted(name for name in listing.split("\0") if name and (ROOT / name).is_file()))


def read(path: str) -> str:
    """Read a tracked text file."""
    return (ROOT / path).read_text(encoding="utf-8")


def module_name(path: str) -> str:
    """Return the dotted name of a Python file: `a/b/__init__.py` is `a.b`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def parse(path: str, source: str) -> Module:
    """Make a module of a file's text."""
    return Module(name=module_name(path), path=path, source=source, tree=ast.parse(source, path))


@cache
def python_modules() -> tuple[Module, ...]:
    """Every tracked Python file."""
    return tuple(parse(path, read(path)) for path in tracked_files() if path.endswith(".py"))


def is_under(name: str, prefix: str) -> bool:
    """Tell whether the dotted `name` is `prefix` or inside it."""
    return name == prefix or name.startswith(prefix + ".")


def is_under_any(name: str, prefixes: Iterable[str]) -> bool:
    """Tell whether `name` is one of `prefixes` or inside one."""
    return any(is_under(name, prefix) for prefix in prefixes)


def production_modules() -> tuple[Module, ...]:
    """Every module that the wheel carries."""
    return tuple(one for one in python_modules() if is_under_any(one.name, PRODUCTION))


@cache
def imports_of(module: Module) -> tuple[Import, ...]:
    """List every import of `module`: at the top, lazy, for types, and by name in a string."""
    return tuple(_walk_imports(module, module.tree, is_lazy=False, is_type_only=False))


def _walk_imports(
    module: Module, node: ast.AST, *, is_lazy: bool, is_type_only: bool
) -> Iterator[Import]:
    for target in _targets(module, node):
        yield Import(
            target=target,
            line=getattr(node, "lineno", 0),
            is_lazy=is_lazy or isinstance(node, ast.Constant | ast.JoinedStr),
            is_type_only=is_type_only,
        )
    inside = is_lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    guarded = is_type_only or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    for child in ast.iter_child_nodes(node):
        yield from _walk_imports(module, child, is_lazy=inside, is_type_only=guarded)


def _targets(module: Module, node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(names=names):
            base = _base_of(module, node)
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in names)
        case ast.Call(args=[ast.Constant(value=str(name)), *_]) if _imports_by_name(node.func):
            yield name
        case ast.Constant(value=str(text)) if MODULE_AND_ATTRIBUTE.fullmatch(text):
            yield text.replace(":", ".")
        case ast.JoinedStr(values=parts):
            text = "".join(_folded(module, part) for part in parts)
            if MODULE_AND_ATTRIBUTE.fullmatch(text):
                yield text.replace(":", ".")
        case _:
            pass


def _folded(module: Module, part: ast.expr) -> str:
    """Return the text of a part of an f-string; a name counts if the module fixes its text."""
    match part:
        case ast.Constant(value=str(text)):
            return text
        case ast.FormattedValue(value=ast.Name(id=wanted)):
            for node in module.tree.body:
                match node:
                    case ast.Assign(
                        targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))
                    ) if name == wanted:
                        return text
                    case _:
                        pass
            return " "
        case _:
            return " "


def _imports_by_name(called: ast.expr) -> bool:
    return ast.unparse(called) in {"import_module", "importlib.import_module", "__import__"}


def _base_of(module: Module, node: ast.ImportFrom) -> str:
    """Return the absolute name after `from`, also when it is relative."""
    if node.level == 0:
        return node.module or ""
    parts = module.name.split(".")
    package = parts if module.is_package else parts[:-1]
    above = package[: len(package) - (node.level - 1)]
    return ".".join([*above, *([node.module] if node.module else [])])
