"""Plans: the key that opens the private parts of a pair of departments in one month.

docs/wire-format.md §16. The provider draws it and shares it once, wrapped for both and for every
organisation that audits; whoever it was wrapped for takes it from the ledger. Nothing that a node
says is used without its proof, and a key counts only when it fits the check that the state holds.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from chainnode.client import reading, submitting
from chainnode.client.exchange import Plan
from chainnode.client.key_calls import share_pair_key as share_pair_key_call
from chainnode.client.placed import placed_record
from chainnode.client.results import Final
from chainnode.client.session import Session
from chainnode.codec import InvalidEncoding
from chainnode.errors import NodeError
from chainnode.exchange.private_parts import (
    Pair,
    decode_wrapped_keys,
    key_check,
    wrap_purpose,
)
from chainnode.submission import Call
from chainnode.suites.port import InvalidKey, InvalidSignature
from chainnode.suites.wrapping import WrappingKey, check_wrapping_key, wrap
from chainnode.verify.errors import InvalidEvidence
from contracts.schemas import content
from contracts.schemas.codes import Code
from contracts.schemas.content import SHARED, WRAPPINGS, SharedRow
from contracts.schemas.members import ORGANISATIONS, Role


class NoPairKey(NodeError):
    """There is no key of this pair and month for this reader; says why."""

    def __init__(self, pair: Pair, *, reason: str) -> None:
        self.pair = pair
        self.reason = reason
        super().__init__(f"key of {pair.requester}, {pair.provider}, {pair.period}: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """An organisation and its wrapping key of the month."""

    organisation: str
    wrapping: WrappingKey


def open_pair_key(session: Session, pair: Pair, reader: Reader) -> Plan[bytes]:
    """Return the key that was shared with `reader`.

    Raises:
        NoPairKey: none was shared, not with this organisation or key, or what was shared is not
            the key that the provider committed to.
        CannotDecide: no node gave the proofs.

    """
    shared = yield from reading.state(session, SHARED, *_parts(pair))
    if shared.row is None:
        raise NoPairKey(pair, reason="the provider has shared none")
    call = yield from _recorded(session, shared.row)
    return _unwrapped(session, pair, reader, shared.row, call)


def share_pair_key(session: Session, pair: Pair, reader: Reader) -> Plan[bytes]:
    """Draw and share the key as its provider, or return the one that was shared before.

    It is wrapped for the two and for every member that audits and has published a wrapping key
    of the month; one that publishes later cannot read this month's records of the pair.

    Raises:
        NoPairKey: one of the two has published no wrapping key of the month, or the ledger
            refused the key.
        CannotDecide: no node gave the proofs.

    """
    shared = yield from reading.state(session, SHARED, *_parts(pair))
    if shared.row is not None:
        return (yield from open_pair_key(session, pair, reader))
    suite = session.trust.suite
    pair_key = secrets.token_bytes(suite.aead_key_bytes)
    readers = yield from _readers(session, pair)
    call = share_pair_key_call(
        requester=pair.requester,
        provider=pair.provider,
        period=pair.period,
        key_check=key_check(suite.digest, pair_key),
        wrapped={
            organisation: _wrapped(session, pair, pair_key, organisation, public_key)
            for organisation, public_key in readers
        },
    )
    outcome = yield from submitting.submit(session, contract=content.NAME, calls=[call])
    if not isinstance(outcome, Final):
        raise NoPairKey(pair, reason="whether it was shared is not known yet")
    codes = {one.code for one in outcome.calls}
    if codes == {Code.CONTENT_SHARED_BEFORE}:
        return (yield from open_pair_key(session, pair, reader))
    if not outcome.is_accepted:
        names = sorted({one.code_name for one in outcome.calls}) or [outcome.code_name]
        raise NoPairKey(pair, reason=f"the ledger refused it: {', '.join(names)}")
    return pair_key


def _parts(pair: Pair) -> tuple[str, str, int]:
    return pair.requester, pair.provider, pair.period


def _recorded(session: Session, row: SharedRow) -> Plan[Call]:
    """Return the call that shared the key, by where the state says that it stands."""
    facts = yield from placed_record(session, *row.place)
    if facts.entry.contract != content.NAME:
        raise _damaged("the record that shared the key", "another one")
    if facts.call is None or not facts.call.private:
        raise _damaged("its private part", "none: the node has forgotten it")
    return facts.call


def _unwrapped(session: Session, pair: Pair, reader: Reader, row: SharedRow, call: Call) -> bytes:
    try:
        wrapped = {one.organisation: one.wrapped for one in decode_wrapped_keys(call.private)}
    except InvalidEncoding as error:
        raise NoPairKey(pair, reason="what was shared is no list of wrapped keys") from error
    mine = wrapped.get(reader.organisation)
    if mine is None:
        raise NoPairKey(pair, reason=f"it was not shared with {reader.organisation}")
    purpose = _purpose(session, pair, reader.organisation, reader.wrapping.public_key)
    try:
        pair_key = reader.wrapping.unwrap(mine, purpose=purpose)
    except InvalidSignature as error:
        raise NoPairKey(pair, reason="it was wrapped for another key") from error
    if key_check(session.trust.suite.digest, pair_key) != row.key_check:
        raise NoPairKey(pair, reason="what was shared is not the key that the state binds")
    return pair_key


def _readers(session: Session, pair: Pair) -> Plan[list[tuple[str, bytes]]]:
    """Return who is given the key, each with its wrapping key."""
    found = []
    for organisation in sorted({pair.requester, pair.provider, *_members(session)}):
        is_party = organisation in {pair.requester, pair.provider}
        if not is_party and not (yield from _audits(session, organisation)):
            continue
        key = yield from reading.state(session, WRAPPINGS, organisation, pair.period)
        if key.row is not None and _is_usable(session, key.row.public_key):
            found.append((organisation, key.row.public_key))
        elif is_party:
            raise NoPairKey(pair, reason=f"{organisation} has published no wrapping key of it")
    return found


def _is_usable(session: Session, public_key: bytes) -> bool:
    """Tell whether a key can be wrapped for; an auditor's bad one keeps nobody from sharing."""
    try:
        check_wrapping_key(session.trust.suite, public_key)
    except InvalidKey:
        return False
    return True


def _members(session: Session) -> Iterable[str]:
    epochs = session.trust.epochs
    return (one.organisation for one in epochs[max(epochs)])


def _audits(session: Session, organisation: str) -> Plan[bool]:
    row = (yield from reading.state(session, ORGANISATIONS, organisation)).row
    return row is not None and Role.AUDITOR in row.roles


def _wrapped(
    session: Session, pair: Pair, pair_key: bytes, organisation: str, public_key: bytes
) -> bytes:
    purpose = _purpose(session, pair, organisation, public_key)
    return wrap(session.trust.suite, public_key=public_key, secret=pair_key, purpose=purpose)


def _purpose(session: Session, pair: Pair, organisation: str, public_key: bytes) -> bytes:
    return wrap_purpose(
        chain_id=session.trust.chain_id,
        pair=pair,
        organisation=organisation,
        public_key=public_key,
    )


def _damaged(expected: str, actual: str) -> InvalidEvidence:
    return InvalidEvidence(check="shared key", expected=expected, actual=actual)
