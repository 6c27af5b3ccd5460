"""Tokens of the demo's people: the custodian is set up by its commands and asked over HTTP.

Every providing department asks for the tokens of the people whom calls shall name, by its own
service key; the police by that of the registry, into the cache that its gateway finds them in.
Nobody but the custodian holds its root.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chainnode.cli.commands.custodian import custodian
from chainnode.cli.tree import Session
from chainnode.client.transport import AsyncTransport, trusting
from chainnode.gateway import CustodianAccess, Pseudonyms
from chainnode.identity.numbers import IdType
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from devnet.demo.clients import demo_now_ms
from devnet.demo.people import Person
from devnet.demo.settings import (
    REGISTRY_IDENTITY,
    custodian_config,
    custodian_home,
    custodian_url,
    registry_tokens,
)
from devnet.departments import DATA, POLICE, Department
from devnet.topology import DevnetFolder, Topology, departments_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoTokens:
    """Tokens by providing department and person."""

    tokens: Mapping[tuple[str, str], bytes] = field(repr=False)

    def token(self, *, provider: str, person_id: str) -> bytes:
        """Return the token of a person at one providing department."""
        return self.tokens[provider, person_id]


def make_root(folder: DevnetFolder, topology: Topology) -> None:
    """Let the custodian's command draw its root.

    Raises:
        SecretFileRefused: there is one already.

    """
    home = custodian_home(folder)
    home.mkdir(parents=True, exist_ok=True)
    passphrase = ("--passphrase-file", str(folder.passphrase.resolve()))
    path = str((home / "root.secret.json").resolve())
    _custodian("init", path, "--suite", topology.suite, *passphrase)


def open_epochs(folder: DevnetFolder, departments: Sequence[Department]) -> None:
    """Let the custodian's command open the first epoch of every department.

    Raises:
        NotRecorded: the ledger did not take one.

    """
    config = ("--config", str(custodian_config(folder).resolve()))
    _custodian("open-epoch", *config, *(one.organisation for one in departments))


def fetch_tokens(folder: DevnetFolder, topology: Topology, people: Sequence[Person]) -> DemoTokens:
    """Ask the custodian for the tokens of all people at all departments.

    Raises:
        NotTokenised: it refused.

    """
    return asyncio.run(_fetch(folder, topology, [one.person_id for one in people]))


async def _fetch(folder: DevnetFolder, topology: Topology, numbers: Sequence[str]) -> DemoTokens:
    departments = departments_of(topology)
    asked = await asyncio.gather(
        *(_fetch_of(folder, topology, one, numbers) for one in departments)
    )
    return DemoTokens(
        tokens={
            (one.organisation, number): token
            for one, tokens in zip(departments, asked, strict=True)
            for number, token in zip(numbers, tokens, strict=True)
        }
    )


async def _fetch_of(
    folder: DevnetFolder, topology: Topology, department: Department, numbers: Sequence[str]
) -> tuple[bytes, ...]:
    is_registrys = department == POLICE
    suite, key = open_key(
        folder.identity(REGISTRY_IDENTITY if is_registrys else f"service-{department.name}"),
        purpose=KeyPurpose.SUBMISSION,
        passphrase=read_passphrase(folder.passphrase),
    )
    access = CustodianAccess(
        url=custodian_url(topology),
        chain_id=bytes.fromhex(topology.chain_id),
        custodian=DATA.organisation,
        organisation=department.organisation,
        department=department.organisation,
        suite=suite,
        key=key,
    )
    transport = AsyncTransport(tls=trusting((access.url,), None))
    pseudonyms = Pseudonyms(
        access,
        transport=transport,
        cache=access.open_cache(registry_tokens(folder) if is_registrys else None),
        now_ms=lambda: demo_now_ms(topology),
    )
    try:
        return await pseudonyms.tokens(IdType.CITIZEN.value, numbers)
    finally:
        await pseudonyms.close()


def _custodian(*words: str) -> None:
    """Run a command of the custodian's operator; in this process, a new one costs half a second."""
    session = Session()
    session.output.quiet = True
    custodian.main(words, standalone_mode=False, obj=session)
