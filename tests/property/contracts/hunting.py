"""How laws of a whole chain are searched, and how a mistake planted into the product is hunted."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from chainnode.errors import InvariantBroken
from chainnode.execution.block_work import BlockWork
from chainnode.submission import Submission

Mistake: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def few(examples: int) -> settings:
    """Return a search that every run of the suite can afford."""
    return settings(
        max_examples=examples,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


def require_found(
    mistake: Mistake,
    machine: type[RuleBasedStateMachine],
    monkeypatch: pytest.MonkeyPatch,
    *,
    search: settings,
) -> None:
    """Plant a mistake; the machine must find it.

    It is to be found, not to be shrunk; by the same examples in every run, and by a search that is
    longer than `search`, which looks for mistakes that nobody planted.
    """
    hunt = settings(
        search,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        max_examples=10 * search.max_examples,
    )
    mistake(monkeypatch)

    with pytest.raises((AssertionError, InvariantBroken)):
        run_state_machine_as_test(machine, settings=hunt)


def deadlines_wait_for_submissions(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle chain finds nothing."""
    execute = BlockWork.execute

    def idle(work: BlockWork, submissions: Sequence[Submission]) -> None:
        if submissions:
            execute(work, submissions)

    monkeypatch.setattr(BlockWork, "execute", idle)
