"""Plan: bring a submission to finality, or say honestly that its fate is unknown.

The same signed bytes go from node to node, because every nonce executes at most once: sending
them again can never double anything. Final means that a receipt was proven by a quorum; a
time-out is `Unknown`, never failed. After a proven refusal of the nonce the calls are signed
once more with the chain's next one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chainnode.client.exchange import Pause, Plan
from chainnode.client.reports import CannotDecide, NodeRefused, NodeReport
from chainnode.client.results import CallResult, Final, Outcome, Refused, Unknown
from chainnode.client.session import Ask, Reports, Session, hash_names
from chainnode.errors import ConfigurationError
from chainnode.ledger.types import Receipt
from chainnode.submission import Call, Submission, key_id, sign_submission
from chainnode.suites.port import PrivateKey
from chainnode.verify.errors import InvalidEvidence, UnreadableEvidence
from chainnode.verify.evidence import ReceiptFacts, verify_receipt_evidence
from chainnode.verify.strict_json import (
    JsonObject,
    JsonValue,
    as_array,
    as_integer,
    as_object,
    shown,
)
from consensus.types import Epoch, Membership
from contracts.schemas.codes import Code
from contracts.schemas.versions import version_of

MEDIA_TYPE = "application/vnd.kunlian.submission+msgpack"
WAIT_S_DEFAULT = 30.0
# One node is waited for this long before another one gets the same bytes.
SLICE_S = 5.0
# Room for the way there and back, beside the waiting that was asked for.
TRAVEL_S = 5.0
RETRY_PAUSE_S = 0.25
# Half of what the chain allows: the clocks of client and primary may differ.
VALIDITY_SHARE = 2
NONCE_CODES = (Code.NONCE_USED, Code.NONCE_AHEAD)
_HTTP_CLIENT_ERRORS = range(400, 500)
# Door refusals that another moment or node may change: busy, not final yet, unknown so far,
# executed where this node cannot look.
_PASSING_STATUSES = frozenset({404, 408, 410, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What is to be signed, whatever its nonce."""

    key: PrivateKey
    contract: str
    contract_version: int
    calls: tuple[Call, ...]

    def signed(self, session: Session, nonce: int) -> Submission:
        """Sign it with this nonce, valid for half of what the chain allows."""
        validity_ms = session.trust.parameters.validity_ms_max // VALIDITY_SHARE
        return sign_submission(
            session.trust.suite,
            self.key,
            chain_id=session.trust.chain_id,
            nonce=nonce,
            valid_until_ms=session.now_ms() + validity_ms,
            contract=self.contract,
            contract_version=self.contract_version,
            calls=self.calls,
        )


class _Pending:
    """A node has taken the submission; it is not final there yet."""


def submit(
    session: Session,
    *,
    contract: str,
    calls: Sequence[Call],
    wait_s: float = WAIT_S_DEFAULT,
    contract_version: int | None = None,
) -> Plan[Outcome]:
    """Sign the calls with the next nonce and bring them to finality.

    `contract_version` None: the one that the rules of the chain have.

    Raises:
        CannotDecide: no node told the next nonce; nothing was signed or sent.
        ConfigurationError: the client has no key.

    """
    key = _required_key(session)
    reports = Reports()
    deadline_s = session.monotonic_s() + wait_s
    if contract_version is None:
        contract_version = version_of(session.trust.parameters.rules, contract)
    draft = _Draft(
        key=key, contract=contract, contract_version=contract_version, calls=tuple(calls)
    )
    nonce, epoch = yield from _next_nonce(session, key, reports)
    submission = draft.signed(session, nonce)
    outcome = yield from settle(session, submission, deadline_s=deadline_s, reports=reports)
    if not isinstance(outcome, Final) or outcome.code not in NONCE_CODES:
        return outcome
    session.nonces.discard(epoch=epoch, was_ahead=outcome.code == Code.NONCE_AHEAD)
    nonce, _ = yield from _next_nonce(session, key, reports)
    submission = draft.signed(session, nonce)
    return (yield from settle(session, submission, deadline_s=deadline_s, reports=reports))


def ask_again(session: Session, unknown: Unknown, *, wait_s: float) -> Plan[Outcome]:
    """Ask what became of a submission; its bytes are offered again, which is harmless."""
    deadline_s = session.monotonic_s() + wait_s
    submission, reports = unknown.submission, Reports()
    ask = Ask(method="GET", path=f"/v1/submissions/{hash_names(session.trust, submission.digest)}")
    for node in tuple(session.ordered()):
        fate = yield from session.attempt(node, ask, _fate_reader(session, submission))
        if isinstance(fate, Final):
            session.prefer(node)
            return replace(fate, reports=reports.all)
        if isinstance(fate, NodeReport):
            reports.add(fate)
    return (yield from settle(session, submission, deadline_s=deadline_s, reports=reports))


def settle(
    session: Session, submission: Submission, *, deadline_s: float, reports: Reports
) -> Plan[Outcome]:
    """Offer the bytes to node after node until a receipt is proven or time is up.

    Time or not, the bytes reach one node that takes them, if there is one.
    """
    was_pending = False
    while True:
        refused_by = set()
        for node in tuple(session.ordered()):
            ask = _offer(submission, left_s=deadline_s - session.monotonic_s())
            fate = yield from session.attempt(node, ask, _fate_reader(session, submission))
            match fate:
                case Final():
                    session.prefer(node)
                    return replace(fate, reports=reports.all)
                case _Pending():
                    was_pending = True
                case NodeReport():
                    reports.add(fate)
                    if _is_definite(fate):
                        refused_by.add(node)
            if was_pending and session.monotonic_s() >= deadline_s:
                break
        if not was_pending and len(refused_by) >= _refusals_needed(session):
            return Refused(digest=submission.digest, reports=reports.all)
        left_s = deadline_s - session.monotonic_s()
        if left_s <= 0:
            return Unknown(submission=submission, reports=reports.all)
        yield Pause(seconds=min(max(RETRY_PAUSE_S, _asked_for_s(reports.all, session)), left_s))


def settle_signed(session: Session, submission: Submission, *, wait_s: float) -> Plan[Outcome]:
    """Bring what was signed before, and is kept by the caller, to finality."""
    deadline_s = session.monotonic_s() + wait_s
    return (yield from settle(session, submission, deadline_s=deadline_s, reports=Reports()))


def nonce_next(session: Session, public_key: bytes) -> Plan[int]:
    """Return the next nonce of a key as a node tells it, unproven; counts nothing.

    Raises:
        CannotDecide: no node told.

    """
    return (yield from _told_nonce(session, public_key, Reports()))


def receipt(session: Session, digest: bytes) -> Plan[ReceiptFacts]:
    """Return the proven receipt of a submission that is known by its digest alone.

    Raises:
        CannotDecide: no node gave one.

    """

    def read(told: JsonObject) -> ReceiptFacts:
        facts = verify_receipt_evidence(told.get("evidence"), session.trust)
        if facts.receipt.submission_digest != digest:
            raise InvalidEvidence(
                check="receipt", expected=f"that of {digest.hex()}", actual="another"
            )
        session.observe(facts.header)
        return facts

    ask = Ask(method="GET", path=f"/v1/submissions/{hash_names(session.trust, digest)}")
    return (yield from session.first_checked(ask, read, Reports()))


def _required_key(session: Session) -> PrivateKey:
    if session.key is None:
        raise ConfigurationError("this client has no key: expected one to sign submissions with")
    return session.key


def _next_nonce(session: Session, key: PrivateKey, reports: Reports) -> Plan[tuple[int, int]]:
    """Return (nonce, epoch of the counter).

    What a node says of nonces is not proven. A wrong one costs one refused submission; then
    the next node is asked.
    """
    taken = session.nonces.take()
    if taken is not None:
        return taken
    told = yield from _told_nonce(session, key.public_key, reports)
    return session.nonces.learn(told)


def _told_nonce(session: Session, public_key: bytes, reports: Reports) -> Plan[int]:
    identity = key_id(session.trust.suite, public_key)
    ask = Ask(method="GET", path=f"/v1/keys/{identity.hex()}")
    for node in tuple(session.ordered()):
        told = yield from session.attempt(node, ask, _nonce_next)
        if isinstance(told, int):
            session.turn_from(node)
            return told
        reports.add(told)
    if any(_is_unknown_key(one) for one in reports.all):
        # The chain itself says, with proof, that it does not know the key.
        return 0
    raise CannotDecide(reports.all)


def _nonce_next(told: JsonObject) -> int:
    return as_integer(told.get("nonce_next"), "nonce_next")


def _is_unknown_key(report: NodeReport) -> bool:
    return isinstance(report, NodeRefused) and report.code in {"NOT_FOUND", "UNKNOWN_KEY"}


def _offer(submission: Submission, *, left_s: float) -> Ask:
    wait_s = int(max(0.0, min(left_s, SLICE_S)))
    headers = [("Content-Type", MEDIA_TYPE)]
    if wait_s:
        headers.append(("Prefer", f"wait={wait_s}"))
    return Ask(
        method="POST",
        path="/v1/submissions",
        headers=tuple(headers),
        body=submission.encoded,
        timeout_s=wait_s + TRAVEL_S,
    )


def _fate_reader(
    session: Session, submission: Submission
) -> Callable[[JsonObject], Final | _Pending]:
    def read(told: JsonObject) -> Final | _Pending:
        one = told
        if "submissions" in told:
            rows = as_array(told["submissions"], "submissions", size_max=1, size=1)
            one = as_object(rows[0], "submission")
        match one.get("status"):
            case "pending":
                return _Pending()
            case "final":
                return _proven(session, submission, one.get("evidence"))
            case other:
                raise UnreadableEvidence(
                    check="status", expected="final or pending", actual=shown(other)
                )

    return read


def _proven(session: Session, submission: Submission, evidence: JsonValue) -> Final:
    """Check the receipt evidence; nothing else of the answer is used."""
    facts = verify_receipt_evidence(evidence, session.trust)
    receipt = facts.receipt
    if receipt.submission_digest != submission.digest:
        raise InvalidEvidence(
            check="receipt",
            expected=f"the receipt of {submission.digest.hex()}",
            actual=f"one of {receipt.submission_digest.hex()}",
        )
    if receipt.is_executed and len(receipt.calls) != len(submission.calls):
        raise InvalidEvidence(
            check="receipt",
            expected=f"{len(submission.calls)} calls",
            actual=f"{len(receipt.calls)}",
        )
    session.observe(facts.header)
    return Final(
        digest=submission.digest,
        height=facts.header.height,
        code=receipt.code,
        code_name=code_name(receipt.code),
        calls=call_results(receipt),
        receipt=receipt,
        evidence=as_object(evidence, "evidence"),
        reports=(),
    )


def call_results(receipt: Receipt) -> tuple[CallResult, ...]:
    """Give each call its code and, when it was accepted, its log position."""
    results = []
    position = receipt.first_position
    for call in receipt.calls:
        is_accepted = call.code == Code.ACCEPTED
        results.append(
            CallResult(
                code=call.code,
                code_name=code_name(call.code),
                details=call.details,
                position=position if is_accepted else None,
            )
        )
        position += is_accepted
    return tuple(results)


def code_name(code: int) -> str:
    """Return the stable name of a code; a newer chain's unknown one keeps its number."""
    try:
        return Code(code).name
    except ValueError:
        return f"CODE_{code}"


def _asked_for_s(reports: tuple[NodeReport, ...], session: Session) -> int:
    """Return the least patience that all nodes of this round asked for, 0 when one did not."""
    last = {one.node: one for one in reports}
    asked = [one.retry_after_s if isinstance(one, NodeRefused) else 0 for one in last.values()]
    return min(asked) if len(asked) == len(session.nodes) else 0


def _is_definite(report: NodeReport) -> bool:
    """Tell whether a node refused for what the submission is, not for how it is doing."""
    return (
        isinstance(report, NodeRefused)
        and report.status in _HTTP_CLIENT_ERRORS
        and report.status not in _PASSING_STATUSES
    )


def _refusals_needed(session: Session) -> int:
    """One honest node among those who refuse is enough, so f + 1 of them; or all there are."""
    sizes = [len(members) for members in session.trust.epochs.values()]
    group = Membership(epoch=Epoch(max(session.trust.epochs)), size=max(sizes))
    return min(len(session.nodes), group.weak_quorum)
