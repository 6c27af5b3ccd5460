"""Stores certificates beside their blocks, once both are here, and tells the readers."""

from collections.abc import Callable, Sequence

from chainnode.codec import encode
from chainnode.ledger.chain import Ledger
from chainnode.submission import SubmissionDigest
from consensus.codec import certificate_to_plain
from consensus.messages import StableCheckpoint

# Certificates ahead of our own execution; the window bounds how far ahead they can be.
_AHEAD_MAX = 1024


class CertifiedBlocks:
    """Loop thread only. The core has verified every certificate that comes here."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        grown: Callable[[], None],
        final: Callable[[Sequence[SubmissionDigest]], None],
    ) -> None:
        self._ledger = ledger
        self._grown = grown
        self._final = final
        self._ahead: dict[int, StableCheckpoint] = {}

    def on_stable(self, stable: StableCheckpoint) -> None:
        """Store the certificate now, or when its block is executed."""
        if len(self._ahead) < _AHEAD_MAX:
            self._ahead[stable.height] = stable
        self._store()

    def on_executed(self, height: int) -> None:
        """Store what waited for this block."""
        if height in self._ahead:
            self._store()

    def on_final(self, digests: Sequence[SubmissionDigest]) -> None:
        """Pass on what became final."""
        self._final(digests)

    def _store(self) -> None:
        ready = sorted(height for height in self._ahead if height <= self._ledger.height)
        for height in ready:
            stable = self._ahead.pop(height)
            # What lies below a snapshot that was installed meanwhile is not here.
            if self._is_bare(height):
                self._ledger.store_certificate(encode(certificate_to_plain(stable)))
        if ready:
            self._grown()

    def _is_bare(self, height: int) -> bool:
        """Tell whether a block is here, and still without its certificate."""
        is_here = height > 0 and self._ledger.has_header(height)
        return is_here and self._ledger.certificate(height) is None
