"""Certificates that prove nothing: every signature in them is good, and there are too few.

What a door of signatures lets through and only counting refuses: too few signers, one signer
several times, strangers, the primary among the backups.
"""

from dataclasses import replace
from random import Random

from consensus.errors import ConflictingCertificates
from consensus.messages import (
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.new_view import UNSIGNED, latest_stable, new_view_proposals
from consensus.types import (
    NULL_BATCH_DIGEST,
    Height,
    Membership,
    ReplicaId,
    SequenceNumber,
    View,
    sequence_of,
)
from tests.simulation.byzantine.keys import KeyRing
from tests.simulation.stubs import digest_of

_AHEAD_MAX = 3
# Beyond every window.
_FAR = 50
# Far more than any window: a huge sequence number must not make the liar itself stop.
_PROPOSALS_MAX = 64


def with_proposals(message: NewView, *, membership: Membership) -> NewView:
    """Let O follow from V, also from a false one, as far as that can be computed."""
    low = latest_stable(message.view_changes).height if message.view_changes else 0
    entries = [one.sequence for change in message.view_changes for one in change.prepared]
    if not message.view_changes or max(entries, default=0) > low + _PROPOSALS_MAX:
        return message
    try:
        proposals = new_view_proposals(message.view, message.view_changes, membership=membership)
    except ConflictingCertificates:
        return message
    return replace(message, pre_prepares=proposals)


class Forger:
    """Makes well-signed certificates with the keys of its ring alone."""

    def __init__(
        self, *, me: ReplicaId, keys: KeyRing, membership: Membership, random: Random
    ) -> None:
        self._me = me
        self._keys = keys
        self._membership = membership
        self._random = random

    def view_change(
        self, *, new_view: View, stable: StableCheckpoint, prepared: tuple[PreparedCertificate, ...]
    ) -> ViewChange:
        """Forge the checkpoint, or add a forged certificate to what is really prepared."""
        if self._random.random() < 0.5:
            stable, prepared = self._stable_after(stable), ()
        else:
            prepared = self._with_forged(prepared, stable=stable, new_view=new_view)
        unsigned = ViewChange(
            epoch=self._membership.epoch,
            new_view=new_view,
            stable=stable,
            prepared=prepared,
            sender=self._me,
            signature=UNSIGNED,
        )
        signed = self._keys.sign(unsigned)
        assert isinstance(signed, ViewChange)
        return signed

    def new_view(self, message: NewView) -> NewView:
        """Lead the view with a forged wish of our own, and with the O that follows from it."""
        wishes = tuple(
            self.view_change(new_view=message.view, stable=one.stable, prepared=one.prepared)
            if one.sender == self._me
            else one
            for one in message.view_changes
        )
        false = with_proposals(replace(message, view_changes=wishes), membership=self._membership)
        signed = self._keys.sign_deep(false)
        assert isinstance(signed, NewView)
        return signed

    def other_proposals(self, message: NewView) -> NewView:
        """Show the true V and an O that does not follow from it."""
        true = message.pre_prepares
        low = latest_stable(message.view_changes).height
        extra = PrePrepare(
            epoch=message.epoch,
            view=message.view,
            sequence=SequenceNumber(low + len(true) + 1),
            batch_digest=digest_of(b"never prepared"),
            sender=message.sender,
            signature=UNSIGNED,
        )
        nulls = tuple(replace(one, batch_digest=NULL_BATCH_DIGEST) for one in true)
        others = tuple(replace(one, batch_digest=extra.batch_digest) for one in true)
        false = self._random.choice(((*true, extra), true[:-1], true[1:], nulls, others))
        signed = self._keys.sign_deep(replace(message, pre_prepares=false))
        assert isinstance(signed, NewView)
        return signed

    def flood(self, count: int) -> tuple[Message, ...]:
        """Vote for places far away, each further than the last."""
        epoch, me, far = self._membership.epoch, self._me, SequenceNumber(_FAR + count)
        digest = digest_of(b"flood %d" % count)
        vote = Prepare(
            epoch=epoch,
            view=View(count),
            sequence=far,
            batch_digest=digest,
            sender=me,
            signature=UNSIGNED,
        )
        commit = Commit(
            epoch=epoch,
            view=View(count),
            sequence=far,
            batch_digest=digest,
            sender=me,
            signature=UNSIGNED,
        )
        checkpoint = Checkpoint(
            epoch=epoch, height=Height(far), header_digest=digest, sender=me, signature=UNSIGNED
        )
        return tuple(self._keys.sign(one) for one in (vote, commit, checkpoint))

    def question(self, count: int) -> Message:
        """Ask for everything, each time as somebody who stands elsewhere."""
        status = Status(
            epoch=self._membership.epoch,
            view=View(0),
            stable_height=Height(0),
            prepared=SequenceNumber(0),
            committed=SequenceNumber(0),
            executed=SequenceNumber(count),
            sender=self._me,
            signature=UNSIGNED,
        )
        return self._keys.sign(status)

    def _stable_after(self, stable: StableCheckpoint) -> StableCheckpoint:
        height = Height(stable.height + self._random.randint(1, _AHEAD_MAX))
        quorum = self._membership.quorum
        return self._keys.sign_stable(
            StableCheckpoint(
                epoch=self._membership.epoch,
                height=height,
                header_digest=digest_of(b"forged header %d" % height),
                signatures=tuple((one, UNSIGNED) for one in self._signers(quorum)),
            )
        )

    def _with_forged(
        self,
        prepared: tuple[PreparedCertificate, ...],
        *,
        stable: StableCheckpoint,
        new_view: View,
    ) -> tuple[PreparedCertificate, ...]:
        low = sequence_of(stable.height)
        position = SequenceNumber(low + self._random.randint(1, _AHEAD_MAX))
        view = self._own_view_before(new_view)
        forged = self._keys.sign_prepared(
            PreparedCertificate(
                epoch=self._membership.epoch,
                view=view,
                sequence=position,
                batch_digest=self._random.choice(
                    (NULL_BATCH_DIGEST, digest_of(b"forged batch %d" % position))
                ),
                primary_signature=UNSIGNED,
                prepares=tuple(
                    (one, UNSIGNED) for one in self._signers(self._membership.quorum - 1)
                ),
            )
        )
        others = [one for one in prepared if one.sequence != position]
        return tuple(sorted((*others, forged), key=lambda one: one.sequence))

    def _own_view_before(self, new_view: View) -> View:
        """Return the latest view before `new_view` that one of the ring led, else any."""
        for view in range(new_view - 1, max(-1, new_view - 1 - self._membership.size), -1):
            if self._membership.primary(View(view)) in self._keys.owners:
                return View(view)
        return View(max(new_view - 1, 0))

    def _signers(self, needed: int) -> tuple[ReplicaId, ...]:
        """Too few, or one of us again and again."""
        owners = tuple(ReplicaId(one) for one in sorted(self._keys.owners))
        if self._random.random() < 0.5:
            return owners
        return tuple(sorted((owners * needed)[:needed]))
