"""Entries and spools for tests."""

from pathlib import Path

from chainnode.gateway import Spool, SpoolEntry, SpoolLimits
from chainnode.gateway.spool.records import Answered, Died, Recorded, Signed
from chainnode.submission import Call
from contracts.schemas.access import Side

CHAIN_ID = b"c" * 32
NOW_MS = 1_700_000_000_000


def entry(
    number: int, *, calls: int = 1, content: bytes = b"", side: Side = Side.PROVIDER
) -> SpoolEntry:
    """The testimony of call `number`; `content` makes it differ under the same identity."""
    return SpoolEntry(
        requester="ORG-A",
        provider="ORG-B",
        call_id=number.to_bytes(16),
        side=side,
        calls=tuple(
            Call(
                action="record" if place == calls - 1 else "people",
                public=b"%d.%d.%d." % (side, number, place) + content,
                private=b"",
            )
            for place in range(calls)
        ),
        made_ms=NOW_MS + number,
    )


def opened(directory: Path, limits: SpoolLimits | None = None) -> Spool:
    """Open the spool of the tests' chain."""
    return Spool.open(directory, chain_id=CHAIN_ID, limits=limits)


def signed(*ids: int, nonce: int = 0) -> Signed:
    """A submission of these entries whose digest says its nonce."""
    return Signed(
        entry_ids=tuple(ids),  # type: ignore[arg-type]  # plain numbers read better here
        public_key=b"k" * 32,
        nonce=nonce,
        valid_until_ms=NOW_MS + 1000,
        contract="access",
        contract_version=1,
        signature=b"s" * 64,
        digest=nonce.to_bytes(32),
    )


def answered(under_way: Signed, *, died: tuple[int, ...] = ()) -> Answered:
    """The answer that the ledger has all entries of a submission but those that died."""
    return Answered(
        digest=under_way.digest,
        recorded=tuple(
            Recorded(entry_id=one, submission_digest=under_way.digest, height=7, position=100 + one)
            for one in under_way.entry_ids
            if one not in died
        ),
        died=tuple(
            Died(
                entry_id=one, died_ms=NOW_MS, code=32, code_name="FOREIGN_ORGANISATION", details=()
            )
            for one in under_way.entry_ids
            if one in died
        ),
    )
