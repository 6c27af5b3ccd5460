"""What a proven receipt says of each entry of a submission.

The last call of an entry is its half, those before it are its people records; what became of
the half decides, because the ledger holds one half of each testimony.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from chainnode.client.results import CallResult
from chainnode.client.submitting import call_results
from chainnode.gateway.replay.port import Ledger
from chainnode.gateway.spool.entries import EntryId, SpoolEntry
from chainnode.gateway.spool.records import Recorded
from chainnode.ledger.types import Receipt
from contracts.schemas.codes import DIGEST_WORDS, Code, digest_of_words

# Refusals of a whole submission that a fresh signature mends: its time, or its nonce.
SIGNED_ANEW: Final = frozenset({Code.EXPIRED, Code.NONCE_USED, Code.NONCE_AHEAD})
# Refusals that another key mends, or the registration of this one.
KEY_REFUSALS: Final = frozenset({Code.UNKNOWN_KEY, Code.KEY_NOT_VALID, Code.ROLE_MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The ledger took all calls of the entry; `position` is the half's in the log."""

    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Double:
    """The ledger has a half of this testimony from before, at this place."""

    submission_digest: bytes
    call_index: int
    refusal: CallResult


@dataclass(frozen=True, slots=True, kw_only=True)
class NotByThisKey:
    """The ledger would take it from a key with the right role."""

    code_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedForEver:
    """Sending it again will bring the same refusal."""

    refusal: CallResult


Judged: TypeAlias = Accepted | Double | NotByThisKey | RefusedForEver


def judge_entries(
    receipt: Receipt, entries: Sequence[tuple[EntryId, SpoolEntry]]
) -> tuple[tuple[EntryId, SpoolEntry, Judged], ...]:
    """Judge each entry of an executed submission by the receipts of its calls."""
    results = call_results(receipt)
    judged, start = [], 0
    for entry_id, entry in entries:
        end = start + len(entry.calls)
        judged.append((entry_id, entry, _judge(results[start:end])))
        start = end
    return tuple(judged)


def position_of(receipt: Receipt, call_index: int) -> int | None:
    """Return the log position of an accepted call of a submission, None if it was not accepted."""
    results = call_results(receipt)
    return results[call_index].position if call_index < len(results) else None


async def recorded_before(
    ledger: Ledger, entry_id: EntryId, entry: SpoolEntry, double: Double
) -> Recorded | None:
    """Return where the ledger has this very half, None when what it has is another one.

    Raises:
        CannotDecide: the nodes do not show it now.

    """
    receipt = (await ledger.receipt(double.submission_digest)).receipt
    position = position_of(receipt, double.call_index)
    if position is None:
        return None
    facts, _ = await ledger.record(position)
    found = facts.entry
    is_place = (found.submission_digest, found.call_index) == (
        double.submission_digest,
        double.call_index,
    )
    if not is_place or found.body_digest != entry.calls[-1].body_digest(ledger.trust.suite):
        return None
    return Recorded(
        entry_id=entry_id,
        submission_digest=double.submission_digest,
        height=found.height,
        position=position,
    )


def _judge(calls: Sequence[CallResult]) -> Judged:
    refused = [one for one in calls if one.code != Code.ACCEPTED]
    half = calls[-1]
    if any(one.code in KEY_REFUSALS for one in refused):
        return NotByThisKey(code_name=refused[0].code_name)
    if half.code == Code.ACCESS_DOUBLE_RECORD and len(half.details) == 1 + DIGEST_WORDS:
        return Double(
            submission_digest=digest_of_words(half.details[1:]),
            call_index=half.details[0],
            refusal=half,
        )
    if refused or half.position is None:
        return RefusedForEver(refusal=(refused or [half])[0])
    return Accepted(position=half.position)
