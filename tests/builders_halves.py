"""A chain on which one record is a half with commitments to both of its messages."""

from functools import cache

from chainnode.client.calls import AccessCall, AccessReason, access_record
from chainnode.exchange import Field, commitment
from chainnode.submission import Call
from contracts.schemas.access import Side
from tests.builders_trails import IndexedChain

REQUESTER, PROVIDER = "HOUSING", "POLICE"
CALL_ID = bytes(16)
SEEDS = {"request": b"q" * 32, "response": b"a" * 32}
FIELDS = {
    "request": (Field("method", "POST"), Field("target", "/people"), Field("body.id", '"X"')),
    "response": (Field("status", "200"), Field("body.name", '"甲"'), Field("body.city", '"乙"')),
}
POSITION = 3
WITHOUT_COMMITMENT = 2
NOT_A_HALF = 1


class HalvesChain(IndexedChain):
    """A chain on which one record is a half with commitments to both of its messages."""

    contract_version = 2

    def _call(self, index: int) -> Call:
        if index == NOT_A_HALF:
            return super()._call(index)
        roots = {
            name: commitment(self.suite.digest, seed=SEEDS[name], fields=fields)
            for name, fields in FIELDS.items()
        }
        has_commitments = index != WITHOUT_COMMITMENT
        call = AccessCall(
            call_id=CALL_ID,
            side=Side.PROVIDER,
            requester=REQUESTER,
            provider=PROVIDER,
            item="population.basic",
            trace_id=bytes(16),
            request_commitment=roots["request"] if has_commitments else b"",
            response_commitment=roots["response"] if has_commitments else b"",
        )
        return access_record(call, AccessReason(purpose_code="housing"))


@cache
def halves_chain(suite: str, label: str = "synthetic") -> HalvesChain:
    """Return the chain of this suite and label; treat it as read-only."""
    return HalvesChain(suite, label=label)
