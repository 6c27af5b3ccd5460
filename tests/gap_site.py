"""A site of rules 2 whose departments record halves of calls, for tests of what is seen of gaps."""

from pathlib import Path

from chainnode.genesis import Parameters
from chainnode.ledger.types import Header
from chainnode.submission import Call, Submission
from contracts.schemas.access import VERSION, AccessRecord
from contracts.schemas.call_words import NAME, Decision, Side
from contracts.schemas.shape import encode_part
from tests.builders import NOW_MS, ORGANISATIONS, genesis_of, submission_key, submission_of
from tests.sites import Site
from tests.unit.chainnode.ledger.exporting import Source
from tests.unit.contracts.builders import PURPOSE, changed
from tests.unit.contracts.halves import HALF

DEADLINE_MS = 20_000
# The slot of a deadline ends up to a second after it.
SLOT_MS = 1_000
ASKING, GIVING = ORGANISATIONS[0], ORGANISATIONS[1]
PARAMETERS = Parameters(devnet=1, state_map_bits=8, index_map_bits=8, match_deadline_ms=DEADLINE_MS)


def call_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def half(side: Side, number: int, **change: object) -> AccessRecord:
    """Return one half of a call that was denied, so that no grant is missed."""
    return changed(
        HALF,
        side=int(side),
        call_id=call_id(number),
        requester=ASKING,
        provider=GIVING,
        grant="",
        **({"decision": Decision.DENY, "requested_ms": NOW_MS} | change),
    )


class GapSite(Site):
    """One node; housing asks, the register gives."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, genesis=genesis_of("intl", parameters=PARAMETERS))
        self.nonces = {Side.REQUESTER: 0, Side.PROVIDER: 0}

    def said(self, *parts: AccessRecord) -> Submission:
        """Return a submission of halves of one side."""
        side = Side(parts[0].side)
        nonce, self.nonces[side] = self.nonces[side], self.nonces[side] + 1
        calls = [Call(action="record", public=encode_part(one), private=PURPOSE) for one in parts]
        return submission_of(
            self.genesis,
            key=submission_key("intl", int(side)),
            nonce=nonce,
            valid_until_ms=self.ledger.tip.head.time_ms + 60_000,
            contract=NAME,
            contract_version=VERSION,
            calls=calls,
        )

    def record(self, *parts: AccessRecord) -> Header:
        """Put halves of one side on the chain, certified."""
        return self.grow(self.said(*parts))

    def let_deadlines_pass(self) -> Header:
        """Let an empty block come after every deadline."""
        return self.grow(time_ms=self.ledger.tip.head.time_ms + DEADLINE_MS + 2 * SLOT_MS)

    def stand_on_snapshot_of(self, other: "GapSite") -> None:
        """Take the newest height of another site without any block below it."""
        _Source(other).stage_and_install(self.ledger)
        self.nonces = dict(other.nonces)

    def settle(self) -> None:
        """Let the index cover all that is recorded."""
        for _ in range(2):
            self.grow()
        assert self.ledger.tip.head.index_size == self.ledger.log_size


class _Source(Source):
    """A site as a source of snapshots."""

    def __init__(self, site: Site) -> None:
        self.h = site.suite.digest
        self.ledger = site.ledger
