"""What admission asks of the executed state: which keys are registered, what was executed."""

from chainnode.ledger.chain import Ledger
from chainnode.submission import SubmissionDigest
from contracts.schemas.members import KEYS
from contracts.schemas.nonces import WINDOWS


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

    def is_forgotten(self, key_id: bytes, nonce: int) -> bool:
        """Whether a nonce was used, and maybe below the snapshot that this node stands on.

        The receipt is then with other nodes: here it would look as if it had been refused.
        """
        if not self._ledger.base_height:
            return False
        value = self._ledger.value(WINDOWS.key(key_id))
        return value is not None and WINDOWS.decode(value).is_used(nonce)
