"""Copies of a member: whatever can change is copied, frozen values are shared.

`copy.deepcopy` would copy every message too, twenty times slower. A kind of object that is not
known to be frozen is copied; what cannot be copied in this way is refused, never shared.
"""

from enum import Enum
from types import FunctionType, MethodType
from typing import TypeVar, cast

from tests.exhaustive.fingerprint import parts_of

Copied = TypeVar("Copied")
_ATOMS = (int, str, bytes, tuple, frozenset, Enum, type(None))
# Which kinds met so far are shared.
_SHARED: dict[type, bool] = {}


class Uncopyable(Exception):
    """The state of the core holds something that this copier does not know."""


def copy_of(value: Copied) -> Copied:
    """Return a copy that shares nothing mutable; two names for one object stay so."""
    return cast("Copied", _copy(value, {}))


def _copy(value: object, known: dict[int, object]) -> object:
    if _is_shared(type(value)):
        return value
    held = known.get(id(value))
    if held is not None:
        return held
    if isinstance(value, dict):
        made: dict[object, object] = {}
        known[id(value)] = made
        made.update((key, _copy(one, known)) for key, one in value.items())
        return made
    if isinstance(value, list):
        return [_copy(one, known) for one in value]
    if isinstance(value, set | FunctionType | MethodType):
        raise Uncopyable(f"the search cannot copy a {type(value).__name__}")
    return _copy_object(value, known)


def _is_shared(kind: type) -> bool:
    """Atoms and frozen dataclasses; what a tuple holds is frozen by the rules of the core."""
    if kind not in _SHARED:
        parameters = getattr(kind, "__dataclass_params__", None)
        is_frozen = parameters is not None and parameters.frozen
        _SHARED[kind] = issubclass(kind, _ATOMS) or is_frozen
    return _SHARED[kind]


def _copy_object(value: object, known: dict[int, object]) -> object:
    made = object.__new__(type(value))
    known[id(value)] = made
    for name, one in parts_of(value):
        setattr(made, name, _copy(one, known))
    return made
