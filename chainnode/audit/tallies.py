"""Counts of what departments report of calls, from the public envelopes of log entries. Pure.

Halves and findings are counted for the department that spoke; a gap for the one it is held
against; a contradiction for both. All of them have keys on the chain, so the counts are few,
whatever anybody writes about third parties.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, Self

from chainnode.audit.port import DamagedReadModel
from chainnode.ledger.types import Entry
from contracts.schemas.access import findings_in, kind_in
from contracts.schemas.access_gaps import GapOutcome
from contracts.schemas.call_words import NAME, AccessOutcome
from contracts.schemas.index_kinds import IndexKind

KINDS = ("half", "finding", "gap", "mismatch")
_PARTS = 4
_ROLES = {IndexKind.REQUESTER: "requester", IndexKind.PROVIDER: "provider"}
_GAPS = {
    GapOutcome.ONE_SIDED_CLAIMED: "one_sided_claimed",
    GapOutcome.ONE_SIDED_PROVEN: "one_sided_proven",
    GapOutcome.MATCHED: "closed",
    GapOutcome.MISMATCHED: "closed",
}
# An outcome of this contract is a kind and eight times the findings; the kinds above are no halves.
_KINDS = 8


class Tally(NamedTuple):
    """What is counted: one of `KINDS`, which of them, whose, and in which role."""

    what: str
    which: str
    department: str
    role: str

    @property
    def encoded(self) -> bytes:
        """How it stands in a database."""
        return "\n".join(self).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encoded` wrote.

        Raises:
            DamagedReadModel: anything else.

        """
        parts = data.decode("utf-8", "replace").split("\n")
        if len(parts) != _PARTS or parts[0] not in KINDS:
            raise DamagedReadModel("audit database: expected a tally, got something else")
        return cls(*parts)


Tallies = Counter[Tally]


def tallies_of(entry: Entry) -> Iterator[Tally]:
    """Yield what an entry adds one to."""
    if entry.contract != NAME:
        return
    if entry.is_ledgers_own:
        yield from _of_gap(entry)
    elif entry.outcome % _KINDS <= max(AccessOutcome):
        department = entry.organisation
        yield from _of_half(entry.outcome, department, _role_of(entry, department))


# Few outcomes of few departments make millions of halves.
@lru_cache(maxsize=4096)
def _of_half(outcome: int, department: str, role: str) -> tuple[Tally, ...]:
    found = (Tally("finding", one.name.lower(), department, role) for one in findings_in(outcome))
    return Tally("half", kind_in(outcome).name.lower(), department, role), *found


def _of_gap(entry: Entry) -> Iterator[Tally]:
    for charged in _values(entry, IndexKind.UNMATCHED):
        yield Tally("gap", _GAPS[GapOutcome(entry.outcome)], charged, _role_of(entry, charged))
    if entry.outcome == GapOutcome.MISMATCHED:
        for kind, role in _ROLES.items():
            for department in _values(entry, kind):
                yield Tally("mismatch", "", department, role)


def _role_of(entry: Entry, department: str) -> str:
    asks = department in _values(entry, IndexKind.REQUESTER)
    return _ROLES[IndexKind.REQUESTER if asks else IndexKind.PROVIDER]


def _values(entry: Entry, kind: IndexKind) -> list[str]:
    """Return the names under this kind of key; ids of organisations stand there in clear."""
    return [key[1:].decode("ascii", "replace") for key in entry.index_keys if key[0] == kind]
