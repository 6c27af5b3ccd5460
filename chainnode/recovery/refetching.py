"""What must outlive a ledger that is set aside: what this replica's key signed (checklist G2, G4).

Newer than anything in the vote log is at most the CHECKPOINT of the last block, which is written
with it: a core that stops because headers differ never sees it. The newest binds for all below.
"""

from dataclasses import dataclass
from pathlib import Path

from chainnode.driver.batches import Batches
from chainnode.errors import StorageError
from chainnode.genesis import Genesis
from chainnode.ledger import keyspace
from chainnode.ledger.directory import LEDGER_FOLDER, DataDirectory
from chainnode.ledger.store import Store
from chainnode.node_base import VOTES_FOLDER
from chainnode.suites import suite_named
from chainnode.votelog import (
    ConsensusRecords,
    Identity,
    VoteLogCorrupted,
    VoteLogRolledBack,
    open_vote_log,
)
from chainnode.voting import decode_checkpoint, end_for_good, ending_of
from consensus.messages import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """What the blocks say: the newest CHECKPOINT of ours, and how far the vote log was written."""

    newest: Checkpoint | None
    vote_mark: bytes


def keep_promises(data_dir: Path, *, genesis: Genesis, key: bytes, marker: Path) -> None:
    """Carry what only the ledger knows of our promises over into the vote log.

    Where the vote log is not the one that the blocks speak of, the key `key` ends voting for
    good. Of a ledger that cannot be read nothing is known: then the vote log has to do.

    Raises:
        DirectoryLocked: the node runs.
        StorageError, SecretFileRefused: the files cannot be read or written.
        VoteLogOfAnotherKey: the votes here are of another chain or key.
        InvalidEncoding: the ledger holds something else where our CHECKPOINTs lie.

    """
    directory = DataDirectory.open(data_dir)
    try:
        _keep_promises(data_dir, genesis=genesis, key=key, marker=marker)
    finally:
        directory.close()


def _keep_promises(data_dir: Path, *, genesis: Genesis, key: bytes, marker: Path) -> None:
    signed = _signed_in(data_dir / LEDGER_FOLDER)
    if signed is None:
        return
    batches = Batches(genesis=genesis, suite=suite_named(genesis.suite_name))
    try:
        log, records = open_vote_log(
            data_dir / VOTES_FOLDER,
            identity=Identity(chain_id=genesis.chain_id, public_key=key),
            codec=ConsensusRecords(batches.open),
            ledger_mark=signed.vote_mark,
        )
    except (VoteLogCorrupted, VoteLogRolledBack) as error:
        end_for_good(ending_of(marker, key), str(error))
        return
    try:
        if signed.newest is not None and signed.newest not in records:
            log.append((signed.newest,))
            log.sync()
    finally:
        log.close()


def _signed_in(ledger: Path) -> _Signed | None:
    """Return what the blocks say; None: nothing was voted for, or nothing can be read."""
    if not ledger.exists():
        return None
    try:
        store = Store.open(ledger)
    except StorageError:
        return None
    try:
        mark = store.get(keyspace.VOTE_MARK)
        start, stop = keyspace.OWN_CHECKPOINTS
        newest = next(iter(store.iterate(start=start, stop=stop, reverse=True)), None)
    except StorageError:
        return None
    finally:
        store.close()
    if mark is None:
        return None
    return _Signed(newest=None if newest is None else decode_checkpoint(newest[1]), vote_mark=mark)
