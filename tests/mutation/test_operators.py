"""The planter plants: every mutant is another program, and none changes words only."""

import ast
from pathlib import Path

from tests.mutation.operators import mutants

TYPES = Path(__file__).parents[2] / "consensus" / "types.py"


def named(source: str) -> dict[str, str]:
    return {one.name: ast.unparse(one.tree) for one in mutants(source, module="m")}


def test_each_mutant_is_a_program_of_its_own() -> None:
    source = TYPES.read_text()

    made = list(mutants(source, module="types"))

    programs = [ast.unparse(one.tree) for one in made]
    assert len({one.name for one in made}) == len(made)
    assert ast.unparse(ast.parse(source)) not in programs
    for one in made:
        compile(one.tree, "types", "exec")


def test_arithmetic_of_quorums_is_changed_in_properties_too() -> None:
    names = [one.name for one in mutants(TYPES.read_text(), module="types")]

    for function in ("max_faulty", "quorum", "weak_quorum"):
        assert sum(one.startswith(f"types.Membership.{function}:") for one in names) >= 3


def test_check_can_be_weakened_moved_by_one_and_left_out() -> None:
    made = named("def f(a, b):\n    if a < b and b:\n        raise ValueError('a + 1')\n")

    bodies = [one.splitlines()[1].strip() for one in made.values()]
    assert bodies == [
        "if False:",
        "if a < b or b:",
        "if b:",
        "if a < b:",
        "if a <= b and b:",
        "if a >= b and b:",
    ]


def test_words_are_left_alone() -> None:
    assert (
        named('def f() -> None:\n    """Return 1 + 1."""\n    raise ValueError(f"{1 + 1}")\n') == {}
    )
