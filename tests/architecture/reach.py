"""Which modules an import may load, and which reach each other."""

from tests.architecture.sources import Module, imports_of, is_under


def loaded_with(name: str, modules: dict[str, Module]) -> dict[str, tuple[str, ...]]:
    """Everything that `import name` may load, foreign names too, each with the way to it.

    Lazy imports count, imports for types do not; importing a module runs every `__init__` above.
    """
    ways: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[str, tuple[str, ...]]] = [(name, ())]
    while waiting:
        target, way = waiting.pop()
        for part in files_of(target, modules):
            if part in ways:
                continue
            ways[part] = (*way, part)
            if part in modules:
                waiting += [
                    (one.target, ways[part])
                    for one in imports_of(modules[part])
                    if not one.is_type_only
                ]
    return ways


def files_of(target: str, modules: dict[str, Module]) -> tuple[str, ...]:
    """Return the modules that importing `target` runs: packages above it and itself."""
    parts = target.split(".")
    above = tuple(".".join(parts[: end + 1]) for end in range(len(parts)))
    return tuple(one for one in above if one in modules) or (parts[0],)


def circles(modules: dict[str, Module]) -> tuple[str, ...]:
    """Name the pairs of modules that reach each other by imports (package faces aside)."""
    direct = {
        name: {
            part
            for one in imports_of(module)
            if not one.is_type_only
            for part in files_of(one.target, modules)[-1:]
            if part in modules and part != name and not modules[part].is_package
        }
        for name, module in modules.items()
        if not module.is_package
    }
    reached = {name: _closure(name, direct) for name in direct}
    return tuple(
        f"{one} <-> {other}"
        for one in sorted(direct)
        for other in sorted(reached[one])
        if one < other and one in reached[other] and not is_under(other, one)
    )


def _closure(name: str, direct: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for target in direct.get(waiting.pop(), set()) - seen:
            seen.add(target)
            waiting.append(target)
    return seen
