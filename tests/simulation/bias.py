"""Runs that are led where mistakes hide: prepared slots through two successive view changes.

Chance alone seldom prepares a slot in one view, keeps it from committing, and does the same
in the next. A director holds back chosen messages until that has happened, and then lets go.
"""

from random import Random

from consensus.effects import Effect, Persist
from consensus.messages import (
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
)
from consensus.types import NULL_BATCH_DIGEST

# What must have happened in a large number of runs.
COUNTERS = ("biased_schedules", "biased_carried_twice")


class Director:
    """Holds back what would commit, view after view, until a prepared slot was carried twice.

    Per run one of the nodes may hear COMMITs all the same, so that it alone decides; PREPAREs
    may reach a bare minimum; a view may be announced to nobody, or prepare nothing.
    """

    def __init__(self, random: Random, *, size: int, quorum: int) -> None:
        self._confidant = random.choice((None, random.randrange(size)))
        heard = random.sample(range(size), size)
        everybody = frozenset(range(size))
        # Any quorum meets so many.
        few = frozenset(heard[: size - quorum + 1])
        self._prepares_heard_by = random.choice((everybody, everybody, few))
        self._is_next_mute = random.random() < 0.25
        self._is_next_idle = random.random() < 0.4
        # The one that prepares in the first view, alone; its wish for the next one comes too late.
        self._loner = random.choice((None,) * 5 + (random.randrange(size),))
        self._is_prepared_again = False
        self._muted_view: int | None = None
        self._first_prepared_view: int | None = None
        self._announced: dict[tuple[int, bytes], list[int]] = {}
        self._has_let_go = False
        self.is_done = False

    def let_go(self) -> None:
        """Hold nothing back any more."""
        self._has_let_go = True

    def holds_back(self, receiver: int, message: Message) -> bool:
        """Tell whether `receiver` must not get `message`."""
        if self.is_done or self._has_let_go:
            return False
        if isinstance(message, Commit):
            return receiver != self._confidant
        if self._loner is not None:
            return self._isolates(self._loner, receiver, message)
        if isinstance(message, Prepare):
            return self._is_idle(message.view) or receiver not in self._prepares_heard_by
        if isinstance(message, NewView):
            return self._is_muted(message.view)
        return isinstance(message, PrePrepare) and self._is_idle(message.view)

    def _isolates(self, loner: int, receiver: int, message: Message) -> bool:
        """Let one alone prepare in one view and all others in the next: then two certificates
        of one sequence meet in the third.
        """
        first = self._first_prepared_view
        if isinstance(message, Prepare):
            is_first = first is None or message.view == first
            return (receiver != loner) if is_first else (receiver == loner)
        if isinstance(message, ViewChange):
            return message.sender == loner and not self._is_prepared_again
        return False

    def _is_idle(self, view: int) -> bool:
        """Tell whether nothing may be prepared in `view`: the one after the first that did."""
        first = self._first_prepared_view
        return self._is_next_idle and first is not None and view == first + 1

    def _is_muted(self, view: int) -> bool:
        """Tell whether `view` is announced to nobody: the first one after something prepared."""
        if not self._is_next_mute or self._first_prepared_view is None:
            return False
        if self._muted_view is None:
            self._muted_view = view
        return view == self._muted_view

    def on_effect(self, effect: Effect) -> None:
        """Watch the certificates and views that correct nodes write down."""
        if not isinstance(effect, Persist):
            return
        for record in effect.records:
            if isinstance(record, PreparedCertificate):
                if self._first_prepared_view is None:
                    self._first_prepared_view = record.view
                elif record.view > self._first_prepared_view:
                    self._is_prepared_again = True
            elif isinstance(record, NewView):
                self._note_new_view(record)

    def _note_new_view(self, message: NewView) -> None:
        for one in message.pre_prepares:
            if one.batch_digest == NULL_BATCH_DIGEST:
                continue
            views = self._announced.setdefault((one.sequence, one.batch_digest), [])
            if message.view not in views:
                views.append(message.view)
            self.is_done = self.is_done or len(views) > 1
