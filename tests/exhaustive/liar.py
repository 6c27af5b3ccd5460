"""The Byzantine member: whatever it can sign itself, and every certificate it can put together.

It says different things to different members and to nobody what it does not like to; it can
prove nothing that honest members did not help to prove.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

from consensus.messages import NewView, Prepare, PreparedCertificate, PrePrepare, ViewChange
from consensus.types import SequenceNumber, View
from tests.exhaustive.machine import Machine
from tests.exhaustive.network import Network, Subject
from tests.exhaustive.world import GROUP, Bounds, named_batch
from tests.unit.consensus.group import (
    commit,
    new_view,
    pre_prepare,
    prepare,
    prepared,
    signed,
    view_change,
)


class Liar:
    """Makes the messages of the Byzantine member, given what the others said."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._bounds: Bounds = machine.bounds
        self._votes: dict[tuple[str, Subject], int] = {}

    def proposals(self, view: View, sequence: SequenceNumber) -> tuple[int, ...]:
        """Both of its batches, if it leads the view."""
        if not self._bounds.is_led_by_liar(view):
            return ()
        return tuple(
            self._machine.fact_id(
                pre_prepare(sequence, view=view, body=named_batch(name, sequence))
            )
            for name in ("A", "B")
        )

    def prepare(self, subject: Subject) -> int:
        return self._vote("prepare", subject)

    def commit(self, subject: Subject) -> int:
        return self._vote("commit", subject)

    def _vote(self, kind: str, subject: Subject) -> int:
        if (kind, subject) not in self._votes:
            view, sequence, digest = subject
            make = prepare if kind == "prepare" else commit
            made = make(self._bounds.liar, sequence, view=view, digest=digest)
            self._votes[kind, subject] = self._machine.fact_id(made)
        return self._votes[kind, subject]

    def certificates(self, network: Network, *, before: View) -> Iterator[PreparedCertificate]:
        """Every prepared certificate that the votes said so far, and its own, can make."""
        yield from (one for _, one in network.of(PreparedCertificate) if one.view < before)
        for subject, voters in network.subjects(Prepare):
            view, sequence, digest = subject
            is_led = self._bounds.is_led_by_liar(view)
            senders = tuple(sender for _, sender in voters)
            signers = senders if is_led else tuple(sorted((*senders, self._bounds.liar)))
            if view < before and len(signers) >= GROUP.quorum - 1:
                chosen = signers[: GROUP.quorum - 1]
                yield prepared(sequence, view=view, digest=digest, signers=chosen)

    def wishes(self, network: Network, new_view_number: View) -> tuple[int, ...]:
        """A VIEW-CHANGE for every choice of what to show and what to hide."""
        known = tuple(self.certificates(network, before=new_view_number))
        per_slot = (
            (None, *(one for one in known if one.sequence == sequence))
            for sequence in self._bounds.sequences
        )
        return tuple(
            self._machine.fact_id(
                view_change(
                    self._bounds.liar,
                    new_view_number,
                    certificates=(one for one in choice if one is not None),
                )
            )
            for choice in product(*per_slot)
        )

    def new_views(self, network: Network, view: View) -> tuple[int, ...]:
        """Every O that some quorum allows, once each, and one that no quorum does."""
        if not self._bounds.is_led_by_liar(view):
            return ()
        made: dict[int, None] = {}
        for shown in self._quorums(network, view):
            made[self._machine.fact_id(new_view(view, changes=shown))] = None
        first = next(self._quorums(network, view), None)
        if first is not None:
            made[self._machine.fact_id(_spoilt(new_view(view, changes=first)))] = None
        return tuple(made)

    def _quorums(self, network: Network, view: View) -> Iterator[Sequence[ViewChange]]:
        honest = [one for _, one in network.of(ViewChange) if one.new_view == view]
        for number in self.wishes(network, view):
            own = self._machine.facts[number]
            assert isinstance(own, ViewChange)
            for size in range(GROUP.quorum, len(honest) + 2):
                for others in combinations(honest, size - 1):
                    yield sorted((own, *others), key=lambda one: one.sender)
        if len(honest) >= GROUP.quorum:
            yield sorted(honest, key=lambda one: one.sender)


def _spoilt(message: NewView) -> NewView:
    """Put another batch into every entry of O; where O is empty, invent one."""
    entries = tuple(_replaced(one.sequence, message.view) for one in message.pre_prepares)
    invented = _replaced(SequenceNumber(1), message.view)
    return signed(replace(message, pre_prepares=entries or (invented,)))


def _replaced(sequence: SequenceNumber, view: View) -> PrePrepare:
    return pre_prepare(sequence, view=view, digest=named_batch("L", sequence).digest)
