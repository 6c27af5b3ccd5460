"""Disputes that ever came to organisations, from their proven trails; each as the state has it.

The trail of an organisation under the kind *responsible* (docs/wire-format.md §18) holds every
record of each dispute that it had to answer; what it passed on stands in it too. So the list is
whole where the trail is proven to be whole, and no node can hide a dispute from it. The question
is recorded, as every question is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from chainnode.client.clients import Client
from chainnode.client.results import AuditAnswer
from chainnode.client.whole import whole_answer
from chainnode.verify.disputed import dispute_of
from chainnode.verify.errors import InvalidEvidence
from contracts.schemas.audit import VALUES_MAX, Basis
from contracts.schemas.disputes import DISPUTES, DisputeRow
from contracts.schemas.index_kinds import IndexKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDispute:
    """A dispute as the state has it now, proven; `overdue` is what the ledger found of it."""

    dispute_id: bytes
    row: DisputeRow

    @property
    def is_open(self) -> bool:
        """Whether it still waits for an answer."""
        return self.row.is_open

    @property
    def is_overdue(self) -> bool:
        """Whether it waits for an answer and its deadline has passed."""
        return self.row.is_open and bool(self.row.is_overdue)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeList:
    """Disputes that came to `organisations`: open ones first, then by their deadline.

    `complete` is a conclusion from the proofs of `answers`: before `complete_to_ms` no dispute
    came to them that is not listed. `state_height` is that of the oldest row shown, None without
    rows.
    """

    organisations: tuple[str, ...]
    disputes: tuple[ListedDispute, ...]
    answers: tuple[AuditAnswer, ...] = field(repr=False)
    state_height: int | None

    @property
    def complete(self) -> bool:
        """Whether every dispute that came to the organisations is listed."""
        return all(one.complete for one in self.answers)

    @property
    def complete_to_ms(self) -> int | None:
        """Ledger time up to which none is missing; None where that is not proven."""
        known = [one.complete_to_ms for one in self.answers if one.complete_to_ms is not None]
        return min(known) if len(known) == len(self.answers) else None

    @property
    def incomplete_because(self) -> str:
        """Why it is not complete; empty where it is."""
        return next((one.incomplete_because for one in self.answers if not one.complete), "")

    @property
    def as_of_height(self) -> int:
        """Height of the oldest block under which an answer was proven."""
        return min(one.as_of_height for one in self.answers)


def list_disputes(
    client: Client,
    organisations: Sequence[str],
    *,
    purpose: str,
    basis: Basis = Basis.DATA_QUALITY,
    rows_max: int | None = None,
) -> DisputeList:
    """Record the question, take its answer, and read every dispute in it from the state.

    Who filed a dispute has no trail of its own: all that an organisation filed are found among
    those of every organisation. `rows_max` bounds the records of each question, of which there
    is one for nine organisations.

    Raises:
        QuestionNotRecorded: refused by the chain, or not final in time.
        CannotDecide: no node gave an answer, or rows of the state, that can be checked.
        InvalidEvidence: a proven record speaks of a dispute that the state proves to be absent.
        ValueError: no organisation.

    """
    distinct = tuple(sorted(set(organisations)))
    if not distinct:
        raise ValueError("organisations: expected at least one, got none")
    answers = tuple(
        whole_answer(
            client,
            IndexKind.RESPONSIBLE,
            distinct[first : first + VALUES_MAX],
            purpose=purpose,
            basis=basis,
            rows_max=rows_max,
        )
        for first in range(0, len(distinct), VALUES_MAX)
    )
    found = client.states(DISPUTES, disputes_in(answers))
    listed = [_listed(dispute_id, one.row) for dispute_id, one in found.items()]
    return DisputeList(
        organisations=distinct,
        disputes=tuple(sorted(listed, key=_order)),
        answers=answers,
        state_height=min((one.header.height for one in found.values()), default=None),
    )


def disputes_in(answers: Iterable[AuditAnswer]) -> tuple[bytes, ...]:
    """Return the ids of the disputes that records of these answers are about, ascending."""
    found = {dispute_of(one.entry) for answer in answers for one in answer.items}
    return tuple(sorted(one for one in found if one is not None))


def _listed(dispute_id: bytes, row: DisputeRow | None) -> ListedDispute:
    if row is None:
        raise InvalidEvidence(
            check="dispute", expected="the row of a recorded dispute", actual="its absence"
        )
    return ListedDispute(dispute_id=dispute_id, row=row)


def _order(one: ListedDispute) -> tuple[bool, int, bytes]:
    return not one.is_open, one.row.due_ms, one.dispute_id
