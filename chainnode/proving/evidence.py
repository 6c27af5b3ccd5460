"""Builds evidence (docs/wire-format.md §11) from the ledger, for anyone to check elsewhere.

Nothing here decides anything: `chainnode.verify` judges what this module hands out. Everything
stands under a header that a quorum signed; what is not certified yet cannot be shown.
"""

from collections.abc import Sequence

from chainnode.errors import NodeError
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import (
    decode_certificate,
    decode_entry,
    encode_head,
    encode_receipt,
)
from chainnode.ledger.errors import HeightNotKept
from chainnode.ledger.types import MapItem as ProvenItem
from chainnode.verify.forms import (
    Anchor,
    AuthorshipItem,
    BlockRecordItem,
    MapItem,
    RecordItem,
    TailItem,
    TrailItem,
    authored_record_evidence,
    base64_text,
    certificate_evidence,
    consistency_evidence,
    placed_form,
    receipt_evidence,
    record_evidence,
    record_form,
    state_evidence,
    trail_evidence,
)
from chainnode.verify.strict_json import JsonObject
from contracts.schemas import certificates, members


class NotCertified(NodeError):
    """The block is executed here, but a quorum has not signed it yet; ask again."""

    def __init__(self, *, height: int, stable_height: int) -> None:
        self.height = height
        self.stable_height = stable_height
        super().__init__(f"height {height} is not certified, the newest one is {stable_height}")


class Proofs:
    """Evidence about one chain, at certified heights of this node."""

    def __init__(
        self, ledger: Ledger, *, suite_name: str, links: Sequence[JsonObject] = ()
    ) -> None:
        """`links` say how earlier epochs ended, one for each, from epoch 0 on."""
        self.links = tuple(links)
        self._ledger = ledger
        self._suite_name = suite_name

    def certified_header(self, height: int) -> JsonObject:
        """Return `{"header", "certificate", "epochs"}` of a certified height.

        Raises:
            NotCertified: executed here, not signed by a quorum yet.

        """
        return placed_form(self._anchor(height))

    def block(self, height: int) -> JsonObject:
        """Return a whole certified block; `batch` is null when it was pruned.

        Raises:
            NotCertified: executed here, not signed by a quorum yet.

        """
        batch = self._ledger.batch_bytes(height)
        receipts = (encode_receipt(one) for one in self._ledger.receipts(height))
        return self.certified_header(height) | {
            "height": height,
            "batch": None if batch is None else base64_text(batch),
            "receipts": [base64_text(one) for one in receipts],
        }

    def record(self, position: int) -> JsonObject:
        """Prove the entry at `position` in the log of the newest certified header.

        Raises:
            NotCertified: its block is not certified yet.

        """
        height = self._ledger.certified_height
        return record_evidence(self._anchor(height), self._record_item(position, height))

    def authored_record(self, position: int, authorship: AuthorshipItem | None) -> JsonObject:
        """As `record`, with the submission of its sender.

        Raises:
            NotCertified: its block is not certified yet.

        """
        height = self._ledger.certified_height
        item = self._record_item(position, height)
        return authored_record_evidence(self._anchor(height), item, authorship)

    def record_in_block(self, position: int, authorship: AuthorshipItem | None) -> JsonObject:
        """Prove the entry at `position` among those of its block, with its submission.

        Raises:
            NotCertified: its block is not certified yet.

        """
        entry = self._ledger.entry(position)
        height = decode_entry(entry).height
        anchor = self._anchor(height)
        positions = self._ledger.positions(height)
        index = position - positions.start
        item = BlockRecordItem(
            entry=entry,
            index=index,
            count=len(positions),
            path=self._ledger.block_path(height, index),
            body=self._ledger.call_parts(position),
        )
        return authored_record_evidence(anchor, item, authorship)

    def row(self, position: int, height: int) -> JsonObject:
        """Return one entry with its path under the log root at the certified `height`."""
        return record_form(self._record_item(position, height))

    def trail(
        self,
        height: int,
        trails: Sequence[TrailItem],
        *,
        from_ms: int,
        to_ms: int,
        tail: TailItem | None,
    ) -> JsonObject:
        """Put proven trails under the certified header of `height`."""
        return trail_evidence(self._anchor(height), trails, from_ms=from_ms, to_ms=to_ms, tail=tail)

    def consistency(self, older: int, newer: int) -> JsonObject:
        """Prove that the log at the certified height `newer` continues the one at `older`.

        Raises:
            NotCertified: executed here, not signed by a quorum yet.

        """
        sizes = [self._ledger.header(height).head.log_size for height in (older, newer)]
        path = self._ledger.consistency_path(sizes[0], sizes[1])
        return consistency_evidence(self._anchor(newer), self._anchor(older), path)

    def receipt(self, submission_digest: bytes) -> JsonObject | None:
        """Prove what became of a submission under its own block's header; None: unknown here.

        Raises:
            NotCertified: executed, its block is not certified yet.

        """
        place = self._ledger.place_of(submission_digest)
        if place is None:
            return None
        proof = self._ledger.receipt_proof(place.height, place.index)
        return receipt_evidence(
            self._anchor(place.height),
            receipt=proof.receipt,
            index=place.index,
            count=proof.count,
            path=proof.path,
        )

    def certificate(self, *, file_digest: bytes | None, identifier: str | None) -> JsonObject:
        """Prove the state of a certificate, found by its file's digest, its identifier or both.

        What is not on the chain is proven to be absent.

        Raises:
            NotCertified: the newest certified height has its state no longer.

        """
        height = self._ledger.certified_height
        items: dict[bytes, MapItem] = {}
        names = [] if identifier is None else [identifier]
        if file_digest is not None:
            found = self._prove(items, certificates.FILES.key(file_digest), height)
            if found is not None:
                names.append(certificates.FILES.decode(found).identifier)
        history: tuple[bytes, ...] = ()
        for name in dict.fromkeys(names):
            value = self._prove(items, certificates.CERTIFICATES.key(name), height)
            if value is not None:
                issuer = certificates.CERTIFICATES.decode(value).issuer
                self._prove(items, members.ORGANISATIONS.key(issuer), height)
                history = self._history(name, height)
        return certificate_evidence(
            self._anchor(height),
            tuple(items.values()),
            digest=file_digest,
            identifier=identifier,
            history=history,
        )

    def state(self, *keys: bytes) -> JsonObject:
        """Prove what stands under each of these state keys, or that nothing does, at one height.

        Raises:
            NotCertified: the newest certified height has its state no longer.

        """
        height = self._ledger.certified_height
        items: dict[bytes, MapItem] = {}
        for key in keys:
            self._prove(items, key, height)
        return state_evidence(self._anchor(height), tuple(items.values()))

    def _prove(self, items: dict[bytes, MapItem], key: bytes, height: int) -> bytes | None:
        """Add the proof of one state key to `items`; return its value."""
        proven = self._state_item(key, height)
        items[key] = MapItem(
            key=key,
            value=proven.value,
            rows=proven.proof.rows,
            siblings=proven.proof.siblings,
        )
        return proven.value

    def _history(self, identifier: str, height: int) -> tuple[bytes, ...]:
        value = self._state_item(certificates.HISTORIES.key(identifier), height).value
        return () if value is None else certificates.HISTORIES.decode(value)

    def _state_item(self, key: bytes, height: int) -> ProvenItem:
        try:
            (item,) = self._ledger.state_proof((key,), height)
        except HeightNotKept as error:
            raise NotCertified(
                height=self._ledger.height, stable_height=self._ledger.certified_height
            ) from error
        return item

    def _record_item(self, position: int, height: int) -> RecordItem:
        size = self._ledger.header(height).head.log_size
        if position >= size:
            raise NotCertified(height=height + 1, stable_height=height)
        return RecordItem(
            position=position,
            entry=self._ledger.entry(position),
            path=self._ledger.record_path(position, size),
            body=self._ledger.call_parts(position),
        )

    def _anchor(self, height: int) -> Anchor:
        header = self._ledger.header(height)
        stored = self._ledger.certificate(height)
        if stored is None:
            raise NotCertified(height=height, stable_height=self._ledger.certified_height)
        certificate = decode_certificate(stored)
        return Anchor(
            chain_id=header.head.chain_id,
            suite_name=self._suite_name,
            head=encode_head(header.head),
            rest=header.rest.roots,
            epoch=certificate.epoch,
            height=certificate.height,
            header_digest=certificate.header_digest,
            signatures=certificate.signatures,
            links=self.links[: certificate.epoch],
        )
