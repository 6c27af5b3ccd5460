"""Composition root: the only file that builds and connects all rooms of a node."""

import asyncio
import contextlib
import logging
import secrets
import signal
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from pathlib import Path

import uvloop

from chainnode import codec
from chainnode.api.addresses import Addresses
from chainnode.api.app import create_app
from chainnode.api.server import api_server
from chainnode.audit import AUDIT_FILE, AuditStore, open_audit_database
from chainnode.config import NodeConfig
from chainnode.driver.admission import Admission
from chainnode.driver.certified import CertifiedBlocks
from chainnode.driver.driver import Driver
from chainnode.driver.equivocations import EquivocationStore
from chainnode.driver.execution import BlockExecution, CheckpointSigner, OneEpoch
from chainnode.driver.finality import Finality
from chainnode.driver.forwarding import Forwarding
from chainnode.driver.intake import Intake
from chainnode.driver.kinds import FrameKind
from chainnode.driver.network import PeerNetwork
from chainnode.driver.proposals import Proposals
from chainnode.errors import ConfigurationError
from chainnode.execution import Executor
from chainnode.genesis import load_genesis_file
from chainnode.ledger.directory import set_ledger_aside
from chainnode.ledger.stored_map import MapBits
from chainnode.logs import start_logging
from chainnode.mempool import Mempool
from chainnode.metrics import NodeMetrics
from chainnode.node_base import (
    EQUIVOCATIONS_FOLDER,
    Base,
    open_base,
    open_vote_key,
    voted_marker,
    warn_of_old_library,
)
from chainnode.node_metrics import NodeReadings
from chainnode.p2p import PeerAddress, TlsPaths, Transport
from chainnode.process import raise_file_limit, spare_what_lives, tune_interpreter
from chainnode.proving.evidence import Proofs
from chainnode.recovery.era import FOLDER as RECOVERY_FOLDER
from chainnode.recovery.refetching import keep_promises
from chainnode.registry import LedgerRegistry
from chainnode.service import (
    AuditAnswers,
    Exports,
    Identity,
    NodeService,
    Outcomes,
    Questions,
    StatusReader,
    Voice,
)
from chainnode.suites import suite_named
from chainnode.sync.state_transfer import StateTransfer, Surroundings
from chainnode.voting import decode_stable, restored_event
from consensus.codec import checkpoints_of
from consensus.replica import Replica, ReplicaConfig
from consensus.types import NONCE_BYTES, Digest, Membership, ReplicaId, SequenceNumber, View

EXIT_OK = 0
_MS_PER_S = 1000
# What stays uncertified for this part of the request timeout is shown to all replicas: their
# timers start early enough for a silent primary to be replaced after little more than one.
_PATIENCE_SHARE = 4
# Submissions of others' clients handed to a new primary at once; their own nodes do so too.
_HANDED_OVER_MAX = 1024

_log = logging.getLogger(__name__)


def run_node(config: NodeConfig) -> int:
    """Run a node in the foreground until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigurationError: a setting, key or file of this site is wrong.
        StorageError: the data directory is in use, damaged, or of a newer version.

    """
    start_logging(config.log_dir)
    raise_file_limit()
    tune_interpreter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(config))


def refetch_ledger(config: NodeConfig) -> Path | None:
    """Make the next start fetch the ledger from peers; return where the old one lies now.

    Votes and key stay, and the newest header that the key signed goes into the vote log. The
    read model goes, since it may hold rows of blocks that were damaged. The node must not run.

    Raises:
        StorageError: the data directory is in use, of a newer version, or not writable.
        ConfigurationError: the node stands on a recovery record, which no peer can transfer.

    """
    if any((config.data_dir / RECOVERY_FOLDER).glob("*")):
        raise ConfigurationError(
            f"{config.data_dir}: expected a chain without a recovery record, got one: copy the"
            " ledger of another department, as docs/operating.md says under “Headers differ”"
        )
    genesis = load_genesis_file(config.genesis)
    keep_promises(
        config.data_dir,
        genesis=genesis,
        key=genesis.replicas[config.replica_id].vote_key,
        marker=voted_marker(config),
    )
    aside = set_ledger_aside(config.data_dir)
    for file in config.data_dir.glob(f"{AUDIT_FILE}*"):
        file.unlink()
    return aside


async def _run(config: NodeConfig) -> int:
    genesis = load_genesis_file(config.genesis)
    key = open_vote_key(config, genesis)
    warn_of_old_library(genesis)
    with contextlib.ExitStack() as stack:
        base = open_base(config, genesis, key, stack)
        node = Node(base)
        spare_what_lives()
        await node.run()
    return EXIT_OK


class Node:
    """One running node: links, driver, API. Loop thread only."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._suite = suite_named(base.genesis.suite_name)
        self._replica = replica_of(base)
        self.transport = self._build_transport()
        self._network = PeerNetwork(self.transport)
        self._intake = Intake(
            genesis=base.genesis,
            suite=self._suite,
            batches=base.batches,
            threads=base.verify_threads,
            epoch=base.era.epoch,
            start=settings_of(base).start,
        )
        self._pool = Mempool()
        self._addresses = Addresses(base.config.api_limits)
        self._finality = Finality()
        self._forwarding = Forwarding(
            network=self._network,
            primary=self._other_primary,
            patience_s=base.config.request_timeout_ms / _MS_PER_S / _PATIENCE_SHARE,
        )
        self._admission = self._build_admission()
        self._audit = AuditStore(
            open_audit_database(
                base.config.audit_url,
                folder=base.config.data_dir,
                chain_id=base.genesis.chain_id,
            ),
            base.ledger,
            h=self._suite.digest,
        )
        self._equivocations = EquivocationStore(
            base.config.data_dir / EQUIVOCATIONS_FOLDER,
            chain_id=base.genesis.chain_id,
            suite_name=base.genesis.suite_name,
        )
        self._checkpoints = CheckpointSigner(
            replica_id=base.config.replica_id,
            chain_id=base.genesis.chain_id,
            signer=base.voting.votes,
            may_vote=lambda: self._driver.replica.may_vote,
        )
        self._execution = self._build_execution()
        self.state_transfer = self._build_state_transfer()
        self._driver = self._build_driver()
        self._service = self._build_service()

    async def run(self) -> None:
        """Work until a signal says stop; then end every part in order.

        Raises:
            StorageError, InvariantBroken, InvariantViolation: the node must not go on.

        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with self.running() as tasks:
            _log.info("node_started", extra={"height": self._base.ledger.height})
            waiter = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait({waiter, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
            for task in done - {waiter}:
                task.result()
        _log.info("node_stopped", extra={"height": self._base.ledger.height})

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[set[asyncio.Task[None]]]:
        """Run every part; yield their tasks, the first of which to end ends the node."""
        base = self._base
        server = api_server(
            create_app(self._service, self._addresses),
            trusted_proxies=base.config.api_limits.trusted_proxies,
        )
        restored = restored_event(
            base.ledger,
            base.voting.records,
            digest=self._suite.digest,
            nonce=secrets.token_bytes(NONCE_BYTES),
            now_ms=base.clock.now_ms(),
            decided=base.era.kept_above(base.ledger.height),
            next_block_in_ms=base.ledger.next_block_in_ms,
        )
        await self.transport.start()
        tasks = {
            asyncio.create_task(self._driver.run(restored), name="driver"),
            asyncio.create_task(self._forwarding.keep_showing(self._admission), name="showing"),
        } | self.state_transfer.start()
        serving = asyncio.create_task(server.serve(sockets=[base.listener]), name="api")
        try:
            yield tasks | {serving}
        finally:
            server.should_exit = True
            await asyncio.wait({serving})
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.transport.close()
            self._execution.close()
            self._audit.close()

    @property
    def waiting_clients(self) -> int:
        """Number of submissions that clients of this node wait for."""
        return self._finality.waiting

    def _build_transport(self) -> Transport:
        config = self._base.config
        return Transport(
            own_id=config.replica_id,
            chain_id=self._base.genesis.chain_id,
            peers={
                one: PeerAddress(host=address.host, port=address.port)
                for one, address in config.peers.items()
                if one != config.replica_id
            },
            tls=TlsPaths(ca=config.tls_ca, certificate=config.tls_cert, key=config.tls_key),
            listen=(config.p2p_listen.host, config.p2p_listen.port),
            on_message=self._on_frame,
            on_request=self._on_request,
            clock_ms=self._base.clock.now_ms,
            software_version=version("kunlian"),
        )

    def _build_admission(self) -> Admission:
        base = self._base
        return Admission(
            genesis=base.genesis,
            suite=self._suite,
            clock=base.clock,
            pool=self._pool,
            batches=base.batches,
            registry=LedgerRegistry(base.ledger),
            threads=base.verify_threads,
            forward=self._forwarding.forward,
            pool_changed=self._on_pool_changed,
        )

    def _build_execution(self) -> BlockExecution:
        base = self._base
        return BlockExecution(
            genesis=base.genesis,
            executor=Executor(base.genesis, self._suite, base.ledger),
            ledger=base.ledger,
            batches=base.batches,
            checkpoints=self._checkpoints,
            votes=base.voting.votes,
            digest=self._suite.digest,
            epoch_at=base.era.epoch_at,
        )

    def _build_state_transfer(self) -> StateTransfer:
        base = self._base
        return StateTransfer(
            Surroundings(
                transport=self.transport,
                ledger=base.ledger,
                batches=base.batches,
                suite=self._suite,
                map_bits=MapBits.of_chain(base.genesis.parameters),
                members_at=self._members_at,
                installer=self._execution,
                proposed=self._proposed_body,
                tell=self._on_certificate,
                rebased=self._admission.drop_forgotten,
                keep_blocks=base.config.keep_blocks,
                verify_threads=base.verify_threads,
                serving_thread=base.serving_thread,
            )
        )

    def _members_at(self, _height: int) -> Mapping[int, bytes]:
        """Return the vote keys of the members at a height; epoch 0 is the only one so far."""
        return {one.replica_id: one.vote_key for one in self._base.genesis.replicas}

    def _build_driver(self) -> Driver:
        base = self._base
        return Driver(
            replica=self._replica,
            clock=base.clock,
            votes=base.voting.votes,
            network=self._network,
            execution=self._execution,
            transfer=self.state_transfer.fetcher,
            certified=CertifiedBlocks(
                ledger=base.ledger, grown=self._audit.notify, final=self._admission.forget
            ),
            evidence=self._equivocations,
            epochs=OneEpoch(),
            pool=self._pool,
            proposals=Proposals(
                genesis=base.genesis,
                suite=self._suite,
                pool=self._pool,
                batches=base.batches,
                clock=base.clock,
            ),
            finality=self._finality,
            entered_view=self._on_entered_view,
            voting_ended=base.voting.end,
            disk=base.vote_thread,
        )

    def _build_service(self) -> NodeService:
        base = self._base
        proofs = Proofs(base.ledger, suite_name=self._suite.name, links=base.era.links)
        outcomes = Outcomes(
            ledger=base.ledger,
            pool=self._pool,
            proofs=proofs,
            finality=self._finality,
            suite=self._suite,
        )
        questions = Questions(
            genesis=base.genesis,
            suite=self._suite,
            ledger=base.ledger,
            answers=AuditAnswers(
                genesis=base.genesis,
                suite=self._suite,
                ledger=base.ledger,
                proofs=proofs,
                store=self._audit,
            ),
            admission=self._admission,
            outcomes=outcomes,
        )
        readings = NodeReadings(
            genesis=base.genesis,
            ledger=base.ledger,
            driver=self._driver,
            pool=self._pool,
            transport=self.transport,
            intake=self._intake,
            forwarding=self._forwarding,
            fetcher=self.state_transfer.fetcher,
            audit=self._audit,
            addresses=self._addresses,
            tls_certificate=base.config.tls_cert,
        )
        return NodeService(
            genesis=base.genesis,
            suite=self._suite,
            clock=base.clock,
            ledger=base.ledger,
            proofs=proofs,
            admission=self._admission,
            outcomes=outcomes,
            questions=questions,
            exports=self._build_exports(proofs),
            status=self._build_status(),
            equivocations=self._equivocations.read,
            metrics=NodeMetrics(readings.read).render,
            wait_grown=self._audit.wait_grown,
        )

    def _build_exports(self, proofs: Proofs) -> Exports:
        base = self._base
        return Exports(
            genesis=base.genesis,
            suite=self._suite,
            ledger=base.ledger,
            proofs=proofs,
            voice=Voice(
                replica_id=base.config.replica_id,
                epoch=base.era.epoch,
                signer=base.voting.votes,
                may_sign=lambda: base.voting.may_vote,
            ),
        )

    def _build_status(self) -> StatusReader:
        base = self._base
        return StatusReader(
            identity=Identity(
                name=base.config.name,
                organisation=base.genesis.replicas[base.config.replica_id].organisation,
                replica_id=base.config.replica_id,
                software_version=version("kunlian"),
            ),
            genesis=base.genesis,
            clock=base.clock,
            ledger=base.ledger,
            replica=self._replica,
            links=self.transport,
            transfer=self.state_transfer.fetcher,
            voting_stopped_because=lambda: base.voting.stopped_because,
            headers_not_signed=lambda: self._checkpoints.refusals,
            audit_differences=lambda: self._audit.differences,
        )

    def _on_frame(self, peer: int, kind: int, payload: bytes) -> None:
        if kind == FrameKind.CONSENSUS:
            self._intake.accept(peer, payload, self._driver.on_message)
        elif kind == FrameKind.SUBMISSIONS:
            self._forwarding.on_frame(self._admission, peer, payload)

    async def _on_request(self, peer: int, kind: int, payload: bytes) -> bytes:
        return await self.state_transfer.server.answer(peer, kind, payload)

    def _on_certificate(self, certificate: bytes) -> None:
        """Give the core a verified certificate as the votes that it consists of."""
        for vote in checkpoints_of(decode_stable(certificate)):
            self._driver.on_message(vote, lambda: None)

    def _proposed_body(self, sequence: int, digest: bytes) -> bytes | None:
        batch = self._replica.batch_of(SequenceNumber(sequence), Digest(digest))
        return None if batch is None else batch.body

    def _on_pool_changed(self) -> None:
        self._driver.on_pool_changed()

    def _on_entered_view(self) -> None:
        """Hand what we watch to the new primary, whoever's client it is from."""
        waiting = (
            *self._admission.uncertified_own(count_max=None),
            *self._admission.uncertified_others(count_max=_HANDED_OVER_MAX),
        )
        if waiting:
            self._forwarding.forward(waiting)

    def _other_primary(self) -> ReplicaId | None:
        replica = self._replica
        if replica.is_primary:
            return None
        return settings_of(self._base).membership.primary(View(replica.view))


def settings_of(base: Base) -> ReplicaConfig:
    """Return the core's settings: members are those of genesis in every epoch so far."""
    parameters = base.genesis.parameters
    size = len(base.genesis.replicas)
    return ReplicaConfig(
        replica_id=ReplicaId(base.config.replica_id),
        membership=Membership(epoch=base.era.epoch, size=size),
        chain_id=base.genesis.chain_id,
        window=parameters.window,
        idle_block_ms=parameters.idle_block_ms,
        drift_ms=parameters.drift_ms,
        request_timeout_ms=base.config.request_timeout_ms,
        timeout_cap_ms=base.config.timeout_cap_ms,
        may_vote=base.voting.may_vote,
        past=base.era.past(size=size),
        settled=base.era.settled,
    )


def replica_of(base: Base) -> Replica:
    """Return the core of a node, before it has seen its first event."""
    return Replica(settings_of(base), encoder=codec, signer=base.voting.votes)
