"""Byzantine members: whatever f of n may do, short of breaking a signature."""

from tests.simulation.byzantine.expected import COUNTERS
from tests.simulation.byzantine.member import STARVED_OF, ByzantineNode
from tests.simulation.byzantine.twins import TwinSides
from tests.simulation.byzantine.vices import Vice, draw_vices

__all__ = ["COUNTERS", "STARVED_OF", "ByzantineNode", "TwinSides", "Vice", "draw_vices"]
