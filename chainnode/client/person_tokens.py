"""The tokens of one person at every department and key epoch, for who answers for their trail.

An auditor asks the custodian, who counts the ask on the ledger and remembers its purpose. Which
departments have tokens, how many key epochs and whose they are is proven by the ledger first.
The number leaves this process in the body of that one ask, and stands in no error.
"""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from chainnode.client.clients import Client
from chainnode.client.session import system_ms
from chainnode.client.token_asks import (
    TokensNotMade,
    ask_once,
    require_safe_url,
    tokens_exchange,
    tokens_of,
)
from chainnode.client.transport import BlockingTransport, trusting
from chainnode.custodian.asks import PLACES_MAX, AskBody, Place
from chainnode.errors import ConfigurationError
from chainnode.identity.numbers import id_type_of, normalised
from chainnode.submission import key_id
from chainnode.suites.port import PrivateKey
from contracts.schemas.pseudonyms import EPOCHS

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
    number = normalised(id_type_of(person.id_type), person.number)
    custodian, places, without = _places(client, departments)
    exchange = tokens_exchange(
        AskBody(
            places=tuple(Place(department=one, epoch=epoch) for one, epoch in places),
            id_type=person.id_type,
            identifiers=(number,),
            purpose=person.purpose,
        ),
        url=desk.url,
        chain_id=client.trust.chain_id,
        custodian=custodian,
        organisation=_organisation(client, desk.key),
        key=desk.key,
        suite=client.trust.suite,
        now_ms=desk.now_ms(),
        timeout_s=ASK_TIMEOUT_S,
    )
    transport = BlockingTransport(tls=trusting((desk.url,), desk.tls))
    try:
        reply = transport.run(ask_once(exchange))
    finally:
        transport.close()
    found = tokens_of(reply, places=len(places), identifiers=1)
    if [(one.department, one.epoch) for one in found] != list(places):
        raise TokensNotMade("BAD_ANSWER")
    return PersonTokens(
        custodian=custodian,
        places=places,
        tokens=tuple(bytes.fromhex(one.tokens[0]) for one in found),
        without=without,
    )


def _places(
    client: Client, departments: Sequence[str]
) -> tuple[str, tuple[tuple[str, int], ...], tuple[str, ...]]:
    """Prove who makes the tokens of these departments, and list each with all its epochs."""
    rows = {one: client.state(EPOCHS, one).row for one in sorted(set(departments))}
    found = {name: row for name, row in rows.items() if row is not None}
    custodians = sorted({row.custodian for row in found.values()})
    if len(custodians) != 1:
        raise ConfigurationError(
            "departments: expected tokens made by one custodian, got"
            f" {', '.join(custodians) or 'none with a key epoch'}: name the departments of one"
        )
    places = tuple((name, one) for name, row in found.items() for one in range(1, row.epoch + 1))
    if len(places) > PLACES_MAX:
        raise ConfigurationError(
            f"departments: expected at most {PLACES_MAX} key epochs, got {len(places)}:"
            " name fewer departments"
        )
    return custodians[0], places, tuple(name for name, row in rows.items() if row is None)


def _organisation(client: Client, key: PrivateKey) -> str:
    row = client.key(key_id(client.trust.suite, key.public_key)).row
    if row is None:
        raise ConfigurationError("key: expected one that the ledger knows, got another one")
    return row.organisation
