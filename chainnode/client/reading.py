"""Plan: one row of the state, or its absence, proven to be so now.

The answer is the row as contracts keep it, read from the proof alone. A node whose proof fails
is named and the next one is asked; a header older than one seen before, or than `max_age_ms`,
is passed over, so that no node can hide that a grant has ended.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chainnode.client.exchange import Plan
from chainnode.client.reports import NodeReport
from chainnode.client.session import Ask, Behind, Reports, Session
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import STATE_KEY_BYTES_MAX, StateFacts, verify_state_evidence
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.judge import ONLINE_MAX_AGE_MS_DEFAULT
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.catalog import ITEMS, ItemRow
from contracts.schemas.grants import GRANTS, GrantRow
from contracts.schemas.members import KEYS, KeyRow
from contracts.schemas.state import InvalidRow, Part, Table

RowT = TypeVar("RowT")


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
    key = table.key(*parts)
    if len(key) > STATE_KEY_BYTES_MAX:
        raise ValueError(f"state key: expected at most {STATE_KEY_BYTES_MAX} bytes, got {len(key)}")
    reports = Reports()

    def read(told: JsonObject) -> StateRow[RowT]:
        facts = verify_state_evidence(told, session.trust)
        row = _row(table, key, facts)
        session.require_current(facts.header)
        age_ms = session.now_ms() - facts.header.time_ms
        if age_ms > max_age_ms:
            raise Behind(f"height {facts.header.height} is {age_ms} ms old")
        return StateRow(row=row, header=facts.header, evidence=told, reports=reports.all)

    ask = Ask(method="GET", path=f"/v1/state/{key.hex()}")
    return (yield from session.first_checked(ask, read, reports))


def catalog_item(session: Session, item: str) -> Plan[StateRow[ItemRow]]:
    """Return an item of the catalogue."""
    return (yield from state(session, ITEMS, item))


def grant(session: Session, name: str) -> Plan[StateRow[GrantRow]]:
    """Return a grant; whether it is in force on a day is `GrantRow.is_in_force_at`."""
    return (yield from state(session, GRANTS, name))


def key(session: Session, key_id: bytes) -> Plan[StateRow[KeyRow]]:
    """Return a registered submission key."""
    return (yield from state(session, KEYS, key_id))


def _row(table: Table[RowT], key: bytes, facts: StateFacts) -> RowT | None:
    """Take the row out of an answer that proves exactly what was asked."""
    if set(facts.values) != {key}:
        raise InvalidEvidence(
            check="items", expected="the state key that was asked for", actual="others"
        )
    value = facts.values[key]
    try:
        return None if value is None else table.decode(value)
    except InvalidRow as error:
        raise InvalidEvidence(
            check="state", expected="a row of its table", actual=str(error)[:160]
        ) from error
