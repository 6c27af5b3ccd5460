"""The table of submissions that a node must refuse, each by its stable name."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from chainnode.client import AccessCall, AccessReason, access_record, audit_question
from chainnode.submission import Call, Submission, key_id, sign_submission
from chainnode.suites.port import PrivateKey
from contracts.schemas.access import Side
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.versions import version_of
from tests.acceptance.load import PROVIDER, REQUESTER
from tests.acceptance.main_job import MainJob

MEDIA_TYPE = "application/vnd.kunlian.submission+msgpack"
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a problem at the door, or a receipt's code with its words."""

    status: int
    code: str
    expected: str


@dataclass(slots=True)
class Chain:
    """Makes and sends single submissions to the first node."""

    job: MainJob
    api: str = field(init=False)
    key: PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self.api = self.job.kun.apis[0]
        self.key = self.job.key("service-housing")

    def now_ms(self) -> int:
        """The clock of this machine, which the nodes share."""
        return time.time_ns() // 1_000_000

    def nonce(self) -> int:
        """The next free nonce of the key."""
        identity = key_id(self.job.trust.suite, self.key.public_key).hex()
        return int(httpx.get(f"{self.api}/v1/keys/{identity}", timeout=10).json()["nonce_next"])

    def log_size(self) -> int:
        """Number of records on the chain, by the node's own count."""
        text = httpx.get(f"{self.api}/metrics", timeout=10).text
        line = next(one for one in text.splitlines() if one.startswith("kunlian_log_size "))
        return int(float(line.split()[1]))

    def signed(
        self,
        *calls: Call,
        key: PrivateKey | None = None,
        chain_id: bytes | None = None,
        nonce: int | None = None,
        valid_ms: int = _MINUTE_MS,
        contract: str = "access",
    ) -> Submission:
        """Sign calls; what is left out is right."""
        trust = self.job.trust
        return sign_submission(
            trust.suite,
            key or self.key,
            chain_id=chain_id or trust.chain_id,
            nonce=self.nonce() if nonce is None else nonce,
            valid_until_ms=self.now_ms() + valid_ms,
            contract=contract,
            contract_version=version_of(trust.parameters.rules, contract),
            calls=calls or (record(),),
        )

    def good(self) -> Submission:
        """A submission that is accepted."""
        return self.signed()

    def send(self, body: bytes) -> Answer:
        """Send bytes and return what came back."""
        response = self._post(body)
        document = response.json()
        if "submissions" not in document:
            return Answer(
                status=response.status_code,
                code=document["code"],
                expected=document.get("expected", ""),
            )
        (outcome,) = document["submissions"]
        said = [outcome, *outcome["calls"]]
        refusal = next((one for one in said if one["code_name"] != "ACCEPTED"), outcome)
        return Answer(
            status=response.status_code,
            code=refusal["code_name"],
            expected=refusal["words"]["en"],
        )

    def outcome(self, submission: Submission) -> Any:  # noqa: ANN401 - the API's JSON
        """Send a submission and return its outcome object."""
        return self._post(submission.encoded).json()["submissions"][0]

    def _post(self, body: bytes) -> httpx.Response:
        return httpx.post(
            f"{self.api}/v1/submissions",
            content=body,
            headers={"Content-Type": MEDIA_TYPE, "Prefer": "wait=20"},
            timeout=30,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to be wrong, and how it is called."""

    name: str
    make: Callable[[Chain], bytes]
    status: int
    code: str


def record(**changes: Any) -> Call:  # noqa: ANN401 - fields of an access record
    """Return a call record that the housing department may make, apart from `changes`."""
    fields: dict[str, Any] = {
        "call_id": os.urandom(16),
        "side": Side.REQUESTER,
        "requester": REQUESTER,
        "provider": PROVIDER,
        "item": "population.basic",
        "trace_id": os.urandom(16),
        "status": 200,
    }
    return access_record(AccessCall(**(fields | changes)), AccessReason(purpose_code="TEST"))


def _oversize(chain: Chain) -> bytes:
    call = record()
    padded = Call(action=call.action, public=call.public, private=bytes(4096))
    return chain.signed(*[padded] * 320).encoded


def _reused_nonce(chain: Chain) -> bytes:
    first = chain.good()
    chain.send(first.encoded)
    return chain.signed(nonce=first.nonce).encoded


def _question(chain: Chain) -> bytes:
    call = audit_question(
        kind=IndexKind.ITEM, values=(b"population.basic",), from_ms=0, to_ms=0, purpose="test"
    )
    return chain.signed(call, contract="audit").encoded


def _double(chain: Chain) -> bytes:
    call = record()
    chain.send(chain.signed(call).encoded)
    return chain.signed(call).encoded


REFUSALS = (
    Case(
        name="unknown key",
        make=lambda chain: (
            chain.signed(key=chain.job.trust.suite.generate_private_key(), nonce=0).encoded
        ),
        status=403,
        code="UNKNOWN_KEY",
    ),
    Case(name="wrong role", make=_question, status=200, code="ROLE_MISSING"),
    Case(
        name="for another department",
        make=lambda chain: chain.signed(record(side=Side.PROVIDER)).encoded,
        status=200,
        code="FOREIGN_ORGANISATION",
    ),
    Case(
        name="expired",
        make=lambda chain: chain.signed(valid_ms=-1).encoded,
        status=409,
        code="EXPIRED",
    ),
    Case(
        name="valid for too long",
        make=lambda chain: chain.signed(valid_ms=11 * _MINUTE_MS).encoded,
        status=400,
        code="VALID_TOO_LONG",
    ),
    Case(name="oversize", make=_oversize, status=413, code="OVERSIZE"),
    Case(
        name="truncated",
        make=lambda chain: chain.good().encoded[:-1],
        status=400,
        code="MALFORMED",
    ),
    Case(name="not MessagePack", make=lambda _: b"\xc1", status=400, code="MALFORMED"),
    Case(name="empty", make=lambda _: b"", status=400, code="MALFORMED"),
    Case(
        name="wrong chain",
        make=lambda chain: chain.signed(chain_id=bytes(32)).encoded,
        status=409,
        code="WRONG_CHAIN",
    ),
    Case(
        name="bad signature",
        make=lambda chain: chain.good().encoded[:-64] + chain.good().encoded[-64:],
        status=403,
        code="BAD_SIGNATURE",
    ),
    Case(
        name="nonce too far ahead",
        make=lambda chain: chain.signed(nonce=chain.nonce() + 20_000).encoded,
        status=200,
        code="NONCE_AHEAD",
    ),
    Case(
        name="unknown contract",
        make=lambda chain: chain.signed(contract="nothing").encoded,
        status=200,
        code="UNKNOWN_CONTRACT",
    ),
    Case(
        name="public part that is none",
        make=lambda chain: chain.signed(Call(action="record", public=b"\xc0")).encoded,
        status=200,
        code="NOT_CANONICAL",
    ),
)
# Each of these leaves one accepted record behind before it is refused.
REFUSALS_AFTER_ONE = (
    Case(name="used nonce", make=_reused_nonce, status=200, code="NONCE_USED"),
    Case(name="double record", make=_double, status=200, code="ACCESS_DOUBLE_RECORD"),
)
