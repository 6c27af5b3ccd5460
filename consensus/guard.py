"""The memory of what was signed: one content per slot, over all lives of this replica.

Pure; `chainnode.votelog` wraps it with the key and the file. Rebuilt from the stored records,
which are durable before a signature leaves (checklist G1, G2). What it has forgotten it
refuses: votes at or below the stable checkpoint (but for the entries of a NEW-VIEW that is
being made), votes of views that were left, and unknown CHECKPOINTs below the newest.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from consensus.codec import Slot, signed_content, slot_of
from consensus.effects import Record
from consensus.errors import ConflictingVote, ForgottenVote
from consensus.messages import (
    Checkpoint,
    Message,
    NewView,
    PreparedCertificate,
    RecoveryPromise,
    StableCheckpoint,
)
from consensus.ports import Encoder
from consensus.recovery_record import RECOVERY
from consensus.types import Epoch, ReplicaId, Signature

_VOTES = ("preprepare", "prepare", "commit")
_VIEWS = ("viewchange", "newview")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    content: bytes
    signature: Signature


_Memory: TypeAlias = dict[Slot, _Signed]


class VoteGuard:
    """Decides before every signature whether this content may be signed for this slot.

    `voted_view` never goes down: after VIEW-CHANGE or NEW-VIEW for v no vote of a view below
    v is signed. `floor` never goes down either. Memory: three votes per sequence in the
    window, one message per kind for the voted view, the CHECKPOINTs above `floor` and the
    newest. `spoken_view` is the last view that any message of ours can be of: others may have
    led us further since.
    """

    def __init__(
        self, *, replica_id: ReplicaId, epoch: Epoch, chain_id: bytes, encoder: Encoder
    ) -> None:
        self.voted_view = 0
        self.spoken_view = 0
        self.floor = 0
        self.entered_view = 0
        self._replica_id = replica_id
        self._epoch = epoch
        self._chain_id = chain_id
        self._encoder = encoder
        self._signed: _Memory = {}
        # Our signature over the recovery record of this epoch: none is given after it (B9).
        self._farewell: _Signed | None = None

    @property
    def size(self) -> int:
        """Number of slots remembered."""
        return len(self._signed)

    def recall(self, *, slot: Slot, content: bytes) -> Signature | None:
        """Return the signature given before for this very content, or None: it may be signed.

        Call `remember` with the new signature before it is used.

        Raises:
            ConflictingVote: another content was signed for `slot`.
            ForgottenVote: the slot is below what is remembered, or not of this epoch.

        """
        if not slot:
            return None
        held = self._farewell if slot[0] == RECOVERY else self._signed.get(slot)
        if held is None:
            self._refuse_forgotten(slot)
            return None
        if held.content != content:
            raise ConflictingVote(slot=_name(slot))
        return held.signature

    def remember(self, *, slot: Slot, content: bytes, signature: Signature) -> None:
        """Note a signature that `recall` allowed."""
        if not slot:
            return
        if slot[0] == RECOVERY:
            self._farewell = _Signed(content=content, signature=signature)
            return
        kind, position = slot[0], int(slot[-1])
        self._signed[slot] = _Signed(content=content, signature=signature)
        if kind in _VIEWS:
            self._raise_view(position)
        if kind == "checkpoint":
            self._forget_checkpoints()
        else:
            self.spoken_view = max(self.spoken_view, int(slot[2]))

    def is_missing(self, *, slot: Slot, content: bytes) -> bool:
        """Tell whether a message that we once signed should be remembered here and is not.

        Then the memory is not whole: an older copy, or another process with our key. Every
        message is durable here before anybody else sees it, so a whole memory misses nothing
        but what it forgot on purpose: stable sequences, left views, our wish for a view whose
        NEW-VIEW has come. CHECKPOINTs are known above the stable one, or else the newest.
        """
        if not slot or slot[1] != self._epoch:
            return False
        held = self._signed.get(slot)
        if held is not None:
            return held.content != content
        kind, _, position, *sequence = slot
        if kind == "checkpoint":
            return int(position) > max(self.floor, self._newest_checkpoint())
        if int(position) > self.spoken_view:
            return True
        if int(position) < self.voted_view or kind == "viewchange":
            return False
        return kind == "newview" or int(sequence[0]) > self.floor

    def restore(self, records: Iterable[Record]) -> None:
        """Note what the vote log held when this life began: all that we ever said, or more."""
        self.note_records(records)
        self.spoken_view = self.voted_view

    def note_records(self, records: Iterable[Record]) -> None:
        """Note what was added to the vote log, in the order written.

        What was signed in another epoch binds nobody in this one, and nothing of another
        epoch is ever signed here.
        """
        for record in records:
            if record.epoch == self._epoch:
                self._note_record(record)

    def note_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Note our newest CHECKPOINT as it is stored with its block.

        Call it with the newest that the ledger holds, however old that is: a crash may have
        come between its block and the vote log.
        """
        if checkpoint.epoch == self._epoch:
            self._note_own(checkpoint)

    def _note_record(self, record: Record) -> None:
        match record:
            case StableCheckpoint():
                self._raise_floor(record.height)
            case PreparedCertificate():
                pass
            case RecoveryPromise():
                self._farewell = _Signed(content=record.content, signature=record.signature)
            case NewView() if record.sender != self._replica_id:
                self._raise_view(record.view)
                self.entered_view = max(self.entered_view, record.view)
            case _ if record.sender == self._replica_id:
                self._note_own(record)
            case _:
                pass

    def _note_own(self, message: Message) -> None:
        if isinstance(message, NewView):
            self.entered_view = max(self.entered_view, message.view)
            for pre_prepare in message.pre_prepares:
                self._note_own(pre_prepare)
        slot = slot_of(message)
        held = self._signed.get(slot)
        if held is not None and held.signature == message.signature:
            return  # Signed in this life, and remembered since.
        content = signed_content(message, chain_id=self._chain_id, encoder=self._encoder)
        self.remember(slot=slot, content=content, signature=message.signature)

    def _refuse_forgotten(self, slot: Slot) -> None:
        kind, epoch, *position = slot
        if epoch != self._epoch:
            raise ForgottenVote(slot=_name(slot), floor=self._epoch)
        if self._farewell is not None:
            raise ForgottenVote(slot=_name(slot), floor=self._epoch + 1)
        if kind == RECOVERY:
            return
        if kind == "checkpoint":
            self._refuse_below(slot, int(position[0]), floor=self._newest_checkpoint() + 1)
        elif kind == "viewchange":
            floor = max(self.voted_view, self.entered_view + 1)
            self._refuse_below(slot, int(position[0]), floor=floor)
        else:
            self._refuse_below(slot, int(position[0]), floor=self.voted_view)
        if kind in _VOTES and not self._is_announcing(slot):
            self._refuse_below(slot, int(position[1]), floor=self.floor + 1)

    def _is_announcing(self, slot: Slot) -> bool:
        """Tell whether this is an entry of O, which a new primary signs before its NEW-VIEW.

        It may be stable here by now, but not in the quorum that must be shown. Once the
        NEW-VIEW is signed, O is part of it and can get no second content.
        """
        kind, epoch, view, _ = slot
        is_led = ("newview", epoch, view) in self._signed
        return kind == "preprepare" and view == self.voted_view != 0 and not is_led

    def _refuse_below(self, slot: Slot, position: int, *, floor: int) -> None:
        if position < floor:
            raise ForgottenVote(slot=_name(slot), floor=floor)

    def _newest_checkpoint(self) -> int:
        heights = (int(slot[-1]) for slot in self._signed if slot[0] == "checkpoint")
        return max(heights, default=0)

    def _raise_view(self, view: int) -> None:
        if view > self.voted_view:
            self.voted_view = view
            self._forget(lambda slot: slot[0] != "checkpoint" and int(slot[2]) < view)

    def _raise_floor(self, floor: int) -> None:
        if floor > self.floor:
            self.floor = floor
            self._forget(lambda slot: slot[0] in _VOTES and int(slot[3]) <= floor)
            self._forget_checkpoints()

    def _forget_checkpoints(self) -> None:
        """Keep what may have to be said again: above the stable one, and the newest."""
        kept = min(self.floor + 1, self._newest_checkpoint())
        self._forget(lambda slot: slot[0] == "checkpoint" and int(slot[-1]) < kept)

    def _forget(self, is_over: Callable[[Slot], bool]) -> None:
        for slot in [one for one in self._signed if is_over(one)]:
            del self._signed[slot]


def _name(slot: Slot) -> str:
    return " ".join(str(part) for part in slot)
