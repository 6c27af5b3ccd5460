"""A call between two departments, its halves and tokens, for tests of `access` version 2."""

from dataclasses import dataclass, field

import msgspec
import pytest

from chainnode.submission import key_id
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey
from contracts.registry import contract_named
from contracts.schemas.access import CALLS, OPEN, AccessRecord, CallRow, OpenRow
from contracts.schemas.call_words import Side
from contracts.schemas.catalog import ItemRow
from contracts.schemas.codes import Rejection
from contracts.schemas.grant_states import GrantState
from contracts.schemas.grants import GRANTS, GrantRow
from contracts.schemas.members import KEYS, KeyRow
from contracts.schemas.shape import PublicPart, encode_part
from contracts.schemas.tokens import (
    EmbeddedReply,
    EmbeddedRequest,
    ReplyToken,
    RequestToken,
    encode_embedded,
)
from contracts.sdk import Accepted, OwnRecord
from tests.unit.contracts.builders import (
    CHAIN_ID,
    NOW_MS,
    PROVIDER,
    REQUESTER,
    SALT,
    Caller,
    changed,
)

DEADLINE_MS = 20_000
GRANT = "grant-1"
ITEM = "population.basic"
SUITE = suite_named("intl")
HALF = AccessRecord(
    salt=SALT,
    call_id=b"c" * 16,
    side=Side.REQUESTER,
    requester=REQUESTER,
    provider=PROVIDER,
    item=ITEM,
    item_version=1,
    fields=3,
    subjects=(b"s" * 32,),
    people=0,
    decision=0,
    status=200,
    count=1,
    requested_ms=NOW_MS,
    answered_ms=NOW_MS + 1,
    trace_id=b"t" * 16,
    parent_call_id=b"",
    grant=GRANT,
    checked_height=7,
    other=b"",
    request_commitment=b"q" * 32,
    response_commitment=b"r" * 32,
)
GRANT_ROW = GrantRow(
    requester=REQUESTER,
    provider=PROVIDER,
    supervisor="",
    item=ITEM,
    item_version=1,
    fields=7,
    kind=1,
    purpose="housing",
    valid_from=20200101,
    valid_to=0,
    quota=0,
    state=GrantState.ACTIVE,
    since_ms=0,
    suspended_by="",
)


def item_row(**change: object) -> ItemRow:
    row = ItemRow(
        owner=PROVIDER,
        version=1,
        title="basic",
        grade=1,
        share=2,
        fields=("name", "state"),
        supervisor="",
        is_withdrawn=0,
    )
    return msgspec.structs.replace(row, **change)


def signer_of(organisation: str) -> PrivateKey:
    """Return the service key of a side."""
    return SUITE.load_private_key(organisation.encode().ljust(32))


def service_key(organisation: str) -> KeyRow:
    """Return the row of that key."""
    return KeyRow(signer_of(organisation).public_key, organisation, (3,), 0, 0)


def request_of(half: AccessRecord, signer: PrivateKey) -> bytes:
    """Return the requester's token of this call, as a provider's half embeds it."""
    token = RequestToken(
        chain_id=CHAIN_ID,
        requester=half.requester,
        provider=half.provider,
        call_id=half.call_id,
        item=half.item,
        item_version=half.item_version,
        fields=half.fields,
        grant=half.grant,
        request_commitment=half.request_commitment,
        http_digest=b"h" * 32,
        requested_ms=NOW_MS,
    )
    return encode_embedded(
        EmbeddedRequest(
            key_id=key_id(SUITE, signer.public_key),
            http_digest=b"h" * 32,
            requested_ms=NOW_MS,
            signature=signer.sign(token.content()),
        )
    )


def reply_of(half: AccessRecord, signer: PrivateKey) -> bytes:
    """Return the provider's token of this call, as a requester's half embeds it."""
    token = ReplyToken(
        chain_id=CHAIN_ID,
        requester=half.requester,
        provider=half.provider,
        call_id=half.call_id,
        decision=half.decision,
        status=half.status,
        count=half.count,
        response_commitment=half.response_commitment,
        answered_ms=NOW_MS,
    )
    return encode_embedded(
        EmbeddedReply(
            key_id=key_id(SUITE, signer.public_key),
            answered_ms=NOW_MS,
            signature=signer.sign(token.content()),
        )
    )


@dataclass
class Exchange:
    """Two departments with a grant and a service key each, and one state that both write to."""

    caller: Caller = field(default_factory=lambda: Caller(rules=2, match_deadline_ms=DEADLINE_MS))

    def __post_init__(self) -> None:
        self.put_grant()
        for organisation in (REQUESTER, PROVIDER):
            self.put_key(service_key(organisation))

    def put_grant(self, **change: object) -> None:
        self.caller.state.put(GRANTS, msgspec.structs.replace(GRANT_ROW, **change), GRANT)

    def put_key(self, row: KeyRow) -> None:
        self.caller.state.put(KEYS, row, key_id(SUITE, row.public_key))

    def drop_key(self, row: KeyRow) -> None:
        self.caller.state.delete(KEYS, key_id(SUITE, row.public_key))

    def half(self, side: Side) -> AccessRecord:
        return changed(HALF, side=int(side))

    def token(self, half: AccessRecord) -> bytes:
        """Return what the other side signed of this call."""
        make = reply_of if half.side == Side.REQUESTER else request_of
        return make(half, signer_of(half.listener))

    def with_token(self, half: AccessRecord) -> AccessRecord:
        return changed(half, other=self.token(half))

    def record(self, half: PublicPart) -> Accepted:
        """Send a half, or people, for whom it speaks."""
        assert isinstance(half, AccessRecord)
        self.caller.organisation = half.speaker
        return self.caller.raw("access", "record", encode_part(half))

    def refused(self, half: AccessRecord, sender: str = "") -> tuple[int, ...]:
        """Send a half that must be refused; return code and details."""
        self.caller.organisation = sender or half.speaker
        with pytest.raises(Rejection) as refusal:
            self.caller.raw("access", "record", encode_part(half))
        return (refusal.value.code, *refusal.value.details)

    def woken(self, *, recorded_ms: int = NOW_MS) -> tuple[OwnRecord, ...]:
        """Let the deadline of a half that was recorded then pass."""
        due_ms = recorded_ms + DEADLINE_MS
        self.caller.now_ms = max(self.caller.now_ms, due_ms + 1)
        rules = contract_named(self.caller.rules, "access")
        key = (HALF.requester, HALF.provider, HALF.call_id, due_ms)
        return rules.wake(self.caller.state, self.caller.context(), key)

    def wake(self, *, recorded_ms: int = NOW_MS) -> OwnRecord:
        (own,) = self.woken(recorded_ms=recorded_ms)
        return own

    def row(self) -> CallRow:
        row = self.caller.state.find(CALLS, *HALF.call)
        assert row is not None
        return row

    def open(self, organisation: str) -> OpenRow:
        return self.caller.state.find(OPEN, organisation) or OpenRow()
