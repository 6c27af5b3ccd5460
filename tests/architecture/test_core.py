"""The core gives the same effects on every machine and speaks the words of the glossary."""

import ast
import re

import pytest

from tests.architecture.core_rules import findings, set_names
from tests.architecture.sources import Module, is_under, parse, production_modules

ROOMS = ("consensus", "contracts")
# One word, one meaning: what the paper calls primary, backup, replica has no second name.
WORDS_WITH_A_BETTER_ONE = re.compile(
    r"(^|_)(leader|follower|secondary|validator|msg|seqnum|seq|pbft)(_|$)|^Pbft|Msg$"
)
UNFIXED = (
    "LIMIT = 0.5",
    "def f(x: float): ...",
    "def f(a, b):\n    return a / b",
    "def f(a):\n    a /= 2",
    "def f(a):\n    return hash(a)",
    "def f(a):\n    return sorted(a, key=lambda one: id(one))",
    "def f():\n    print('x')",
    "def f():\n    for one in {1, 2}:\n        yield one",
    "def f(votes: set[int]):\n    return tuple(votes)",
    "def f(votes: frozenset[int]):\n    return [one for one in votes]",
    "def f(a, b):\n    both = set(a) | set(b)\n    return next(iter(both))",
    "def f(votes: set[int]):\n    return votes.pop()",
    "def f(votes: set[int]):\n    return (*votes,)",
    "def f(words: set[str]):\n    return ','.join(words)",
    "class C:\n    votes: set[int]\n\n    def f(self):\n        return list(self.votes)",
    "class C:\n    def f(self):\n        self.v: set[int] = set()\n        return [*self.v]",
    "def members() -> frozenset[int]: ...\n\ndef f():\n    return list(members())",
)
FIXED = (
    "def f(a, b):\n    return a // b",
    "def f(votes: set[int]):\n    return tuple(sorted(votes))",
    "def f(votes: set[int]):\n    return any(one > 3 for one in votes)",
    "def f(votes: set[int]):\n    return len(votes) + sum(one for one in votes)",
    "def f(votes: set[int]):\n    return {one + 1 for one in votes}",
    "def f(votes: dict[int, int]):\n    return list(votes)",
    "def f(queue: list[int]):\n    return queue.pop()",
)


def room(name: str) -> tuple[Module, ...]:
    """Return the modules of one room."""
    return tuple(module for module in production_modules() if is_under(module.name, name))


@pytest.mark.parametrize("name", ROOMS)
def test_the_core_holds_nothing_that_differs_between_machines(name: str) -> None:
    modules = room(name)
    names = set_names(modules)
    found = [line for module in modules for line in findings(module, names)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("source", UNFIXED)
def test_what_differs_between_machines_is_found(source: str) -> None:
    module = parse("consensus/x.py", source)
    assert findings(module, set_names([module]))


@pytest.mark.parametrize("source", FIXED)
def test_what_is_the_same_everywhere_is_left_alone(source: str) -> None:
    module = parse("consensus/x.py", source)
    assert findings(module, set_names([module])) == ()


def identifiers(tree: ast.AST) -> set[str]:
    """Collect every name that a tree defines or uses."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case _:
                pass
    return found


def test_the_consensus_core_uses_one_word_for_one_thing() -> None:
    found = [
        f"{module.path}: {name}"
        for module in room("consensus")
        for name in sorted(identifiers(module.tree))
        if WORDS_WITH_A_BETTER_ONE.search(name)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["leader", "next_leader", "PbftReplica", "PrepareMsg", "seq_num"])
def test_a_second_word_is_found(name: str) -> None:
    assert [
        one for one in identifiers(ast.parse(f"{name} = 1")) if WORDS_WITH_A_BETTER_ONE.search(one)
    ]
