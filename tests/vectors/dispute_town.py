"""The town of the dispute vectors: who is in it, what is called in it, and when things happen."""

from chainnode.genesis import Parameters
from tests.unit.contracts.builders import identifier
from tests.vectors.exchange_calls import Said
from tests.vectors.exchange_chain import CREATED_MS, DATA, DEADLINE_MS, SEATS, SERVICE, Seat

ISSUER = 2
DISPUTE_DEADLINE_MS = 5_000
PARAMETERS = Parameters(
    devnet=1,
    state_map_bits=8,
    index_map_bits=8,
    match_deadline_ms=DEADLINE_MS,
    dispute_deadline_ms=DISPUTE_DEADLINE_MS,
)
MORE_SEATS = {
    **SEATS,
    "data issuer": Seat(organisation=DATA, role=ISSUER, number=3010),
    "data service": Seat(organisation=DATA, role=SERVICE, number=3011),
}
BASIC, FREE, UNKNOWN = "population/basic", "population/open", "population/unpublished"
# 66 bytes of UTF-8: longer than an index key holds.
LONG = "人" * 22
CERTIFICATE = identifier(1, issuer=DATA)
CALLS_MS = CREATED_MS + 2_000
FILED_MS = CREATED_MS + 3_000
ACTED_MS = CREATED_MS + 4_000
# The first objections are due at the end of slot FILED + deadline.
DUE_MS = FILED_MS + DISPUTE_DEADLINE_MS + 1_000
LATE_MS = DUE_MS + 1_500
FOLLOWED_MS = LATE_MS + 1_000
IDLE_MS = CALLS_MS + DEADLINE_MS + 1_000
CALLS = {
    one.name: one
    for one in (
        Said(name="root", number=1, item=BASIC),
        Said(name="child", number=2, item=FREE, fields=1),
        Said(name="many people", number=3, item=FREE, fields=1, people=6),
        Said(name="not in the catalogue", number=4, item=UNKNOWN),
    )
}
