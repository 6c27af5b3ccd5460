"""`NodeService`: the one object that the HTTP API talks to."""

import base64
from collections.abc import Callable

from chainnode.clock import WallClock
from chainnode.driver.admission import Admission
from chainnode.driver.equivocations import KeptEvidence
from chainnode.genesis import ROLES, Genesis
from chainnode.ledger.chain import Ledger
from chainnode.proving.authored import AuthoredProofs
from chainnode.proving.compact import CompactProofs
from chainnode.proving.evidence import Proofs
from chainnode.service.errors import Refused
from chainnode.service.exports import Exports
from chainnode.service.feed import Feed, Growth
from chainnode.service.outcomes import Outcomes
from chainnode.service.questions import Questions
from chainnode.service.status import StatusReader
from chainnode.submission import SubmissionDigest
from chainnode.suites.port import Suite
from chainnode.verify.epochs import follow
from chainnode.verify.judge import Policy, judge_certificate
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trust import Trust
from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier
from contracts.schemas.members import KEYS
from contracts.schemas.nonces import WINDOWS, NonceWindow


class NodeService:
    """Writes, reads and explanations of one node. Loop thread only."""

    def __init__(
        self,
        *,
        genesis: Genesis,
        suite: Suite,
        clock: WallClock,
        ledger: Ledger,
        proofs: Proofs,
        admission: Admission,
        outcomes: Outcomes,
        questions: Questions,
        exports: Exports,
        status: StatusReader,
        equivocations: Callable[[], KeptEvidence],
        metrics: Callable[[], tuple[bytes, str]],
        wait_grown: Growth,
    ) -> None:
        self.genesis = genesis
        self.suite = suite
        self.proofs = proofs
        self.compact_proofs = CompactProofs(ledger, genesis=genesis, suite=suite)
        self.authored_proofs = AuthoredProofs(ledger, proofs, genesis=genesis, suite=suite)
        self.outcomes = outcomes
        self.questions = questions
        self.exports = exports
        self.status = status
        self.equivocations = equivocations
        self.metrics = metrics
        self.feed = Feed(ledger, h=suite.digest, status=status, wait_grown=wait_grown)
        self._clock = clock
        self._ledger = ledger
        self._admission = admission
        self._trust = follow(proofs.links, Trust.from_genesis(genesis))

    @property
    def stable_height(self) -> int:
        """Newest height that a quorum has signed."""
        return self._ledger.certified_height

    @property
    def log_size(self) -> int:
        """Number of records executed here."""
        return self._ledger.log_size

    def header_digest(self, height: int) -> str:
        """Return the header digest of an executed height in hex."""
        return self._ledger.header(height).digest(self.suite.digest).hex()

    def require_height(self, height: int) -> None:
        """Refuse a height that this node has not executed.

        Raises:
            Refused: `NOT_FOUND`.

        """
        if height > self._ledger.height:
            raise Refused(
                "NOT_FOUND", expected=f"a height up to {self._ledger.height}", actual=str(height)
            )

    def elsewhere(self) -> JsonObject:
        """Say from where on this node serves, and who may have what lies below."""
        return {
            "serves_from_height": self._ledger.base_height,
            "serves_from_position": self._ledger.first_position,
            "may_be_kept_by": self.status.others(),
        }

    def require_identifier(self, identifier: str) -> None:
        """Refuse what is no certificate identifier.

        Raises:
            Refused: `INVALID_IDENTIFIER`.

        """
        try:
            parse_identifier(identifier)
        except InvalidIdentifier as error:
            raise Refused(
                "INVALID_IDENTIFIER", expected="a certificate identifier", actual=str(error)
            ) from error

    async def submit(self, data: bytes) -> SubmissionDigest:
        """Admit a client's submission.

        Raises:
            InvalidSubmission: refused for what it is.
            PoolRefusal: no room now.

        """
        admitted = await self._admission.admit_own(data)
        return admitted.submission.digest

    def key(self, key_id: bytes) -> JsonObject | None:
        """Return a registered key with its organisation, roles and free nonces."""
        value = self._ledger.value(KEYS.key(key_id))
        if value is None:
            return None
        row = KEYS.decode(value)
        window = self._nonce_window(key_id)
        return {
            "key_id": key_id.hex(),
            "public_key": base64.b64encode(row.public_key).decode("ascii"),
            "organisation": row.organisation,
            "roles": [ROLES[role] for role in row.roles],
            "valid_from_ms": row.valid_from_ms,
            "valid_to_ms": row.valid_to_ms,
            "nonce_base": window.base,
            "nonce_next": window.next_nonce,
        }

    def judge(
        self, *, file_digest: bytes | None, identifier: str | None, as_of_ms: int | None
    ) -> JsonObject:
        """Return the verdict on a certificate and the evidence it rests on."""
        if identifier is not None:
            self.require_identifier(identifier)
        evidence = self.proofs.certificate(file_digest=file_digest, identifier=identifier)
        policy = Policy(now_ms=self._clock.now_ms(), as_of_ms=as_of_ms)
        verdict = judge_certificate(
            evidence,
            self._trust,
            content_digest=file_digest,
            identifier=identifier,
            policy=policy,
        )
        return {**verdict.form(), "evidence": evidence}

    def trust(self) -> JsonObject:
        """Return a trust file pinned at the newest certified header."""
        header = self._ledger.header(self.stable_height)
        return self._trust.pinned_at(
            epoch=header.head.epoch,
            height=header.height,
            header_digest=header.digest(self.suite.digest),
            time_ms=header.head.time_ms,
        ).form()

    def _nonce_window(self, key_id: bytes) -> NonceWindow:
        value = self._ledger.value(WINDOWS.key(key_id))
        return NonceWindow() if value is None else WINDOWS.decode(value)
