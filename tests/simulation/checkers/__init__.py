"""General oracles, asked after every step: nothing here knows a particular bug.

Only correct nodes are held to them; Byzantine ones may do what they like. Certificates are
verified here by other code than the core's.
"""

from tests.simulation.checkers.oracles import Oracles
from tests.simulation.checkers.violation import Violation, fair_quorum

__all__ = ["Oracles", "Violation", "fair_quorum"]
