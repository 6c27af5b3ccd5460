"""A member that does not follow the protocol: a real replica, whose words are bent by its vice.

It signs whatever it likes with its own key and, since liars may conspire, with those of the
other Byzantine members; never with the key of a correct one.
"""

from collections import Counter, deque
from dataclasses import replace

from consensus.effects import FetchBatch, FetchState
from consensus.messages import Batch, Message, PreparedCertificate, PrePrepare, ViewChange
from consensus.new_view import UNSIGNED
from consensus.ports import Signer
from consensus.types import SequenceNumber, View
from tests.simulation.byzantine.forgery import Forger
from tests.simulation.byzantine.keys import KeyRing
from tests.simulation.byzantine.mutation import Mutator
from tests.simulation.byzantine.speech import Speech, ballot_for, disguise
from tests.simulation.byzantine.vices import Vice
from tests.simulation.disk import Block
from tests.simulation.node import NoAnswer, Node
from tests.simulation.proposals import Proposals
from tests.simulation.stubs import LooseSigner, make_batch

_ACT_MS = 60
_RESTLESS_STRIDE = 3
_RESTLESS_VIEWS_MAX = 100_000
_HEARD_MAX = 150
_FLOOD_MS = 10
_QUESTIONS_PER_VOTE = 4
_REPLAYED = 3
_DISGUISED_SHARE = 0.3
# One client in three is starved; request numbers stand for clients.
STARVED_OF = 3
# Votes that a yes-man gives to one view and sequence.
_BALLOTS_MAX = 400


class Starving(Proposals):
    """Orders everybody's requests but those of some clients."""

    def _choose(self) -> list[int]:
        return [one for one in super()._choose() if one % STARVED_OF]


class ByzantineNode(Node):
    """Behaves as its vice says from the first moment to the last; healing does not mend it."""

    def turn(self, vice: Vice, *, owners: frozenset[int], tally: Counter[str]) -> None:
        """Choose the vice; `owners` are the members whose keys the liars share."""
        membership = self.config.membership
        self.vice = vice
        self._tally = tally
        self._keys = KeyRing(owners, size=membership.size)
        self._mutator = Mutator(
            keys=self._keys, membership=membership, random=self._random, tally=tally
        )
        self._forger = Forger(
            me=self.replica_id, keys=self._keys, membership=membership, random=self._random
        )
        self._speech = Speech(
            keys=self._keys, mutator=self._mutator, forger=self._forger, random=self._random
        )
        self._heard: deque[Message] = deque(maxlen=_HEARD_MAX)
        self._balloted: dict[tuple[int, int, bytes], None] = {}
        self._wished = 0
        self._flooded = 0

    def start(self) -> None:
        super().start()
        acts = {
            Vice.RESTLESS: self._agitate,
            Vice.REPLAYER: self._replay,
            Vice.FORGER: self._forge,
            Vice.FLOODER: self._flood,
        }
        if self.vice in acts:
            self.later(_ACT_MS, acts[self.vice])

    # Words

    def utter(self, message: Message, receiver: int) -> Message | None:
        """Return what `receiver` hears instead of `message`; None: nothing."""
        return self._speech.bend(
            self.vice, message, receiver=receiver, view=self.replica.view, now_ms=self._clock.now_ms
        )

    def delay_ms(self) -> int:
        """Say how long this member hesitates: a little less or more than the timers wait."""
        if self.vice is not Vice.SLOW:
            return 0
        timer_ms = self.config.request_timeout_ms << (self._clock.now_ms // 1_000 % 3)
        return timer_ms * self._random.choice((0, 9, 11)) // 10

    def receive(self, message: Message) -> None:
        if self.vice is Vice.REPLAYER:
            self._heard.append(message)
        elif self.vice is Vice.YES_MAN and isinstance(message, PrePrepare):
            self._vote_for(message)
        elif self.vice is Vice.MUTATOR and self._random.random() < 0.25:
            self._mutator.note(message)
        super().receive(message)

    def _vote_for(self, proposal: PrePrepare) -> None:
        """Vote for every proposal ever heard, whatever its view and what was voted before."""
        key = (proposal.view, proposal.sequence, proposal.batch_digest)
        if key in self._balloted or len(self._balloted) >= _BALLOTS_MAX:
            return
        self._balloted[key] = None
        for vote in ballot_for(proposal, sender=self.replica_id):
            self._surroundings.transmit(self, None, self._keys.sign(vote))

    # Deeds of its own

    def _agitate(self) -> None:
        """Ask for ever later views, as only f+1 may do with success."""
        if self.replica.view < _RESTLESS_VIEWS_MAX:
            self._wished = max(self._wished, self.replica.view) + _RESTLESS_STRIDE
            unsigned = ViewChange(
                epoch=self.config.membership.epoch,
                new_view=View(self._wished),
                stable=self.replica.stable,
                prepared=(),
                sender=self.replica_id,
                signature=UNSIGNED,
            )
            self._surroundings.transmit(self, None, self._keys.sign(unsigned))
        self.later(_ACT_MS, self._agitate)

    def _replay(self) -> None:
        """Say again what others said, long ago and out of place."""
        for _ in range(min(_REPLAYED, len(self._heard))):
            message = self._random.choice(self._heard)
            if self._random.random() < _DISGUISED_SHARE:
                message = disguise(message)
            self._surroundings.transmit(self, None, message)
        self.later(_ACT_MS, self._replay)

    def _flood(self) -> None:
        """Say ever new things about places where nobody is."""
        self._flooded += 1
        messages = [self._forger.question(self._flooded)]
        if self._flooded % _QUESTIONS_PER_VOTE == 0:
            messages += self._forger.flood(self._flooded)
        for message in messages:
            self._surroundings.transmit(self, None, message)
        self.later(_FLOOD_MS, self._flood)

    def _forge(self) -> None:
        """Ask for a view with certificates that prove nothing."""
        wish = self._forger.view_change(
            new_view=View(self.replica.view + self._random.randint(0, 2)),
            stable=self.replica.stable,
            prepared=tuple(
                one
                for one in self.replica.restatement()
                if isinstance(one, PreparedCertificate)
                and one.sequence > self.replica.low_watermark
            ),
        )
        self._surroundings.transmit(self, None, wish)
        self.later(2 * _ACT_MS, self._forge)

    # Proposals and services

    def _make_proposals(self) -> Proposals:
        return Starving(self) if self.vice is Vice.STARVING_PRIMARY else super()._make_proposals()

    def serve_batch(self, effect: FetchBatch) -> Batch | None:
        """Answer with another body, or with none, or never."""
        if self.vice is Vice.BODILESS_PRIMARY:
            return None
        if self.vice is not Vice.HOSTILE_SERVER:
            return super().serve_batch(effect)
        if self._random.random() < 0.2:
            raise NoAnswer
        wrong = make_batch(self.local.now_ms, (effect.sequence,))
        return self._random.choice((None, wrong, replace(wrong, digest=effect.digest)))

    def serve_blocks(self, effect: FetchState, *, above: int) -> list[Block] | None:
        """Answer with wrong, missing, turned or too few blocks, or never."""
        blocks = super().serve_blocks(effect, above=above)
        if self.vice is not Vice.HOSTILE_SERVER or not blocks:
            return blocks
        if self._random.random() < 0.2:
            raise NoAnswer
        first, *rest = blocks
        other = make_batch(first.time_ms, (effect.target.height,))
        forged = self.disk.ledger.as_of(above).build(SequenceNumber(first.height), other)
        return self._random.choice(
            (
                [],
                rest,
                blocks[:-1],
                [*rest, first],
                [replace(first, batch=other), *rest],
                [forged, *rest],
                [replace(first, requests=(*first.requests, 0)), *rest],
                [replace(first, time_ms=first.time_ms + 1), *rest],
            )
        )

    def _make_signer(self) -> Signer:
        return LooseSigner(self.replica_id)
