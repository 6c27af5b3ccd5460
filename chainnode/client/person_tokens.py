"""The tokens of one person at every department and key epoch, for who answers for their trail.

An auditor asks the custodian, who counts the ask on the ledger and remembers its purpose. Which
departments have tokens, how many key epochs and whose they are is proven by the ledger first.
The number leaves this process in the body of that one ask, and stands in no error.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chainnode.client.clients import AsyncClient, Client
from chainnode.client.exchange import Exchange, Reply
from chainnode.client.exporting import ToldPlaces
from chainnode.client.session import system_ms
from chainnode.client.token_asks import (
    TokensNotMade,
    ask_once,
    require_safe_url,
    tokens_exchange,
    tokens_of,
)
from chainnode.client.transport import AsyncTransport, BlockingTransport, trusting
from chainnode.custodian.asks import PLACES_MAX, AskBody, Place
from chainnode.errors import ConfigurationError
from chainnode.identity.numbers import id_type_of, normalised
from chainnode.submission import key_id
from chainnode.suites.port import PrivateKey
from chainnode.verify.trust import Trust
from contracts.schemas.members import KeyRow
from contracts.schemas.pseudonyms import EPOCHS, EpochRow

ASK_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDesk:
    """Where a custodian is asked, and as whom. `tls` None: the system's authorities."""

    url: str
    key: PrivateKey = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    now_ms: Callable[[], int] = system_ms

    def __post_init__(self) -> None:
        require_safe_url(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose tokens are asked for, and why; the number is in no `repr`."""

    id_type: str
    number: str = field(repr=False)
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTokens:
    """All tokens of a person, by department and key epoch, and whom they were asked of.

    `without` are departments that the ledger proves to have no key epoch: no record names a
    person there.
    """

    custodian: str
    places: tuple[tuple[str, int], ...]
    tokens: tuple[bytes, ...] = field(repr=False)
    without: tuple[str, ...]

    @property
    def told(self) -> ToldPlaces:
        """What the custodian said of these tokens, for an export."""
        return ToldPlaces(
            custodian=self.custodian, places=dict(zip(self.tokens, self.places, strict=True))
        )


def fetch_person_tokens(
    client: Client, desk: TokenDesk, person: Person, *, departments: Sequence[str]
) -> PersonTokens:
    """Return the tokens of every key epoch of these departments.

    Raises:
        InvalidIdentity: the number is none of its kind; it is not sent.
        TokensNotMade: the custodian refused, or is not to be reached.
        CannotDecide: no node proved the key epochs.
        ConfigurationError: our key is not registered, or the departments have no one custodian.

    """
    number = _number(person)
    places = _places({one: client.state(EPOCHS, one).row for one in _distinct(departments)})
    found = client.key(key_id(client.trust.suite, desk.key.public_key))
    ask = _ask(client.trust, desk, person, number=number, places=places, own=found.row)
    transport = BlockingTransport(tls=trusting((desk.url,), desk.tls))
    try:
        reply = transport.run(ask_once(ask))
    finally:
        transport.close()
    return _made(reply, places)


async def person_tokens(
    client: AsyncClient, desk: TokenDesk, person: Person, *, departments: Sequence[str]
) -> PersonTokens:
    """Return the same as `fetch_person_tokens`, for asyncio; raises the same."""
    number = _number(person)
    places = _places({one: (await client.state(EPOCHS, one)).row for one in _distinct(departments)})
    found = await client.key(key_id(client.trust.suite, desk.key.public_key))
    ask = _ask(client.trust, desk, person, number=number, places=places, own=found.row)
    transport = AsyncTransport(tls=trusting((desk.url,), desk.tls))
    try:
        reply = await transport.run(ask_once(ask))
    finally:
        await transport.close()
    return _made(reply, places)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Every key epoch of the departments that have one, and who makes the tokens of all."""

    custodian: str
    epochs: tuple[tuple[str, int], ...]
    without: tuple[str, ...]


def _number(person: Person) -> str:
    return normalised(id_type_of(person.id_type), person.number)


def _distinct(departments: Sequence[str]) -> list[str]:
    return sorted(set(departments))


def _places(rows: Mapping[str, EpochRow | None]) -> _Places:
    """Read from proven rows who makes the tokens of these departments."""
    found = {name: row for name, row in rows.items() if row is not None}
    custodians = sorted({row.custodian for row in found.values()})
    if len(custodians) != 1:
        raise ConfigurationError(
            "departments: expected tokens made by one custodian, got"
            f" {', '.join(custodians) or 'none with a key epoch'}: name the departments of one"
        )
    epochs = tuple((name, one) for name, row in found.items() for one in range(1, row.epoch + 1))
    if len(epochs) > PLACES_MAX:
        raise ConfigurationError(
            f"departments: expected at most {PLACES_MAX} key epochs, got {len(epochs)}:"
            " name fewer departments"
        )
    without = tuple(name for name, row in rows.items() if row is None)
    return _Places(custodian=custodians[0], epochs=epochs, without=without)


def _ask(
    trust: Trust,
    desk: TokenDesk,
    person: Person,
    *,
    number: str,
    places: _Places,
    own: KeyRow | None,
) -> Exchange:
    """Return the one request that carries the number."""
    if own is None:
        raise ConfigurationError("key: expected one that the ledger knows, got another one")
    return tokens_exchange(
        AskBody(
            places=tuple(Place(department=one, epoch=epoch) for one, epoch in places.epochs),
            id_type=person.id_type,
            identifiers=(number,),
            purpose=person.purpose,
        ),
        url=desk.url,
        chain_id=trust.chain_id,
        custodian=places.custodian,
        organisation=own.organisation,
        key=desk.key,
        suite=trust.suite,
        now_ms=desk.now_ms(),
        timeout_s=ASK_TIMEOUT_S,
    )


def _made(reply: Reply, places: _Places) -> PersonTokens:
    """Read the answer; it must speak of the places that were asked for, in their order."""
    found = tokens_of(reply, places=len(places.epochs), identifiers=1)
    if [(one.department, one.epoch) for one in found] != list(places.epochs):
        raise TokensNotMade("BAD_ANSWER")
    return PersonTokens(
        custodian=places.custodian,
        places=places.epochs,
        tokens=tuple(bytes.fromhex(one.tokens[0]) for one in found),
        without=places.without,
    )
