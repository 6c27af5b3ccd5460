"""Changes of members in the simulation: the rule of the chain, and a node that lives through it.

A *site* is a machine with a key for life; in every epoch it has another replica id, or none.
Some requests are changes: executed at s, they take effect at s + 2L, as in docs/protocol.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from consensus.codec import signed_content, signed_messages
from consensus.effects import Effect, EpochEnded
from consensus.epochs import EpochEnd, NextEpoch
from consensus.events import Event, Executed, Restored, Synced
from consensus.guard import VoteGuard
from consensus.messages import Message
from consensus.replica import ReplicaConfig
from consensus.types import REPLICAS_MIN, Epoch, Membership, Nonce, ReplicaId, SequenceNumber
from tests.simulation.disk import Ledger
from tests.simulation.node import Node
from tests.simulation.proposals import Proposals
from tests.simulation.stubs import (
    CHAIN_ID,
    ENCODER,
    GuardedSigner,
    digest_of,
    has_stub_signature,
)

ADD = 1_000
REMOVE = 2_000
_CATCH_UP_MS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One epoch: its first sequence and its sites; the position of a site is its replica id."""

    epoch: int
    first: int
    sites: tuple[int, ...]

    @property
    def membership(self) -> Membership:
        return Membership(epoch=Epoch(self.epoch), size=len(self.sites))


def terms_of(ledger: Ledger, *, sites: tuple[int, ...], window: int) -> tuple[Term, ...]:
    """Read all epochs, the pending one included, from the blocks: every node gets the same."""
    terms = [Term(epoch=0, first=1, sites=sites)]
    for block in ledger.blocks:
        for request in block.requests:
            is_pending = terms[-1].first > block.height
            changed = None if is_pending else _changed(terms[-1].sites, request)
            if changed is not None:
                first = block.height + 2 * window
                terms.append(Term(epoch=terms[-1].epoch + 1, first=first, sites=changed))
    return tuple(terms)


def _changed(sites: tuple[int, ...], request: int) -> tuple[int, ...] | None:
    """Return the members after a change, None when it is none or not allowed."""
    if request >= REMOVE:
        rest = tuple(one for one in sites if one != request - REMOVE)
        return rest if REPLICAS_MIN <= len(rest) < len(sites) else None
    if request >= ADD and request - ADD not in sites:
        return tuple(sorted((*sites, request - ADD)))
    return None


def is_let_in(message: Message, terms: tuple[Term, ...]) -> bool:
    """Judge signatures as a driver does: every part under the keys of its own epoch."""
    if message.epoch >= len(terms):
        return False
    parts = signed_messages(message, size=len(terms[message.epoch].sites))
    return all(_is_signed(one, terms) for one in parts)


def _is_signed(part: Message, terms: tuple[Term, ...]) -> bool:
    sites = terms[part.epoch].sites if part.epoch < len(terms) else ()
    if part.sender >= len(sites):
        return False
    content = signed_content(part, chain_id=CHAIN_ID, encoder=ENCODER)
    return has_stub_signature(ReplicaId(sites[part.sender]), part.signature, content)


class EpochNode(Node):
    """A site: in an epoch with it a voter, else it only follows the certified chain.

    `genesis_sites` and `fetch_chain` must be set before it starts.
    """

    genesis_sites: tuple[int, ...]
    # Asks a peer for certified blocks above a height: see `EpochCluster.find_chain`.
    fetch_chain: Callable[["EpochNode"], None]
    is_voter = False
    _begin_segment = False
    _known: tuple[int, tuple[Term, ...]] = (-1, ())
    # Share of restarts that go back to the epoch which has just ended.
    backward = 0.5
    # Share of hand-overs that stop at one of their points.
    fragility = 0.1

    def terms(self) -> tuple[Term, ...]:
        ledger = self.disk.ledger
        if self._known[0] != ledger.height:
            terms = terms_of(ledger, sites=self.genesis_sites, window=self.config.window)
            self._known = (ledger.height, terms)
        return self._known[1]

    def term(self) -> Term:
        """The newest epoch whose first block can come: all before it is here and certified."""
        ledger = self.disk.ledger
        return next(one for one in reversed(self.terms()) if _has_begun(one, ledger))

    def start(self) -> None:
        self.lives += 1
        self.is_alive, self.is_paused = True, False
        self._held = []
        self._backlog.clear()
        self._is_syncing = False
        self._busy_until_ms = 0
        opened = self.disk.open()
        assert opened.may_vote
        self._surroundings.on_start(self)
        self._is_recovering = True
        self._stand_in(self._some_term())
        self._is_recovering = False

    def _some_term(self) -> Term:
        """Stand in the newest epoch, or, before its first block, in the one before it."""
        term = self.term()
        stands_between = term.epoch > 0 and self.disk.ledger.height == term.first - 1
        if stands_between and self._random.random() < self.backward:
            earlier = self.terms()[term.epoch - 1]
            if self.index in earlier.sites:
                return earlier
        return term

    def _stand_in(self, term: Term, *, pool: dict[int, None] | None = None) -> None:
        self.is_voter = self.index in term.sites
        if not self.is_voter:
            self.later(_CATCH_UP_MS, self._follow)
            return
        self.config = self._config_of(term)
        guard = VoteGuard(
            replica_id=self.replica_id,
            epoch=Epoch(term.epoch),
            chain_id=CHAIN_ID,
            encoder=ENCODER,
        )
        guard.restore(self.disk.votes)
        for own in self.disk.ledger.checkpoints_above(self.disk.ledger.height):
            guard.note_checkpoint(own)
        self._signer = GuardedSigner(ReplicaId(self.index), guard)
        self.replica = self._replica_class(self.config, encoder=ENCODER, signer=self._signer)
        self.proposals = Proposals(self)
        self.proposals.pool.update(pool or {})
        self._actions[EpochEnded] = self._end_epoch
        self.step(self._restored(term))

    def _config_of(self, term: Term) -> ReplicaConfig:
        terms, certificates = self.terms(), self.disk.ledger.certificates
        past = tuple(
            EpochEnd(membership=one.membership, stable=certificates[after.first - 1])
            for one, after in pairwise(terms[: term.epoch + 1])
        )
        return replace(
            self.config,
            replica_id=ReplicaId(term.sites.index(self.index)),
            membership=term.membership,
            past=past,
        )

    def _restored(self, term: Term) -> Restored:
        ledger = self.disk.ledger
        stable = self.disk.newest_certificate(Epoch(0))
        if stable.height < term.first - 1:
            stable = ledger.certificates[term.first - 1]
        return Restored(
            records=tuple(self.disk.votes),
            stable=stable,
            executed=SequenceNumber(ledger.height),
            header_digest=ledger.tip_digest,
            time_ms=ledger.tip_time_ms,
            checkpoints=ledger.checkpoints_above(stable.height),
            nonce=Nonce(digest_of(b"life %d of %d" % (self.lives, self.index))),
            now_ms=self.local.now_ms,
        )

    def pending(self) -> NextEpoch | None:
        """The change of members that is pending for the epoch this replica is in."""
        terms = self.terms()
        after = self.config.membership.epoch + 1
        if after >= len(terms):
            return None
        one = terms[after]
        return NextEpoch(membership=one.membership, first=SequenceNumber(one.first))

    def step(self, event: Event) -> None:
        if isinstance(event, Executed | Synced | Restored):
            event = replace(event, next_epoch=self.pending())
        super().step(event)

    def receive(self, message: Message) -> None:
        if self.is_voter and not self.is_paused and is_let_in(message, self.terms()):
            super().receive(message)

    def submit(self, request: int) -> None:
        if self.is_voter:
            super().submit(request)

    def rotate_votes(self) -> None:
        if self.is_voter:
            super().rotate_votes()

    # The end of an epoch

    def _burns_after(self, effect: Effect) -> bool:
        """The end of an epoch has crash points of its own: see `_end_epoch`."""
        return not isinstance(effect, EpochEnded) and super()._burns_after(effect)

    def _end_epoch(self, effect: EpochEnded) -> None:
        """Hand over as a driver does; now and then stop at one of the points in between."""
        assert isinstance(effect, EpochEnded)
        self.disk.ledger.certificates[effect.stable.height] = effect.stable
        if self._random.random() < self.fragility:
            self._stop_in_between("crash_between_epochs")
            return
        pool = self.proposals.pool
        self.lives += 1
        self._surroundings.on_start(self)
        self._begin_segment = True
        self._stand_in(self.term(), pool=pool)

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        """The vote log of a new epoch starts with what binds there, before anything leaves."""
        if self._begin_segment:
            self._begin_segment = False
            self.disk.write_segment(self.replica.restatement())
            if self._random.random() < self.fragility:
                self._stop_in_between("crash_at_new_segment")
                return
            self.disk.sync_votes()
        super()._carry_out(effects)

    def _stop_in_between(self, what: str) -> None:
        self.crash(what, by_power_cut=self._random.random() < 0.5)

    # Without a voice

    def _follow(self) -> None:
        """Catch up from the certified chain; vote once the epoch of this site has begun (I3)."""
        self.fetch_chain(self)
        term = self.term()
        if self.index in term.sites:
            self._stand_in(term)
        else:
            self.later(_CATCH_UP_MS, self._follow)


def _has_begun(term: Term, ledger: Ledger) -> bool:
    base = term.first - 1
    return base == 0 or (ledger.height >= base and base in ledger.certificates)
