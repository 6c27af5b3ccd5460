"""Signatures and certificates, verified again by other code than the core's."""

from consensus.codec import checkpoints_of, signed_content, votes_of
from consensus.messages import (
    Message,
    NewView,
    PreparedCertificate,
    StableCheckpoint,
    ViewChange,
)
from consensus.types import NULL_BATCH_DIGEST, ReplicaId
from tests.simulation.checkers.violation import Violation, fair_quorum
from tests.simulation.stubs import CHAIN_ID, ENCODER, has_stub_signature

# Values that were checked: kept, so that their identity stays theirs.
_Checked = dict[int, object]


class CertificateOracle:
    """Checks every certificate that a correct replica stores, shows or acts on, once."""

    def __init__(self, *, size: int) -> None:
        self._size = size
        self._quorum = fair_quorum(size)
        self._certified: dict[int, bytes] = {}
        self._checked: _Checked = {}

    def check_message(self, message: Message) -> None:
        """A message of a correct replica, with all that it carries."""
        match message:
            case ViewChange():
                self._check_view_change(message)
            case NewView():
                pass  # `check_new_view` is asked for it.
            case _:
                self.check_signature(message)

    def check_signature(self, message: Message) -> None:
        """The outermost signature is that of the sender."""
        content = signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)
        if not has_stub_signature(message.sender, message.signature, content):
            raise Violation(f"bad signature of {message.sender} in {type(message).__name__}")

    def _is_new(self, value: object) -> bool:
        if id(value) in self._checked:
            return False
        self._checked[id(value)] = value
        return True

    def _check_view_change(self, message: ViewChange) -> None:
        if not self._is_new(message):
            return
        self.check_signature(message)
        self.check_stable(message.stable)
        for certificate in message.prepared:
            self.check_prepared(certificate)

    def check_stable(self, stable: StableCheckpoint) -> None:
        if stable.height == 0 or not self._is_new(stable):
            return
        signers = {replica for replica, _ in stable.signatures}
        if len(signers) < self._quorum or len(signers) != len(stable.signatures):
            raise Violation(f"certificate {stable.height} has signers {sorted(signers)}")
        for vote in checkpoints_of(stable):
            self.check_signature(vote)
        held = self._certified.setdefault(stable.height, stable.header_digest)
        if held != stable.header_digest:
            raise Violation(f"agreement: height {stable.height} has two certified headers")

    def check_prepared(self, certificate: PreparedCertificate) -> None:
        if not self._is_new(certificate):
            return
        primary = ReplicaId(certificate.view % self._size)
        signers = {replica for replica, _ in certificate.prepares} | {primary}
        if len(signers) < self._quorum or len(signers) != len(certificate.prepares) + 1:
            raise Violation(f"prepared certificate {certificate.sequence} of {sorted(signers)}")
        for vote in votes_of(certificate, primary=primary):
            self.check_signature(vote)

    def check_new_view(self, message: NewView) -> None:
        """A quorum asked for the view, and exactly what it proves is proposed again."""
        if not self._is_new(message):
            return
        if message.sender != message.view % self._size:
            raise Violation(f"NEW-VIEW {message.view} of replica {message.sender}")
        if len({one.sender for one in message.view_changes}) < self._quorum:
            raise Violation("NEW-VIEW without a quorum")
        for wish in message.view_changes:
            if wish.new_view != message.view:
                raise Violation(f"NEW-VIEW {message.view} shows a wish for {wish.new_view}")
            self._check_view_change(wish)
        for proposal in message.pre_prepares:
            self.check_signature(proposal)
        self.check_signature(message)
        proposed = [(one.sequence, one.batch_digest) for one in message.pre_prepares]
        if proposed != self._owed(message):
            raise Violation(f"NEW-VIEW {message.view} proposes {proposed}")

    def _owed(self, message: NewView) -> list[tuple[int, bytes]]:
        """What follows from the view changes, computed a second time (OSDI '99 §4.4)."""
        low = max(one.stable.height for one in message.view_changes)
        best: dict[int, tuple[int, bytes]] = {}
        for wish in message.view_changes:
            for one in wish.prepared:
                if one.sequence > low:
                    latest = max(best.get(one.sequence, (-1, b"")), (one.view, one.batch_digest))
                    best[one.sequence] = latest
        owed = range(low + 1, max(best, default=low) + 1)
        return [(one, best.get(one, (0, NULL_BATCH_DIGEST))[1]) for one in owed]
