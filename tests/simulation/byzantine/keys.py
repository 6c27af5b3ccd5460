"""The keys that the Byzantine members of a run hold together, and what they can sign with them."""

from dataclasses import replace

from consensus.codec import checkpoints_of, signed_content, votes_of
from consensus.messages import (
    Message,
    NewView,
    PreparedCertificate,
    PrePrepare,
    Promise,
    Recollection,
    StableCheckpoint,
    ViewChange,
)
from consensus.types import ReplicaId, Signature
from tests.simulation.stubs import CHAIN_ID, ENCODER, stub_signature


class KeyRing:
    """Signs for its owners and for nobody else."""

    def __init__(self, owners: frozenset[int], *, size: int) -> None:
        self.owners = owners
        self._size = size

    def sign(self, message: Message) -> Message:
        """Sign the message itself, if its sender's key is here; what it holds stays."""
        if message.sender not in self.owners:
            return message
        return replace(message, signature=self._signature(message))

    def sign_deep(self, message: Message) -> Message:
        """Sign the message and every part of it whose key is here, the innermost first."""
        match message:
            case ViewChange():
                return self.sign(self._with_parts(message))
            case NewView():
                return self.sign(
                    replace(
                        message,
                        view_changes=tuple(
                            self._sign_view_change(one) for one in message.view_changes
                        ),
                        pre_prepares=tuple(
                            self._sign_pre_prepare(one) for one in message.pre_prepares
                        ),
                    )
                )
            case Recollection():
                return self.sign(
                    replace(message, messages=tuple(self._renewed(one) for one in message.messages))
                )
            case _:
                return self.sign(message)

    def sign_stable(self, stable: StableCheckpoint) -> StableCheckpoint:
        votes = checkpoints_of(stable)
        return replace(stable, signatures=tuple((one.sender, self._renew(one)) for one in votes))

    def sign_prepared(self, certificate: PreparedCertificate) -> PreparedCertificate:
        primary = ReplicaId(certificate.view % self._size)
        pre_prepare, *prepares = votes_of(certificate, primary=primary)
        return replace(
            certificate,
            primary_signature=self._renew(pre_prepare),
            prepares=tuple((one.sender, self._renew(one)) for one in prepares),
        )

    def _with_parts(self, message: ViewChange) -> ViewChange:
        return replace(
            message,
            stable=self.sign_stable(message.stable),
            prepared=tuple(self.sign_prepared(one) for one in message.prepared),
        )

    def _renewed(self, message: Promise) -> Promise:
        return replace(message, signature=self._renew(message))

    def _sign_view_change(self, message: ViewChange) -> ViewChange:
        renewed = self._with_parts(message)
        return replace(renewed, signature=self._renew(renewed))

    def _sign_pre_prepare(self, message: PrePrepare) -> PrePrepare:
        return replace(message, signature=self._renew(message))

    def _renew(self, message: Message) -> Signature:
        return self._signature(message) if message.sender in self.owners else message.signature

    def _signature(self, message: Message) -> Signature:
        content = signed_content(message, chain_id=CHAIN_ID, encoder=ENCODER)
        return stub_signature(message.sender, content)
