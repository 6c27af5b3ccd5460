"""Three blocks that are always the same: every action, refusals of every kind, both suites."""

from chainnode.submission import Call, key_id
from contracts.schemas.shape import encode_part
from tests.unit.chainnode.execution.chains import Chain
from tests.unit.contracts.builders import (
    ACCESS_RECORD,
    ADD_KEY,
    END_KEY,
    IMPORT,
    ISSUE,
    NOW_MS,
    QUESTION,
    REVOKE,
    changed,
)


def fixed_headers(suite_name: str) -> tuple[bytes, ...]:
    """Return the header digests of heights 1 to 3."""
    chain = Chain(suite_name)
    h = chain.suite.digest
    added = changed(ADD_KEY, public_key=chain.public_key(9))
    ended = changed(
        END_KEY, key_id=key_id(chain.suite, chain.public_key(9)), valid_to_ms=NOW_MS + 2
    )
    records = [changed(ACCESS_RECORD, call_id=bytes((i,)) * 16) for i in range(20)]
    hostile = [
        Call(action="record", public=public, private=b"\xff")
        for public in (b"", b"\x93" * 100, encode_part(ISSUE), encode_part(records[0]) + b"\x00")
    ]
    blocks = (
        chain.execute(
            chain.submission(*records, records[3]),
            chain.submission(*(changed(one, side=1) for one in records), sender=1),
            chain.submission(ISSUE, IMPORT, sender=0),
            chain.submission(added),
        ),
        chain.execute(
            chain.submission(REVOKE, REVOKE, changed(REVOKE, identifier=IMPORT.identifier)),
            chain.submission(records[0], sender=9),
            chain.submission(QUESTION, sender=2),
            chain.submission(ended),
            chain.raw_submission(hostile, public_key=chain.public_key(3)),
            chain.raw_submission(hostile, public_key=b"", nonce=0),
            time_ms=NOW_MS + 1,
        ),
        chain.execute(
            chain.submission(QUESTION, sender=9),
            chain.submission(QUESTION, sender=0, nonce=0),
            chain.submission(QUESTION, sender=0, nonce=8000),
            time_ms=NOW_MS + 2,
        ),
    )
    return tuple(block.header.digest(h) for block in blocks)
