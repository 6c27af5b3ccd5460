"""What holds for every test: one deterministic search, and no silent skip where none is due.

`KUN_REQUIRE_ALL=1` (set by `.ci/run`) says that this machine has everything a test may ask for;
a skip is then a missing part of the machine and fails. Without it a test skips with the name of
the package that it lacks.
"""

import os
import re
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

REQUIRE_ALL = "KUN_REQUIRE_ALL"
# What `repr` of an object without one of its own shows: another number in every process.
ADDRESS = re.compile(r" at 0x[0-9a-f]+")

# `ci`: the same examples on every machine and in every run, whatever its speed.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# `explore`: new examples in every run, for `make fuzz`; a failure prints the line that repeats it.
settings.register_profile(
    "explore", settings.get_profile("ci"), derandomize=False, max_examples=2_000
)
settings.load_profile("ci")


def _is_strict() -> bool:
    return os.environ.get(REQUIRE_ALL) == "1"


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure; an expected failure (`xfail`) is no skip."""
    if not _is_strict() or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{REQUIRE_ALL}=1 and this was not run: {reason}"


# Outermost: the outcome is final, an expected failure already marked as such.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """See a skip by mark, by fixture and from inside a test."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """See a skip of a whole module (`importorskip` at its top)."""
    report = yield
    _refuse_skip(report)
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names that differ between processes: two workers could not share such a suite."""
    unstable = [item.nodeid for item in items if ADDRESS.search(item.nodeid)]
    if unstable:
        raise pytest.UsageError("these names hold an address: " + ", ".join(unstable))
