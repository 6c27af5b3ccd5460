"""What a gateway's spool holds, for people and for programs: no content of any call."""

from typing import TYPE_CHECKING

from chainnode.verify.verdict import local_time
from contracts.schemas.codes import MEANINGS, Code

if TYPE_CHECKING:
    from chainnode.gateway import DeadLetter, StoredSpool


def status_document(stored: "StoredSpool | None") -> dict[str, object]:
    """Return what a spool holds; a folder that never had one holds nothing."""
    if stored is None:
        return {
            "waiting": 0,
            "waiting_bytes": 0,
            "oldest_made": None,
            "dead_letters": 0,
            "settled": 0,
            "under_way": None,
        }
    state = stored.state
    oldest, under_way = state.oldest_made_ms, state.in_flight
    return {
        "waiting": state.waiting_count,
        "waiting_bytes": state.waiting_bytes,
        "oldest_made": None if oldest is None else local_time(oldest),
        "dead_letters": state.held_count - state.waiting_count,
        "settled": state.settled,
        "under_way": None if under_way is None else under_way.digest.hex(),
    }


def letter_document(letter: "DeadLetter") -> dict[str, object]:
    """Return one dead letter: which call, and why the ledger refuses it."""
    return {
        "entry": letter.entry_id,
        "requester": letter.identity.requester,
        "provider": letter.identity.provider,
        "call_id": letter.identity.call_id.hex(),
        "side": letter.identity.side.name.lower(),
        "made": local_time(letter.made_ms),
        "died": local_time(letter.died_ms),
        "code": letter.code,
        "code_name": letter.code_name,
        "details": list(letter.details),
        "reason": refusal_words(letter),
    }


def refusal_words(letter: "DeadLetter") -> str:
    """Return the name of the refusal and its sentence, where it has one."""
    try:
        meaning = MEANINGS[Code(letter.code)] if letter.code else None
    except (ValueError, KeyError):
        meaning = None
    return letter.code_name if meaning is None else f"{letter.code_name}: {meaning.sentence}"
