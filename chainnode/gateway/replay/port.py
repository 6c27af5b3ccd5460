"""What replay asks of the ledger; `AsyncClient` answers it, with every answer proven but one."""

from typing import Protocol

from chainnode.client.results import Outcome
from chainnode.submission import Submission
from chainnode.verify.evidence import ReceiptFacts, RecordFacts
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trust import Trust


class Ledger(Protocol):
    """Nodes of one chain, asked in turn. Each method raises `CannotDecide` when none answers."""

    @property
    def trust(self) -> Trust:
        """The anchor that every answer is checked against."""
        ...

    async def settle(self, submission: Submission, *, wait_s: float) -> Outcome:
        """Offer signed bytes until a receipt is proven or time is up."""
        ...

    async def receipt(self, digest: bytes) -> ReceiptFacts:
        """Return the proven receipt of a submission."""
        ...

    async def record(self, position: int) -> tuple[RecordFacts, JsonObject]:
        """Return the proven record at a log position."""
        ...

    async def header_latest(self) -> CertifiedHeader:
        """Return the newest proven header."""
        ...

    async def nonce_next(self, public_key: bytes) -> int:
        """Return the next nonce of a key, on a node's word."""
        ...
