"""Makes a failing run smaller: options are calmed one at a time while an oracle still speaks."""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from tests.simulation.options import Options, with_changes

# A run takes some tens of milliseconds; nobody waits longer than this is worth.
ATTEMPTS_MAX = 300
_SIZE_MIN = 4
# What none of a kind of fault looks like; all else is calm at zero.
_CALM = {"rate_percent": 100, "drift_ms": 60_000, "delay_max_ms": 10, "idle_ms": 2_500}
# No fault at all; less of it is a shorter story.
_LOAD_MIN = {"requests": 1, "chaos_ms": 100}
# What is no fault, or is reduced in its own way below.
_KEPT = frozenset({"size", "window", "vices", "twins_split", "fragile", "codec_share"})

# Proposes smaller options, the smallest first.
_Reduction: TypeAlias = Callable[[Options], Iterator[Options]]


def shrink(options: Options, *, fails: Callable[[Options], bool]) -> Options:
    """Return options from which nothing more can be taken without `fails` ceasing to hold."""
    attempts = ATTEMPTS_MAX
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for reduction in _reductions():
            for candidate in reduction(options):
                if attempts == 0:
                    return options
                attempts -= 1
                if fails(candidate):
                    options, is_smaller = candidate, True
                    break
    return options


def _reductions() -> Iterator[_Reduction]:
    yield _fewer_liars
    for one in fields(Options):
        if one.name not in _KEPT:
            yield partial(_calmer, name=one.name)
    yield _sturdy
    yield _smaller_group


def _fewer_liars(options: Options) -> Iterator[Options]:
    for liar in options.vices:
        rest = {one: vice for one, vice in options.vices.items() if one != liar}
        yield replace(options, vices=MappingProxyType(rest))


def _calmer(options: Options, name: str) -> Iterator[Options]:
    """Take a kind of fault away, or else halve it."""
    value, calm = getattr(options, name), _CALM.get(name, 0)
    if name in _LOAD_MIN:
        if value // 2 >= _LOAD_MIN[name]:
            yield _changed(options, name, value // 2)
    elif value != calm:
        yield _changed(options, name, type(value)(calm))
        if name not in _CALM and value > 1:
            yield _changed(options, name, value // 2)


def _sturdy(options: Options) -> Iterator[Options]:
    if options.fragile:
        yield replace(options, fragile=())


def _smaller_group(options: Options) -> Iterator[Options]:
    if options.size > _SIZE_MIN and max((0, *options.vices)) < options.size - 1:
        yield replace(options, size=options.size - 1)


def _changed(options: Options, name: str, value: float) -> Options:
    return with_changes(options, json.dumps({name: value}))
