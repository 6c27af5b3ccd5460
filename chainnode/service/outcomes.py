"""What became of a submission, in the JSON of the HTTP API, with the proof of it."""

from chainnode.driver.finality import Finality
from chainnode.ledger.chain import Ledger
from chainnode.ledger.types import Receipt
from chainnode.mempool import Mempool
from chainnode.proving.evidence import NotCertified, Proofs
from chainnode.service.words import words_of
from chainnode.submission import SubmissionDigest
from chainnode.suites.port import Suite
from chainnode.verify.strict_json import JsonObject, JsonValue
from contracts.schemas.codes import Code


class Outcomes:
    """Looks up submissions by digest: pending in the pool, executed, or final."""

    def __init__(
        self, *, ledger: Ledger, pool: Mempool, proofs: Proofs, finality: Finality, suite: Suite
    ) -> None:
        self._ledger = ledger
        self._pool = pool
        self._proofs = proofs
        self._finality = finality
        self._suite = suite

    def is_final(self, digest: SubmissionDigest) -> bool:
        """Whether the block that executed it is certified."""
        place = self._ledger.place_of(digest)
        return place is not None and place.height <= self._ledger.certified_height

    async def wait_final(self, digest: SubmissionDigest, *, timeout_s: float) -> bool:
        """Wait for the certified block; False when it did not come in time."""
        if self.is_final(digest):
            return True
        await self._finality.wait(digest, timeout_s=timeout_s)
        return self.is_final(digest)

    def receipt(self, digest: SubmissionDigest) -> tuple[int, Receipt] | None:
        """Return height and receipt of an executed submission."""
        return self._ledger.receipt_of(digest)

    def find(self, digest: SubmissionDigest) -> JsonObject | None:
        """Return the outcome object; None when this node has never seen the submission."""
        found = self.receipt(digest)
        if found is None:
            return self.pending(digest) if digest in self._pool else None
        height, receipt = found
        try:
            evidence = self._proofs.receipt(digest)
        except NotCertified:
            return self.pending(digest)
        return {
            "digest": self._name(digest),
            "status": "final",
            "height": height,
            "code": receipt.code,
            "code_name": Code(receipt.code).name,
            "words": words_of(Code(receipt.code)),
            "calls": _calls(receipt),
            "evidence": evidence,
        }

    def pending(self, digest: SubmissionDigest) -> JsonObject:
        """Return the outcome object of a submission that is not final yet."""
        return {
            "digest": self._name(digest),
            "status": "pending",
            "height": None,
            "code": None,
            "code_name": None,
            "words": None,
            "calls": [],
            "evidence": None,
        }

    def _name(self, digest: SubmissionDigest) -> str:
        return f"{self._suite.hash_name}:{digest.hex()}"


def _calls(receipt: Receipt) -> list[JsonValue]:
    position = receipt.first_position
    rows: list[JsonValue] = []
    for call in receipt.calls:
        accepted = call.code == Code.ACCEPTED
        rows.append(
            {
                "code": call.code,
                "code_name": Code(call.code).name,
                "words": words_of(Code(call.code), call.details),
                "details": list(call.details),
                "position": position if accepted else None,
            }
        )
        position += accepted
    return rows
