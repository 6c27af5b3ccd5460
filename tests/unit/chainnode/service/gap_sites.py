"""A site of rules 2 on which halves stand alone: the ledger makes records of its own.

The same blocks in every run, so that two sites, or one before and after a crash, can be compared.
"""

from collections.abc import Sequence
from pathlib import Path

from chainnode.ledger.codec import decode_entry
from chainnode.submission import Call, Submission
from contracts.schemas.access import AccessRecord
from contracts.schemas.call_words import Side
from contracts.schemas.index_kinds import IndexKind, index_key
from contracts.schemas.shape import encode_part
from tests.builders import (
    NOW_MS,
    ORGANISATIONS,
    genesis_of,
    parameters_of_rules_2,
    submission_key,
    submission_of,
)
from tests.sites import Site
from tests.unit.contracts.builders import changed
from tests.unit.contracts.halves import HALF

DEADLINE_MS = 20_000
PARAMETERS = parameters_of_rules_2(match_deadline_ms=DEADLINE_MS)
GENESIS = genesis_of(parameters=PARAMETERS)
REQUESTER, PROVIDER = ORGANISATIONS[:2]
SUBJECT = HALF.subjects[0]
FIRST_MS = NOW_MS + 1_000
DUE_MS = FIRST_MS + DEADLINE_MS + 1_000
Block = tuple[int, Sequence[Submission]]


def half(number: int, side: Side, **change: object) -> AccessRecord:
    return changed(
        HALF,
        call_id=bytes([number]) * 16,
        side=int(side),
        requester=REQUESTER,
        provider=PROVIDER,
        requested_ms=FIRST_MS,
        **change,
    )


def halves(nonce: int, *parts: AccessRecord, until_ms: int = DUE_MS + 60_000) -> Submission:
    """Return halves of one side in one submission."""
    return submission_of(
        GENESIS,
        key=submission_key(GENESIS.suite_name, parts[0].side),
        nonce=nonce,
        valid_until_ms=until_ms,
        contract="access",
        contract_version=2,
        calls=[Call(action="record", public=encode_part(one), private=b"why") for one in parts],
    )


def blocks() -> tuple[Block, ...]:
    """Return time and submissions of each block: halves, an empty deadline, late halves.

    Nothing waits for the index after blocks 2, 5 and 8. Own records: block 1 (mismatched),
    4 (unmatched, three times), 6 (matched, mismatched).
    """
    asks, answers = Side.REQUESTER, Side.PROVIDER
    return (
        (
            FIRST_MS,
            (
                halves(0, *(half(one, asks) for one in range(4))),
                halves(0, half(0, answers, count=9)),
            ),
        ),
        (FIRST_MS + 1_000, ()),
        (FIRST_MS + 2_000, ()),
        (DUE_MS, ()),
        (DUE_MS + 1_000, ()),
        (DUE_MS + 2_000, (halves(1, half(1, answers), half(2, answers, fields=1)),)),
        (DUE_MS + 3_000, ()),
        (DUE_MS + 4_000, ()),
    )


BLOCKS = len(blocks())
OWN = ["mismatched", "unmatched", "unmatched", "unmatched", "matched", "mismatched"]


def opened(folder: Path) -> Site:
    """Open a site at whatever height its folder has."""
    return Site(folder, genesis=GENESIS)


def grown(site: Site, *, to: int = BLOCKS) -> Site:
    """Execute the blocks that the site lacks, up to a height; each is certified."""
    for time_ms, submissions in blocks()[site.ledger.height : to]:
        site.grow(*submissions, time_ms=time_ms)
    return site


def own_positions(site: Site, *, start: int = 0) -> list[int]:
    """Return where the ledger's own records stand."""
    entries = enumerate(site.ledger.entries(start, site.ledger.log_size), start)
    return [position for position, data in entries if decode_entry(data).is_ledgers_own]


def own_actions(site: Site, *, start: int = 0) -> list[str | None]:
    """Return what they say, None where the body is gone."""
    parts = (site.ledger.call_parts(one) for one in own_positions(site, start=start))
    return [None if one is None else one[0] for one in parts]


def gap_key(site: Site, organisation: str = REQUESTER) -> bytes:
    return index_key(site.suite.digest, IndexKind.UNMATCHED, organisation)
