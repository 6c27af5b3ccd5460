"""Contracts under test: a state in memory, real suites, parts with defaults."""

from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import pytest

from chainnode.execution.crypto import SuiteCrypto
from chainnode.suites import suite_named
from contracts.registry import contract_named
from contracts.schemas import audit
from contracts.schemas.access_1 import AccessRecord
from contracts.schemas.audit_1 import Question
from contracts.schemas.catalog import Publish, Withdraw
from contracts.schemas.certificates import Import, Issue, Revoke
from contracts.schemas.codes import Rejection
from contracts.schemas.content import PublishKey, ShareKey
from contracts.schemas.disputes import (
    Correct,
    Extend,
    Forward,
    Object,
    Refuse,
    WithdrawDispute,
)
from contracts.schemas.grants import Apply, Confirm, Resume, Review, RevokeGrant, Suspend
from contracts.schemas.identifiers import generic_identifier
from contracts.schemas.members import AddKey, EndKey
from contracts.schemas.pseudonyms import OpenEpoch, Usage
from contracts.schemas.shape import PublicPart, encode_part
from contracts.schemas.state import Part, Table
from contracts.sdk import Accepted, Context

RowT = TypeVar("RowT")

REQUESTER = "11220000013544541J"
PROVIDER = "11430000006122244L"
ALL_ROLES = (1, 2, 3, 4, 5)
NOW_MS = 1_760_000_000_000
SALT = b"s" * 16
PURPOSE = b"p" * 40
# A private part as long as the longest that an action demands.
WRAPPED = b"w" * 200
CRYPTO = SuiteCrypto(suite_named("intl"))
ACTIONS: dict[type[PublicPart], tuple[str, str]] = {
    AccessRecord: ("access", "record"),
    Question: ("audit", "question"),
    audit.Question: ("audit", "question"),
    Object: ("disputes", "object"),
    Forward: ("disputes", "forward"),
    Extend: ("disputes", "extend"),
    Correct: ("disputes", "correct"),
    Refuse: ("disputes", "refuse"),
    WithdrawDispute: ("disputes", "withdraw"),
    Issue: ("certificates", "issue"),
    Import: ("certificates", "import"),
    Revoke: ("certificates", "revoke"),
    AddKey: ("members", "add_key"),
    EndKey: ("members", "end_key"),
    Publish: ("catalog", "publish"),
    Withdraw: ("catalog", "withdraw"),
    PublishKey: ("content", "publish_key"),
    ShareKey: ("content", "share"),
    Apply: ("grants", "apply"),
    Review: ("grants", "review"),
    Confirm: ("grants", "confirm"),
    Suspend: ("grants", "suspend"),
    Resume: ("grants", "resume"),
    RevokeGrant: ("grants", "revoke"),
    OpenEpoch: ("pseudonyms", "open_epoch"),
    Usage: ("pseudonyms", "usage"),
}
# Contracts that a chain with rules 1 does not have.
EXCHANGE = frozenset({"catalog", "content", "grants", "pseudonyms"})


def identifier(number: int = 0, *, issuer: str = REQUESTER) -> str:
    return str(generic_identifier(issuer=issuer, entropy=bytes((number,)) * 16))


ACCESS_RECORD = AccessRecord(
    salt=SALT,
    call_id=b"c" * 16,
    side=0,
    requester=REQUESTER,
    provider=PROVIDER,
    item="430000/population",
    item_version=1,
    subjects=(b"a" * 32, b"b" * 32),
    decision=0,
    status=200,
    count=1,
    requested_ms=NOW_MS - 20,
    answered_ms=NOW_MS - 10,
    trace_id=b"t" * 16,
    parent_call_id=b"",
    grant="G-1",
    other_token=b"",
    request_commitment=b"q" * 32,
    response_commitment=b"",
)
ISSUE = Issue(
    salt=SALT,
    identifier=identifier(),
    type="generic",
    file_digest=b"f" * 32,
    metadata_root=b"m" * 32,
    holder_commitment=b"",
    valid_from=20240229,
    valid_to=0,
)
IMPORT = Import(
    salt=SALT,
    identifier=identifier(1),
    type="generic",
    file_digest=b"i" * 32,
    metadata_root=b"",
    holder_commitment=b"h" * 32,
    valid_from=20200101,
    valid_to=20231231,
    code_system="kun",
    code="8",
    state=8,
    since_ms=NOW_MS - 86_400_000,
)
REVOKE = Revoke(
    salt=SALT, identifier=identifier(), code_system="kun", code="6", reason_code="fraud"
)
QUESTION = Question(salt=SALT, kind=1, values=(b"a" * 32,), from_ms=0, to_ms=NOW_MS)
GROUNDED_QUESTION = audit.Question(
    salt=SALT, kind=1, values=(b"a" * 32,), from_ms=0, to_ms=NOW_MS, basis=1
)
OBJECT = Object(
    salt=SALT,
    dispute_id=b"d" * 16,
    ground=1,
    target=1,
    requester=REQUESTER,
    provider=PROVIDER,
    call_id=b"c" * 16,
    certificate="",
    subjects=(b"s" * 32,),
    person=b"",
    item="population.basic",
    grant="grant-1",
    follows=b"",
    statement_commitment=b"o" * 32,
)
FORWARD = Forward(
    salt=SALT, dispute_id=OBJECT.dispute_id, organisation=REQUESTER, reason_code="source"
)
EXTEND = Extend(salt=SALT, dispute_id=OBJECT.dispute_id, reason_code="archive")
CORRECT = Correct(
    salt=SALT,
    dispute_id=OBJECT.dispute_id,
    reason_code="fixed",
    correction_commitment=b"x" * 32,
    successor="population.basic/2",
)
REFUSE = Refuse(salt=SALT, dispute_id=OBJECT.dispute_id, reason_code="right", answer_commitment=b"")
WITHDRAW_DISPUTE = WithdrawDispute(salt=SALT, dispute_id=OBJECT.dispute_id)
ADD_KEY = AddKey(
    salt=SALT, public_key=b"\x01" * 32, roles=(3,), valid_from_ms=NOW_MS, valid_to_ms=0
)
END_KEY = EndKey(salt=SALT, key_id=b"k" * 20, valid_to_ms=NOW_MS + 1)
PUBLISH = Publish(
    salt=SALT,
    item="430000/population",
    version=1,
    title="人口基本信息",
    grade=1,
    share=2,
    fields=("name", "birth_date", "address"),
    supervisor="",
)
WITHDRAW = Withdraw(salt=SALT, item=PUBLISH.item)
APPLY = Apply(
    salt=SALT,
    grant="G-1",
    item=PUBLISH.item,
    item_version=1,
    fields=0b111,
    kind=1,
    purpose="核验购房资格",
    valid_from=20251001,
    valid_to=20261231,
    quota=100,
)
REVIEW = Review(salt=SALT, grant="G-1", decision=1, fields=0b011, quota=50, valid_to=20260630)
NO = Review(salt=SALT, grant="G-1", decision=0, fields=0, quota=0, valid_to=0)
CONFIRM = Confirm(salt=SALT, grant="G-1", decision=1)
SUSPEND = Suspend(salt=SALT, grant="G-1", reason_code="incident")
RESUME = Resume(salt=SALT, grant="G-1", reason_code="resolved")
REVOKE_GRANT = RevokeGrant(salt=SALT, grant="G-1", reason_code="ended")
OPEN_EPOCH = OpenEpoch(salt=SALT, department=PROVIDER, epoch=1, key_check=b"k" * 32)
USAGE = Usage(
    salt=SALT,
    department=PROVIDER,
    epoch=1,
    from_ms=NOW_MS - 1000,
    to_ms=NOW_MS,
    made=12,
    refused=1,
)
PUBLISH_KEY = PublishKey(salt=SALT, period=202510, public_key=b"w" * 32)
SHARE_KEY = ShareKey(
    salt=SALT, requester=REQUESTER, provider=PROVIDER, period=202510, key_check=b"k" * 32
)
PARTS: tuple[PublicPart, ...] = (
    ACCESS_RECORD,
    ISSUE,
    IMPORT,
    REVOKE,
    QUESTION,
    ADD_KEY,
    END_KEY,
)
EXCHANGE_PARTS: tuple[PublicPart, ...] = (
    PUBLISH,
    WITHDRAW,
    APPLY,
    REVIEW,
    NO,
    CONFIRM,
    SUSPEND,
    RESUME,
    REVOKE_GRANT,
    OPEN_EPOCH,
    USAGE,
    PUBLISH_KEY,
    SHARE_KEY,
)
# Those that only chains with rules 3 have.
DISPUTE_PARTS: tuple[PublicPart, ...] = (
    GROUNDED_QUESTION,
    OBJECT,
    FORWARD,
    EXTEND,
    CORRECT,
    REFUSE,
    WITHDRAW_DISPUTE,
)
CHAIN_ID = b"chain id of the tests' own chain!"[:32]
PartT = TypeVar("PartT", bound=PublicPart)


def changed(part: PartT, **fields: object) -> PartT:
    return msgspec.structs.replace(part, **fields)


@dataclass
class MemoryState:
    """The state of one ledger, without any undoing: contracts decide before they write."""

    rows: dict[bytes, bytes] = field(default_factory=dict)

    def find(self, table: Table[RowT], *parts: Part) -> RowT | None:
        value = self.rows.get(table.key(*parts))
        return None if value is None else table.decode(value)

    def put(self, table: Table[RowT], row: RowT, *parts: Part) -> None:
        self.rows[table.key(*parts)] = table.encode(row)

    def delete(self, table: Table[RowT], *parts: Part) -> None:
        self.rows.pop(table.key(*parts), None)


@dataclass(kw_only=True)
class Caller:
    """Someone who sends calls to one state, each in a submission of its own."""

    state: MemoryState = field(default_factory=MemoryState)
    rules: int = 1
    match_deadline_ms: int = 20_000
    dispute_deadline_ms: int = 60_000
    organisation: str = REQUESTER
    roles: tuple[int, ...] = ALL_ROLES
    key_id: bytes = b"K" * 20
    now_ms: int = NOW_MS
    height: int = 7
    crypto: SuiteCrypto = CRYPTO

    def context(self, call_index: int = 0) -> Context:
        return Context(
            chain_id=CHAIN_ID,
            match_deadline_ms=self.match_deadline_ms,
            dispute_deadline_ms=self.dispute_deadline_ms,
            now_ms=self.now_ms,
            height=self.height,
            organisation=self.organisation,
            roles=self.roles,
            key_id=self.key_id,
            submission_digest=b"D" * 32,
            call_index=call_index,
            crypto=self.crypto,
        )

    def rules_of(self, name: str) -> int:
        """Return the rules asked for, or the first that have the contract."""
        first = 3 if name == "disputes" else 2 if name in EXCHANGE else 1
        return max(first, self.rules)

    def raw(self, name: str, action: str, public: bytes, private: bytes = PURPOSE) -> Accepted:
        rules = contract_named(self.rules_of(name), name)
        return rules.call(self.state, self.context(), action=action, public=public, private=private)

    def send(self, part: PublicPart, private: bytes = PURPOSE) -> Accepted:
        name, action = ACTIONS[type(part)]
        return self.raw(name, action, encode_part(part), private)

    def refused(self, part: PublicPart, private: bytes = PURPOSE) -> tuple[int, ...]:
        """Send a part that must be refused; return code and details."""
        with pytest.raises(Rejection) as refusal:
            self.send(part, private)
        return (refusal.value.code, *refusal.value.details)
