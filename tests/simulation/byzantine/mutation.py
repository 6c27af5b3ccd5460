"""Changes one field of one message a round, and signs the lie where it can.

What is changed follows from the round, so that many receivers hear the same lie; how it is
changed is drawn. Three ways to sign: not at all, the outermost signature, every signature whose
key is at hand. The last also keeps a batch and its digest, and a NEW-VIEW and its O, coherent,
so that the lie comes as far into the receiver as it can.
"""

from collections import Counter, defaultdict, deque
from dataclasses import fields, is_dataclass, replace
from random import Random
from typing import TypeVar, cast

from consensus.errors import InvalidMessage
from consensus.messages import Batch, Message, NewView, PrePrepare
from consensus.types import INTEGER_MAX, Digest, Membership
from tests.simulation.byzantine.fields import (
    Path,
    choices_of,
    fields_of,
    item_type,
    name_of,
    pair_types,
    part_type,
    paths_of,
    plain_type,
)
from tests.simulation.byzantine.forgery import with_proposals
from tests.simulation.byzantine.keys import KeyRing
from tests.simulation.stubs import digest_of, make_batch, read_batch

Value = TypeVar("Value")

# Remembered values of one type, to put old ones in the place of new ones.
_MEMORIES_MAX = 12
_FAR = 7


class Inapplicable(Exception):
    """There is nothing at this path in this message, or no other value for it."""


class Mutator:
    """Makes lies out of true messages."""

    def __init__(
        self, *, keys: KeyRing, membership: Membership, random: Random, tally: Counter[str]
    ) -> None:
        self._keys = keys
        self._membership = membership
        self._random = random
        self._tally = tally
        self._memories: defaultdict[object, deque[object]] = defaultdict(
            lambda: deque(maxlen=_MEMORIES_MAX)
        )

    def note(self, message: Message) -> None:
        """Remember the parts of a message, to repeat them where they do not belong."""
        self._note(type(message), message)

    def mutate(self, message: Message, *, round_number: int) -> Message:
        """Change the field that the round names; leave alone a message where it is not there."""
        paths = paths_of(type(message))
        path = paths[round_number % len(paths)]
        try:
            changed = cast("Message", self._change(type(message), message, path))
        except (Inapplicable, InvalidMessage):
            return message
        self._tally[f"mutated_{name_of(type(message), path)}"] += 1
        return self._sign(changed, path)

    # Signing

    def _sign(self, message: Message, path: Path) -> Message:
        """Not where that would only put the changed signature right again."""
        ways = ["unsigned"]
        if path != ("signature",):
            ways.append("signed")
            if not path[-1].endswith("signature") and path[-1] != "1":
                ways += ["signed_deep", "signed_deep"]
        way = self._random.choice(ways)
        self._tally[f"mutation_{way}"] += 1
        if way == "signed":
            return self._keys.sign(message)
        return self._sign_all(message) if way == "signed_deep" else message

    def _sign_all(self, message: Message) -> Message:
        match message:
            case PrePrepare(batch=Batch() as batch):
                message = replace(message, batch_digest=batch.digest)
            case NewView():
                message = self._recompute(message)
            case _:
                pass
        return self._keys.sign_deep(message)

    def _recompute(self, message: NewView) -> NewView:
        """Let O follow from the changed V now and then: a lie in V must be caught in V."""
        if self._random.random() < 0.5:
            return message
        return with_proposals(message, membership=self._membership)

    # Changing

    def _change(self, hint: object, value: object, path: Path) -> object:
        if not path:
            return self._other(hint, value)
        if choices_of(hint):
            kind = cast("type[Message]", type(value))
            return self._change(kind, value, self._random.choice(paths_of(kind)))
        if item_type(hint) is not None:
            return self._change_item(hint, cast("tuple[object, ...]", value), path)
        if pairs := pair_types(hint):
            position = int(path[0])
            inner = cast("tuple[object, ...]", value)
            changed = self._change(pairs[position], inner[position], path[1:])
            return (*inner[:position], changed, *inner[position + 1 :])
        return self._change_part(hint, value, path)

    def _change_part(self, hint: object, value: object, path: Path) -> object:
        part = part_type(hint)
        assert part is not None
        name = path[0]
        if value is None:
            value = self._pick(list(self._memories[part]))
        changed = self._change(fields_of(part)[name], getattr(value, name), path[1:])
        if part is Batch:
            return _coherent_batch(cast("Batch", value), name, changed)
        return replace(value, **{name: changed})  # type: ignore[type-var]  # a dataclass

    def _change_item(self, hint: object, value: tuple[object, ...], path: Path) -> object:
        if not value:
            value = (self._pick(self._known(item_type(hint))),)
        position = self._random.randrange(len(value))
        changed = self._change(item_type(hint), value[position], path)
        return (*value[:position], changed, *value[position + 1 :])

    def _other(self, hint: object, value: object) -> object:
        """Return another value of the declared type."""
        if item_type(hint) is not None:
            return self._other_tuple(hint, cast("tuple[object, ...]", value))
        if part_type(hint) is not None:
            return self._other_part(hint, value)
        plain = plain_type(hint)
        if plain is int:
            return self._other_integer(cast("int", value))
        return self._other_bytes(hint, cast("bytes", value))

    def _other_integer(self, value: int) -> int:
        """±1, far, zero, the greatest, one too great, and values that others have."""
        candidates = [value + 1, value - 1, value + _FAR, 0, INTEGER_MAX, INTEGER_MAX + 1]
        candidates += cast("list[int]", list(self._memories[int]))
        return self._pick([one for one in candidates if one != value])

    def _other_bytes(self, hint: object, value: bytes) -> bytes:
        flipped = bytes((value[0] ^ 1, *value[1:])) if value else b"\1"
        stranger = (digest_of(value) * 2)[: len(value)]
        candidates = [flipped, bytes(len(value)), stranger, value[:-1], value + b"\0"]
        candidates += cast("list[bytes]", list(self._memories[hint]))
        return self._pick([one for one in candidates if one != value])

    def _other_part(self, hint: object, value: object) -> object:
        candidates = [one for one in self._memories[part_type(hint)] if one != value]
        if value is not None and part_type(hint) is not hint:
            candidates.append(None)
        return self._pick(candidates)

    def _other_tuple(self, hint: object, value: tuple[object, ...]) -> tuple[object, ...]:
        """Drop, repeat, turn round, empty, add or replace by an older one."""
        older = [one for one in self._known(item_type(hint)) if one not in value]
        candidates: list[tuple[object, ...]] = [value[:-1], value[1:], value[::-1], ()]
        if value:
            candidates += [(value[0], *value), (*value, value[-1])]
        if older:
            stranger = self._random.choice(older)
            candidates.append((*value, stranger))
            for position in range(len(value)):
                candidates.append((*value[:position], stranger, *value[position + 1 :]))
        return self._pick([one for one in candidates if one != value])

    def _known(self, hint: object) -> list[object]:
        """List the remembered values that a field of this type may hold."""
        types = choices_of(hint) or (hint,)
        return [one for each in types for one in self._memories[each]]

    def _pick(self, candidates: list[Value]) -> Value:
        if not candidates:
            raise Inapplicable
        return self._random.choice(candidates)

    # Remembering

    def _note(self, hint: object, value: object) -> None:
        plain = plain_type(hint)
        if plain is int or plain is bytes:
            self._memories[int if plain is int else hint].append(value)
        elif (item := item_type(hint)) is not None:
            for one in cast("tuple[object, ...]", value):
                self._note(item, one)
        elif pairs := pair_types(hint):
            self._memories[hint].append(value)
            for inner, one in zip(pairs, cast("tuple[object, ...]", value), strict=True):
                self._note(inner, one)
        elif is_dataclass(value):
            self._memories[type(value)].append(value)
            hints = fields_of(type(value))
            for field in fields(value):
                self._note(hints[field.name], getattr(value, field.name))


def _coherent_batch(batch: Batch, name: str, changed: object) -> Batch:
    """A batch is its body: let a changed time stand in the body too."""
    if name == "time_ms":
        _, requests = read_batch(batch.body)
        return make_batch(cast("int", changed), requests)
    if name == "body":
        body = cast("bytes", changed)
        return Batch(digest=digest_of(body), time_ms=batch.time_ms, body=body)
    return replace(batch, digest=Digest(cast("bytes", changed)))
