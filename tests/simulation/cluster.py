"""A seeded cluster: one seed decides the group, its faults, and every step of the run.

Two phases. Under faults nothing bad may happen; then everything heals, and everything that
was submitted must be certified within a bound.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from types import MappingProxyType

from consensus.effects import Effect, EnteredView, Equivocated, FetchBatch, FetchState
from consensus.errors import InvalidMessage
from consensus.events import Event, Received
from consensus.messages import Batch, Message, PrePrepare
from consensus.replica import Replica, ReplicaConfig
from consensus.types import Epoch, Membership, ReplicaId
from tests.simulation.byzantine import ByzantineNode, Vice
from tests.simulation.checkers import Oracles, Violation
from tests.simulation.clock import Clock
from tests.simulation.disk import Block
from tests.simulation.network import Network, Weather
from tests.simulation.node import Node
from tests.simulation.stubs import CHAIN_ID

REQUEST_TIMEOUT_MS = 400
TIMEOUT_CAP_MS = 3_200
STATUS_MS = 300
IDLE_MS = 2_500
# After healing: f+1 primaries in a row may be faulty, each costs at most a capped time-out
# twice (request and NEW-VIEW); the rest is state transfer and status ticks.
CONVERGENCE_CAPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything about one run that its seed decides; a test may fix some of it."""

    size: int
    window: int
    vices: MappingProxyType[int, Vice]
    weather: Weather
    requests: int
    chaos_ms: int
    crashes: int
    partitions: int
    rotations: int
    power_cuts: int
    haste: float
    # Share of a twin's messages that only its own side hears.
    twins_split: float
    learner: bool


def options_of(seed: int) -> Options:
    """Draw a swarm option set: each run has some kinds of faults and lacks others."""
    random = Random(seed * 7919 + 17)  # noqa: S311 (a seed must replay)
    size = random.choice((4, 4, 4, 5, 6, 7))
    faulty = (size - 1) // 3
    vices = {}
    for replica in random.sample(range(size), random.randint(0, faulty)):
        vices[replica] = random.choice(list(Vice)[1:])
    return Options(
        size=size,
        window=random.choice((2, 3, 4, 8)),
        vices=MappingProxyType(vices),
        weather=Weather(
            drop=random.choice((0.0, 0.02, 0.1, 0.25)),
            duplicate=random.choice((0.0, 0.0, 0.1)),
            delay_max_ms=random.choice((10, 40, 150)),
        ),
        requests=random.randint(3, 8),
        chaos_ms=random.choice((800, 1_500, 3_000)),
        crashes=random.choice((0, 2, 5)),
        partitions=random.choice((0, 1, 3)),
        rotations=random.choice((0, 2)),
        power_cuts=random.choice((0, 0, 1)),
        twins_split=random.choice((0.5, 0.8, 1.0)),
        haste=random.choice((1.0, 1.0, 0.4, 0.1)),
        learner=random.random() < 0.15,
    )


@dataclass(slots=True)
class Outcome:
    """What one run did; `trace` names it."""

    seed: int
    violation: str | None = None
    deliveries: int = 0
    trace: str = ""
    counters: Counter[str] = field(default_factory=Counter)


class Cluster:
    """The nodes of one run, wired together; also their `Surroundings`."""

    def __init__(
        self, seed: int, options: Options, *, replica_class: type[Replica] = Replica
    ) -> None:
        self.random = Random(seed)  # noqa: S311 (a seed must replay)
        self.clock = Clock()
        self.network = Network(clock=self.clock, random=self.random, weather=options.weather)
        self.options = options
        self.counters: Counter[str] = Counter()
        self.deliveries = 0
        self._trace = hashlib.blake2b(digest_size=16)
        self._replica_class = replica_class
        self.nodes = self._make_nodes()
        self.correct = [one for one in self.nodes if not isinstance(one, ByzantineNode)]
        self._oracles = Oracles(
            size=options.size, correct=frozenset(one.index for one in self.correct)
        )
        self.requests: list[int] = []

    def _make_nodes(self) -> list[Node]:
        ids = list(range(self.options.size))
        ids += [one for one in ids if self.options.vices.get(one) is Vice.TWINS]
        return [self._make_node(index, ReplicaId(one)) for index, one in enumerate(ids)]

    def _make_node(self, index: int, replica_id: ReplicaId) -> Node:
        vice = self.options.vices.get(replica_id, Vice.NONE)
        learners = self.options.learner and not self.options.vices
        config = ReplicaConfig(
            replica_id=replica_id,
            membership=Membership(epoch=Epoch(0), size=self.options.size),
            chain_id=CHAIN_ID,
            window=self.options.window,
            idle_block_ms=IDLE_MS,
            drift_ms=60_000,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            timeout_cap_ms=TIMEOUT_CAP_MS,
            retransmit_ms=150,
            status_ms=STATUS_MS,
            may_vote=not (learners and replica_id == self.options.size - 1),
        )
        kind = Node if vice is Vice.NONE else ByzantineNode
        node = kind(
            index,
            config=config,
            clock=self.clock,
            random=self.random,
            surroundings=self,
            replica_class=Replica if vice is not Vice.NONE else self._replica_class,
        )
        if isinstance(node, ByzantineNode):
            node.vice = vice
        return node

    # A run

    def run(self) -> None:
        """Both phases.

        Raises:
            Violation: an oracle spoke.

        """
        self._plan_chaos()
        for node in self.nodes:
            node.timer_scale = self.random.choice((1.0, self.options.haste))
            node.start()
            if isinstance(node, ByzantineNode) and node.vice is Vice.RESTLESS:
                node.agitate()
        self._run_until(self.options.chaos_ms)
        self._heal()
        bound_ms = self.clock.now_ms + CONVERGENCE_CAPS * TIMEOUT_CAP_MS
        while not self._has_converged():
            if self.clock.now_ms > bound_ms:
                raise Violation(f"no convergence after healing: {self._explain()}")
            self.clock.run_next()
        self._check_memory()

    def _run_until(self, time_ms: int) -> None:
        while self.clock.now_ms < time_ms:
            self.clock.run_next()

    def _plan_chaos(self) -> None:
        options = self.options
        for request in range(options.requests):
            self._at_some_time(partial(self._submit, request))
        for count, trouble in (
            (options.crashes, self._crash_somebody),
            (options.partitions, self._partition),
            (options.rotations, self._rotate),
            (options.power_cuts, self._cut_power),
        ):
            for _ in range(count):
                self._at_some_time(trouble)

    def _at_some_time(self, action: Callable[[], None]) -> None:
        self.clock.after(self.random.randrange(self.options.chaos_ms), action)

    def _cut_power(self) -> None:
        """All correct nodes stop at once, each in the middle of something."""
        self.counters["power_cuts"] += 1
        for node in self.correct:
            if node.is_alive:
                node.crash_after_effects = self.random.randint(1, 4)
                self.clock.after(30, node.crash)
                self.clock.after(60, partial(self._restart, node))

    def _submit(self, request: int) -> None:
        """A client tells some of the nodes; it will tell all of them if nothing happens."""
        self.requests.append(request)
        for node in self.random.sample(self.nodes, max(1, len(self.nodes) - 1)):
            node.submit(request)

    def _crash_somebody(self) -> None:
        """Kill a node after one of its next effects; it comes back after a while."""
        node = self.random.choice(self.correct)
        if not node.is_alive:
            return
        node.crash_after_effects = self.random.randint(1, 12)
        self.counters["crashes"] += 1
        self.clock.after(self.random.randint(100, 900), partial(self._restart, node))

    def _restart(self, node: Node) -> None:
        node.crash_after_effects = None
        if not node.is_alive:
            self.counters["restarts"] += 1
            node.start()

    def _partition(self) -> None:
        """Cut the group in two, or block some links one way."""
        self.counters["partitions"] += 1
        indexes = [one.index for one in self.nodes]
        group = set(self.random.sample(indexes, self.random.randint(1, len(indexes) - 1)))
        one_way = self.random.random() < 0.3
        for a in indexes:
            for b in indexes:
                is_cut = a in group if one_way else True
                if is_cut and (a in group) != (b in group):
                    self.network.blocked.add((a, b))
        self.clock.after(self.random.randint(100, 700), self.network.blocked.clear)

    def _rotate(self) -> None:
        node = self.random.choice(self.correct)
        if node.is_alive:
            node.rotate_votes()
            self.counters["rotations"] += 1

    def _heal(self) -> None:
        self.network.heal()
        for node in self.nodes:
            node.timer_scale = 1.0
        for node in self.correct:
            node.crash_after_effects = None
            if not node.is_alive:
                self.counters["restarts"] += 1
                node.start()
        for request in self.requests:
            for node in self.nodes:
                node.submit(request)

    def _has_converged(self) -> bool:
        """Every correct node has every request in a certified block, and stands as high."""
        for node in self.correct:
            ledger = node.disk.ledger
            certified = max(ledger.certificates, default=0)
            if node.pool or certified < ledger.height or not node.is_alive:
                return False
            if not ledger.executed.issuperset(self.requests):
                return False
        return True

    def _explain(self) -> str:
        return "; ".join(
            f"{one.index}: view {one.replica.view} {one.replica.status}"
            f" executed {one.disk.ledger.height} stable {one.replica.low_watermark}"
            f" pool {list(one.pool)}"
            for one in self.correct
        )

    def _check_memory(self) -> None:
        for node in self.correct:
            if len(node.replica.describe().slots) > 4 * self.options.window:
                raise Violation(f"replica {node.index} keeps too many slots")

    # What nodes ask for

    def transmit(self, sender: Node, to: ReplicaId | None, message: Message) -> None:
        self._oracles.on_send(sender, message)
        for node in self.nodes:
            is_meant = to is None or to == node.replica_id
            if is_meant and node.replica_id != sender.replica_id:
                self._carry(sender, node, message)

    def _carry(self, sender: Node, receiver: Node, message: Message) -> None:
        if isinstance(sender, ByzantineNode):
            if sender.withholds(message, receiver.index) or self._is_kept_from(sender, receiver):
                return
            message = sender.distort(message, receiver.index)
        self.network.carry(sender.index, receiver.index, message, partial(self._deliver, receiver))

    def _is_kept_from(self, sender: ByzantineNode, receiver: Node) -> bool:
        """Each twin speaks to its side of the group, and now and then to the other."""
        if sender.vice is not Vice.TWINS or self._side(sender) == self._side(receiver):
            return False
        return self.random.random() < self.options.twins_split

    def _side(self, node: Node) -> int:
        """Twins share an identity and stand on different sides; so do their neighbours."""
        if isinstance(node, ByzantineNode) and node.vice is Vice.TWINS:
            return int(node.index >= self.options.size)
        return node.index % 2

    def _deliver(self, node: Node, message: Message) -> None:
        if node.is_alive:
            self.deliveries += 1
            self._note(node, message)
            node.receive(message)

    def _note(self, node: Node, message: Message) -> None:
        position = getattr(message, "sequence", getattr(message, "height", 0))
        view = getattr(message, "view", getattr(message, "new_view", 0))
        self._trace.update(
            b"%d %d %d %d %d %d;"
            % (
                self.clock.now_ms,
                node.index,
                message.sender,
                len(type(message).__name__),
                view,
                position,
            )
        )

    @property
    def trace(self) -> str:
        for node in self.correct:
            self._trace.update(node.disk.ledger.tip_digest)
        return self._trace.hexdigest()

    def find_batch(self, asker: Node, effect: FetchBatch) -> Batch | None:
        for node in self._peers_of(asker):
            batch = node.replica.batch_of(effect.sequence, effect.digest)
            if batch is None and node.disk.ledger.height >= effect.sequence:
                batch = node.disk.ledger.blocks[effect.sequence - 1].batch
            if batch is not None and batch.digest == effect.digest:
                self.counters["batches_fetched"] += 1
                return batch
        return None

    def find_blocks(self, asker: Node, effect: FetchState) -> list[Block] | None:
        target = effect.target
        for node in self._peers_of(asker):
            ledger = node.disk.ledger
            if ledger.height < target.height:
                continue
            if ledger.blocks[target.height - 1].header_digest == target.header_digest:
                self.counters["state_transfers"] += 1
                return ledger.blocks[asker.disk.ledger.height : target.height]
        return None

    def _peers_of(self, asker: Node) -> list[Node]:
        peers = [
            one
            for one in self.nodes
            if one.is_alive and one is not asker and self.network.is_open(one.index, asker.index)
        ]
        self.random.shuffle(peers)
        return peers

    def on_effect(self, node: Node, effect: Effect) -> None:
        self._oracles.on_effect(node, effect)
        if isinstance(effect, EnteredView) and effect.view > 0:
            self.counters["view_changes"] += 1
        elif isinstance(effect, Equivocated):
            self.counters["equivocations"] += 1

    def on_block(self, node: Node, block: Block) -> None:
        self._oracles.on_block(node, block)

    def on_refusal(self, node: Node, event: Event, error: InvalidMessage) -> None:
        """A correct node never sends what a correct node refuses, late proposals aside."""
        self.counters["refused"] += 1
        if not isinstance(event, Received) or isinstance(event.message, PrePrepare):
            return
        senders = {one.replica_id for one in self.correct}
        if node in self.correct and event.message.sender in senders:
            raise Violation(f"replica {node.index} refused a correct message: {error}")

    def on_failure(self, node: Node, error: Exception) -> None:
        if node in self.correct:
            raise Violation(f"replica {node.index}: {type(error).__name__}: {error}") from error
        node.crash()


def run_seed(
    seed: int, *, options: Options | None = None, replica_class: type[Replica] = Replica
) -> Outcome:
    """Run one schedule to its end and say what came of it."""
    cluster = Cluster(seed, options or options_of(seed), replica_class=replica_class)
    outcome = Outcome(seed=seed, counters=cluster.counters)
    try:
        cluster.run()
    except Violation as violation:
        outcome.violation = str(violation)
    outcome.deliveries = cluster.deliveries
    outcome.trace = cluster.trace
    return outcome
