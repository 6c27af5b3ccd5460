"""A seeded cluster whose members change while it is under faults; and what must hold then.

A director asks for one change after another, as soon as none is pending. Then everything
heals, and all sites must stand at the end of the same chain, in the same epoch.
"""

from collections import Counter
from dataclasses import dataclass, replace
from types import MappingProxyType

from consensus.codec import checkpoints_of, signed_messages, slot_of
from consensus.effects import (
    Effect,
    EnteredView,
    EpochEnded,
    Execute,
    FetchBatch,
    FetchState,
    Stabilized,
)
from consensus.errors import InvalidMessage
from consensus.events import Event, Received
from consensus.messages import (
    Batch,
    Checkpoint,
    Commit,
    Message,
    Prepare,
    PrePrepare,
    StableCheckpoint,
    Status,
)
from consensus.replica import Replica, ReplicaConfig
from consensus.types import Epoch, Membership, ReplicaId, SequenceNumber
from tests.simulation.checkers import Violation, fair_quorum
from tests.simulation.clock import Clock
from tests.simulation.cluster import REQUEST_TIMEOUT_MS, STATUS_MS, TIMEOUT_CAP_MS, Outcome
from tests.simulation.disk import Block, Disk
from tests.simulation.epochs import ADD, REMOVE, EpochNode, Term, is_let_in
from tests.simulation.faults import Faults
from tests.simulation.network import Network
from tests.simulation.node import Node, peers_of
from tests.simulation.options import Options, options_of, stream
from tests.simulation.stubs import CHAIN_ID

SITES_MAX = 6
_CHANGE_EVERY_MS = 150
_CONVERGENCE_MS = 10 * TIMEOUT_CAP_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who is a member at genesis, what changes, and who is away while it does."""

    genesis: tuple[int, ...]
    changes: tuple[int, ...]
    away: int | None


def plan_of(seed: int) -> Plan:
    """Add and remove members one at a time, also with one of them down."""
    random = stream(seed, "epochs")
    genesis = tuple(range(random.choice((4, 4, 5))))
    sites, changes = list(genesis), []
    for _ in range(random.randint(1, 3)):
        outside = [one for one in range(SITES_MAX) if one not in sites]
        if len(sites) > 4 and random.random() < 0.6:
            gone = random.choice(sites)
            sites.remove(gone)
            changes.append(REMOVE + gone)
        elif outside:
            new = random.choice(outside)
            sites = sorted((*sites, new))
            changes.append(ADD + new)
    away = random.choice(genesis) if random.random() < 0.5 else None
    return Plan(genesis=genesis, changes=tuple(changes), away=away)


def options_for_epochs(seed: int) -> Options:
    """Draw the faults of a run; the disks keep what they confirmed."""
    return replace(
        options_of(seed),
        size=SITES_MAX,
        vices=MappingProxyType({}),
        learner=False,
        fragile=(),
        left_down=0,
        biased=False,
        window=stream(seed, "window").choice((2, 3, 4)),
        chaos_ms=stream(seed, "chaos").choice((3_000, 5_000)),
        reorderings=0,
        vote_rot=0,
        block_rot=0,
        wild_clocks=0,
        requests=4,
    )


class EpochCluster:
    """The sites of one run, wired together; also their `Surroundings` and their oracle."""

    def __init__(self, seed: int, *, replica_class: type[Replica] = Replica) -> None:
        self.seed = seed
        self.plan = plan_of(seed)
        self.options = options_for_epochs(seed)
        self.random = stream(seed, "cluster")
        self.clock = Clock()
        self.counters: Counter[str] = Counter()
        self.deliveries = 0
        self.is_healed = False
        self.network = Network(
            clock=self.clock,
            random=stream(seed, "network"),
            deliver=self._deliver,
            drop=self.options.drop,
            duplicate=self.options.duplicate,
            delay_max_ms=self.options.delay_max_ms,
            codec_share=self.options.codec_share,
            counters=self.counters,
        )
        self._replica_class = replica_class
        self._left = list(self.plan.changes)
        self._asked: list[int] = []
        self._said: dict[tuple[int, tuple[str | int, ...]], bytes] = {}
        self._decided: dict[int, bytes] = {}
        self._headers: dict[int, bytes] = {}
        self._certified: dict[int, bytes] = {}
        self._terms: dict[int, Term] = {}
        self.sites = [self._make_site(index) for index in range(SITES_MAX)]
        self.nodes: list[Node] = list(self.sites)
        self.correct: list[Node] = list(self.sites)

    def _make_site(self, index: int) -> EpochNode:
        site = EpochNode(
            index,
            config=ReplicaConfig(
                replica_id=ReplicaId(0),
                membership=Membership(epoch=Epoch(0), size=len(self.plan.genesis)),
                chain_id=CHAIN_ID,
                window=self.options.window,
                idle_block_ms=self.options.idle_ms,
                drift_ms=self.options.drift_ms,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                timeout_cap_ms=TIMEOUT_CAP_MS,
                retransmit_ms=150,
                status_ms=STATUS_MS,
            ),
            clock=self.clock,
            random=stream(self.seed, "node", index),
            surroundings=self,
            replica_class=self._replica_class,
            disk=Disk(counters=self.counters),
        )
        site.genesis_sites = self.plan.genesis
        site.fetch_chain = self.send_chain
        site.tearing, site.sync_max_ms = self.options.tearing, self.options.sync_max_ms
        return site

    # A run

    def run(self) -> None:
        """Both phases.

        Raises:
            Violation: an oracle spoke.

        """
        Faults(self, seed=self.seed).plan()
        for request in range(self.options.requests):
            at_ms = stream(self.seed, "requests", request).randrange(self.options.chaos_ms)
            self.clock.after(at_ms, self._ask, request)
        self.clock.after(_CHANGE_EVERY_MS, self._direct)
        for site in self.sites:
            if site.index != self.plan.away:
                site.start()
        self.clock.run_until(self.options.chaos_ms)
        self._heal()
        self._converge()

    def _ask(self, request: int) -> None:
        self._asked.append(request)
        for site in self.sites:
            site.submit(request)

    def _direct(self) -> None:
        """Ask for the next change when none is pending, as people would."""
        if self._left and not self._is_pending():
            self._ask(self._left.pop(0))
        self.clock.after(_CHANGE_EVERY_MS, self._direct)

    def _is_pending(self) -> bool:
        newest = max(self.sites, key=lambda one: one.disk.ledger.height)
        has_open = any(one >= ADD and one not in newest.disk.ledger.executed for one in self._asked)
        return has_open or newest.terms()[-1].first > newest.disk.ledger.height + 1

    def _heal(self) -> None:
        self.is_healed = True
        self.network.heal()
        for site in self.sites:
            site.fuse, site.fragility = None, 0.0
            site.local.rate_percent = 100
            if site.is_paused:
                site.resume()
            self.restart(site)

    def restart(self, node: Node) -> None:
        if not node.is_alive and (self.is_healed or node.index != self.plan.away):
            self.counters["restarts"] += 1
            node.start()

    def _converge(self) -> None:
        bound_ms = self.clock.now_ms + _CONVERGENCE_MS
        while not self._has_converged():
            if self.clock.now_ms > bound_ms:
                raise Violation(f"no convergence after healing: {self._explain()}")
            self.clock.run_until(self.clock.now_ms + 100)
            for request in self._asked:
                for site in self.sites:
                    if request not in site.disk.ledger.executed:
                        site.submit(request)

    def _has_converged(self) -> bool:
        if self._left or self._is_pending():
            return False
        expected = {*range(self.options.requests), *self.plan.changes}
        for site in self.sites:
            ledger = site.disk.ledger
            if not site.is_alive or not ledger.executed.issuperset(expected):
                return False
            if max(ledger.certificates, default=0) < ledger.height:
                return False
        return True

    def _explain(self) -> str:
        return f"left {self._left}; " + "; ".join(
            f"{one.index}: epoch {one.term().epoch} voter {one.is_voter}"
            f" executed {one.disk.ledger.height}"
            + (
                f" {one.replica.status} {one.replica.view} stable {one.replica.low_watermark}"
                if one.is_voter
                else ""
            )
            for one in self.sites
        )

    # What nodes ask for

    def transmit(self, sender: Node, to: ReplicaId | None, message: Message) -> None:
        assert isinstance(sender, EpochNode)
        self._check_said(sender, message)
        sites = sender.terms()[message.epoch].sites
        meant = [one.index for one in self.nodes] if to is None else [sites[to]]
        if isinstance(message, Checkpoint) and message.epoch < sender.term().epoch:
            self.counters["epoch_laggards_told"] += 1
        others = (one for one in meant if one != sender.index)
        self.network.carry(sender.index, others, message)

    def _deliver(self, index: int, message: Message) -> None:
        node = self.nodes[index]
        if node.is_alive:
            self.deliveries += 1
            node.receive(message)

    def find_batch(self, asker: Node, effect: FetchBatch) -> Batch | None:
        for node in self._peers_of(asker):
            batch = node.replica.batch_of(effect.sequence, effect.digest) if node.is_voter else None
            if batch is None and node.disk.ledger.height >= effect.sequence:
                batch = node.disk.ledger.blocks[effect.sequence - 1].batch
            if batch is not None and batch.digest == effect.digest:
                return batch
        return None

    def find_blocks(self, asker: Node, effect: FetchState) -> list[Block] | None:
        target = effect.target
        for node in self._peers_of(asker):
            blocks = node.disk.ledger.blocks[: target.height]
            if blocks and blocks[-1].header_digest == target.header_digest:
                self.counters["state_transfers"] += 1
                return blocks[asker.disk.ledger.height :]
        return None

    def send_chain(self, asker: EpochNode) -> None:
        """Install what a peer has certified: each block by execution, up to a certificate."""
        for node in self._peers_of(asker):
            ledger = node.disk.ledger
            proven = max((one for one in ledger.certificates if one <= ledger.height), default=0)
            for block in ledger.blocks[asker.disk.ledger.height : proven]:
                own = asker.disk.ledger.build(SequenceNumber(block.height), block.batch)
                if own.header_digest != block.header_digest:
                    raise Violation(f"site {asker.index} computes another block {own.height}")
                asker.disk.write_block(own, None)
                asker.disk.sync_block()
                self.on_block(asker, own)
            for height, stable in ledger.certificates.items():
                if height <= asker.disk.ledger.height:
                    self._check_stable(asker, stable)
                    asker.disk.ledger.certificates.setdefault(height, stable)
            return

    def _peers_of(self, asker: Node) -> list[EpochNode]:
        return peers_of(asker, self.sites, network=self.network, random=self.random)

    # What nodes tell, and what must hold

    def on_start(self, node: Node) -> None:
        pass

    def on_crash(self, node: Node, what: str) -> None:
        self.counters[what] += 1
        self.clock.after(self.random.randint(50, 900), self.restart, node)

    def on_effect(self, node: Node, effect: Effect) -> None:
        assert isinstance(node, EpochNode)
        match effect:
            case Execute():
                held = self._decided.setdefault(effect.sequence, effect.batch.digest)
                if held != effect.batch.digest:
                    raise Violation(f"agreement: sequence {effect.sequence} has two batches")
            case Stabilized(stable=stable):
                self._check_stable(node, stable)
            case EpochEnded():
                self._note_end(node, effect)
            case EnteredView(view=view) if view > 0:
                self.counters["view_changes"] += 1
            case _:
                pass

    def _note_end(self, node: EpochNode, effect: EpochEnded) -> None:
        if node.disk.ledger.height != effect.next_epoch.first - 1:
            raise Violation(f"site {node.index} ends an epoch at {node.disk.ledger.height}")
        if self._certified.setdefault(effect.stable.height, effect.stable.header_digest) != (
            effect.stable.header_digest
        ):
            raise Violation(f"epoch ends with two headers at {effect.stable.height}")
        self.counters["epochs_ended"] += 1
        self.counters["epochs_ended_in_a_later_view"] += node.replica.view > 0
        away = self.plan.away
        self.counters["epochs_ended_with_one_down"] += (
            away is not None and not self.sites[away].is_alive
        )

    def _check_stable(self, node: EpochNode, stable: StableCheckpoint) -> None:
        """Signed by a quorum of the members of its height: no vote of anybody else counts."""
        if stable.height == 0:
            return
        terms = node.terms()
        if stable.epoch >= len(terms):
            raise Violation(f"site {node.index} accepts a certificate of an unknown epoch")
        term = terms[stable.epoch]
        after = terms[stable.epoch + 1 : stable.epoch + 2]
        if stable.height < term.first or any(stable.height >= one.first for one in after):
            raise Violation(f"height {stable.height} is certified in epoch {stable.epoch}")
        signers = {replica for replica, _ in stable.signatures}
        if len(signers) < fair_quorum(len(term.sites)) or len(signers) < len(stable.signatures):
            raise Violation(f"certificate {stable.height} has signers {sorted(signers)}")
        if not all(is_let_in(one, terms) for one in checkpoints_of(stable)):
            raise Violation(f"certificate {stable.height} has a bad signature")
        held = self._certified.setdefault(stable.height, stable.header_digest)
        if held != stable.header_digest:
            raise Violation(f"agreement: height {stable.height} has two certified headers")

    def _check_said(self, sender: EpochNode, message: Message) -> None:
        """One content per slot over all lives; nothing of an epoch outside of it (I1)."""
        terms = sender.terms()
        if not all(is_let_in(one, terms) for one in signed_messages(message, size=SITES_MAX)[:1]):
            raise Violation(f"site {sender.index} sends what is not signed")
        own_id = (
            terms[message.epoch].sites.index(sender.index)
            if message.sender in range(len(terms[message.epoch].sites))
            and sender.index in terms[message.epoch].sites
            else None
        )
        slot = slot_of(message)
        if slot and message.sender == own_id:
            held = self._said.setdefault((sender.index, slot), message.signature)
            if held != message.signature:
                raise Violation(f"site {sender.index} contradicts itself in {slot}")
        if isinstance(message, PrePrepare | Prepare | Commit):
            self._check_order(sender, message)

    def _check_order(self, sender: EpochNode, message: PrePrepare | Prepare | Commit) -> None:
        """Nothing at or after a is ordered before StableCheckpoint a − 1 (I1)."""
        terms, sequence = sender.terms(), message.sequence
        term = terms[message.epoch]
        base = term.first - 1
        if base and base not in sender.disk.ledger.certificates:
            raise Violation(f"site {sender.index} votes in epoch {term.epoch} before its base")
        later = [one for one in self._terms.values() if one.epoch == term.epoch + 1]
        if sequence < term.first or any(sequence >= one.first for one in later):
            raise Violation(f"sequence {sequence} is ordered in epoch {term.epoch}")

    def on_block(self, node: Node, block: Block) -> None:
        assert isinstance(node, EpochNode)
        held = self._headers.setdefault(block.height, block.header_digest)
        if held != block.header_digest:
            raise Violation(f"agreement: height {block.height} has two headers")
        for term in node.terms():
            if self._terms.setdefault(term.epoch, term) != term:
                raise Violation(f"two ideas of epoch {term.epoch}")

    def on_refusal(self, node: Node, event: Event, error: InvalidMessage) -> None:
        """A correct node never sends what a correct node of its epoch refuses."""
        if not isinstance(event, Received) or isinstance(event.message, PrePrepare):
            return
        if event.message.epoch != node.config.membership.epoch:
            self.counters["epoch_other_refused"] += 1
            self.counters["epoch_status_refused"] += isinstance(event.message, Status)
            return
        raise Violation(f"site {node.index} refused a correct message: {error}")

    def on_failure(self, node: Node, error: Exception) -> None:
        raise Violation(f"site {node.index}: {type(error).__name__}: {error}") from error


def run_epochs(seed: int, *, replica_class: type[Replica] = Replica) -> Outcome:
    """Run one schedule to its end and say what came of it."""
    cluster = EpochCluster(seed, replica_class=replica_class)
    outcome = Outcome(seed=seed, counters=cluster.counters)
    try:
        cluster.run()
    except Violation as violation:
        outcome.violation = str(violation)
    outcome.deliveries = cluster.deliveries
    return outcome
