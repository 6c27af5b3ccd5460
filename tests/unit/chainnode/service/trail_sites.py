"""A site whose chain holds calls about two subjects, and questions about them."""

from collections.abc import Sequence
from typing import cast

from chainnode.ledger.codec import decode_entry
from chainnode.submission import Submission, SubmissionDigest
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trail import TrailFacts, verify_trail_evidence
from contracts.schemas.index_kinds import IndexKind, index_key
from tests.builders import NOW_MS, ORGANISATIONS, submission_key, submission_of
from tests.sites import BLOCK_MS, Site, calls_of
from tests.unit.contracts.builders import ACCESS_RECORD, QUESTION, changed

SUBJECT, OTHER = b"\x51" * 32, b"\x52" * 32
RECORDS = 7
# The first record stands in block 1, one second after genesis.
FIRST_MS = NOW_MS + BLOCK_MS


def fill(
    site: Site,
    count: int = RECORDS,
    *,
    first: int = 0,
    per_block: int = 1,
    item: str = ACCESS_RECORD.item,
) -> None:
    """Record calls about the subject, each followed by one about somebody else."""
    for number in range(first, first + count):
        contract, calls = calls_of(
            *(
                changed(
                    ACCESS_RECORD,
                    call_id=number.to_bytes(8, "big") + at.to_bytes(8, "big"),
                    requester=ORGANISATIONS[1],
                    item=item,
                    subjects=(SUBJECT if at % 2 == 0 else OTHER,),
                )
                for at in range(2 * per_block)
            )
        )
        site.grow(
            submission_of(
                site.genesis,
                key=submission_key(site.suite.name, 1),
                nonce=number,
                valid_until_ms=site.ledger.tip.head.time_ms + 60_000,
                contract=contract,
                calls=calls,
            )
        )


def settle(site: Site, blocks: int = 2) -> None:
    """Let time pass until the index covers all that is recorded."""
    for _ in range(blocks):
        site.grow()
    assert site.ledger.tip.head.index_size == site.ledger.log_size


def question(
    site: Site,
    *values: bytes,
    kind: IndexKind = IndexKind.SUBJECT,
    period: tuple[int, int] = (0, 0),
    nonce: int = 0,
) -> Submission:
    asked = changed(
        QUESTION,
        kind=int(kind),
        values=tuple(sorted(values)),
        from_ms=period[0],
        to_ms=period[1],
    )
    return site.submission(asked, nonce=nonce, valid_until_ms=site.ledger.tip.head.time_ms + 60_000)


def recorded(site: Site, asked: Submission) -> SubmissionDigest:
    """Put a question on the chain, and let the index cover it."""
    site.grow(asked)
    settle(site)
    return asked.digest


async def pages(
    site: Site,
    digest: SubmissionDigest,
    *,
    limit: int = 100,
    held_chunks: tuple[int, ...] = (),
) -> list[JsonObject]:
    """Return all pages of an answer."""
    found: list[JsonObject] = []
    cursor: str | None = None
    while not found or cursor is not None:
        assert len(found) < 200
        page = await site.questions.answer(
            digest, cursor=cursor, limit=limit, held_chunks=held_chunks
        )
        found.append(page)
        cursor = cast("str | None", page["next_cursor"])
    return found


def facts_of(site: Site, page: JsonObject) -> TrailFacts:
    return verify_trail_evidence(page["evidence"], site.trust)


def positions(facts: TrailFacts) -> list[int]:
    return [row.position for row in facts.rows()]


def item_positions(page: JsonObject) -> list[int]:
    items = cast("list[JsonObject]", page["items"])
    return [cast("int", one["position"]) for one in items]


def subject_key(site: Site, value: bytes = SUBJECT) -> bytes:
    return index_key(site.suite.digest, IndexKind.SUBJECT, value)


def rows_of_key(site: Site, key: bytes, stop: int) -> Sequence[int]:
    """Scan the whole log below `stop`: the oracle."""

    entries = site.ledger.entries(0, stop)
    return [at for at, data in enumerate(entries) if key in decode_entry(data).index_keys]
