"""Every module of the wheel is reached from a door: nothing is carried that nobody opens."""

import ast
import tomllib

from tests.architecture.reach import loaded_with
from tests.architecture.sources import Module, parse, production_modules, read

# What other programs import; all else must be reached from here or from a command.
LIBRARIES = (
    "chainnode.client",
    "chainnode.exchange",
    "chainnode.gateway",
    "chainnode.verify",
)
# What the Makefile runs by `python -m`.
PROGRAMS = ("chainnode.reports.make_font", "devnet.faults.__main__")


def doors(modules: dict[str, Module]) -> tuple[str, ...]:
    """Return where a reader can come in: commands, libraries, modules run by `python -m`."""
    scripts: dict[str, str] = tomllib.loads(read("pyproject.toml"))["project"]["scripts"]
    commands = tuple(target.partition(":")[0] for target in scripts.values())
    return (
        *commands,
        *LIBRARIES,
        *PROGRAMS,
        *(f"{name}.__main__" for name in run_as_programs(modules)),
    )


def run_as_programs(modules: dict[str, Module]) -> tuple[str, ...]:
    """Return the packages whose name some module passes on as a whole string."""
    named = {
        node.value
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return tuple(name for name in modules if name in named and f"{name}.__main__" in modules)


def dead(modules: dict[str, Module], entrances: tuple[str, ...]) -> tuple[str, ...]:
    """Name the modules that no entrance leads to."""
    alive = {name for entrance in entrances for name in loaded_with(entrance, modules)}
    return tuple(module.path for name, module in sorted(modules.items()) if name not in alive)


def named(*modules: Module) -> dict[str, Module]:
    """Key modules by their name."""
    return {module.name: module for module in modules}


def test_every_module_is_reached_from_a_door() -> None:
    modules = named(*production_modules())
    found = dead(modules, doors(modules))
    assert not found, "\n".join(found)


def test_an_island_of_modules_that_import_each_other_is_found() -> None:
    modules = named(
        parse("chainnode/cli/__init__.py", "LATE = {'x': 'chainnode.cli.x:run'}"),
        parse("chainnode/cli/x.py", "def f():\n    import chainnode.codec"),
        parse("chainnode/codec.py", ""),
        parse("chainnode/island.py", "import chainnode.shore"),
        parse("chainnode/shore.py", "import chainnode.island"),
    )
    assert dead(modules, ("chainnode.cli",)) == ("chainnode/island.py", "chainnode/shore.py")


def test_what_is_started_as_a_program_is_a_door() -> None:
    modules = named(
        parse("devnet/__init__.py", "def f(run):\n    run(['-m', 'devnet.registry'])"),
        parse("devnet/registry/__init__.py", ""),
        parse("devnet/registry/__main__.py", ""),
        parse("devnet/other/__init__.py", ""),
        parse("devnet/other/__main__.py", ""),
    )
    assert run_as_programs(modules) == ("devnet.registry",)
