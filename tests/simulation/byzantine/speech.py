"""What a vice makes of each outgoing message, receiver by receiver."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    Recall,
    Recollection,
    Status,
)
from consensus.new_view import UNSIGNED
from consensus.types import Digest, ReplicaId
from tests.simulation.byzantine.batches import contradiction_of, invalid_proposal
from tests.simulation.byzantine.fields import KINDS
from tests.simulation.byzantine.forgery import Forger
from tests.simulation.byzantine.keys import KeyRing
from tests.simulation.byzantine.mutation import Mutator
from tests.simulation.byzantine.vices import WITHHELD, Vice
from tests.simulation.stubs import digest_of

_ROUND_MS = 200
# Rounds in which a mutator tells the truth, and lies that only some hear.
_HONEST_SHARE = 0.4
_PARTIAL_SHARE = 0.3
_WRONG_O_SHARE = 0.5
# Far more than any kind of message has.
_FIELDS_MAX = 10_000
# Messages that promise nothing and only tell where the sender stands.
CLAIMS: tuple[type[Message], ...] = (Status, Recall, Recollection)
# Contradictions that an equivocator remembers.
_CONTRADICTIONS_MAX = 64

Bend = Callable[[Message, int], Message | None]


class Speech:
    """Bends the words of one member; all its lies are signed with the keys of the ring."""

    def __init__(self, *, keys: KeyRing, mutator: Mutator, forger: Forger, random: Random) -> None:
        self._keys = keys
        self._mutator = mutator
        self._forger = forger
        self._random = random
        self._round = 0
        self._offset = random.randrange(_FIELDS_MAX)
        # Digest told to one side -> digest told to the other.
        self._contradicted: dict[Digest, Digest] = {}
        self._bends: dict[Vice, Bend] = {
            Vice.SILENT: lambda _message, _receiver: None,
            Vice.PARTIAL_PRIMARY: self._leave_out,
            Vice.BODILESS_PRIMARY: self._strip,
            Vice.LIAR: self._lie,
            Vice.STATUS_LIAR: self._claim,
            Vice.CHECKPOINT_LIAR: self._sign_other_header,
            Vice.EQUIVOCATOR: self._contradict,
            Vice.INVALID_BATCHES: self._propose_invalid,
            Vice.INVALID_NEW_VIEW: self._announce_wrongly,
            Vice.MUTATOR: self._mutate,
            Vice.FORGER: self._forge,
        }

    def bend(
        self, vice: Vice, message: Message, *, receiver: int, view: int, now_ms: int
    ) -> Message | None:
        """Return what `receiver` hears; None: nothing."""
        self._round = view * 31 + now_ms // _ROUND_MS + self._offset
        if isinstance(message, WITHHELD.get(vice, ())):
            return None
        bend = self._bends.get(vice)
        return message if bend is None else bend(message, receiver)

    def _leave_out(self, message: Message, receiver: int) -> Message | None:
        return None if isinstance(message, PrePrepare) and receiver % 2 == 0 else message

    def _strip(self, message: Message, receiver: int) -> Message:
        """Propose digests whose bodies nobody gets, but for one receiver now and then."""
        if not isinstance(message, PrePrepare) or (self._round + receiver) % 4 == 0:
            return message
        return replace(message, batch=None)

    def _lie(self, message: Message, receiver: int) -> Message:
        """Vote for something else, and tell the truth to some."""
        if receiver % 2 or not isinstance(message, Prepare | Commit):
            return message
        lie = digest_of(b"lie about %d" % message.sequence)
        return self._keys.sign(replace(message, batch_digest=lie))

    def _claim(self, message: Message, _receiver: int) -> Message:
        if not isinstance(message, CLAIMS):
            return message
        return self._mutator.mutate(message, round_number=self._random.randrange(_FIELDS_MAX))

    def _sign_other_header(self, message: Message, receiver: int) -> Message:
        if not isinstance(message, Checkpoint) or receiver % 3 == 0:
            return message
        other = digest_of(b"another header %d" % message.height)
        return self._keys.sign(replace(message, header_digest=other))

    def _contradict(self, message: Message, receiver: int) -> Message:
        """Propose one batch to these and another to those, and vote for both."""
        if receiver % 2:
            return message
        if isinstance(message, PrePrepare) and message.batch is not None:
            other = contradiction_of(message.batch)
            if len(self._contradicted) < _CONTRADICTIONS_MAX:
                self._contradicted[message.batch_digest] = other.digest
            return self._keys.sign(replace(message, batch=other, batch_digest=other.digest))
        if isinstance(message, Prepare | Commit) and message.batch_digest in self._contradicted:
            digest = self._contradicted[message.batch_digest]
            return self._keys.sign(replace(message, batch_digest=digest))
        return message

    def _propose_invalid(self, message: Message, _receiver: int) -> Message:
        """Now and then: a batch of every sort that nobody may accept."""
        if not isinstance(message, PrePrepare) or message.batch is None:
            return message
        if (message.sequence + message.view) % 3 == 0:
            return message
        return self._keys.sign(invalid_proposal(message, variety=message.sequence))

    def _announce_wrongly(self, message: Message, _receiver: int) -> Message:
        if not isinstance(message, NewView):
            return message
        if self._random.random() < _WRONG_O_SHARE:
            return self._forger.other_proposals(message)
        return self._mutator.mutate(message, round_number=self._random.randrange(_FIELDS_MAX))

    def _mutate(self, message: Message, receiver: int) -> Message:
        """Bend one field of each kind a round, to all or only to some.

        A NEW-VIEW is rare and has the most fields: each receiver hears another lie.
        """
        self._mutator.note(message)
        if isinstance(message, NewView):
            return self._mutator.mutate(message, round_number=self._random.randrange(_FIELDS_MAX))
        draw = Random(self._round * len(KINDS) + KINDS.index(type(message)))  # noqa: S311 (a seed must replay)
        is_partial = draw.random() < _PARTIAL_SHARE
        if draw.random() < _HONEST_SHARE or (is_partial and receiver % 2):
            return message
        return self._mutator.mutate(message, round_number=draw.randrange(_FIELDS_MAX))

    def _forge(self, message: Message, _receiver: int) -> Message:
        return self._forger.new_view(message) if isinstance(message, NewView) else message


def ballot_for(proposal: PrePrepare, *, sender: ReplicaId) -> tuple[Prepare, Commit]:
    """Vote for a proposal in both phases, unsigned."""
    prepare = Prepare(
        epoch=proposal.epoch,
        view=proposal.view,
        sequence=proposal.sequence,
        batch_digest=proposal.batch_digest,
        sender=sender,
        signature=UNSIGNED,
    )
    commit = Commit(
        epoch=proposal.epoch,
        view=proposal.view,
        sequence=proposal.sequence,
        batch_digest=proposal.batch_digest,
        sender=sender,
        signature=UNSIGNED,
    )
    return prepare, commit


def disguise(message: Message) -> Message:
    """Put a vote of one phase into the other under the same signature."""
    match message:
        case Prepare():
            return Commit(
                epoch=message.epoch,
                view=message.view,
                sequence=message.sequence,
                batch_digest=message.batch_digest,
                sender=message.sender,
                signature=message.signature,
            )
        case Commit():
            return Prepare(
                epoch=message.epoch,
                view=message.view,
                sequence=message.sequence,
                batch_digest=message.batch_digest,
                sender=message.sender,
                signature=message.signature,
            )
        case _:
            return message
