"""The second implementation shares nothing with the first."""

import ast
from pathlib import Path

FOLDER = Path(__file__).parent
PRODUCT = ("chainnode", "consensus", "contracts", "devnet")
OF_TESTS = ("tests.second_reader", "tests.naive_index")


def imported(source: str) -> set[str]:
    """Return the modules that a source imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {f"{module}.{one.name}" for one in node.names}
    return found


def is_foreign(name: str) -> bool:
    if name.split(".", maxsplit=1)[0] in PRODUCT:
        return False
    return not name.startswith("tests.") or name.startswith(OF_TESTS)


def test_nothing_of_the_product_is_imported() -> None:
    modules = [*FOLDER.glob("*.py"), FOLDER.parent / "naive_index.py"]
    found = {one.name: imported(one.read_text(encoding="utf-8")) for one in modules}

    assert all(is_foreign(name) for names in found.values() for name in names), found


def test_an_import_of_the_product_would_be_seen() -> None:
    assert not is_foreign(*imported("from chainnode.codec import encode"))
    assert not is_foreign(*imported("def f():\n    import contracts.access"))
    assert not is_foreign(*imported("from tests.builders import NOW_MS"))
