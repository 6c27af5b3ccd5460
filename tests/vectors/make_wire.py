"""Write the vectors of what is signed first: run `python -m tests.vectors.make_wire`.

Genesis, submission, batch and every consensus message, for both suites. Formats:
docs/wire-format.md §3, §4, §5, §8; how a file is laid out: tests/vectors/README.md.
`tests/unit/chainnode/test_wire_vectors.py` reads the files and makes them again.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from chainnode import codec
from chainnode.batch import DecodedBatch, build_batch
from chainnode.genesis import Genesis
from chainnode.submission import Call, Submission, sign_submission
from chainnode.suites import SUITE_NAMES, PrivateKey, Suite, suite_named
from consensus.codec import message_to_plain, signed_content
from consensus.messages import (
    Batch,
    Checkpoint,
    Commit,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    Recall,
    Recollection,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.types import (
    Digest,
    Epoch,
    Height,
    Nonce,
    ReplicaId,
    SequenceNumber,
    Signature,
    View,
)
from tests.builders import NOW_MS, genesis_of, submission_key, vote_key
from tests.vectors.signing import signature

FOLDER = Path(__file__).parent / "wire"
_SALT = bytes(range(16))
_HEADER_DIGEST = Digest(bytes(range(32)))
_EPOCH, _VIEW, _SEQUENCE = Epoch(0), View(4), SequenceNumber(9)
_UNSIGNED = Signature(bytes(64))
_NONCE = Nonce(bytes(range(32)))
Signable = TypeVar("Signable", bound=Message)

Json = int | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class RepeatableKey:
    """A key whose signatures are the same each time; for vectors alone."""

    suite: Suite
    key: PrivateKey

    @property
    def public_key(self) -> bytes:
        """The public key."""
        return self.key.public_key

    def sign(self, content: bytes) -> bytes:
        """Return the repeatable signature."""
        return signature(self.suite, self.key, content)

    def secret_bytes(self) -> bytes:
        """Return the secret."""
        return self.key.secret_bytes()


@dataclass(frozen=True, slots=True)
class Group:
    """The replicas of a genesis, signing messages."""

    suite: Suite
    chain_id: bytes

    def signed(self, message: Signable) -> Signable:
        """Return the message with its sender's signature."""
        return replace(message, signature=self.over(message))

    def over(self, message: Message) -> Signature:
        """Return the signature of the message's sender over its content."""
        content = signed_content(message, chain_id=self.chain_id, encoder=codec)
        return Signature(signature(self.suite, vote_key(self.suite.name, message.sender), content))


def submission_of(suite: Suite, genesis: Genesis) -> Submission:
    """Return a submission of two calls, one with an empty private part."""
    return sign_submission(
        suite,
        RepeatableKey(suite, submission_key(suite.name, 0)),
        chain_id=genesis.chain_id,
        nonce=7,
        valid_until_ms=NOW_MS + 300_000,
        contract="access",
        calls=(
            Call(action="record", public=codec.encode((_SALT, 1, "text")), private=b"sealed"),
            Call(action="record", public=codec.encode((_SALT, 2, "文"))),
        ),
    )


def proposal_of(batch: DecodedBatch) -> PrePrepare:
    """Return what view 3 proposed for sequence 9, without its body."""
    return PrePrepare(
        epoch=_EPOCH,
        view=View(3),
        sequence=_SEQUENCE,
        batch_digest=Digest(batch.digest),
        sender=ReplicaId(3),
        signature=_UNSIGNED,
    )


def prepare_of(proposal: PrePrepare, sender: int) -> Prepare:
    """Return a backup's agreement."""
    return Prepare(
        epoch=_EPOCH,
        view=proposal.view,
        sequence=proposal.sequence,
        batch_digest=proposal.batch_digest,
        sender=ReplicaId(sender),
        signature=_UNSIGNED,
    )


def checkpoint_of(sender: int) -> Checkpoint:
    """Return a signature over the header of height 8."""
    return Checkpoint(
        epoch=_EPOCH,
        height=Height(8),
        header_digest=_HEADER_DIGEST,
        sender=ReplicaId(sender),
        signature=_UNSIGNED,
    )


def view_change_of(group: Group, proposal: PrePrepare, sender: int) -> ViewChange:
    """Return a wish for view 4 that carries height 8 and the prepared sequence 9."""
    stable = StableCheckpoint(
        epoch=_EPOCH,
        height=Height(8),
        header_digest=_HEADER_DIGEST,
        signatures=tuple((ReplicaId(one), group.over(checkpoint_of(one))) for one in (0, 1, 2)),
    )
    prepared = PreparedCertificate(
        epoch=_EPOCH,
        view=proposal.view,
        sequence=proposal.sequence,
        batch_digest=proposal.batch_digest,
        primary_signature=group.over(proposal),
        prepares=tuple((ReplicaId(one), group.over(prepare_of(proposal, one))) for one in (0, 1)),
    )
    return ViewChange(
        epoch=_EPOCH,
        new_view=_VIEW,
        stable=stable,
        prepared=(prepared,),
        sender=ReplicaId(sender),
        signature=_UNSIGNED,
    )


def new_view_of(group: Group, proposal: PrePrepare) -> NewView:
    """Return the announcement of view 4 by its primary."""
    wishes = (view_change_of(group, proposal, one) for one in (0, 1, 2))
    again = replace(proposal, view=_VIEW, sender=ReplicaId(0))
    return NewView(
        epoch=_EPOCH,
        view=_VIEW,
        view_changes=tuple(group.signed(one) for one in wishes),
        pre_prepares=(group.signed(again),),
        sender=ReplicaId(0),
        signature=_UNSIGNED,
    )


def messages_of(group: Group, batch: DecodedBatch) -> dict[str, Message]:
    """Return one message of each kind, all of one story: view 4 takes over from view 3."""
    proposal = proposal_of(batch)
    body = Batch(digest=proposal.batch_digest, time_ms=batch.time_ms, body=batch.encoded)
    commit = Commit(
        epoch=_EPOCH,
        view=proposal.view,
        sequence=proposal.sequence,
        batch_digest=proposal.batch_digest,
        sender=ReplicaId(1),
        signature=_UNSIGNED,
    )
    status = Status(
        epoch=_EPOCH,
        view=_VIEW,
        stable_height=Height(8),
        prepared=_SEQUENCE,
        committed=SequenceNumber(8),
        executed=SequenceNumber(8),
        sender=ReplicaId(2),
        signature=_UNSIGNED,
    )
    wish = group.signed(view_change_of(group, proposal, 1))
    recall = Recall(epoch=_EPOCH, nonce=_NONCE, sender=ReplicaId(1), signature=_UNSIGNED)
    recollection = Recollection(
        epoch=_EPOCH,
        asker=ReplicaId(1),
        nonce=_NONCE,
        stable=wish.stable,
        messages=(group.signed(commit), group.signed(checkpoint_of(1)), wish),
        sender=ReplicaId(2),
        signature=_UNSIGNED,
    )
    return {
        "PrePrepare": group.signed(replace(proposal, batch=body)),
        "Prepare": group.signed(prepare_of(proposal, 0)),
        "Commit": group.signed(commit),
        "Checkpoint": group.signed(checkpoint_of(2)),
        "ViewChange": wish,
        "NewView": group.signed(new_view_of(group, proposal)),
        "Status": group.signed(status),
        "Recall": group.signed(recall),
        "Recollection": group.signed(recollection),
    }


def vectors_of(suite: Suite) -> Json:
    """Return the content of one suite's file."""
    genesis = genesis_of(suite.name)
    submission = submission_of(suite, genesis)
    batch = build_batch(suite, chain_id=genesis.chain_id, time_ms=NOW_MS, submissions=(submission,))
    group = Group(suite, genesis.chain_id)
    return {
        "genesis": {"encoded": genesis.encoded.hex(), "chain_id": genesis.chain_id.hex()},
        "submission": {
            "encoded": submission.encoded.hex(),
            "header": submission.header.hex(),
            "digest": submission.digest.hex(),
            "body_digests": [one.hex() for one in submission.body_digests],
        },
        "batch": {"encoded": batch.encoded.hex(), "digest": batch.digest.hex()},
        "messages": {
            name: {
                "encoded": codec.encode(message_to_plain(message)).hex(),
                "content": signed_content(message, chain_id=genesis.chain_id, encoder=codec).hex(),
            }
            for name, message in messages_of(group, batch).items()
        },
    }


def all_vectors() -> dict[str, str]:
    """Return the text of every file by its name."""
    return {
        f"{name}.json": json.dumps(vectors_of(suite_named(name)), indent=1) + "\n"
        for name in SUITE_NAMES
    }


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in all_vectors().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
