"""Plans: one record with the submission that its sender signed, or by the place that it has in it.

A quorum proves that a record stands in the log; the signature of its sender proves whose word it
is. A node that has pruned the batch is passed over: another one may still have it. Evidence of
the block form does not say at which position the record stands, so the record is proven in the
log first, and the block form must show the very same entry.
"""

from chainnode.client import submitting
from chainnode.client.asking import record
from chainnode.client.exchange import Plan
from chainnode.client.session import Ask, Reports, Session, Unhelpful
from chainnode.ledger.types import Entry
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import RecordFacts
from chainnode.verify.forms import RecordPlace
from chainnode.verify.header import require_pinned_height
from chainnode.verify.record import BlockRecordFacts, verify_any_record_evidence
from chainnode.verify.strict_json import JsonObject

AUTHOR_NOT_KEPT = "AUTHOR_NOT_KEPT"


def authored_record(
    session: Session, position: int, *, place: RecordPlace
) -> Plan[tuple[RecordFacts | BlockRecordFacts, JsonObject]]:
    """Return the record at a log position with its author, and the evidence of both.

    Raises:
        CannotDecide: no node gave a proof, or none has kept the submission.
        OlderThanPinned: the block of the record lies below the pinned checkpoint, so that this
            trust cannot prove it in its block.

    """
    known: Entry | None = None
    if place is RecordPlace.BLOCK:
        in_log, _ = yield from record(session, position)
        known = in_log.entry
        require_pinned_height(known.height, session.trust)

    def read(told: JsonObject) -> tuple[RecordFacts | BlockRecordFacts, JsonObject]:
        facts = verify_any_record_evidence(told, session.trust)
        _require_asked(facts, position, known)
        if facts.author is None:
            raise Unhelpful(AUTHOR_NOT_KEPT)
        session.observe(facts.header)
        return facts, told

    ask = Ask(method="GET", path=f"/v1/records/{position}/authored?place={place.value}")
    return (yield from session.first_checked(ask, read, Reports()))


def placed_record(
    session: Session, digest: bytes, call_index: int
) -> Plan[tuple[RecordFacts, JsonObject]]:
    """Return the record that call number `call_index` of a submission left, and its evidence.

    Raises:
        CannotDecide: no node gave the proofs.
        InvalidEvidence: that call was refused, or another record stands in its place.

    """
    receipt = (yield from submitting.receipt(session, digest)).receipt
    accepted = [index for index, one in enumerate(receipt.calls) if one.code == 0]
    if call_index not in accepted:
        raise InvalidEvidence(check="place", expected="an accepted call", actual="a refused one")
    position = receipt.first_position + accepted.index(call_index)
    facts, evidence = yield from record(session, position)
    if (facts.entry.submission_digest, facts.entry.call_index) != (digest, call_index):
        raise InvalidEvidence(check="place", expected="the record of the call", actual="another")
    return facts, evidence


def _require_asked(
    facts: RecordFacts | BlockRecordFacts, position: int, known: Entry | None
) -> None:
    """Check that this is the record at the position: by its proof, or as the entry `known`.

    Raises:
        InvalidEvidence: another record, or the other place.

    """
    if known is None and isinstance(facts, RecordFacts):
        found = facts.position == position
    else:
        found = isinstance(facts, BlockRecordFacts) and facts.entry == known
    if not found:
        raise InvalidEvidence(
            check="record", expected=f"the record at position {position}", actual="another"
        )
