"""The words of a verdict: what a person is told, in which colour, with which exit code.

A closed table; how a verdict is reached stands in `judge`. Colour is never the only carrier.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum, unique

from chainnode.errors import InvariantBroken
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.certificate_states import STATE_WORDS, CertificateState

# Dates of certificates and times shown to people are in China's one time zone.
LOCAL_ZONE = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Words:
    """One meaning for people: Chinese first, English equal."""

    zh: str
    en: str


@unique
class VerdictCode(Enum):
    """The eight verdicts; `name` is stable."""

    VALID = ("有效", "valid", "green", 0)
    REVOKED = ("已撤销", "revoked", "red", 1)
    EXPIRED = ("已过期", "expired", "amber", 1)
    TAMPERED = ("内容被改", "content changed", "red", 1)
    UNTRUSTED_ISSUER = ("签发机构不可信", "issuer not trusted", "red", 1)
    NOT_REGISTERED = ("链上无此证照", "not registered", "red", 1)
    UNREADABLE = ("无法识别", "unreadable", "grey", 2)
    CANNOT_DECIDE = ("暂时无法核验", "cannot decide now", "grey", 3)

    def __init__(self, zh: str, en: str, colour: str, exit_code: int) -> None:
        self.words = Words(zh, en)
        self.colour = colour
        self.exit_code = exit_code


@unique
class StateWord(Enum):
    """What the chain says of the certificate itself, beside the verdict.

    The first nine are the canonical states of docs/wire-format.md §9, named alike; the others
    are what a verifier adds.
    """

    IN_MAKING = (CertificateState.IN_MAKING, "in preparation", VerdictCode.NOT_REGISTERED)
    VALID = (CertificateState.VALID, "valid", VerdictCode.VALID)
    SUSPENDED = (CertificateState.SUSPENDED, "suspended", VerdictCode.REVOKED)
    SUPERSEDED = (CertificateState.SUPERSEDED, "replaced", VerdictCode.REVOKED)
    CANCELLED = (CertificateState.CANCELLED, "cancelled", VerdictCode.REVOKED)
    REVOKED = (CertificateState.REVOKED, "revoked", VerdictCode.REVOKED)
    WITHDRAWN = (CertificateState.WITHDRAWN, "withdrawn as a penalty", VerdictCode.REVOKED)
    EXPIRED = (CertificateState.EXPIRED, "expired", VerdictCode.EXPIRED)
    TRANSFERRED = (CertificateState.TRANSFERRED, "transferred out", VerdictCode.REVOKED)
    NOT_YET_VALID = ("尚未生效", "not yet valid", VerdictCode.EXPIRED)
    NOT_YET_ON_CHAIN = ("当时尚未登记", "not registered at that time", VerdictCode.NOT_REGISTERED)
    ABSENT = ("未登记", "not on the chain", VerdictCode.NOT_REGISTERED)

    def __init__(self, zh: CertificateState | str, en: str, verdict: VerdictCode) -> None:
        self.words = Words(STATE_WORDS[zh] if isinstance(zh, CertificateState) else zh, en)
        self.verdict = verdict


@unique
class CheckName(Enum):
    """The five checks every verdict shows, in this order."""

    CONTENT = "content"
    ISSUER = "issuer"
    HISTORY = "history"
    QUORUM = "quorum"
    FRESHNESS = "freshness"


@unique
class CheckResult(Enum):
    """How one check ended."""

    PASS = "pass"  # noqa: S105 - a result, not a password
    FAIL = "fail"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One of the five checks; `detail` is one sentence for people, `zh` the same in Chinese.

    Documents carry `detail` alone: equal at every door, whatever the language of the reader.
    """

    name: CheckName
    result: CheckResult
    detail: str
    zh: str


def check_of(name: CheckName, result: CheckResult, detail: Words) -> Check:
    """Return a check with its sentence in both languages."""
    return Check(name=name, result=result, detail=detail.en, zh=detail.zh)


# VALID needs these three to pass, not merely not to fail.
MUST_PASS = (CheckName.HISTORY, CheckName.QUORUM, CheckName.FRESHNESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is told about one certificate or file.

    `as_of_time_ms` is the instant it is judged for; `as_of_height` the block whose state was
    proven. Both are None when nothing could be proven.
    """

    verdict: VerdictCode
    state: StateWord | None
    identifier: str | None
    as_of_height: int | None
    as_of_time_ms: int | None
    issuer: str | None
    checks: tuple[Check, ...]

    def __post_init__(self) -> None:
        """Refuse to exist as a VALID that rests on an unproven check."""
        results = {one.name: one.result for one in self.checks}
        if tuple(results) != tuple(CheckName) or len(self.checks) != len(CheckName):
            raise InvariantBroken("a verdict has the five checks, in order")
        proven = all(results[name] is CheckResult.PASS for name in MUST_PASS)
        if self.verdict is VerdictCode.VALID and (
            CheckResult.FAIL in results.values() or not proven
        ):
            raise InvariantBroken("VALID needs history, quorum and freshness, and no failed check")

    def form(self) -> JsonObject:
        """Return the JSON object of the CLI and the HTTP API (journeys: `kun verify --json`)."""
        return {
            "verdict": self.verdict.name,
            "state": None if self.state is None else self.state.name,
            "identifier": self.identifier,
            "issuer": self.issuer,
            "as_of": {
                "height": self.as_of_height,
                "time": None if self.as_of_time_ms is None else local_time(self.as_of_time_ms),
            },
            "checks": [
                {"name": one.name.value, "result": one.result.value, "detail": one.detail}
                for one in self.checks
            ],
        }


def state_word(state: CertificateState) -> StateWord:
    """Return the word of a canonical state; the names are the same."""
    return StateWord[state.name]


def local_time(instant_ms: int) -> str:
    """Return RFC 3339 with milliseconds and the offset +08:00; never fails on 0 … 2^53 − 1."""
    try:
        moment = datetime.fromtimestamp(instant_ms // 1000, LOCAL_ZONE)
    except (OverflowError, ValueError, OSError):
        return f"{instant_ms} ms"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant_ms % 1000:03d}+08:00"
