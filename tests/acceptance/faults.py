"""The run under faults that the acceptance of consensus judges, made once for all its tests."""

import json
from pathlib import Path

from devnet.faults.report import Report
from devnet.faults.run import RunRequest, run
from tests.acceptance.main_job import report as say

SECONDS = 60.0
# Any seed must do; this one is fixed so that two runs of the acceptance compare.
SEED = 1999


def broken_for_a_minute(folder: Path) -> Report:
    """Run the cluster under faults for `SECONDS`, prove everything, say the figures."""
    report = run(folder, RunRequest(seed=SEED, seconds=SECONDS))
    say(json.dumps(report.document(), ensure_ascii=False))
    return report
