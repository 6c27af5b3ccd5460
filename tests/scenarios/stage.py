"""A group of replicas that plays a scenario file and writes down what each of them does.

A line that starts in the first column is a command or a comment; the indented lines below it
are the whole trace it caused. What every replica does all the time and nobody wants to hear
read aloud is left out: Status, the STATUS and IDLE timers.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import assert_never

from consensus.codec import slot_of
from consensus.effects import (
    Broadcast,
    BuildBatch,
    Effect,
    EnteredView,
    EpochEnded,
    Equivocated,
    Execute,
    FetchBatch,
    FetchState,
    HeadersDiverged,
    Persist,
    Record,
    Send,
    Stabilized,
    StartTimer,
    StopTimer,
    Timer,
    VotingEnded,
)
from consensus.errors import ConsensusError
from consensus.events import Event, Received, Synced, TimerExpired
from consensus.messages import (
    Message,
    NewView,
    PreparedCertificate,
    PrePrepare,
    Recall,
    Recollection,
    RecoveryPromise,
    StableCheckpoint,
    Status,
    ViewChange,
)
from consensus.replica import Replica
from consensus.types import NULL_BATCH_DIGEST, Nonce, ReplicaId, sequence_of
from tests.simulation.stubs import ENCODER, GuardedSigner
from tests.unit.consensus.group import (
    NOW_MS,
    batch,
    config,
    make_guard,
    pre_prepare,
    restored_at,
)
from tests.unit.consensus.whole_group import Group

_QUIET_TIMERS = (Timer.STATUS, Timer.IDLE)
_NAMES = "ABCDEFGHIJ"
_KINDS = {
    "preprepare": "PRE-PREPARE",
    "prepare": "PREPARE",
    "commit": "COMMIT",
    "checkpoint": "CHECKPOINT",
    "viewchange": "VIEW-CHANGE",
    "newview": "NEW-VIEW",
}


class Stage(Group):
    """A whole group whose every effect is told; `play` carries out one command."""

    def __init__(self, size: int) -> None:
        self.told: list[str] = []
        self.cut_off: set[int] = set()
        # Who lies is played by the file: its own replica hears nothing any more.
        self.liars: set[int] = set()
        # (mode before, event, mode after), where the two differ.
        self.transitions: set[tuple[str, str, str]] = set()
        self._lives = [0] * size
        self._targets: dict[int, StableCheckpoint] = {}
        self._guards = [make_guard(one) for one in range(size)]
        self._records: list[list[Record]] = [[] for _ in range(size)]
        super().__init__(size)
        self.told.clear()

    # Commands

    def play(self, command: str) -> None:
        """Carry out one command.

        Raises:
            ValueError: there is no such command.

        """
        for pattern, action in _COMMANDS:
            found = pattern.fullmatch(command)
            if found is not None:
                action(self, *found.groups())
                return
        raise ValueError(f"no such command: {command}")

    def propose(self, member: str, name: str) -> None:
        self.submit(int(member), _NAMES.index(name) + 1)

    def lie(self, member: str, first: str, some: str, second: str, others: str) -> None:
        """Propose two batches under one number, each to a part of the group."""
        self.liars.add(int(member))
        for name, receivers in ((first, some), (second, others)):
            proposal = pre_prepare(1, body=batch(_NAMES.index(name) + 1), sender=int(member))
            self.queue.extend((int(member), one, proposal) for one in _numbers(receivers))

    def deliver_all(self) -> None:
        self.deliver(lambda sender, receiver, _: self._is_open(sender, receiver))

    def deliver_some(self, kind: str, receivers: str | None) -> None:
        """Deliver what waits of one kind, and keep the rest, and what comes of it, waiting."""
        chosen = tuple(range(self.size)) if receivers is None else _numbers(receivers)
        while (due := self._next_due(kind, chosen)) is not None:
            self.queue.remove(due)
            self.step(due[1], Received(message=due[2], now_ms=NOW_MS))

    def _next_due(self, kind: str, receivers: tuple[int, ...]) -> tuple[int, int, Message] | None:
        return next(
            (
                (sender, receiver, message)
                for sender, receiver, message in self.queue
                if receiver in receivers
                and self._is_open(sender, receiver)
                and _kind_of(message) == kind
            ),
            None,
        )

    def _is_open(self, sender: int, receiver: int) -> bool:
        return not {sender, receiver} & self.cut_off and receiver not in self.liars

    def lose(self, kind: str) -> None:
        lost = [one for one in self.queue if kind in {"everything", _kind_of(one[2])}]
        for one in lost:
            self.queue.remove(one)
        self.told.append(f"{len(lost)} messages are lost")

    def cut(self, members: str) -> None:
        self.cut_off.update(_numbers(members))

    def join(self, members: str) -> None:
        self.cut_off.difference_update(_numbers(members))

    def run_out(self, members: str) -> None:
        self.time_out(*_numbers(members))

    def give_up_waiting(self, members: str) -> None:
        for member in _numbers(members):
            self._expire(member, Timer.NEW_VIEW)

    def repeat(self, members: str) -> None:
        for member in _numbers(members):
            self._expire(member, Timer.RETRANSMIT)

    def tell_status(self, members: str) -> None:
        for member in _numbers(members):
            self._expire(member, Timer.STATUS)

    def restart(self, member: str) -> None:
        """Start a member again from its vote log and its ledger."""
        one = int(member)
        ledger = self.ledgers[one]
        self._guards[one] = make_guard(one)
        self._guards[one].note_records(self._records[one])
        self.members[one] = self._make_member(one)
        restored = restored_at(
            ledger.height,
            records=self._records[one],
            own=ledger.checkpoints_above(0),
            digest=ledger.tip_digest,
        )
        self._lives[one] += 1
        self.step(one, replace(restored, nonce=Nonce(bytes([self._lives[one]]) * 32)))

    def roll_back(self, member: str) -> None:
        """Start a member again as if it had never done anything: an old copy of its disk."""
        self._records[int(member)] = []
        self.ledgers[int(member)].__init__()  # type: ignore[misc]  # a ledger as new
        self.restart(member)

    def receive_state(self, member: str) -> None:
        """End a state transfer: the blocks of a peer stand in this member's ledger."""
        one = int(member)
        target = self._targets.pop(one)
        source = next(other for other in self.ledgers if other.height >= target.height)
        ledger = self.ledgers[one]
        for block in source.blocks[ledger.height : target.height]:
            ledger.append(block, None)
        self.step(
            one,
            Synced(
                stable=target,
                executed=sequence_of(target.height),
                header_digest=target.header_digest,
                time_ms=ledger.tip_time_ms,
                now_ms=NOW_MS,
            ),
        )

    def _expire(self, member: int, timer: Timer) -> None:
        generation = self._timers[member][timer]
        self.step(member, TimerExpired(timer=timer, generation=generation, now_ms=NOW_MS))

    # The trace

    def _make_member(self, one: int) -> Replica:
        signer = GuardedSigner(ReplicaId(one), self._guards[one])
        return Replica(config(one, size=self.size), encoder=ENCODER, signer=signer)

    def step(self, member: int, event: Event) -> None:
        if isinstance(event, Received) and not isinstance(event.message, Status | Recall):
            self._tell(member, f"hears {self._named(event.message)} of {event.message.sender}")
        before = _mode(self.members[member])
        try:
            super().step(member, event)
        except ConsensusError as error:
            self._tell(member, f"refuses: {error}")
        after = _mode(self.members[member])
        if before != after:
            self.transitions.add((before, _cause(event), after))

    def _carry_out(self, member: int, effect: Effect) -> None:
        if isinstance(effect, Persist):
            self._records[member].extend(effect.records)
            self._guards[member].note_records(effect.records)
        elif isinstance(effect, FetchState):
            self._targets[member] = effect.target
        for line in self._lines(effect):
            self._tell(member, line)
        super()._carry_out(member, effect)

    def _tell(self, member: int, line: str) -> None:
        self.told.append(f"{member} {line}")

    def _lines(self, effect: Effect) -> Iterator[str]:  # noqa: C901, PLR0912 - one flat case an effect
        match effect:
            case Persist(records=records):
                for record in records:
                    yield f"writes {self._recorded(record)}"
            case Broadcast(message=message):
                if not isinstance(message, Status):
                    yield f"→ all {self._named(message)}"
            case Send(to=to, message=message):
                yield f"→ {to} {self._named(message)}"
            case Execute(sequence=sequence, batch=decided):
                yield f"executes block {sequence}: {_batch_name(decided.digest)}"
            case Stabilized(stable=stable):
                yield f"has a certificate for block {stable.height}"
            case BuildBatch():
                yield "owes an idle block"
            case FetchBatch(sequence=sequence, digest=digest):
                yield f"asks for the body of {_batch_name(digest)} at {sequence}"
            case FetchState(target=target):
                yield f"fetches state up to block {target.height}"
            case EnteredView(view=view):
                yield f"enters view {view}"
            case Equivocated(second=second):
                yield f"holds proof against {second.sender}"
            case VotingEnded():
                yield "votes no more: it has forgotten what it signed"
            case EpochEnded() | HeadersDiverged():
                yield type(effect).__name__
            case StartTimer(timer=timer, duration_ms=duration_ms):
                if timer not in _QUIET_TIMERS:
                    yield f"starts {timer.value} timer, {duration_ms} ms"
            case StopTimer(timer=timer):
                if timer not in _QUIET_TIMERS:
                    yield f"stops {timer.value} timer"
            case _:
                assert_never(effect)

    def _recorded(self, record: Record) -> str:
        match record:
            case PreparedCertificate():
                name = _batch_name(record.batch_digest)
                return f"PREPARED {name} as {record.sequence} in view {record.view}"
            case StableCheckpoint():
                return f"CERTIFICATE of block {record.height}"
            case RecoveryPromise():
                return "RECOVERY RECORD"
            case _:
                return self._named(record)

    def _named(self, message: Message) -> str:
        match message:
            case Recall():
                return "RECALL"
            case Recollection():
                return f"RECOLLECTION for {message.asker} ({len(message.messages)} messages)"
            case Status():
                return "STATUS"
            case ViewChange():
                shown = ", ".join(
                    f"{_batch_name(one.batch_digest)} as {one.sequence}" for one in message.prepared
                )
                return f"VIEW-CHANGE to {message.new_view} (prepared: {shown or 'nothing'})"
            case NewView():
                shown = ", ".join(
                    f"{_batch_name(one.batch_digest)} as {one.sequence}"
                    for one in message.pre_prepares
                )
                return f"NEW-VIEW {message.view} (re-proposes: {shown or 'nothing'})"
            case _:
                return _vote_name(message)


def _mode(replica: Replica) -> str:
    """Name what a replica does, as the table of states in docs/protocol.md does."""
    told = replica.describe()
    if told.missing_recollections:
        return "asking"
    if not told.may_vote:
        return "learner"
    if told.state_target is not None:
        return "state transfer"
    if told.status == "normal":
        return "normal"
    return "new view due" if told.awaits_new_view_of is not None else "view change"


def _cause(event: Event) -> str:
    match event:
        case Received(message=message):
            return _kind_of(message)
        case TimerExpired(timer=timer):
            return f"{timer.value} timer"
        case _:
            return type(event).__name__


def _vote_name(message: Message) -> str:
    kind, _, *place = slot_of(message)
    if isinstance(message, PrePrepare) or kind in {"prepare", "commit"}:
        digest = getattr(message, "batch_digest", b"")
        return f"{_KINDS[str(kind)]} {_batch_name(digest)} as {place[1]} in view {place[0]}"
    return f"{_KINDS[str(kind)]} of block {place[0]}"


def _kind_of(message: Message) -> str:
    slot = slot_of(message)
    return _KINDS[str(slot[0])] if slot else type(message).__name__.upper()


def _batch_name(digest: bytes) -> str:
    if digest == NULL_BATCH_DIGEST:
        return "NULL"
    return next((name for at, name in enumerate(_NAMES) if batch(at + 1).digest == digest), "?")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in re.findall(r"\d+", text))


_KIND = "PRE-PREPARE|PREPARE|COMMIT|CHECKPOINT|VIEW-CHANGE|NEW-VIEW|STATUS|RECALL|RECOLLECTION"
_WHO = r"\d+(?:(?:, | and )\d+)*"
_COMMANDS: tuple[tuple[re.Pattern[str], Callable[..., None]], ...] = tuple(
    (re.compile(pattern), action)
    for pattern, action in (
        (r"(\d+) proposes ([A-J])", Stage.propose),
        (rf"(\d+) lies: ([A-J]) to ({_WHO}), ([A-J]) to ({_WHO})", Stage.lie),
        (r"everything arrives", Stage.deliver_all),
        (rf"({_KIND}) arrives(?: at ({_WHO}))?", Stage.deliver_some),
        (rf"({_KIND}|everything) is lost", Stage.lose),
        (rf"({_WHO}) (?:is|are) cut off", Stage.cut),
        (rf"({_WHO}) (?:is|are) back", Stage.join),
        (rf"({_WHO}) waits? in vain for (?:its|their) submission", Stage.run_out),
        (rf"({_WHO}) waits? in vain for the new view", Stage.give_up_waiting),
        (rf"({_WHO}) repeats? (?:its|their) wish", Stage.repeat),
        (rf"({_WHO}) says? where (?:it|they) stands?", Stage.tell_status),
        (r"(\d+) restarts", Stage.restart),
        (r"(\d+) receives the state", Stage.receive_state),
        (r"(\d+) comes back with an old copy of its disk", Stage.roll_back),
    )
)
