"""What a gateway's spool holds, for people and for programs: no content of any call."""

from typing import TYPE_CHECKING

from chainnode.verify.verdict import local_time
from contracts.schemas.codes import MEANINGS, Code

if TYPE_CHECKING:
    from pathlib import Path

    from chainnode.gateway import DeadLetter, StoredSpool


def status_document(stored: "StoredSpool") -> dict[str, object]:
    """Return what a spool holds."""
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


def sent_document(config: "Path", *, wait_s: float) -> dict[str, object]:
    """Let the spool of these settings go out for `wait_s` at most, and return what became of it.

    Raises:
        ConfigurationError, StorageError: the settings or the spool cannot be used.
        RowsUnavailable: no node says as whom the key speaks.

    """
    import asyncio
    from dataclasses import replace

    from chainnode.gateway import look_at_spool
    from chainnode.gateway.opening import open_ledger_side
    from chainnode.gateway.settings import read_settings

    # To close is to drain.
    settings = replace(read_settings(config), drain_s=wait_s)
    stored = look_at_spool(settings.spool) if settings.spool.is_dir() else None
    settled = stored.state.settled if stored is not None else 0

    async def send() -> dict[str, object]:
        async with open_ledger_side(settings) as side:
            state = side.spool.state
        return {
            "sent": state.settled - settled,
            "waiting": state.waiting_count,
            "dead_letters": state.dead_count,
        }

    return asyncio.run(send())


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
