"""Every small mistake that can be made in one module: one change of its syntax tree each.

Texts are left alone: messages of errors, docstrings, names. A mutant is named by the function,
the change and its count there, so that a name survives changes elsewhere in the file.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
_NAMES = {"any": "all", "all": "any", "max": "min", "min": "max"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed module; `line` is where, `name` says what."""

    name: str
    line: int
    tree: ast.Module


Change = tuple[str, ast.AST]


def mutants(source: str, *, module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse(source)
    counts: Counter[str] = Counter()
    for path, function, node in _walk(tree, (), ""):
        for what, changed in _changes(node):
            key = f"{module}.{function}: {what}"
            counts[key] += 1
            line = getattr(node, "lineno", 0)
            yield Mutant(name=f"{key} #{counts[key]}", line=line, tree=_put(tree, path, changed))


Path = tuple[tuple[str, int | None], ...]


def _walk(node: ast.AST, path: Path, function: str) -> Iterator[tuple[Path, str, ast.AST]]:
    for field, value in ast.iter_fields(node):
        if field in {"decorator_list", "annotation", "returns", "type_params", "bases"}:
            continue
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if not isinstance(child, ast.AST) or _is_text(child):
                continue
            here = (*path, (field, index if isinstance(value, list) else None))
            inside = _named(child, function)
            if inside:
                yield here, inside, child
            yield from _walk(child, here, inside)


def _named(node: ast.AST, function: str) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return f"{function}.{node.name}" if function else node.name
    return function


def _is_text(node: ast.AST) -> bool:
    """Tell whether nothing but words would change: errors, f-strings, docstrings."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.JoinedStr | ast.Raise | ast.alias | ast.arguments)


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare():
            yield from _compared(node)
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            other = _ARITHMETIC[type(node.op)]
            yield f"{_shown(node)} with {other.__name__}", _with(node, op=other())
        case ast.BoolOp():
            yield from _combined(node)
        case ast.UnaryOp(op=ast.Not()):
            yield f"{_shown(node)} without not", node.operand
        case ast.Constant(value=bool(value)):
            yield f"{value} negated", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield f"{value} plus one", ast.Constant(value + 1)
        case ast.Name() if node.id in _NAMES:
            yield f"{node.id} as {_NAMES[node.id]}", ast.Name(_NAMES[node.id], ast.Load())
        case _:
            yield from _skipped(node)


def _compared(node: ast.Compare) -> Iterator[Change]:
    for index, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            operators = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield f"{_shown(node)} with {other.__name__}", _with(node, ops=operators)


def _combined(node: ast.BoolOp) -> Iterator[Change]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield f"{_shown(node)} with {type(other).__name__}", _with(node, op=other)
    for index, value in enumerate(node.values):
        rest = [*node.values[:index], *node.values[index + 1 :]]
        less = _with(node, values=rest) if len(rest) > 1 else rest[0]
        yield f"{_shown(node)} without {_shown(value)}", less


def _skipped(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.If():
            yield f"if {_shown(node.test)} never", _with(node, test=ast.Constant(value=False))
        case ast.Return(value=ast.expr() as value) if not _is_nothing(value):
            yield f"return {_shown(value)} as None", ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call() as call):
            yield f"{_shown(call)} left out", ast.Pass()
        case ast.Subscript(slice=ast.Slice(), value=whole):
            yield f"{_shown(node)} uncut", whole
        case _:
            return


def _is_nothing(value: ast.expr) -> bool:
    """None and False: to whoever asks they are the same, and types keep them apart."""
    return isinstance(value, ast.Constant) and not value.value


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _put(tree: ast.Module, path: Path, changed: ast.AST) -> ast.Module:
    """Return the tree with one node replaced; the original stays as it is."""
    made = _replaced(tree, path, changed)
    assert isinstance(made, ast.Module)
    return ast.fix_missing_locations(made)


def _replaced(node: ast.AST, path: Path, changed: ast.AST) -> ast.AST:
    if not path:
        return ast.copy_location(copy.copy(changed), node)
    (field, index), rest = path[0], path[1:]
    value = getattr(node, field)
    if index is None:
        return _with(node, **{field: _replaced(value, rest, changed)})
    inner = [*value]
    inner[index] = _replaced(value[index], rest, changed)
    return _with(node, **{field: inner})
