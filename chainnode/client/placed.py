"""Plan: the proven record at a place that the state names: a submission, and which call of it."""

from chainnode.client import asking, submitting
from chainnode.client.exchange import Plan
from chainnode.client.session import Session
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import RecordFacts


def placed_record(session: Session, digest: bytes, call_index: int) -> Plan[RecordFacts]:
    """Return the record of call `call_index` of a submission, by its proven receipt.

    Raises:
        CannotDecide: no node gave the proofs.
        InvalidEvidence: what is proven does not fit together.

    """
    receipt = (yield from submitting.receipt(session, digest)).receipt
    accepted = [index for index, one in enumerate(receipt.calls) if one.code == 0]
    if call_index not in accepted:
        raise _damaged("an accepted call", "a refused one")
    position = receipt.first_position + accepted.index(call_index)
    facts, _ = yield from asking.record(session, position)
    entry = facts.entry
    if (entry.submission_digest, entry.call_index) != (digest, call_index):
        raise _damaged("the record at its place", "another one")
    return facts


def _damaged(expected: str, actual: str) -> InvalidEvidence:
    return InvalidEvidence(check="place", expected=expected, actual=actual)
