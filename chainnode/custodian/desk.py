"""Decides on one ask: authentic, entitled, within its limits, counted; then makes its tokens.

Who may ask: a service key for tokens in force of its own department, or of a provider under a
grant in force; an auditor key with a purpose for any departments and epochs. Blocking: runs on
worker threads, several at a time.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from chainnode.custodian.allowances import Allowances, Asking, Moment
from chainnode.custodian.asks import (
    AskAnswer,
    AskBody,
    AskHeader,
    AskTarget,
    InvalidAsk,
    Place,
    PlaceTokens,
    read_body,
    read_header,
    verify_header,
)
from chainnode.custodian.counters import Audit, Counters
from chainnode.custodian.refusals import AskCode, AskRefused
from chainnode.custodian.tokens import EpochKey, RootSecret
from chainnode.errors import NodeError, StorageError
from chainnode.identity.free_text import personal_finding
from chainnode.identity.numbers import IdType, InvalidIdentity, id_type_of, normalised
from chainnode.rates import Rate
from chainnode.suites.port import InvalidKey, InvalidSignature, Suite
from contracts.schemas.days import local_day
from contracts.schemas.members import KeyRow, Role

# How far the clocks of a city's departments may be apart.
WINDOW_MS: Final = 30_000
# A gateway asks once for each person that it has not met lately; a register comes in pages.
KEY_RATE: Final = Rate(per_second=50, burst=2_000)
ORGANISATION_RATE: Final = Rate(per_second=100, burst=5_000)
_DAY_MS: Final = 86_400_000
# Midnight in +08:00 is 16:00 UTC.
_MIDNIGHT_MS: Final = 16 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochInForce:
    """What the ledger says of a department's newest key epoch."""

    custodian: str
    epoch: int
    since_ms: int
    key_check: bytes


class LedgerUnavailable(NodeError):
    """Nothing proven and new enough is known; `reason` is what the client says."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(f"the ledger: {reason or 'no answer'}")


class LedgerView(Protocol):
    """What the desk must know of the ledger; every answer is proven, and at most a minute old.

    `asker` is who makes us ask: what is looked up for one takes nothing from another. Each
    method raises `LedgerUnavailable`.
    """

    def key(self, key_id: bytes, *, claimed: str) -> KeyRow | None:
        """Return a registered key, which somebody says is of the organisation `claimed`."""
        ...

    def epoch(self, department: str, *, asker: str) -> EpochInForce | None:
        """Return the newest key epoch of a department."""
        ...

    def permits(self, *, requester: str, provider: str, grant: str, now_ms: int) -> bool:
        """Tell whether this grant is in force from requester to provider."""
        ...

    def is_free(self, *, provider: str, item: str, asker: str) -> bool:
        """Tell whether the provider shares this item of its own without condition."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLimits:
    """How many tokens: per key and per organisation at a time, per organisation a day."""

    key: Rate = KEY_RATE
    organisation: Rate = ORGANISATION_RATE
    per_day: int = 200_000
    # One key asks about few people: a citizen's question is some hundred tokens.
    auditor_per_day: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskIdentity:
    """Whose desk it is."""

    organisation: str
    chain_id: bytes
    suite: Suite
    root: RootSecret = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAsk:
    """An ask as it came in; nothing in it is believed yet."""

    method: str
    path: str
    header: str = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    organisation: str
    key_id: bytes
    roles: tuple[int, ...]
    asking: Asking


class Desk:
    """The service behind its door. Thread-safe."""

    def __init__(
        self,
        identity: DeskIdentity,
        *,
        ledger: LedgerView,
        counters: Counters,
        limits: DeskLimits,
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identity = identity
        self._ledger = ledger
        self._counters = counters
        self._limits = limits
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s
        self._started_ms = now_ms()
        self._allowances = Allowances(
            key=limits.key,
            organisation=limits.organisation,
            window_ms=WINDOW_MS,
            marks=counters.marks(),
            now=self._now(),
        )

    def answer(self, ask: SignedAsk) -> AskAnswer:
        """Return the tokens of one ask.

        Raises:
            AskRefused: always with a reason that names nobody.

        """
        try:
            return self._decided(self._authentic(ask), ask.body)
        except InvalidAsk as error:
            raise AskRefused(AskCode.MALFORMED) from error
        except (LedgerUnavailable, StorageError) as error:
            raise AskRefused(AskCode.UNAVAILABLE, retry_after_s=1) from error

    def _authentic(self, ask: SignedAsk) -> _Asker:
        header = read_header(ask.header)
        self._require_signature(header, ask)
        now_ms = self._now_ms()
        # What was signed before we started may have been answered by our former life.
        if abs(now_ms - header.at_ms) > WINDOW_MS or header.at_ms < self._started_ms:
            raise AskRefused(AskCode.CLOCK)
        key_id = header.key_id(self._identity.suite)
        row = self._ledger.key(key_id, claimed=header.organisation)
        if (
            row is None
            or row.public_key != header.public_key
            or row.organisation != header.organisation
            or not row.is_valid_at(now_ms)
        ):
            raise AskRefused(AskCode.UNKNOWN_KEY)
        asking = self._allowances.admit(
            key_id=key_id,
            nonce=header.nonce,
            organisation=row.organisation,
            at_ms=header.at_ms,
            now=self._now(),
        )
        return _Asker(organisation=row.organisation, key_id=key_id, roles=row.roles, asking=asking)

    def _require_signature(self, header: AskHeader, ask: SignedAsk) -> None:
        target = AskTarget(
            chain_id=self._identity.chain_id,
            custodian=self._identity.organisation,
            method=ask.method,
            path=ask.path,
            body=ask.body,
        )
        try:
            verify_header(header, target, self._identity.suite)
        except (InvalidKey, InvalidSignature) as error:
            raise AskRefused(AskCode.BAD_SIGNATURE) from error

    def _decided(self, asker: _Asker, body: bytes) -> AskAnswer:
        """Make the tokens or count the refusal; an ask of a registered key is always counted."""
        ask: AskBody | None = None
        try:
            ask = read_body(body)
            amount = max(1, len(ask.places) * len(ask.identifiers))
            # Before anything is looked up for it.
            self._allowances.require(asker.asking, amount, now=self._now())
            return self._made(asker, ask)
        except (AskRefused, InvalidAsk, LedgerUnavailable) as error:
            self._count_refused(asker, ask, is_at_fault=_is_at_fault(error))
            raise

    def _made(self, asker: _Asker, ask: AskBody) -> AskAnswer:
        audit = self._require_entitled(asker, ask)
        kind, numbers = _numbers(ask)
        keys = [self._epoch_key(asker, place) for place in ask.places]
        made = Counter({place.department: 0 for place, _, _ in keys})
        for place, _, _ in keys:
            made[place.department] += len(numbers)
        self._take(asker, made, audit)
        return AskAnswer(
            places=tuple(
                PlaceTokens(
                    department=place.department,
                    epoch=epoch,
                    tokens=tuple(one.hex() for one in key.tokens(kind, numbers)),
                )
                for place, epoch, key in keys
            )
        )

    def _require_entitled(self, asker: _Asker, ask: AskBody) -> Audit | None:
        """Return what is remembered of an auditor's ask; None for a service's."""
        if self._is_own_call(asker, ask):
            return None
        if Role.AUDITOR not in asker.roles:
            raise AskRefused(AskCode.NOT_ENTITLED)
        if not ask.purpose.strip():
            raise AskRefused(AskCode.PURPOSE_MISSING)
        if personal_finding(ask.purpose) is not None:
            raise AskRefused(AskCode.PERSONAL_TEXT)
        return Audit(
            at_ms=self._now_ms(),
            organisation=asker.organisation,
            key_id=asker.key_id,
            places=len(ask.places),
            identifiers=len(ask.identifiers),
            purpose=ask.purpose,
        )

    def _is_own_call(self, asker: _Asker, ask: AskBody) -> bool:
        """Tell whether a service asks for what its calls need: one department's tokens now."""
        if Role.SERVICE not in asker.roles or len(ask.places) != 1 or ask.purpose:
            return False
        (place,) = ask.places
        if place.epoch != 0:
            return False
        return place.department == asker.organisation or self._may_call(asker, place, ask)

    def _may_call(self, asker: _Asker, place: Place, ask: AskBody) -> bool:
        if not ask.grant:
            return self._ledger.is_free(
                provider=place.department, item=ask.item, asker=asker.organisation
            )
        return self._ledger.permits(
            requester=asker.organisation,
            provider=place.department,
            grant=ask.grant,
            now_ms=self._now_ms(),
        )

    def _epoch_key(self, asker: _Asker, place: Place) -> tuple[Place, int, EpochKey]:
        """Derive the key of a place; the ledger must bind the newest one to our root."""
        known = self._ledger.epoch(place.department, asker=asker.organisation)
        own = self._identity
        if known is None or known.custodian != own.organisation or place.epoch > known.epoch:
            raise AskRefused(AskCode.NO_EPOCH)
        newest = own.root.epoch_key(place.department, known.epoch)
        if newest.check(own.suite) != known.key_check:
            raise AskRefused(AskCode.WRONG_ROOT)
        epoch = place.epoch or known.epoch
        key = newest if epoch == known.epoch else own.root.epoch_key(place.department, epoch)
        return place, epoch, key

    def _take(self, asker: _Asker, made: Counter[str], audit: Audit | None) -> None:
        """Take the tokens out of every limit at once, and count them durably."""
        limits, now = self._limits, self._now()
        self._allowances.take(asker.asking, max(1, made.total()), now=now)
        try:
            self._counters.count_made(
                made,
                asker=_counted_as(asker, is_audit=audit is not None),
                day=local_day(now.ms),
                ceiling=limits.per_day if audit is None else limits.auditor_per_day,
                audit=audit,
                mark=self._allowances.mark(asker.asking, now=now),
            )
        except AskRefused as refusal:
            raise AskRefused(refusal.code, retry_after_s=self._midnight_s()) from refusal

    def _midnight_s(self) -> int:
        """Return the seconds until the day ends in +08:00."""
        return (_DAY_MS - (self._now_ms() - _MIDNIGHT_MS) % _DAY_MS) // 1000 + 1

    def _count_refused(self, asker: _Asker, ask: AskBody | None, *, is_at_fault: bool) -> None:
        """Count under the departments that exist, and charge what the asker is at fault for.

        A stranger's name makes no row, and whoever names strangers until no more are looked up
        is counted all the same. What is refused for other reasons counts as one.
        """
        now = self._now()
        amount = max(1, len(ask.identifiers)) if ask is not None and is_at_fault else 1
        if is_at_fault:
            self._allowances.charge(asker.asking, amount, now=now)
        self._counters.count_refused(
            self._refused(asker, ask, amount),
            asker=_counted_as(asker, is_audit=ask is not None and _is_audit(asker, ask)),
            least=amount,
            day=local_day(now.ms),
            mark=self._allowances.mark(asker.asking, now=now),
        )

    def _refused(self, asker: _Asker, ask: AskBody | None, amount: int) -> Mapping[str, int]:
        departments = () if ask is None else {place.department for place in ask.places}
        return {one: amount for one in departments if self._exists(one, asker.organisation)}

    def _exists(self, department: str, asker: str) -> bool:
        try:
            return self._ledger.epoch(department, asker=asker) is not None
        except LedgerUnavailable:
            return False

    def _now(self) -> Moment:
        return Moment(ms=self._now_ms(), s=self._monotonic_s())


def _is_at_fault(error: AskRefused | InvalidAsk | LedgerUnavailable) -> bool:
    """Tell whether the ask itself was wrong; one that came too fast has paid for asking."""
    if isinstance(error, AskRefused):
        return error.code not in {AskCode.RATE, AskCode.CEILING}
    return isinstance(error, InvalidAsk)


def _is_audit(asker: _Asker, ask: AskBody) -> bool:
    return Role.AUDITOR in asker.roles and bool(ask.purpose)


def _counted_as(asker: _Asker, *, is_audit: bool) -> str:
    """Return under what name a day's tokens are counted: audits have a ceiling of their own."""
    return f"{asker.organisation} audit" if is_audit else asker.organisation


def _numbers(ask: AskBody) -> tuple[IdType, tuple[str, ...]]:
    """Return the identifiers in their one form, or refuse the whole ask at the first fault."""
    try:
        kind = id_type_of(ask.id_type)
    except InvalidIdentity as error:
        raise AskRefused(AskCode.INVALID_IDENTIFIER) from error
    return kind, tuple(_number(kind, one, at) for at, one in enumerate(ask.identifiers))


def _number(kind: IdType, text: str, at: int) -> str:
    try:
        return normalised(kind, text)
    except InvalidIdentity as error:
        raise AskRefused(AskCode.INVALID_IDENTIFIER, place=at) from error
