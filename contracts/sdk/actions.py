"""Actions of a contract: who may call them, what they read, what they do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from contracts.index_rule import index_keys
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.members import Role
from contracts.schemas.shape import PublicPart, Schema
from contracts.sdk.ports import Accepted, Context, Effect, OwnRecord, StateView

PartT = TypeVar("PartT", bound=PublicPart)
Handler = Callable[[StateView, Context, bytes, bytes], Accepted]
KeysOf = Callable[[StateView, Context, PartT], tuple[bytes, ...]]
Waker = Callable[[StateView, Context, tuple[object, ...]], tuple[OwnRecord, ...]]


def action(
    part_type: type[PartT],
    *,
    role: Role | tuple[Role, ...],
    run: Callable[[StateView, Context, PartT], int | Effect],
    keys: KeysOf[PartT] | None = None,
    private_bytes_min: int = 0,
) -> Handler:
    """Bind the rule `run` to its public part and to the role, or one of the roles, it demands.

    `run` returns the outcome of the record, or an `Effect` where more follows from it. `keys`
    names its index keys, from the state after `run`, where they do not follow from public part
    and sender alone. `private_bytes_min` is for actions that must carry a private part; its
    content is never read, because it may be encrypted.
    """
    schema = Schema(part_type)
    keys_of = keys or _keys_of_part
    roles = role if isinstance(role, tuple) else (role,)

    def handle(state: StateView, context: Context, public: bytes, private: bytes) -> Accepted:
        if not any(one in context.roles for one in roles):
            raise Rejection(Code.ROLE_MISSING, (roles[0],))
        part = schema.decode(public)
        if len(private) < private_bytes_min:
            raise Rejection(Code.PRIVATE_PART_TOO_SHORT, (private_bytes_min, len(private)))
        done = run(state, context, part)
        effect = done if isinstance(done, Effect) else Effect(outcome=done)
        found = effect.index_keys
        if found is None:
            found = keys_of(state, context, part)
        return Accepted(effect.outcome, found, effect.own, effect.due)

    return handle


def _keys_of_part(_state: StateView, context: Context, part: PublicPart) -> tuple[bytes, ...]:
    return index_keys(context.crypto.digest, part, context.organisation)


def _nothing_is_due(
    _state: StateView, _context: Context, _key: tuple[object, ...]
) -> tuple[OwnRecord, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTable:
    """A contract that is a table of actions, and of what it does when it is woken."""

    name: str
    version: int
    actions: Mapping[str, Handler]
    on_due: Waker = _nothing_is_due

    def call(
        self, state: StateView, context: Context, *, action: str, public: bytes, private: bytes
    ) -> Accepted:
        """Carry out one call (see `Contract.call`)."""
        handler = self.actions.get(action)
        if handler is None:
            raise Rejection(Code.UNKNOWN_ACTION)
        return handler(state, context, public, private)

    def wake(
        self, state: StateView, context: Context, key: tuple[object, ...]
    ) -> tuple[OwnRecord, ...]:
        """Look at what is due (see `Contract.wake`)."""
        return self.on_due(state, context, key)
