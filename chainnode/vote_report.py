"""What the vote log of a node says, laid out for people: `kun node inspect-votes`.

Reads the files only, so it works beside a running node and on a copy of a data directory.
No secret is in it: votes are public, batch bodies are shown by digest and size.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from chainnode.config import NodeConfig
from chainnode.driver.batches import Batches
from chainnode.genesis import load_genesis_file
from chainnode.node_base import VOTES_FOLDER, voted_marker
from chainnode.suites import suite_named
from chainnode.verify.strict_json import JsonObject
from chainnode.votelog import ConsensusRecords
from chainnode.votelog.inspection import StoredVotes, inspect_vote_log
from consensus.effects import Record
from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    RecoveryPromise,
    StableCheckpoint,
    ViewChange,
)


def vote_report(config: NodeConfig) -> JsonObject:
    """Return the JSON of `kun node inspect-votes`.

    Raises:
        ConfigurationError: the genesis file cannot be used.
        StorageError: the vote log cannot be read.

    """
    genesis = load_genesis_file(config.genesis)
    suite = suite_named(genesis.suite_name)
    batches = Batches(genesis=genesis, suite=suite)
    folder = config.data_dir / VOTES_FOLDER
    stored = inspect_vote_log(folder, ConsensusRecords(batches.open))
    has_voted = voted_marker(config).exists()
    own_key = genesis.replicas[config.replica_id].vote_key
    document: JsonObject = {
        "name": config.name,
        "replica_id": config.replica_id,
        "folder": str(folder),
        "key_has_voted": has_voted,
    }
    if stored is None:
        problem = "the key has voted, and its vote log is gone" if has_voted else None
        return {**document, "segment": None, "problem": problem, "summary": None, "records": []}
    problem = stored.problem
    if problem is None and stored.identity is not None and stored.identity.public_key != own_key:
        problem = "the votes are those of another key"
    return {
        **document,
        "segment": _segment(stored, folder),
        "problem": problem,
        "summary": summary_of(stored.records, config.replica_id),
        "records": [_record(one) for one in stored.records],
    }


def _segment(stored: StoredVotes[Record], folder: Path) -> JsonObject:
    identity = stored.identity
    return {
        "number": stored.segment,
        "file": str(stored.path.relative_to(folder)),
        "bytes": stored.size_bytes,
        "torn_bytes": stored.torn_bytes,
        "chain_id": None if identity is None else identity.chain_id.hex(),
        "public_key": None if identity is None else identity.public_key.hex(),
    }


def summary_of(records: Sequence[Record], me: int) -> JsonObject:
    """Say what still binds: views, the stable height, and the sequences voted on above it.

    In the newest epoch that the log speaks of: what was promised before it binds nobody.
    """
    total, epoch = len(records), max((one.epoch for one in records), default=0)
    records = [one for one in records if one.epoch == epoch]
    promised = [one.new_view for one in records if isinstance(one, ViewChange)]
    entered = [one.view for one in records if isinstance(one, NewView)]
    stable = max((one.height for one in records if isinstance(one, StableCheckpoint)), default=0)
    votes = [one for one in records if isinstance(one, PrePrepare | Prepare | Commit)]
    own = sorted({one.sequence for one in votes if one.sender == me and one.sequence > stable})
    prepared = {
        one.sequence
        for one in records
        if isinstance(one, PreparedCertificate) and one.sequence > stable
    }
    return {
        "epoch": epoch,
        "voted_view": max([*promised, *entered], default=0),
        "entered_view": max(entered, default=0),
        "stable_height": stable,
        "voted_sequences": [*own],
        "prepared_sequences": [*sorted(prepared)],
        "records": total,
    }


def _record(record: Record) -> JsonObject:
    match record:
        case PrePrepare():
            body = None if record.batch is None else len(record.batch.body)
            return {**_vote("PRE-PREPARE", record), "batch_bytes": body}
        case Prepare() | Commit():
            return _vote("PREPARE" if isinstance(record, Prepare) else "COMMIT", record)
        case Checkpoint():
            return {
                "kind": "CHECKPOINT",
                "epoch": record.epoch,
                "height": record.height,
                "digest": record.header_digest.hex(),
                "sender": record.sender,
            }
        case PreparedCertificate() | StableCheckpoint():
            return _certificate(record)
        case ViewChange() | NewView():
            return _view(record)
        case RecoveryPromise():
            return {"kind": "RECOVERY", "epoch": record.epoch, "sender": record.sender}
        case _:
            assert_never(record)


def _certificate(record: PreparedCertificate | StableCheckpoint) -> JsonObject:
    if isinstance(record, PreparedCertificate):
        return {
            "kind": "PREPARED",
            "epoch": record.epoch,
            "view": record.view,
            "sequence": record.sequence,
            "digest": record.batch_digest.hex(),
            "signers": [replica for replica, _ in record.prepares],
        }
    return {
        "kind": "STABLE",
        "epoch": record.epoch,
        "height": record.height,
        "digest": record.header_digest.hex(),
        "signers": [replica for replica, _ in record.signatures],
    }


def _view(record: ViewChange | NewView) -> JsonObject:
    if isinstance(record, NewView):
        return {
            "kind": "NEW-VIEW",
            "epoch": record.epoch,
            "view": record.view,
            "sender": record.sender,
            "asked_by": [one.sender for one in record.view_changes],
            "sequences": [one.sequence for one in record.pre_prepares],
        }
    return {
        "kind": "VIEW-CHANGE",
        "epoch": record.epoch,
        "view": record.new_view,
        "sender": record.sender,
        "stable_height": record.stable.height,
        "prepared_sequences": [one.sequence for one in record.prepared],
    }


def _vote(kind: str, vote: PrePrepare | Prepare | Commit) -> JsonObject:
    return {
        "kind": kind,
        "epoch": vote.epoch,
        "view": vote.view,
        "sequence": vote.sequence,
        "digest": vote.batch_digest.hex(),
        "sender": vote.sender,
    }
