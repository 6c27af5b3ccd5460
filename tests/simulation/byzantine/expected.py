"""The counters that default seeds must bring above zero, or a lie was never told."""

from tests.simulation.byzantine.fields import all_names
from tests.simulation.byzantine.vices import Vice

COUNTERS: tuple[str, ...] = (
    *(f"mutated_{name}" for name in all_names()),
    "mutation_unsigned",
    "mutation_signed",
    "mutation_signed_deep",
    "lies_refused_at_the_door",
    "hostile_batches",
    "hostile_blocks",
    *(f"vice_{vice.value}" for vice in Vice if vice is not Vice.NONE),
)
