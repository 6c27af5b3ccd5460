"""A seeded cluster: one seed decides the group, its faults, and every step of the run.

Two phases. Under faults nothing bad may happen; then a quorum heals, faulty members stay
faulty, and everything that was submitted must be certified within a bound.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from chainnode.errors import InvalidInput
from consensus.effects import (
    Broadcast,
    Effect,
    EnteredView,
    Equivocated,
    FetchBatch,
    FetchState,
    Stabilized,
    StopTimer,
)
from consensus.errors import ConsensusError, InvalidMessage
from consensus.events import Event, Received
from consensus.messages import Batch, Message, PrePrepare
from consensus.replica import Replica, ReplicaConfig
from consensus.types import Epoch, Membership, ReplicaId
from tests.simulation.bias import Director
from tests.simulation.byzantine import STARVED_OF, ByzantineNode, TwinSides, Vice
from tests.simulation.checkers import Oracles, Violation, fair_quorum
from tests.simulation.clock import Clock
from tests.simulation.crash import CrashPoint, Fuse
from tests.simulation.disk import Block, Disk
from tests.simulation.door import Door
from tests.simulation.faults import Faults
from tests.simulation.network import Network
from tests.simulation.node import NoAnswer, Node, peers_of
from tests.simulation.options import Options, options_of, stream
from tests.simulation.stubs import CHAIN_ID, is_body_of
from tests.simulation.trace import Trace

__all__ = ["Cluster", "Options", "Outcome", "Violation", "options_of", "run_seed"]

REQUEST_TIMEOUT_MS = 400
TIMEOUT_CAP_MS = 3_200
STATUS_MS = 300
# Beside (f+1) capped time-outs (checklist F4): messages, state transfer, execution. One time-out
# may run for a view that too few still want when the group heals, and one for each silent primary.
CONVERGENCE_SLACK_MS = 1_000
# Shorter than any timer waits; of clients whom nobody starves.
TRICKLE_MS = 300
FIRST_TRICKLED = 1_000 * STARVED_OF + 1
# A look at all containers of one node in so many deliveries.
_MEMORY_EVERY = 400
# Effects that no oracle looks at: what is told to all is seen as it leaves.
_UNWATCHED = frozenset({Broadcast, StopTimer})


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
        self.seed = seed
        self.random = stream(seed, "cluster")
        self.clock = Clock()
        self.options = options
        self.counters: Counter[str] = Counter()
        self.deliveries = 0
        self.is_healed = False
        self.requests: list[int] = []
        self._trickled: list[int] = []
        self.network = self._make_network()
        self._trace = Trace()
        self._replica_class = replica_class
        self.nodes = self._make_nodes()
        self._door = Door()
        self._twins = self._place_twins()
        self.correct = [one for one in self.nodes if not isinstance(one, ByzantineNode)]
        self._correct_ids = frozenset(one.replica_id for one in self.correct)
        self._correct_indexes = frozenset(one.index for one in self.correct)
        # Twins share an identity: what is meant for it reaches both, and neither the other.
        self._known_as = [self._indexes_of(one) for one in range(options.size)]
        self._others = [
            [other.index for other in self.nodes if other.replica_id != one.replica_id]
            for one in self.nodes
        ]
        self._absent: list[Node] = []
        self._may_have_converged = True
        self._twice: set[int] = set()
        self._director = self._make_director()
        self._oracles = Oracles(
            size=options.size,
            correct=self._correct_indexes,
            unreliable=frozenset(options.unreliable),
            is_submitted=self.is_submitted,
        )

    def _indexes_of(self, replica: int) -> list[int]:
        return [one.index for one in self.nodes if one.replica_id == replica]

    def _make_network(self) -> Network:
        options = self.options
        return Network(
            clock=self.clock,
            random=stream(self.seed, "network"),
            deliver=self._deliver,
            drop=options.drop,
            duplicate=options.duplicate,
            delay_max_ms=options.delay_max_ms,
            codec_share=options.codec_share,
            counters=self.counters,
        )

    def _make_director(self) -> Director | None:
        if not self.options.biased:
            return None
        self.counters["biased_schedules"] += 1
        size = self.options.size
        return Director(stream(self.seed, "bias"), size=size, quorum=fair_quorum(size))

    def _make_nodes(self) -> list[Node]:
        ids = list(range(self.options.size))
        ids += [one for one in ids if self.options.vices.get(one) is Vice.TWINS]
        return [self._make_node(index, ReplicaId(one)) for index, one in enumerate(ids)]

    def _place_twins(self) -> TwinSides:
        twins = (one for one in self.nodes if isinstance(one, ByzantineNode))
        return TwinSides(
            frozenset(one.index for one in twins if one.vice is Vice.TWINS),
            count=len(self.nodes),
            size=self.options.size,
            split=self.options.twins_split,
            random=stream(self.seed, "twins"),
        )

    def _make_node(self, index: int, replica_id: ReplicaId) -> Node:
        options = self.options
        vice = options.vices.get(replica_id, Vice.NONE)
        config = ReplicaConfig(
            replica_id=replica_id,
            membership=Membership(epoch=Epoch(0), size=options.size),
            chain_id=CHAIN_ID,
            window=options.window,
            idle_block_ms=options.idle_ms,
            drift_ms=options.drift_ms,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            timeout_cap_ms=TIMEOUT_CAP_MS,
            retransmit_ms=150,
            status_ms=STATUS_MS,
            may_vote=not (options.has_learner and replica_id == options.size - 1),
        )
        kind = Node if vice is Vice.NONE else ByzantineNode
        node = kind(
            index,
            config=config,
            clock=self.clock,
            random=stream(self.seed, "node", index),
            surroundings=self,
            replica_class=Replica if vice is not Vice.NONE else self._replica_class,
            disk=Disk(counters=self.counters),
        )
        node.tearing, node.sync_max_ms = options.tearing, options.sync_max_ms
        self._set_clock(node)
        if isinstance(node, ByzantineNode):
            node.turn(vice, owners=frozenset(options.vices), tally=self.counters)
        return node

    def _set_clock(self, node: Node) -> None:
        random = stream(self.seed, "clock", node.index)
        skew_ms, rate_percent = self.options.skew_max_ms, self.options.rate_percent
        if skew_ms:
            node.local.offset_ms = random.randint(-skew_ms, skew_ms)
            self.counters["clock_skewed"] += 1
        if rate_percent != 100 and random.random() < 0.5:
            node.local.rate_percent = rate_percent
            self.counters["timer_rate"] += 1

    # A run

    def run(self) -> None:
        """Both phases.

        Raises:
            Violation: an oracle spoke.

        """
        self._plan_requests()
        Faults(self, seed=self.seed).plan()
        for node in self.nodes:
            node.start()
        self.clock.run_until(self.options.chaos_ms)
        self._heal()
        self._converge()
        for node in self.correct:
            self._oracles.check_memory(node)
        if self.options.calm:
            self._check_calm()

    def _check_calm(self) -> None:
        """Where nothing failed nobody refuses, suspects or contradicts anybody."""
        self.counters["calm_schedules"] += 1
        for what in ("refused", "view_changes", "equivocations", "restarts"):
            if self.counters[what]:
                raise Violation(f"calm, and yet {what} = {self.counters[what]}")

    def _plan_requests(self) -> None:
        random = stream(self.seed, "requests")
        # A directed run needs something to prepare while the director is at work.
        until_ms = 200 if self.options.biased else self.options.chaos_ms
        for request in range(self.options.requests):
            self.clock.after(random.randrange(until_ms), self._submit, request)

    def _submit(self, request: int) -> None:
        """A client tells some of the nodes; it will tell all of them if nothing happens."""
        self.requests.append(request)
        told = len(self.nodes) - (not self.options.calm)
        for node in self.random.sample(self.nodes, told):
            node.submit(request)

    def is_submitted(self, request: int) -> bool:
        """Whether some client signed this request."""
        return request in self.requests or request in self._trickled

    def _heal(self) -> None:
        """All but the faulty come back; links are quick again, clients repeat themselves."""
        self.is_healed = True
        if self._director is not None:
            self._director.let_go()
        self.network.heal()
        steady = [one for one in self.correct if one.index not in self.options.unreliable]
        self._absent = self.random.sample(steady, self.options.absent)
        for node in self._absent:
            self.counters["left_down"] += 1
            if node.is_alive:
                node.crash()
        for node in self._present():
            node.fuse = None
            node.local.rate_percent = 100
            if node.is_paused:
                node.resume()
            self.restart(node)
        for request in self.requests:
            for node in self.nodes:
                node.submit(request)
        if Vice.STARVING_PRIMARY in self.options.vices.values():
            self._trickle(FIRST_TRICKLED)

    def _trickle(self, request: int) -> None:
        """Let other clients be served all the time: that must not help who starves one (F2)."""
        self._trickled.append(request)
        for node in self.nodes:
            node.submit(request)
        self.clock.after(TRICKLE_MS, self._trickle, request + STARVED_OF)

    def _present(self) -> Iterator[Node]:
        return (one for one in self.correct if one not in self._absent)

    def _converge(self) -> None:
        """Every pending request is certified within (f+1) capped time-outs and a second."""
        started_ms = self.clock.now_ms
        bound_ms = (self.options.max_faulty + 1) * TIMEOUT_CAP_MS + CONVERGENCE_SLACK_MS
        while not self._has_converged():
            if self.clock.now_ms > started_ms + bound_ms:
                raise Violation(f"no convergence after healing: {self._explain()}")
            self.clock.run_next()

    def _has_converged(self) -> bool:
        """Every healed node has every request in a certified block, and stands as high."""
        if not self._may_have_converged:
            return False
        self._may_have_converged = False
        for node in self._present():
            ledger = node.disk.ledger
            certified = max(ledger.certificates, default=0)
            is_waiting = any(one in node.pool for one in self.requests)
            if is_waiting or certified < ledger.height or not node.is_alive:
                return False
            if not ledger.executed.issuperset(self.requests):
                return False
        return True

    def _explain(self) -> str:
        return "; ".join(
            f"{one.index}: view {one.replica.view} {one.replica.status}"
            f" executed {one.disk.ledger.height} stable {one.replica.low_watermark}"
            f" pool {list(one.pool)}"
            for one in self._present()
        )

    def restart(self, node: Node) -> None:
        """Start a node that is down, unless it shall stay so."""
        if not node.is_alive and node not in self._absent:
            self.counters["restarts"] += 1
            node.start()

    # What nodes ask for

    def transmit(self, sender: Node, to: ReplicaId | None, message: Message) -> None:
        self._oracles.on_send(sender, message)
        receivers = self._others[sender.index] if to is None else self._known_as[to]
        director = self._director
        if director is not None:
            receivers = [one for one in receivers if not director.holds_back(one, message)]
        if self._twins.is_needed:
            receivers = self._twins.heard_by(sender.index, receivers, now_ms=self.clock.now_ms)
        if isinstance(sender, ByzantineNode):
            for receiver in receivers:
                self._carry_lie(sender, self.nodes[receiver], message)
        else:
            self.network.carry(sender.index, receivers, message)

    def _carry_lie(self, sender: ByzantineNode, receiver: Node, message: Message) -> None:
        """Bend it, and let it through the door of its receiver before it travels."""
        bent = sender.utter(message, receiver.index)
        if bent is None:
            return
        config = receiver.config
        try:
            said = self._door.open(bent, membership=config.membership, window=config.window)
        except ConsensusError:
            self.counters["lies_refused_at_the_door"] += 1
            return
        self._oracles.on_lie(said)
        delay_ms = sender.delay_ms()
        self.clock.after(delay_ms, self.network.carry, sender.index, (receiver.index,), said)

    def _deliver(self, index: int, message: Message) -> None:
        node = self.nodes[index]
        if not node.is_alive:
            return
        self.deliveries += 1
        self._trace.note_delivery(self.clock.now_ms, index, message)
        node.receive(message)
        if self.deliveries % _MEMORY_EVERY == 0 and index in self._correct_indexes:
            self._oracles.check_memory(node)

    @property
    def trace(self) -> str:
        for node in self.correct:
            self._trace.note_ledger(node.disk.ledger)
        return self._trace.digest

    def find_batch(self, asker: Node, effect: FetchBatch) -> Batch | None:
        """Ask one peer after the other; what comes must be the body of that digest."""
        for node in self._peers_of(asker):
            try:
                batch = node.serve_batch(effect)
            except NoAnswer:
                return None
            if batch is not None and is_body_of(effect.digest, batch):
                self.counters["batches_fetched"] += 1
                return batch
            self.counters["hostile_batches"] += batch is not None
        return None

    def find_blocks(self, asker: Node, effect: FetchState) -> list[Block] | None:
        """Ask one peer after the other; take only what leads to the certified header."""
        ledger = asker.disk.ledger
        for node in self._peers_of(asker):
            try:
                blocks = node.serve_blocks(effect, above=ledger.height)
            except NoAnswer:
                return None
            if blocks is None:
                continue
            if ledger.is_extended_by(blocks, target=effect.target):
                self.counters["state_transfers"] += 1
                return blocks
            self.counters["hostile_blocks"] += 1
        return None

    def _peers_of(self, asker: Node) -> list[Node]:
        return peers_of(asker, self.nodes, network=self.network, random=self.random)

    # What nodes tell

    def on_start(self, node: Node) -> None:
        self._oracles.on_start(node)

    def on_crash(self, node: Node, what: str) -> None:
        self.counters[what] += 1
        if isinstance(node, ByzantineNode):
            return
        if what == CrashPoint.IN_RECOVERY.value:
            self._crash_again(node)
        self.clock.after(self.random.randint(50, 900), self.restart, node)

    def _crash_again(self, node: Node) -> None:
        """Let some of those that stopped while coming back do so twice."""
        if node.index in self._twice:
            self._twice.discard(node.index)
            self.counters["crash_in_recovery_twice"] += 1
        elif self.random.random() < 0.5 and not self.is_healed:
            self._twice.add(node.index)
            node.fuse = Fuse(point=CrashPoint.IN_RECOVERY, left=self.random.randint(1, 3))

    def on_effect(self, node: Node, effect: Effect) -> None:
        self._trace.note_effect(node.index, effect)
        kind = type(effect)
        if kind in _UNWATCHED:
            return
        self._oracles.on_effect(node, effect)
        if kind is Stabilized:
            self._may_have_converged = True
        elif isinstance(effect, EnteredView) and effect.view > 0:
            self.counters["view_changes"] += 1
        elif kind is Equivocated:
            self.counters["equivocations"] += 1
        if self._director is not None and node.index in self._correct_indexes:
            self._direct(self._director, effect)

    def _direct(self, director: Director, effect: Effect) -> None:
        was_done = director.is_done
        director.on_effect(effect)
        self.counters["biased_carried_twice"] += director.is_done and not was_done

    def on_block(self, node: Node, block: Block) -> None:
        self._may_have_converged = True
        self._oracles.on_block(node, block)

    def on_refusal(self, node: Node, event: Event, error: InvalidMessage) -> None:
        """A correct node never sends what a correct node refuses, late proposals aside."""
        self.counters["refused"] += 1
        if not isinstance(event, Received) or isinstance(event.message, PrePrepare):
            return
        if node in self.correct and event.message.sender in self._correct_ids:
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
    except (ConsensusError, InvalidInput) as error:
        outcome.violation = f"{type(error).__name__}: {error}"
    outcome.deliveries = cluster.deliveries
    outcome.trace = cluster.trace
    return outcome
