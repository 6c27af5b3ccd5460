"""Known mistakes, planted one at a time: each must be found by the general oracles.

A planted mistake replaces a function or method for the duration of a hunt. None of them tells
an oracle what to look for.
"""

from tests.simulation.planted.checkpoints import CHECKPOINTS
from tests.simulation.planted.durability import DURABILITY
from tests.simulation.planted.liveness import LIVENESS
from tests.simulation.planted.plant import Planted, planted
from tests.simulation.planted.view_changes import VIEW_CHANGES
from tests.simulation.planted.voting import VOTING

ALL = (*VOTING, *VIEW_CHANGES, *DURABILITY, *CHECKPOINTS, *LIVENESS)

__all__ = ["ALL", "Planted", "planted"]
