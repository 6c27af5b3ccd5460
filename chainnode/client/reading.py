"""Plan: one row of the state, or its absence, proven to be so now.

The answer is the row as contracts keep it, read from the proof alone. A node whose proof fails
is named and the next one is asked; a header older than one seen before, or than `max_age_ms`,
is passed over, so that no node can hide that a grant has ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chainnode.client.exchange import Plan
from chainnode.client.reports import NodeReport
from chainnode.client.session import Ask, Behind, Reports, Session
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import (
    STATE_KEY_BYTES_MAX,
    STATE_KEYS_CHARACTERS_MAX,
    STATE_KEYS_MAX,
    StateFacts,
    verify_state_evidence,
)
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.judge import ONLINE_MAX_AGE_MS_DEFAULT
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.catalog import ITEMS, ItemRow
from contracts.schemas.grants import GRANTS, GrantRow
from contracts.schemas.members import KEYS, KeyRow
from contracts.schemas.state import InvalidRow, Part, Table

RowT = TypeVar("RowT")
NameT = TypeVar("NameT", str, bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow(Generic[RowT]):
    """What stands under one state key at `header`; `row` None: proven that nothing does."""

    row: RowT | None
    header: CertifiedHeader = field(repr=False)
    evidence: JsonObject = field(repr=False)
    reports: tuple[NodeReport, ...]


def state(
    session: Session,
    table: Table[RowT],
    *parts: Part,
    max_age_ms: int = ONLINE_MAX_AGE_MS_DEFAULT,
) -> Plan[StateRow[RowT]]:
    """Return the row of this table under this key, or the proof that there is none.

    Raises:
        CannotDecide: no node gave a proof that is valid and new enough.
        ValueError: no state key is that long.

    """
    key = _checked(table.key(*parts))
    path = f"/v1/state/{key.hex()}"
    (found,) = yield from _rows(session, table, (key,), path, max_age_ms=max_age_ms)
    return found


def states(
    session: Session, table: Table[RowT], names: Sequence[NameT]
) -> Plan[dict[NameT, StateRow[RowT]]]:
    """Return the rows under many keys of one part by name; several with each request.

    Raises:
        CannotDecide, ValueError: as `state`.

    """
    found = yield from states_of(session, table, [(one,) for one in names])
    return {name: found[name,] for name in names}


def states_of(
    session: Session, table: Table[RowT], keys: Sequence[tuple[Part, ...]]
) -> Plan[dict[tuple[Part, ...], StateRow[RowT]]]:
    """Return the rows under many keys by their parts; several with each request.

    Raises:
        CannotDecide, ValueError: as `state`.

    """
    found: list[StateRow[RowT]] = []
    distinct = tuple(dict.fromkeys(keys))
    for group in _groups([_checked(table.key(*one)) for one in distinct]):
        path = "/v1/states?keys=" + ",".join(one.hex() for one in group)
        found += yield from _rows(session, table, group, path, max_age_ms=ONLINE_MAX_AGE_MS_DEFAULT)
    return dict(zip(distinct, found, strict=True))


def _rows(
    session: Session, table: Table[RowT], keys: tuple[bytes, ...], path: str, *, max_age_ms: int
) -> Plan[tuple[StateRow[RowT], ...]]:
    """Ask for evidence of exactly these keys, and read its rows."""
    reports = Reports()

    def read(told: JsonObject) -> tuple[StateRow[RowT], ...]:
        facts = verify_state_evidence(told, session.trust)
        rows = _decoded(table, keys, facts)
        session.require_current(facts.header)
        age_ms = session.now_ms() - facts.header.time_ms
        if age_ms > max_age_ms:
            raise Behind(f"height {facts.header.height} is {age_ms} ms old")
        return tuple(
            StateRow(row=row, header=facts.header, evidence=told, reports=reports.all)
            for row in rows
        )

    return (yield from session.first_checked(Ask(method="GET", path=path), read, reports))


def catalog_item(session: Session, item: str) -> Plan[StateRow[ItemRow]]:
    """Return an item of the catalogue."""
    return (yield from state(session, ITEMS, item))


def grant(session: Session, name: str) -> Plan[StateRow[GrantRow]]:
    """Return a grant; whether it is in force on a day is `GrantRow.is_in_force_at`."""
    return (yield from state(session, GRANTS, name))


def key(session: Session, key_id: bytes) -> Plan[StateRow[KeyRow]]:
    """Return a registered submission key."""
    return (yield from state(session, KEYS, key_id))


def _checked(key: bytes) -> bytes:
    if len(key) > STATE_KEY_BYTES_MAX:
        raise ValueError(f"state key: expected at most {STATE_KEY_BYTES_MAX} bytes, got {len(key)}")
    return key


def _groups(keys: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Yield the keys in their order, as many together as one request may name."""
    group: list[bytes] = []
    characters = 0
    for key in keys:
        characters += 2 * len(key) + 1
        if group and (len(group) == STATE_KEYS_MAX or characters > STATE_KEYS_CHARACTERS_MAX):
            yield tuple(group)
            group, characters = [], 2 * len(key) + 1
        group.append(key)
    if group:
        yield tuple(group)


def _decoded(
    table: Table[RowT], keys: tuple[bytes, ...], facts: StateFacts
) -> tuple[RowT | None, ...]:
    """Take the rows out of an answer that proves exactly what was asked."""
    if set(facts.values) != set(keys):
        raise InvalidEvidence(
            check="items", expected="the state keys that were asked for", actual="others"
        )
    values = [facts.values[key] for key in keys]
    try:
        return tuple(None if one is None else table.decode(one) for one in values)
    except InvalidRow as error:
        raise InvalidEvidence(
            check="state", expected="a row of its table", actual=str(error)[:160]
        ) from error
