"""A node's signature under an export: that it took part, for a question recorded on this chain.

Signed with the vote key under a domain tag of its own, through the vote guard like everything
that this key signs (ADR-0022). Only who asked a question gets a signature for it, and only over
a manifest that names it; of one that names several, each must be recorded and theirs. A key that
has ended since gets none: whoever holds it now may have stolen it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.proving.evidence import Proofs
from chainnode.service.errors import Refused
from chainnode.submission import key_id
from chainnode.suites.port import Suite
from chainnode.verify.epochs import follow
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import verify_record_evidence
from chainnode.verify.export import NODE, require_auditor
from chainnode.verify.export_forms import MANIFEST_BYTES_MAX, read_manifest
from chainnode.verify.forms import base64_text
from chainnode.verify.question import AskedQuestion, export_content, read_question
from chainnode.verify.strict_json import (
    JsonObject,
    as_base64,
    as_fields,
    read_object,
)
from chainnode.verify.trust import Trust
from contracts.schemas.members import KEYS

# The manifest in base64, and a key with a signature.
REQUEST_BYTES_MAX = 2 * MANIFEST_BYTES_MAX
_SIGNATURE_BYTES = 64
_KEY_BYTES_MAX = 64
# What binds to no slot promises nothing in consensus.
_NO_SLOT: tuple[str | int, ...] = ()


class ExportSigner(Protocol):
    """The vote key behind its guard."""

    def sign(self, *, slot: tuple[str | int, ...], content: bytes) -> bytes:
        """Return the signature over `content`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who signs here: the replica, its epoch, its key behind the guard, and whether it may."""

    replica_id: int
    epoch: int
    signer: ExportSigner
    may_sign: Callable[[], bool]


class Exports:
    """Signs manifests of exports on the loop, like all that the vote key signs."""

    def __init__(
        self, *, genesis: Genesis, suite: Suite, ledger: Ledger, proofs: Proofs, voice: Voice
    ) -> None:
        self._suite = suite
        self._ledger = ledger
        self._proofs = proofs
        self._voice = voice
        self._trust = follow(proofs.links, Trust.from_genesis(genesis))

    async def sign(self, data: bytes) -> JsonObject:
        """Return this node's signature under the manifest in the request, read on a thread.

        Raises:
            Refused: not a manifest of a question that was recorded here, not signed by who
                asked it, or this replica may not sign.

        """
        if not self._voice.may_sign():
            raise Refused(
                "CANNOT_SIGN", expected="a replica that votes", actual="one that only learns"
            )
        try:
            manifest = await asyncio.to_thread(self._checked, data)
        except InvalidEvidence as error:
            raise Refused(
                "NOT_AN_EXPORT", expected=f"{error.check}: {error.expected}", actual=error.actual
            ) from error
        content = export_content(
            chain_id=self._trust.chain_id, signer=NODE, manifest_digest=self._suite.digest(manifest)
        )
        signature = self._voice.signer.sign(slot=_NO_SLOT, content=content)
        return {
            "epoch": self._voice.epoch,
            "replica_id": self._voice.replica_id,
            "signature": base64_text(signature),
        }

    def _checked(self, data: bytes) -> bytes:
        fields = as_fields(
            read_object(data, bytes_max=REQUEST_BYTES_MAX), "request", ("manifest", "auditor")
        )
        manifest = as_base64(fields["manifest"], "manifest", bytes_max=MANIFEST_BYTES_MAX)
        auditor = as_fields(fields["auditor"], "auditor", ("public_key", "signature"))
        key = as_base64(auditor["public_key"], "public_key", bytes_max=_KEY_BYTES_MAX)
        signature = as_base64(
            auditor["signature"], "signature", bytes_max=_SIGNATURE_BYTES, size=_SIGNATURE_BYTES
        )
        digests = read_manifest(manifest, self._trust).question_digests
        if not digests or len(set(digests)) != len(digests):
            raise InvalidEvidence(
                check="question", expected="one or more, each once", actual=f"{len(digests)}"
            )
        self._require_in_force(key)
        for digest in digests:
            require_auditor(
                self._recorded(digest),
                public_key=key,
                signature=signature,
                manifest=manifest,
                trust=self._trust,
            )
        return manifest

    def _require_in_force(self, public_key: bytes) -> None:
        """Refuse a key that is not registered, or not valid at the time of the newest block."""
        value = self._ledger.value(KEYS.key(key_id(self._suite, public_key)))
        now_ms = self._ledger.tip.head.time_ms
        if value is None or not KEYS.decode(value).is_valid_at(now_ms):
            raise InvalidEvidence(
                check="auditor", expected="a key that is in force", actual="one that is not"
            )

    def _recorded(self, digest: bytes) -> AskedQuestion:
        """Return the question of a submission, which must be recorded here."""
        place = self._ledger.place_of(digest)
        if place is None or not place.is_executed:
            raise InvalidEvidence(
                check="question", expected="one that is recorded here", actual="an unknown one"
            )
        position = self._ledger.receipts(place.height)[place.index].first_position
        evidence = self._proofs.record(position)
        question = read_question(verify_record_evidence(evidence, self._trust))
        if question.record.entry.submission_digest != digest:
            raise InvalidEvidence(
                check="question", expected="an accepted question", actual="a refused one"
            )
        return question
