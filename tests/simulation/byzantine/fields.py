"""Which fields the messages have: found by introspection, so that a new one is never forgotten.

A path names a field from the message inwards: `ViewChange.prepared.batch_digest` is that field
of some entry of P. A field that holds parts has a path of its own, for the part as a whole.
"""

from collections.abc import Iterator
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import NewType, TypeAlias, get_args, get_origin, get_type_hints

from consensus.messages import Message

Path: TypeAlias = tuple[str, ...]

# Some field of a part that can be of several kinds.
ANY_FIELD = "*"
KINDS: tuple[type[Message], ...] = get_args(Message)


_FIELDS: dict[object, dict[str, object]] = {}
_PATHS: dict[object, tuple[Path, ...]] = {}


def fields_of(kind: type[object]) -> dict[str, object]:
    """Name every field of a message or a part, with its declared type."""
    if kind not in _FIELDS:
        _FIELDS[kind] = get_type_hints(kind)
    return _FIELDS[kind]


def paths_of(kind: type[Message]) -> tuple[Path, ...]:
    """List the paths of a message kind, those into nested parts included."""
    if kind not in _PATHS:
        _PATHS[kind] = tuple(path for path in _paths(kind) if path)
    return _PATHS[kind]


def name_of(kind: type[Message], path: Path) -> str:
    return ".".join((kind.__name__, *path))


def all_names() -> tuple[str, ...]:
    """Name every (kind, field) that there is."""
    return tuple(name_of(kind, path) for kind in KINDS for path in paths_of(kind))


# The shapes that a declared type can have.


def plain_type(hint: object) -> object:
    """Look through a `NewType`."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint


def part_type(hint: object) -> type[object] | None:
    """Return the dataclass that a field holds, also an optional one."""
    present = [one for one in get_args(hint) if one is not NoneType]
    inner = present[0] if len(present) == 1 and NoneType in get_args(hint) else hint
    return inner if isinstance(inner, type) and is_dataclass(inner) else None


def item_type(hint: object) -> object | None:
    """Return what a tuple of any length holds."""
    arguments = get_args(hint)
    if get_origin(hint) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return arguments[0]  # type: ignore[no-any-return]  # a declared type is an object
    return None


def pair_types(hint: object) -> tuple[object, ...]:
    """Return what a tuple of fixed length holds: replica id and signature."""
    is_fixed = get_origin(hint) is tuple and Ellipsis not in get_args(hint)
    return get_args(hint) if is_fixed else ()


def choices_of(hint: object) -> tuple[type[object], ...]:
    """Return the dataclasses of which a field holds one, where there are several."""
    kinds = tuple(one for one in get_args(hint) if isinstance(one, type) and is_dataclass(one))
    return kinds if isinstance(hint, UnionType) and len(kinds) > 1 else ()


def _paths(hint: object) -> Iterator[Path]:
    yield ()
    part, item = part_type(hint), item_type(hint)
    if choices_of(hint):
        yield (ANY_FIELD,)
    if part is not None:
        for name, inner in fields_of(part).items():
            yield from ((name, *path) for path in _paths(inner))
    elif item is not None:
        yield from (path for path in _paths(item) if path)
    for position, inner in enumerate(pair_types(hint)):
        yield from ((str(position), *path) for path in _paths(inner))
