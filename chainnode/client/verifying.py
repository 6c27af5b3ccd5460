"""Plan: a verdict on a file or identifier, from evidence that this client checked itself.

A node's own verdict is not read. A node whose answer fails a check is named, one that is
behind or shows a stale header is passed over, and when none is left the verdict is
CANNOT_DECIDE: a failure of the network or of nodes says nothing against the certificate.
"""

from pathlib import Path
from typing import TypedDict
from urllib.parse import urlencode

from chainnode.client.exchange import Plan
from chainnode.client.reports import CannotDecide
from chainnode.client.results import Verification
from chainnode.client.session import Ask, Behind, Reports, Session, hash_names
from chainnode.verify.certificate import verify_certificate_evidence
from chainnode.verify.discovery import FileContent, UnreadableFile, read_file
from chainnode.verify.judge import (
    ONLINE_MAX_AGE_MS_DEFAULT,
    Policy,
    cannot_decide,
    judge_facts,
    require_query,
    unreadable,
)
from chainnode.verify.strict_json import JsonObject, as_object
from chainnode.verify.verdict import Verdict, VerdictCode
from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier


def opened(path: Path) -> FileContent | UnreadableFile:
    """Read a file for `verify_content`; the one part of verifying that touches the disk.

    Raises:
        FileNotFoundError: nothing is there: a usage error, not a verdict.

    """
    try:
        return read_file(path)
    except UnreadableFile as error:
        return error


class Judging(TypedDict, total=False):
    """How something is judged besides what it is; see `verify_content`."""

    identifier: str | None
    as_of_ms: int | None
    max_age_ms: int


def verify_content(
    session: Session,
    content: FileContent | UnreadableFile,
    *,
    identifier: str | None = None,
    as_of_ms: int | None = None,
    max_age_ms: int = ONLINE_MAX_AGE_MS_DEFAULT,
) -> Plan[Verification]:
    """Judge a file; only its digest and the identifier it carries leave this machine."""
    if isinstance(content, UnreadableFile):
        return _without_evidence(unreadable(str(content), identifier=identifier))
    if identifier is None and content.identifier is not None:
        # What a file says of itself is a hint; a malformed hint is none.
        identifier = content.identifier if _fault(content.identifier) is None else None
    digest = session.trust.suite.digest(content.data)
    return (
        yield from verify_digest(
            session, digest, identifier=identifier, as_of_ms=as_of_ms, max_age_ms=max_age_ms
        )
    )


def verify_digest(
    session: Session,
    digest: bytes | None,
    *,
    identifier: str | None = None,
    as_of_ms: int | None = None,
    max_age_ms: int = ONLINE_MAX_AGE_MS_DEFAULT,
) -> Plan[Verification]:
    """Judge content by its digest, an identifier alone (digest None), or both together."""
    fault = None if identifier is None else _fault(identifier)
    if fault is not None or (digest is None and identifier is None):
        return _without_evidence(unreadable(fault or "neither file nor identifier"))
    policy = Policy(now_ms=session.now_ms(), as_of_ms=as_of_ms, max_age_ms=max_age_ms)
    reader = _VerdictReader(session, digest, identifier, policy)
    reports = Reports()
    ask = Ask(method="GET", path=f"/verify?{_query(session, digest, identifier)}")
    try:
        verdict, evidence = yield from session.first_checked(ask, reader.read, reports)
    except CannotDecide as error:
        if reader.stale is not None:
            verdict, evidence = reader.stale
            return Verification(verdict=verdict, evidence=evidence, reports=reports.all)
        return Verification(
            verdict=cannot_decide(str(error), identifier=identifier),
            evidence=None,
            reports=reports.all,
        )
    return Verification(verdict=verdict, evidence=evidence, reports=reports.all)


class _VerdictReader:
    """Checks one answer after the other; remembers a genuine one that was too old."""

    def __init__(
        self, session: Session, digest: bytes | None, identifier: str | None, policy: Policy
    ) -> None:
        self._session = session
        self._digest = digest
        self._identifier = identifier
        self._policy = policy
        self.stale: tuple[Verdict, JsonObject] | None = None

    def read(self, told: JsonObject) -> tuple[Verdict, JsonObject]:
        """Check the evidence of an answer and judge it."""
        evidence = as_object(told.get("evidence"), "evidence")
        facts = verify_certificate_evidence(evidence, self._session.trust)
        require_query(facts, content_digest=self._digest, identifier=self._identifier)
        self._session.require_current(facts.header)
        verdict = judge_facts(facts, policy=self._policy, has_content=self._digest is not None)
        if verdict.verdict is VerdictCode.CANNOT_DECIDE:
            self.stale = verdict, evidence
            raise Behind(f"height {facts.header.height} is too old for this question")
        return verdict, evidence


def _without_evidence(verdict: Verdict) -> Verification:
    return Verification(verdict=verdict, evidence=None, reports=())


def _fault(identifier: str) -> str | None:
    try:
        parse_identifier(identifier)
    except InvalidIdentifier as error:
        return f"not a certificate identifier: {error}"
    return None


def _query(session: Session, digest: bytes | None, identifier: str | None) -> str:
    parts = {}
    if digest is not None:
        parts["digest"] = hash_names(session.trust, digest)
    if identifier is not None:
        parts["id"] = identifier
    return urlencode(parts)
