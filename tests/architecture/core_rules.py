"""What the deterministic core must not contain, found in its syntax trees.

Equal state and equal event give equal effects on every machine: so no floats, no value that
depends on an address or a hash seed, no order of a set that anybody could see. Sets are followed
by annotation, assignment and return type inside a room; runs under several hash seeds see the
rest.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.architecture.sources import Module

SET_ANNOTATION = re.compile(r"^(typing\.)?(set|frozenset|AbstractSet|MutableSet|Set)\b")
SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
# What takes a set and shows nothing of its order.
ORDER_FREE = frozenset({"sorted", "set", "frozenset", "sum", "min", "max", "any", "all", "len"})
ORDER_SHOWING = frozenset(
    {"tuple", "list", "enumerate", "zip", "iter", "map", "filter", "reversed", "next", "bytes"}
)
SURROUNDINGS = frozenset({"open", "print", "input", "eval", "exec", "globals", "breakpoint"})
Scope = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNames:
    """Attributes and functions of one room that hold or return a set."""

    attributes: frozenset[str]
    functions: frozenset[str]


def set_names(modules: Iterable[Module]) -> SetNames:
    """Collect what the annotations of a room call a set."""
    attributes: set[str] = set()
    functions: set[str] = set()
    for node in (node for module in modules for node in ast.walk(module.tree)):
        match node:
            case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=kind) if _is_set(kind):
                attributes.add(name)
            case ast.ClassDef(body=body):
                attributes |= {
                    one.target.id
                    for one in body
                    if isinstance(one, ast.AnnAssign)
                    and isinstance(one.target, ast.Name)
                    and _is_set(one.annotation)
                }
            case ast.FunctionDef(name=name, returns=ast.expr() as kind) if _is_set(kind):
                functions.add(name)
            case _:
                pass
    return SetNames(attributes=frozenset(attributes), functions=frozenset(functions))


def _is_set(annotation: ast.expr) -> bool:
    return SET_ANNOTATION.match(ast.unparse(annotation).strip("'\"")) is not None


def findings(module: Module, names: SetNames) -> tuple[str, ...]:
    """Name every construct of `module` that may differ from one machine or run to another."""
    found = [*_unfixed_values(module.tree)]
    scopes = [node for node in ast.walk(module.tree) if isinstance(node, Scope)]
    for scope in (module.tree, *scopes):
        found += _visible_orders(scope, names)
    return tuple(f"{module.path}:{line} {what}" for line, what in sorted(set(found)))


def _unfixed_values(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float() | complex()):
                yield node.lineno, f"float {ast.unparse(node)}"
            case ast.Name(id="float" | "complex" as name):
                yield node.lineno, f"type {name}"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield node.lineno, "true division gives a float"
            case ast.Call(func=ast.Name(id="hash" | "id" as name)):
                yield node.lineno, f"{name}() differs from run to run"
            case ast.Call(func=ast.Name(id=name)) if name in SURROUNDINGS:
                yield node.lineno, f"{name}() reaches the surroundings"
            case _:
                pass


def _visible_orders(scope: ast.AST, names: SetNames) -> Iterator[tuple[int, str]]:
    """Find where the order of a set becomes visible; `scope` is a module or one function."""
    local = _local_sets(scope, names)
    hidden = {
        id_of(comprehension)
        for node in ast.walk(scope)
        if isinstance(node, ast.Call) and _called(node) in ORDER_FREE
        for comprehension in node.args
    }
    for node in ast.walk(scope):
        if id_of(node) in hidden:
            continue
        for iterated in _iterated(node):
            if _is_set_value(iterated, local, names):
                yield iterated.lineno, f"the order of the set {ast.unparse(iterated)} is visible"


def id_of(node: ast.AST) -> tuple[int, int, str]:
    """Tell nodes of one tree apart by place and kind."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0), type(node).__name__


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _iterated(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions whose elements `node` takes in their order."""
    match node:
        case ast.For(iter=iterated) | ast.Starred(value=iterated):
            yield iterated
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            yield from (one.iter for one in node.generators)
        case ast.Call(func=ast.Attribute(attr="pop", value=owner), args=[]):
            yield owner
        case ast.Call(args=arguments) if _called(node) in ORDER_SHOWING | {"join", "fromkeys"}:
            yield from arguments
        case _:
            pass


def _local_sets(scope: ast.AST, names: SetNames) -> frozenset[str]:
    found: set[str] = set()
    if isinstance(scope, Scope):
        every = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]
        found |= {one.arg for one in every if one.annotation and _is_set(one.annotation)}
    for node in ast.walk(scope):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind) if _is_set(kind):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_set_value(
                value, frozenset(found), names
            ):
                found.add(name)
            case _:
                pass
    return frozenset(found)


def _is_set_value(node: ast.expr, local: frozenset[str], names: SetNames) -> bool:
    parts: tuple[ast.expr, ...] = ()
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in local
        case ast.Attribute(attr=name):
            return name in names.attributes
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            parts = (left, node.right)
        case ast.Call(func=ast.Attribute(attr=name, value=owner)) if name in SET_METHODS:
            parts = (owner,)
        case ast.Call():
            return _called(node) in {"set", "frozenset"} | names.functions
        case _:
            pass
    return any(_is_set_value(part, local, names) for part in parts)
