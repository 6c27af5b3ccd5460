"""A node's signature over the header of a block that it computed (checklist D1)."""

from dataclasses import replace

from consensus.codec import signed_content, slot_of
from consensus.config import ReplicaConfig
from consensus.errors import ForgottenVote
from consensus.messages import Checkpoint
from consensus.new_view import UNSIGNED
from consensus.ports import Signer
from consensus.types import Height
from tests.simulation.disk import Block
from tests.simulation.stubs import CHAIN_ID, ENCODER


def sign_checkpoint(block: Block, *, config: ReplicaConfig, signer: Signer) -> Checkpoint | None:
    """Return our CHECKPOINT, once per height through the guard.

    None from a learner, and where the guard may have forgotten what was signed.
    """
    if not config.may_vote:
        return None
    unsigned = Checkpoint(
        epoch=config.membership.epoch,
        height=Height(block.height),
        header_digest=block.header_digest,
        sender=config.replica_id,
        signature=UNSIGNED,
    )
    content = signed_content(unsigned, chain_id=CHAIN_ID, encoder=ENCODER)
    try:
        signature = signer.sign(slot=slot_of(unsigned), content=content)
    except ForgottenVote:
        return None
    return replace(unsigned, signature=signature)
