"""What is opened before a node runs: keys, listener, ledger, votes, threads.

In the order in which a fault is best seen; nothing here talks to a peer or a client.
"""

import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from chainnode.api.server import open_listener
from chainnode.clock import WallClock
from chainnode.config import NodeConfig
from chainnode.driver.batches import Batches
from chainnode.errors import ConfigurationError
from chainnode.execution import genesis_state
from chainnode.genesis import Genesis
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.ledger.chain import Ledger
from chainnode.recovery.document import Verifier
from chainnode.recovery.era import Era, load_era
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey
from chainnode.voting import Voting, open_voting
from consensus.types import ReplicaId

# Signature checks release the interpreter lock: as many threads as the smallest machine has cores.
_VERIFY_THREADS = 2
VOTES_FOLDER = "votes"
EQUIVOCATIONS_FOLDER = "equivocations"
# Backups accept two windows above the last stable block, and a block may still be on its way.
_WINDOWS_KEPT_MIN = 4

_log = logging.getLogger(__name__)


def warn_of_old_library(genesis: Genesis) -> None:
    """Say once at start what `kun doctor` says too."""
    if genesis.suite_name != "sm":
        return
    from chainnode.suites.sm import provider_warning  # noqa: PLC0415 - loads the library

    warning = provider_warning()
    if warning is not None:
        _log.warning("libcrypto_warning", extra={"reason": warning})


def open_vote_key(config: NodeConfig, genesis: Genesis) -> PrivateKey:
    """Open the vote key and hold it against the replica it must belong to."""
    size = len(genesis.replicas)
    if config.replica_id >= size:
        raise ConfigurationError(
            f"[node] replica_id: expected 0 to {size - 1}, got {config.replica_id}"
        )
    if config.clock_start_ms is not None and not genesis.parameters.devnet:
        raise ConfigurationError("[clock] start: only a devnet chain may have its own clock")
    _require_blocks_for_stragglers(config, genesis)
    suite, key = open_key(
        config.vote_key,
        purpose=KeyPurpose.VOTE,
        passphrase=read_passphrase(config.passphrase_file),
    )
    expected = genesis.replicas[config.replica_id].vote_key
    if suite.name != genesis.suite_name or key.public_key != expected:
        raise ConfigurationError(
            f"{config.vote_key}: expected the vote key of replica {config.replica_id} "
            f"({expected.hex()[:16]}…), got {suite.name} key {key.public_key.hex()[:16]}…"
        )
    return key


def _require_blocks_for_stragglers(config: NodeConfig, genesis: Genesis) -> None:
    """Refuse to prune what a replica needs that is a window behind: it finds blocks there."""
    least = _WINDOWS_KEPT_MIN * genesis.parameters.window
    if 0 < config.keep_blocks < least:
        raise ConfigurationError(
            f"[ledger] keep_blocks: expected 0 (keep all) or at least {least} "
            f"({_WINDOWS_KEPT_MIN} windows of this chain), got {config.keep_blocks}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What is opened before anything runs, in the order in which a fault is best seen."""

    config: NodeConfig
    genesis: Genesis
    clock: WallClock
    listener: socket
    ledger: Ledger
    batches: Batches
    era: Era
    voting: Voting
    verify_threads: ThreadPoolExecutor
    vote_thread: ThreadPoolExecutor
    # Peers that catch up wait for each other, never votes for them (checklist H5).
    serving_thread: ThreadPoolExecutor


def open_base(
    config: NodeConfig, genesis: Genesis, key: PrivateKey, stack: contextlib.ExitStack
) -> Base:
    """Open listener, ledger and votes of a node; `stack` closes them, the last one first."""
    suite = suite_named(genesis.suite_name)
    listener = open_listener(config.api_listen)
    stack.callback(listener.close)
    ledger = Ledger.open(
        config.data_dir,
        genesis=genesis,
        suite=suite,
        initial_state=genesis_state(genesis, suite),
    )
    stack.callback(ledger.close)
    batches = Batches(genesis=genesis, suite=suite)
    era = load_era(config.data_dir, Verifier(genesis=genesis, suite=suite))
    voting = open_voting(
        config.data_dir / VOTES_FOLDER,
        key=key,
        replica_id=ReplicaId(config.replica_id),
        epoch=era.epoch,
        ledger=ledger,
        open_batch=batches.open,
        marker=voted_marker(config),
    )
    stack.callback(voting.votes.close)
    return Base(
        config=config,
        genesis=genesis,
        clock=WallClock.starting_at(config.clock_start_ms),
        listener=listener,
        ledger=ledger,
        batches=batches,
        era=era,
        voting=voting,
        verify_threads=_threads(stack, _VERIFY_THREADS, "verify"),
        vote_thread=_threads(stack, 1, "votes"),
        serving_thread=_threads(stack, 1, "serving"),
    )


def voted_marker(config: NodeConfig) -> Path:
    """Name the file beside the vote key that says that the key has voted."""
    return config.vote_key.with_name(config.vote_key.name + ".voted")


def _threads(stack: contextlib.ExitStack, count: int, name: str) -> ThreadPoolExecutor:
    threads = ThreadPoolExecutor(count, thread_name_prefix=name)
    stack.callback(threads.shutdown, wait=True, cancel_futures=True)
    return threads
