"""What a department does with a stopped node: propose a record, sign it, apply it. ADR-0015.

Applying executes the certified chain again, with the software that is installed now, into a
fresh data directory; each header must be the one that was certified. The old directory is read
and not changed, and since its votes are bound by the signed record it can do no harm.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chainnode.config import NodeConfig
from chainnode.driver.batches import Batches
from chainnode.errors import StorageError
from chainnode.execution import Executor, genesis_state
from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.ledger.directory import sync_folder, write_durably
from chainnode.ledger.types import members_digest
from chainnode.node_base import EQUIVOCATIONS_FOLDER, VOTES_FOLDER, open_vote_key, voted_marker
from chainnode.recovery.document import (
    InvalidRecovery,
    RecoveryFile,
    Verifier,
    members_of_genesis,
)
from chainnode.recovery.era import FOLDER, UNFINISHED, Era, load_era, name_of
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey, Suite
from chainnode.votelog import Voter
from chainnode.voting import open_voting, stable_here
from consensus.effects import Record
from consensus.errors import ConflictingVote
from consensus.messages import RecoveryPromise, StableCheckpoint
from consensus.recovery_record import RecoveryRecord
from consensus.types import Digest, Epoch, ReplicaId, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedNode:
    """The data of a node that does not run; the directory is locked."""

    config: NodeConfig
    genesis: Genesis
    suite: Suite
    ledger: Ledger
    verifier: Verifier
    era: Era


@contextmanager
def open_stopped(config: NodeConfig, genesis: Genesis) -> Iterator[StoppedNode]:
    """Open a node's ledger for looking.

    Raises:
        DirectoryLocked: the node runs.
        InvalidInput, StorageError: its data do not hold.

    """
    suite = suite_named(genesis.suite_name)
    with _ledger(config.data_dir, genesis, suite) as ledger:
        verifier = Verifier(genesis=genesis, suite=suite)
        yield StoppedNode(
            config=config,
            genesis=genesis,
            suite=suite,
            ledger=ledger,
            verifier=verifier,
            era=load_era(config.data_dir, verifier),
        )


@contextmanager
def _ledger(path: Path, genesis: Genesis, suite: Suite) -> Iterator[Ledger]:
    ledger = Ledger.open(
        path, genesis=genesis, suite=suite, initial_state=genesis_state(genesis, suite)
    )
    try:
        yield ledger
    finally:
        ledger.close()


def propose(node: StoppedNode) -> RecoveryFile:
    """Write down where this node's certified chain ends, and the batches that it committed above.

    Raises:
        InvalidRecovery: a batch above the certified height is not here any more.

    """
    ledger, h = node.ledger, node.suite.digest
    certificate = stable_here(ledger, h)
    heights = range(certificate.height + 1, ledger.height + 1)
    next_epoch = Epoch(node.era.epoch + 1)
    record = RecoveryRecord(
        chain_id=node.genesis.chain_id,
        epoch=node.era.epoch,
        base_epoch=certificate.epoch,
        height=certificate.height,
        header_digest=certificate.header_digest,
        batches=tuple(Digest(ledger.header(one).head.batch_digest) for one in heights),
        members_digest=Digest(
            members_digest(h, epoch=next_epoch, members=members_of_genesis(node.genesis))
        ),
    )
    file = RecoveryFile(
        record=record,
        certificate=certificate,
        batches=tuple(_batch(ledger, one) for one in heights),
    )
    node.verifier.verify(file)
    return file


def sign(node: StoppedNode, file: RecoveryFile, *, key: PrivateKey) -> RecoveryFile:
    """Add this member's signature; from then on its key signs nothing more in the old epoch.

    The promise is durable in the vote log before the signature is returned.

    Raises:
        InvalidRecovery: the record does not hold, or contradicts what is here, or this member
            signed another one for this epoch.

    """
    node.verifier.verify(file)
    _require_agreement(node, file.record)
    batches = Batches(genesis=node.genesis, suite=node.suite)
    voting = open_voting(
        node.config.data_dir / VOTES_FOLDER,
        key=key,
        replica_id=ReplicaId(node.config.replica_id),
        epoch=node.era.epoch,
        ledger=node.ledger,
        open_batch=batches.open,
        marker=voted_marker(node.config),
    )
    if not isinstance(voting.votes, Voter):
        raise InvalidRecovery(
            what="vote key", expected="one that may vote", actual=str(voting.stopped_because)
        )
    try:
        require_kept(voting.records, file.record)
        signature = voting.votes.sign(slot=file.record.slot, content=file.content)
        voting.votes.append([_promise(node, file, signature)])
        voting.votes.sync()
    except ConflictingVote as error:
        raise InvalidRecovery(
            what="record", expected="the one that this key signed before", actual="another"
        ) from error
    finally:
        voting.votes.close()
    return file.signed_by([(node.config.replica_id, signature)])


def sign_with_stored_key(node: StoppedNode, file: RecoveryFile) -> RecoveryFile:
    """Sign with the vote key of this site: see `sign`.

    Raises:
        ConfigurationError: the key cannot be opened, or is another one's.

    """
    return sign(node, file, key=open_vote_key(node.config, node.genesis))


def _promise(node: StoppedNode, file: RecoveryFile, signature: Signature) -> RecoveryPromise:
    return RecoveryPromise(
        epoch=file.record.epoch,
        sender=ReplicaId(node.config.replica_id),
        content=file.content,
        signature=signature,
    )


def _require_agreement(node: StoppedNode, record: RecoveryRecord) -> None:
    """Refuse a record that loses a certified block, or a batch that this node committed."""
    ledger = node.ledger
    if record.epoch != node.era.epoch:
        raise InvalidRecovery(what="epoch", expected=f"{node.era.epoch}", actual=f"{record.epoch}")
    if ledger.certified_height > record.height or ledger.height > record.last_height:
        raise InvalidRecovery(
            what="heights",
            expected=f"{ledger.certified_height} certified, {ledger.height} executed, or more",
            actual=f"{record.height} and {record.last_height}: propose from this node",
        )
    if ledger.height >= record.height:
        own = ledger.header(record.height).digest(node.suite.digest)
        _require_same(f"header {record.height}", own, record.header_digest)
    for height in range(record.height + 1, ledger.height + 1):
        own = ledger.header(height).head.batch_digest
        _require_same(f"batch {height}", own, record.batches[height - record.height - 1])


def require_kept(votes: tuple[Record, ...], record: RecoveryRecord) -> None:
    """Refuse a record that loses a block of which our vote log holds the certificate.

    The ledger may have been set aside, or be behind. What is prepared and not certified was
    acknowledged to nobody, and may be lost.
    """
    for one in votes:
        if one.epoch != record.epoch:
            continue
        if isinstance(one, StableCheckpoint) and one.height > record.height:
            raise InvalidRecovery(
                what="heights",
                expected=f"{one.height} certified, as our vote log says, or more",
                actual=f"{record.height}: propose from a node that has that block",
            )


def apply(node: StoppedNode, file: RecoveryFile, target: Path) -> int:
    """Make a data directory in which the chain goes on after the record; return its height.

    Can be repeated after a crash: an unfinished directory is made anew, a finished one stays.

    Raises:
        InvalidRecovery: not signed by a quorum, or this node's chain does not reach its height.
        StorageError: the target is something else, or cannot be written.

    """
    node.verifier.verify(file)
    node.verifier.require_quorum(file)
    if (target / FOLDER / name_of(file)).is_file() and not (target / UNFINISHED).exists():
        return int(file.record.height)
    _begin(target)
    _execute_again(node, file, target)
    if (node.config.data_dir / VOTES_FOLDER).is_dir():
        _copy_durably(node.config.data_dir / VOTES_FOLDER, target / VOTES_FOLDER)
    if (node.config.data_dir / FOLDER).is_dir():
        _copy_durably(node.config.data_dir / FOLDER, target / FOLDER)
    if (node.config.data_dir / EQUIVOCATIONS_FOLDER).is_dir():
        _copy_durably(node.config.data_dir / EQUIVOCATIONS_FOLDER, target / EQUIVOCATIONS_FOLDER)
    (target / FOLDER).mkdir(mode=0o700, exist_ok=True)
    write_durably(target / FOLDER / name_of(file), file.encode())
    sync_folder(target)
    (target / UNFINISHED).unlink()
    sync_folder(target)
    return int(file.record.height)


def _begin(target: Path) -> None:
    """Start over in a directory that is new, empty, or left unfinished by an earlier attempt."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = [one for one in sorted(target.iterdir()) if not one.name.startswith(UNFINISHED)]
    if held and not (target / UNFINISHED).exists():
        raise StorageError(f"{target}: expected a new, an empty or an unfinished directory")
    for one in held:
        shutil.rmtree(one) if one.is_dir() else one.unlink()
    write_durably(target / UNFINISHED, b"made by kun node recover apply\n")
    sync_folder(target.parent)


def _execute_again(node: StoppedNode, file: RecoveryFile, target: Path) -> None:
    old, h = node.ledger, node.suite.digest
    last = int(file.record.height)
    if old.height < last:
        raise InvalidRecovery(
            what="chain of this node", expected=f"height {last} or more", actual=f"{old.height}"
        )
    batches = Batches(genesis=node.genesis, suite=node.suite)
    members = members_of_genesis(node.genesis)
    with _ledger(target, node.genesis, node.suite) as new:
        executor = Executor(node.genesis, node.suite, new)
        for height in range(1, last + 1):
            block = executor.execute(
                height,
                batches.decode(_batch(old, height)),
                epoch=node.era.epoch_at(height),
                members=members,
            )
            expected = file.record.header_digest
            if height < last:
                expected = Digest(old.header(height).digest(h))
            _require_same(f"header {height}", block.header.digest(h), expected)
            new.append(
                block,
                own_checkpoint=old.own_checkpoint(height),
                certificate=old.certificate(height),
            )


def _batch(ledger: Ledger, height: int) -> bytes:
    batch = ledger.batch_bytes(height)
    if batch is None:
        raise InvalidRecovery(
            what=f"batch {height}", expected="one that is kept here", actual="a pruned one"
        )
    return batch


def _copy_durably(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700)
    for one in sorted(source.iterdir()):
        copied = target / one.name
        shutil.copyfile(one, copied)
        copied.chmod(0o600)
        descriptor = os.open(copied, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(target)


def _require_same(what: str, expected: bytes, actual: bytes) -> None:
    if expected != actual:
        raise InvalidRecovery(what=what, expected=expected.hex()[:16], actual=actual.hex()[:16])
