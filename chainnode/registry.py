"""What admission asks of the executed state: which keys are registered, what was executed."""

from chainnode.ledger.chain import Ledger
from chainnode.submission import SubmissionDigest
from contracts.schemas.members import KEYS


class LedgerRegistry:
    """Answers from the newest executed block. Thread-safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def is_key_registered(self, key_id: bytes) -> bool:
        """Whether the state knows a key with this id, valid now or not."""
        return self._ledger.value(KEYS.key(key_id)) is not None

    def is_executed(self, digest: SubmissionDigest) -> bool:
        """Whether a submission with this digest consumed its nonce already."""
        place = self._ledger.place_of(digest)
        return place is not None and place.is_executed
