"""What a use of a person's data is, and what several records of one say together. Pure.

A *use* is one call between departments, whatever number of records speaks of it: two halves, lists
of people, what the ledger found. Calls under seal show that and when, and neither who nor why.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from chainnode.verify.disputed import is_open_after
from contracts.schemas.access import AccessOutcome, Finding
from contracts.schemas.access_gaps import GapOutcome

# Requester, provider, and what tells calls of the two apart.
CallName = tuple[str, str, str]


class UseKind(StrEnum):
    """How a use came to be known."""

    CALL = "call"
    UNSEALED = "unsealed"
    QUESTION = "question"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfSeen:
    """One side's half of a call: where it stands, and its private part as it is recorded."""

    position: int
    side: int
    private: bytes = field(repr=False)
    contract_version: int
    subjects: tuple[bytes, ...] = field(repr=False)
    item: str
    grant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Objected:
    """What became of one objection: the outcome of its latest record, and when.

    `is_own`: filed here, for the person; any other department may object to a call as well.
    """

    dispute_id: bytes
    outcome: int
    recorded_ms: int
    is_own: bool = False

    @property
    def is_open(self) -> bool:
        """Whether an answer is waited for; an overdue objection can still be answered."""
        return is_open_after(self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One use. Texts are empty where no record that is shown says them.

    `used_ms` is what the department said, never later than `recorded_ms`, the ledger's time of the
    first record of it. `people` is how many people the call was about, 0 where nobody said.
    """

    kind: UseKind
    name: CallName
    item: str = ""
    why: str = ""
    used_ms: int
    recorded_ms: int
    outcome: AccessOutcome | None = None
    findings: frozenset[Finding] = frozenset()
    gap: GapOutcome | None = None
    people: int = 0
    grant: str = ""
    halves: tuple[HalfSeen, ...] = ()
    people_tokens: tuple[bytes, ...] = field(default=(), repr=False)
    objections: tuple[Objected, ...] = ()
    positions: tuple[int, ...] = ()

    @property
    def requester(self) -> str:
        """Who used the data."""
        return self.name[0]

    @property
    def provider(self) -> str:
        """Whose data it was; empty for what is no call."""
        return self.name[1]

    @property
    def open_objection(self) -> Objected | None:
        """The objection filed here that is not answered: while there is one, there is no other."""
        return next((one for one in self.objections if one.is_own and one.is_open), None)

    @property
    def followed(self) -> bytes:
        """The dispute that a next objection follows: the last one filed here; empty for none."""
        own = [one for one in self.objections if one.is_own]
        return max(own, key=lambda one: one.recorded_ms).dispute_id if own else b""

    def is_in(self, from_ms: int, to_ms: int) -> bool:
        """Tell whether it was made, or recorded, in [from, to).

        When it was made is the department's word: a false one must not hide a use from a period
        in which it was recorded.
        """
        return from_ms <= self.used_ms < to_ms or from_ms <= self.recorded_ms < to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedUse:
    """A call under seal: when, by which department's service, and how much was answered."""

    department: str
    recorded_ms: int
    count: int
    position: int
    commitment: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """All that the records of a person say; `others` is how many say something else."""

    usages: tuple[Usage, ...]
    sealed: tuple[SealedUse, ...]
    own_questions: int
    others: int


def joined(before: Usage, found: Usage) -> Usage:
    """Return what two records of one use say together."""
    outcomes = [one for one in (before.outcome, found.outcome) if one is not None]
    return replace(
        before,
        item=before.item or found.item,
        why=before.why or found.why,
        grant=before.grant or found.grant,
        used_ms=min(before.used_ms, found.used_ms),
        recorded_ms=min(before.recorded_ms, found.recorded_ms),
        # What was given counts, when one of the two says so.
        outcome=min(outcomes, default=None),
        findings=before.findings | found.findings,
        gap=found.gap if found.gap is not None else before.gap,
        people=max(before.people, found.people),
        halves=(*before.halves, *found.halves),
        people_tokens=(*before.people_tokens, *found.people_tokens),
        positions=tuple(sorted({*before.positions, *found.positions})),
    )


def lacks_half(usages: Iterable[Usage]) -> tuple[Usage, ...]:
    """Return the calls of which no half is shown: the person stands in a list of people alone."""
    return tuple(one for one in usages if one.kind is UseKind.CALL and not one.halves)
