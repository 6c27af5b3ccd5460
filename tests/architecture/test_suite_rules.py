"""The suite's own rules bite: a skip fails where nothing may be missing, and chance is fixed."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from tests.architecture.sources import ROOT

SKIPS = {
    "by_mark": """
        import pytest

        @pytest.mark.skip(reason="needs fiu-utils")
        def test_it(): ...
    """,
    "by_condition": """
        import pytest

        @pytest.mark.skipif(True, reason="needs fiu-utils")
        def test_it(): ...
    """,
    "from_inside": """
        import pytest

        def test_it():
            pytest.skip("needs fiu-utils")
    """,
    "by_fixture": """
        import pytest

        @pytest.fixture
        def fiu():
            pytest.skip("needs fiu-utils")

        def test_it(fiu): ...
    """,
    "of_a_module": """
        import pytest

        pytest.skip("needs fiu-utils", allow_module_level=True)
    """,
    "by_import": """
        import pytest

        pytest.importorskip("no_such_module_anywhere", reason="needs fiu-utils")
    """,
}
EXPECTED_FAILURE = """
    import pytest

    @pytest.mark.xfail(reason="known", strict=True)
    def test_it():
        assert False
"""
SEARCH = """
    from hypothesis import given, strategies

    seen = []

    @given(strategies.integers())
    def test_draws(number):
        seen.append(number)

    def test_shows():
        print("drawn", seen)
"""
ADDRESS = """
    import pytest

    @pytest.mark.parametrize("value", [object()], ids=repr)
    def test_it(value): ...
"""


def run_suite(folder: Path, sources: Mapping[str, str], *, is_strict: bool) -> str:
    """Run test files under this suite's conftest, in a process of its own; return its words."""
    for name, source in sources.items():
        (folder / f"test_{name}.py").write_text(textwrap.dedent(source))
    (folder / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -rA --continue-on-collection-errors\n")
    environment = {**os.environ, "KUN_REQUIRE_ALL": "1" if is_strict else "0"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    ).stdout


def test_every_kind_of_skip_fails_where_everything_is_required(tmp_path: Path) -> None:
    output = run_suite(tmp_path, SKIPS, is_strict=True)
    refusal = "\nKUN_REQUIRE_ALL=1 and this was not run: Skipped: needs fiu-utils\n"
    assert output.count(refusal) == len(SKIPS), output
    # A test that skips itself fails; what skips before a test runs is an error.
    assert "= 1 failed, 5 errors in" in output.splitlines()[-1]


def test_a_skip_stays_a_skip_elsewhere_and_an_expected_failure_is_none(tmp_path: Path) -> None:
    expected = {"expected_failure": EXPECTED_FAILURE}
    elsewhere = run_suite(tmp_path, SKIPS | expected, is_strict=False)
    assert f"{len(SKIPS)} skipped, 1 xfailed" in elsewhere.splitlines()[-1]
    for name in SKIPS:
        (tmp_path / f"test_{name}.py").unlink()
    required = run_suite(tmp_path, expected, is_strict=True)
    assert "1 xfailed" in required.splitlines()[-1]


def test_two_runs_draw_the_same_examples(tmp_path: Path) -> None:
    drawn = []
    for _ in range(2):
        output = run_suite(tmp_path, {"search": SEARCH}, is_strict=True)
        drawn += [line for line in output.splitlines() if line.startswith("drawn [")]
    assert len(drawn) == 2
    assert len(drawn[0]) > len("drawn [0]")
    assert drawn[0] == drawn[1]


def test_a_name_that_differs_between_processes_is_refused(tmp_path: Path) -> None:
    output = run_suite(tmp_path, {"address": ADDRESS}, is_strict=False)
    assert "these names hold an address: test_address.py::test_it[<object object at" in output
    assert "passed" not in output
