"""What a local state is, as one plain value: two members with equal ones behave alike.

Made from the real state, field by field; no id, no hash, no order of a dictionary is in it.
Whatever is not named here counts, so a new field of the core can only make two states differ.
Left out or shortened is what no later vote, view or block depends on:

* durations, back-off, rate limits, pictures for people: they change when something is sent
  again, and the network of the search keeps all that was ever said;
* generations of timers: the search fires a timer with its current generation only;
* bodies: the search answers every `FetchBatch` at once;
* which quorum signed a certificate: all signatures in the search are genuine, and any quorum
  proves the same statement; likewise which view changes made a NEW-VIEW with the same O;
* proposals and PREPAREs of views below our own, COMMITs of such views once a slot is decided,
  a NEW-VIEW whose view was entered or left, and which view that was, wishes for such views, and
  what wishes show for a view that somebody else leads: no rule asks for them.
"""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TypeAlias

from consensus.certificates import CommitCertificate
from consensus.config import ReplicaConfig
from consensus.guard import VoteGuard
from consensus.messages import (
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    StableCheckpoint,
    ViewChange,
)
from consensus.new_view import latest_stable
from consensus.outbox import Outbox
from consensus.slot import Slot
from consensus.state import ReplicaState
from consensus.types import Membership, View, Window
from tests.simulation.stubs import StubEncoder

Plain: TypeAlias = "int | bytes | str | tuple[Plain, ...] | None"

_LEFT_OUT: dict[type[object], tuple[str, ...]] = {
    ReplicaState: (
        *("timeout_ms", "retransmissions", "answered", "asked_for_stable", "asked_above"),
        *("sightings", "heard_ms", "evidence_count", "own_view_change", "stalled_at"),
        *("shown_new_view", "told", "recollected", "recalls_answered"),
    ),
    Slot: ("proposals", "fetched", "asked"),
    Outbox: ("_generations",),
}
# The names of the fields of each dataclass met.
_FIELDS: dict[type, tuple[str, ...]] = {}
_CONSTANT = (ReplicaConfig, Membership, Window, StubEncoder)
# The memory of the guard also holds the content of promises, which names signers.
_PROMISES = ("viewchange", "newview")


def fingerprint(value: object, *, view: View) -> Plain:
    """Return the plain value of `value`, a part of a member that stands in `view`."""
    if value is None or isinstance(value, int | bytes | str):
        return value
    shortened = _SHORTENED.get(type(value))
    if shortened is not None:
        return shortened(value)
    if isinstance(value, Enum):
        return value.name
    return () if isinstance(value, _CONSTANT) else _inside(value, view=view)


def _inside(value: object, *, view: View) -> Plain:
    if isinstance(value, dict):
        return _in_order((one, fingerprint(other, view=view)) for one, other in value.items())
    if isinstance(value, list | tuple):
        return tuple(fingerprint(one, view=view) for one in value)
    return _fields_of(value, view=view)


def parts_of(value: object) -> tuple[tuple[str, object], ...]:
    """List the attributes of an object of the core, by name."""
    kind = type(value)
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(one.name for one in fields(kind)) if is_dataclass(kind) else ()
    names = _FIELDS[kind] or tuple(sorted(vars(value)))
    return tuple((name, getattr(value, name)) for name in names)


def _fields_of(value: object, *, view: View) -> Plain:
    left_out = _LEFT_OUT.get(type(value), ())
    kept = ((name, one) for name, one in parts_of(value) if name not in left_out)
    if isinstance(value, Slot):
        is_decided = value.committed is not None
        kept = ((name, _of_this_view(one, view, is_decided=is_decided)) for name, one in kept)
    elif isinstance(value, ReplicaState):
        state = value
        kept = ((name, _of_state(name, one, state)) for name, one in kept)
    elif isinstance(value, Outbox | VoteGuard):
        kept = ((name, _as_remembered(name, one)) for name, one in kept)
    return tuple((name, fingerprint(one, view=view)) for name, one in kept)


def _of_this_view(value: object, view: View, *, is_decided: bool) -> object:
    """Drop what a slot holds of views that were left and will not use any more."""
    if isinstance(value, PrePrepare):
        return value if value.view >= view else None
    if isinstance(value, dict):
        return {
            sender: vote
            for sender, vote in value.items()
            if vote.view >= view or (isinstance(vote, Commit) and not is_decided)
        }
    return value


def _of_state(name: str, value: object, state: ReplicaState) -> object:
    if name == "active_view":
        return state.is_normal
    if name == "view_changes":
        floor = state.view + state.is_normal
        wishes = state.view_changes.items()
        return {one: _of_wish(wish, state) for one, wish in wishes if wish.new_view >= floor}
    if isinstance(value, NewView):
        return None if state.is_normal or value.view < state.view else value
    return value


def _of_wish(wish: ViewChange, state: ReplicaState) -> object:
    """Only who leads the view looks at what a wish shows; to others it counts."""
    return wish if state.membership.primary(wish.new_view) == state.me else wish.new_view


def _as_remembered(name: str, value: object) -> object:
    """Name the timers that run; of promises that were signed, note only that they were."""
    if name == "_running" and isinstance(value, dict):
        return {timer: runs for timer, runs in value.items() if runs}
    if name == "_signed" and isinstance(value, dict):
        return {slot: slot[0] in _PROMISES or one.content for slot, one in value.items()}
    return value


def _in_order(items: Iterable[tuple[object, Plain]]) -> Plain:
    """Dictionaries of the core are memories by key: their order is seen by nobody."""
    return tuple(sorted(((repr(key), value) for key, value in items), key=lambda one: one[0]))


def _vote(vote: PrePrepare | Prepare | Commit) -> Plain:
    return type(vote).__name__, vote.sender, vote.view, vote.sequence, vote.batch_digest


def _checkpoint(vote: Checkpoint) -> Plain:
    return "Checkpoint", vote.sender, vote.height, vote.header_digest


def _certificate(one: PreparedCertificate) -> Plain:
    return "PreparedCertificate", one.view, one.sequence, one.batch_digest


def _decision(one: CommitCertificate) -> Plain:
    """Of whatever view: it holds for all of them."""
    return "CommitCertificate", one.sequence, one.batch_digest


def _stable(one: StableCheckpoint) -> Plain:
    return "StableCheckpoint", one.height, one.header_digest


def _view_change(one: ViewChange) -> Plain:
    proofs = tuple(_certificate(each) for each in one.prepared)
    return "ViewChange", one.sender, one.new_view, _stable(one.stable), proofs


def _new_view(one: NewView) -> Plain:
    start = latest_stable(one.view_changes)
    return "NewView", one.view, _stable(start), tuple(_vote(each) for each in one.pre_prepares)


_SHORTENED: dict[type[object], Callable[..., Plain]] = {
    PrePrepare: _vote,
    Prepare: _vote,
    Commit: _vote,
    Checkpoint: _checkpoint,
    PreparedCertificate: _certificate,
    CommitCertificate: _decision,
    StableCheckpoint: _stable,
    ViewChange: _view_change,
    NewView: _new_view,
}
