"""What a node says of itself: state, view, heights, peers, and why it is not making progress."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from chainnode.clock import WallClock
from chainnode.genesis import Genesis
from chainnode.ledger.chain import Ledger
from chainnode.service.clocks import clocks_off
from chainnode.verify.strict_json import JsonObject, JsonValue
from consensus.description import Description, PeerDescription, SlotDescription
from consensus.types import Epoch, Membership

# Blocks are due every idle interval; after this many missed ones the chain stands still.
_IDLE_BLOCKS_MISSED_MAX = 3
# Blocks behind the others before a node says that it is catching up.
_LAG_BLOCKS_MAX = 2
# A peer says something at least every STATUS interval; after this long it counts as silent.
_SILENT_AFTER_MS = 5_000


class NodeState(Enum):
    """What a node does; the words stand in `kun devnet status`."""

    RUNNING = "running"
    SYNCING = "syncing"
    VOTING_STOPPED = "voting_stopped"


class Describable(Protocol):
    """The replica, as far as it tells about itself."""

    @property
    def is_primary(self) -> bool:
        """Whether it is the primary of its view."""
        ...

    def describe(self) -> Description:
        """Say where it stands and what is missing."""
        ...


class Links(Protocol):
    """The links to peers, and what peers say of themselves over them."""

    @property
    def connected(self) -> Sequence[int]:
        """Peers to which a link is open."""
        ...

    @property
    def software_versions(self) -> Mapping[int, str]:
        """What each peer that ever answered said it runs."""
        ...

    def clock_offset_ms(self, peer: int) -> int | None:
        """Return by how much a peer says its clock is ahead of ours; None: it said nothing."""
        ...


class Progress(Protocol):
    """How far a snapshot that is being fetched has come, in parts of the state."""

    @property
    def height(self) -> int:
        """Height of the snapshot."""
        ...

    @property
    def done(self) -> int:
        """Parts that are here."""
        ...

    @property
    def total(self) -> int:
        """All parts."""
        ...


class Transfer(Protocol):
    """State transfer, as far as it tells about itself."""

    @property
    def target(self) -> int | None:
        """The height that is being fetched, None when none is."""
        ...

    @property
    def progress(self) -> Progress | None:
        """How far a snapshot has come, None when blocks are fetched or nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who this node is, for people."""

    name: str
    organisation: str
    replica_id: int
    software_version: str


class StatusReader:
    """Reads the replica, the ledger and the links when asked. Loop thread only."""

    def __init__(
        self,
        *,
        identity: Identity,
        genesis: Genesis,
        clock: WallClock,
        ledger: Ledger,
        replica: Describable,
        links: Links,
        transfer: Transfer,
        voting_stopped_because: Callable[[], str | None],
        headers_not_signed: Callable[[], int],
        audit_differences: Callable[[], int],
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._ledger = ledger
        self._replica = replica
        self._links = links
        self._transfer = transfer
        self._voting_stopped_because = voting_stopped_because
        self._headers_not_signed = headers_not_signed
        self._audit_differences = audit_differences
        self._idle_block_ms = genesis.parameters.idle_block_ms
        self._drift_ms = genesis.parameters.drift_ms
        self._started_ms = clock.now_ms()
        names = {one.organisation: one.name for one in genesis.organisations}
        self._organisations = [names[one.organisation] for one in genesis.replicas]
        self._membership = Membership(epoch=Epoch(0), size=len(genesis.replicas))

    def not_ready_because(self) -> str | None:
        """Return why clients should ask another node, None when they may ask this one."""
        described = self._replica.describe()
        if self._is_behind(described):
            return "this node is catching up"
        if described.missing_recollections:
            return "this node asks its peers what it signed before it votes"
        halted = self._halted_because(described)
        if halted is not None:
            return str(halted["reason"])
        heard = sum(one.executed is not None for one in described.peers)
        if heard + 1 < described.quorum:
            # Just started: whether it is behind can only be told by what the others say.
            return "this node has not heard yet how far the others are"
        return None

    def describe(self) -> JsonObject:
        """Return the body of `/v1/consensus`."""
        described = self._replica.describe()
        return {
            "node": self._identity.name,
            "org": self._identity.organisation,
            "replica_id": self._identity.replica_id,
            "version": self._identity.software_version,
            "role": self._role(),
            "state": self._state(described).value,
            "voting_stopped_because": self._voting_stopped_because(),
            "headers_not_signed": self._headers_not_signed(),
            "epoch": described.epoch,
            "view": described.view,
            "view_status": described.status,
            "primary": described.primary,
            "height": self._ledger.height,
            "stable_height": self._ledger.certified_height,
            "header_digest": self._ledger.tip_digest.hex(),
            "time_ms": self._ledger.tip.head.time_ms,
            "clock_ms": self._clock.now_ms(),
            "clocks_off": self._clocks_off(described),
            "quorum": described.quorum,
            "max_faulty": self._membership.max_faulty,
            "peers": [self._peer(one) for one in described.peers],
            "open_slots": [_slot(one) for one in described.slots],
            "halted_because": self._halted_because(described),
            "history": self._history(),
            "transfer": self._transferring(),
            "findings": self._findings(),
        }

    def others(self) -> list[JsonValue]:
        """Name all other members."""
        own = self._identity.replica_id
        return [self._named(one) for one in range(self._membership.size) if one != own]

    def _findings(self) -> list[JsonValue]:
        """Name what people have to look at although the chain goes on."""
        count = self._audit_differences()
        return [{"code": "AUDIT_STORE_DIFFERS", "count": count}] if count else []

    def _history(self) -> JsonObject:
        """Say from where on this node can serve what."""
        base = self._ledger.base_height
        return {
            "snapshot_height": base or None,
            "serves_from_height": base,
            "bodies_from_height": self._ledger.floor,
        }

    def _transferring(self) -> JsonObject | None:
        target, progress = self._transfer.target, self._transfer.progress
        if target is None:
            return None
        if progress is None:
            return {"target_height": target, "snapshot": None}
        snapshot: JsonObject = {
            "height": progress.height,
            "parts_done": progress.done,
            "parts": progress.total,
        }
        return {"target_height": target, "snapshot": snapshot}

    def _role(self) -> str:
        if self._voting_stopped_because() is not None:
            return "learner"
        return "primary" if self._replica.is_primary else "backup"

    def _state(self, described: Description) -> NodeState:
        if self._voting_stopped_because() is not None:
            return NodeState.VOTING_STOPPED
        is_asking = bool(described.missing_recollections)
        is_late = is_asking or self._is_behind(described)
        return NodeState.SYNCING if is_late else NodeState.RUNNING

    def _is_behind(self, described: Description) -> bool:
        """f+1 replicas are further, so an honest one is."""
        if described.state_target is not None:
            return True
        seen = sorted((one.executed or 0 for one in described.peers), reverse=True)
        reached = seen[self._membership.weak_quorum - 1]
        return reached > self._ledger.height + _LAG_BLOCKS_MAX

    def _halted_because(self, described: Description) -> JsonObject | None:
        """Say who and what is missing when blocks that are due do not come.

        Headers that can reach no quorum any more are a halt at once: nothing is waited for.
        """
        now_ms = self._clock.now_ms()
        newest_ms = max(self._ledger.tip.head.time_ms, self._started_ms)
        overdue_ms = now_ms - newest_ms - self._idle_block_ms * _IDLE_BLOCKS_MISSED_MAX
        is_uncertified = self._ledger.height > self._ledger.certified_height
        silent = self._silent(described, now_ms)
        present = self._membership.size - len(silent)
        has_quorum = present >= described.quorum
        if described.split_at is None and has_quorum and overdue_ms <= 0:
            return None
        return {
            "reason": _reason(described, has_quorum=has_quorum),
            "quorum": described.quorum,
            "present": present,
            "silent": [self._named(one) for one in silent],
            "missing": _missing_votes(described, is_uncertified=is_uncertified),
            "digests": self._digests(described),
            "since_ms": self._ledger.tip.head.time_ms,
        }

    def _silent(self, described: Description, now_ms: int) -> list[int]:
        connected = set(self._links.connected)
        return [
            one.replica_id
            for one in described.peers
            if one.replica_id not in connected or self._is_silent(one, now_ms)
        ]

    def _is_silent(self, peer: PeerDescription, now_ms: int) -> bool:
        heard_ms = self._started_ms if peer.heard_ms is None else peer.heard_ms
        return now_ms - heard_ms > _SILENT_AFTER_MS

    def _peer(self, peer: PeerDescription) -> JsonObject:
        return {
            **self._named(peer.replica_id),
            "connected": peer.replica_id in self._links.connected,
            "version": self._links.software_versions.get(peer.replica_id),
            "clock_offset_ms": self._links.clock_offset_ms(peer.replica_id),
            "view": peer.view,
            "executed": peer.executed,
            "heard_ms": peer.heard_ms,
        }

    def _clocks_off(self, described: Description) -> list[JsonValue]:
        """Name every replica, ourselves included, whose clock makes its proposals refused."""
        own = self._identity.replica_id
        peers = (one.replica_id for one in described.peers)
        offsets = {one: self._links.clock_offset_ms(one) for one in peers}
        return [
            {**self._named(one), "ahead_ms": ahead_ms}
            for one, ahead_ms in clocks_off(offsets, own=own, drift_ms=self._drift_ms)
        ]

    def _digests(self, described: Description) -> list[JsonValue]:
        """Show which header each replica signed at the height that lacks its certificate."""
        height = described.split_at or described.executed
        return [
            {**self._named(one), "height": height, "header_digest": digest.hex()}
            for one, digest in described.checkpoint_digests
        ]

    def _named(self, replica_id: int) -> JsonObject:
        return {"replica_id": replica_id, "name": self._organisations[replica_id]}


def _reason(described: Description, *, has_quorum: bool) -> str:
    """Return the code of a halt; replicas that computed different headers come first."""
    if len({digest for _, digest in described.checkpoint_digests}) > 1:
        return "DIVERGED"
    return "NO_PROGRESS" if has_quorum else "NO_QUORUM"


def _slot(slot: SlotDescription) -> JsonObject:
    return {
        "sequence": slot.sequence,
        "has_batch": slot.has_body,
        "is_prepared": slot.is_prepared,
        "is_committed": slot.is_committed,
        "missing_prepares": list(slot.missing_prepares),
        "missing_commits": list(slot.missing_commits),
    }


def _missing_votes(described: Description, *, is_uncertified: bool) -> JsonObject:
    """Name the first vote that is missing a quorum, and by whom."""
    if described.missing_recollections:
        asked: list[JsonValue] = list(described.missing_recollections)
        return {"vote": "RECOLLECTION", "replicas": asked}
    if described.status != "normal":
        silent_primary = described.awaits_new_view_of
        who: list[JsonValue] = list(described.missing_view_changes)
        if silent_primary is not None:
            return {"vote": "NEW-VIEW", "view": described.view, "replicas": [silent_primary]}
        return {"vote": "VIEW-CHANGE", "view": described.view, "replicas": who}
    if is_uncertified:
        replicas: list[JsonValue] = list(described.missing_checkpoints)
        return {"vote": "CHECKPOINT", "height": described.executed, "replicas": replicas}
    for slot in described.slots:
        if not slot.is_committed:
            name = "COMMIT" if slot.is_prepared else "PREPARE"
            lacking = slot.missing_commits if slot.is_prepared else slot.missing_prepares
            return {"vote": name, "sequence": slot.sequence, "replicas": list(lacking)}
    return {"vote": "PRE-PREPARE", "view": described.view, "replicas": [described.primary]}
