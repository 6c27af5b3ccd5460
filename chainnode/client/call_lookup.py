"""Plan: calls by their id, proven present or absent between every pair of organisations.

The ledger keeps what a call is known by in its state (docs/wire-format.md §9, §14, §18), so a call
is found without an index key and without a recorded question. A call id alone names no call: any
pair may have used the same one, and all of them are found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chainnode.analysis.halves import BOTH, ONE_HALF
from chainnode.analysis.lineage import CallName
from chainnode.client.exchange import Plan
from chainnode.client.placed import placed_record
from chainnode.client.reading import StateRow, states_of
from chainnode.client.session import Session
from chainnode.errors import InvalidInput
from chainnode.genesis import RULES_EXCHANGE, RULES_FIRST
from chainnode.verify.evidence import RecordFacts
from contracts.schemas.access import (
    CALLS,
    DISPUTABLE_CALLS,
    CallRow,
    DisputableCallRow,
    place_in,
)
from contracts.schemas.access_1 import HALVES
from contracts.schemas.call_words import Side
from contracts.schemas.match_states import Match
from contracts.schemas.state import Part

# 128 requests of 16 keys; a consortium of 45 departments has so many pairs.
PAIRS_MAX = 2_048

PlaceOfHalf = tuple[bytes, int]


class TooManyPairs(InvalidInput):
    """More pairs of organisations than are looked at for one call id: name the departments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFound:
    """A call that the state holds: how its halves stand, and where they are."""

    name: CallName
    match: str
    places: tuple[PlaceOfHalf, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Calls that are there, ascending; all others of `places` pairs are proven to be absent."""

    found: tuple[CallFound, ...]
    places: int
    as_of_height: int


def pairs_of(organisations: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return every pair of requester and provider; an organisation may call itself."""
    known = sorted(set(organisations))
    return tuple((requester, provider) for requester in known for provider in known)


def look_up(session: Session, call_id: str, pairs: Sequence[tuple[str, str]]) -> Plan[Lookup]:
    """Look for a call id between these pairs.

    Raises:
        TooManyPairs: more than `PAIRS_MAX`.
        CannotDecide: no node gave proofs that are valid and new enough.

    """
    distinct = sorted(set(pairs))
    if len(distinct) > PAIRS_MAX:
        raise TooManyPairs(f"pairs: expected at most {PAIRS_MAX}, got {len(distinct)}")
    names = [
        CallName(requester=requester, provider=provider, call_id=call_id)
        for requester, provider in distinct
    ]
    if session.trust.parameters.rules == RULES_FIRST:
        return (yield from _halves(session, names))
    keys = [_key(one) for one in names]
    rows = yield from _rows(session, keys)
    found = [
        CallFound(name=name, match=Match(one.match).name.lower(), places=_places(one))
        for name, key in zip(names, keys, strict=True)
        if (one := rows[key].row) is not None
    ]
    heights = [one.header.height for one in rows.values()]
    return Lookup(found=tuple(found), places=len(names), as_of_height=min(heights, default=0))


def half_records(session: Session, found: CallFound) -> Plan[tuple[RecordFacts, ...]]:
    """Return the proven records of the halves of a call.

    Raises:
        CannotDecide: no node gave the proofs.

    """
    records = []
    for digest, call_index in found.places:
        records.append((yield from placed_record(session, digest, call_index)))
    return tuple(records)


def _rows(
    session: Session, keys: Sequence[tuple[Part, ...]]
) -> Plan[Mapping[tuple[Part, ...], StateRow[CallRow] | StateRow[DisputableCallRow]]]:
    """Return the rows of calls in the table that the rules of the chain have."""
    if session.trust.parameters.rules == RULES_EXCHANGE:
        return (yield from states_of(session, CALLS, keys))
    return (yield from states_of(session, DISPUTABLE_CALLS, keys))


def _halves(session: Session, names: Sequence[CallName]) -> Plan[Lookup]:
    """Look for calls of a chain with rules 1, which keeps each half and does not compare them."""
    keys = [(*_key(one), int(side)) for one in names for side in Side]
    rows = yield from states_of(session, HALVES, keys)
    found = []
    for name in names:
        there = [rows[*_key(name), int(side)].row for side in Side]
        places = tuple((one.submission_digest, one.call_index) for one in there if one is not None)
        if places:
            match = BOTH if len(places) == len(Side) else ONE_HALF
            found.append(CallFound(name=name, match=match, places=places))
    heights = [one.header.height for one in rows.values()]
    return Lookup(found=tuple(found), places=len(names), as_of_height=min(heights, default=0))


def _key(name: CallName) -> tuple[str, str, bytes]:
    return name.requester, name.provider, bytes.fromhex(name.call_id)


def _places(row: CallRow) -> tuple[PlaceOfHalf, ...]:
    places = (place_in(row.requesters), place_in(row.providers))
    return tuple((one.submission_digest, one.call_index) for one in places if one is not None)
