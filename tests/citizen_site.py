"""A citizen's view over real sockets: a served chain, a real custodian, the application itself.

Logins are begun at the application's own door, as the provider's answer would; the provider has
tests of its own.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from chainnode.citizen.config import CitizenConfig, load_citizen_config
from chainnode.citizen.run import OpenCitizen, opened, read_secrets
from chainnode.client import AccessCall, AccessReason, Client, Final, access_record
from chainnode.custodian.tokens import RootSecret
from chainnode.genesis import write_genesis_file
from chainnode.identity.numbers import IdType
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.login import CSRF_HEADER, LoginDoor, Person, Role
from chainnode.secret_files import write_secret_file
from chainnode.submission import Call
from chainnode.suites import suite_named
from chainnode.verify import Trust
from contracts.schemas.access import Side
from devnet.topology import free_ports
from tests.builders import ORGANISATIONS, submission_key
from tests.builders_identity import citizen_number
from tests.custodian_site import custodian_at
from tests.gateway_site import serving
from tests.served_site import Served, served_site

PERSON, OTHER, WARD = (citizen_number(serial=one) for one in (451, 77, 93))
NAME = "欧阳无名氏"
REQUESTER, PROVIDER, OPERATOR, CUSTODIAN = range(4)
ITEM = "population.basic"
# Two departments have tokens, one of them in two key epochs.
EPOCHS = {PROVIDER: 2, REQUESTER: 1}


@dataclass
class CitizenSite:
    """Where the view listens, and hands for everybody who takes part."""

    url: str
    served: Served
    root: RootSecret
    folder: Path
    door: LoginDoor = field(repr=False)
    config: CitizenConfig = field(repr=False)
    opened: ExitStack = field(repr=False)

    @property
    def trust(self) -> Trust:
        return Trust.from_genesis(self.served.genesis)

    def token(self, department: int, epoch: int = 1, number: str = PERSON) -> bytes:
        """Return what the custodian makes of a number."""
        key = self.root.epoch_key(ORGANISATIONS[department], epoch)
        (token,) = key.tokens(IdType.CITIZEN, (number,))
        return token

    def submit(self, department: int, calls: Sequence[Call], *, contract: str = "access") -> Final:
        """Record calls with the key of a department."""
        key = submission_key(self.served.genesis.suite_name, department)
        with Client((self.served.url,), self.trust, key) as client:
            outcome = client.submit(contract, calls)
        assert isinstance(outcome, Final)
        assert outcome.is_accepted, outcome
        return outcome

    def record(
        self,
        number: int,
        *tokens: bytes,
        provider: int = PROVIDER,
        sides: Sequence[Side] = (Side.PROVIDER, Side.REQUESTER),
        requested_ms: int | None = None,
        why: str = "公租房资格审核",
        people: int = 0,
    ) -> None:
        """Record the halves of a call of a third department about these subjects."""
        now_ms = time.time_ns() // 1_000_000
        for side in sides:
            half = access_record(
                AccessCall(
                    call_id=number.to_bytes(16, "big"),
                    side=side,
                    requester=ORGANISATIONS[OPERATOR],
                    provider=ORGANISATIONS[provider],
                    item=ITEM,
                    trace_id=bytes(16),
                    subjects=tuple(sorted(tokens)),
                    people=people,
                    status=200,
                    count=1,
                    requested_ms=now_ms if requested_ms is None else requested_ms,
                ),
                AccessReason(purpose_code="gongzufang", reason_text=why, system="公租房系统"),
            )
            self.submit(OPERATOR if side is Side.REQUESTER else provider, [half])

    def visitor(self, number: str = PERSON, *, pseudonym: str = "p" * 16) -> "Visitor":
        """Log somebody in, as the provider's answer would."""
        person = Person(
            pseudonym=pseudonym, roles=frozenset({Role.CITIZEN}), claims={"id_number": number}
        )
        session_id, session = self.door.sessions.begin(person)
        http = self.opened.enter_context(
            httpx.Client(
                base_url=self.url,
                cookies={self.door.session_cookie: session_id},
                trust_env=False,
                timeout=60,
            )
        )
        return Visitor(http=http, csrf=session.csrf, session_id=session_id)


@dataclass
class Visitor:
    """Somebody who is logged in."""

    http: httpx.Client
    csrf: str
    session_id: str

    def get(self, path: str, **query: str | int) -> httpx.Response:
        return self.http.get(path, params=query)

    def post(self, path: str, *, json: object = None, **query: str) -> httpx.Response:
        headers = {CSRF_HEADER: self.csrf}
        return self.http.post(path, headers=headers, params=query, json=json)

    def usages(self, **query: str | int) -> dict[str, object]:
        """Return the answer of `findUsage` about oneself."""
        answer = self.get("/v2/findUsage", **({"userCode": "me"} | query))
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert isinstance(told, dict)
        return told


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Who lets people in, and where their browsers come back to."""

    issuer: str = "http://127.0.0.1:9"
    public_url: str = "http://127.0.0.1:9"
    listen: str = "127.0.0.1:0"
    secret: str = ""


@contextmanager
def citizen_site(folder: Path, *, extra: str = "") -> Iterator[CitizenSite]:
    """Serve everything until the block ends; `extra` goes to the end of the settings."""
    for name in ("chain", "custodian", "citizen"):
        (folder / name).mkdir(exist_ok=True)
    with (
        served_site(folder / "chain") as served,
        custodian_at(served, folder / "custodian", epochs=EPOCHS) as (custodian, root),
    ):
        (port,) = free_ports(1)
        told = Provider(public_url=f"http://127.0.0.1:{port}", listen=f"127.0.0.1:{port}")
        file = write_settings(folder / "citizen", served, custodian, provider=told, extra=extra)
        config = load_citizen_config(file)
        with _application(config) as (url, citizen), ExitStack() as opened_clients:
            yield CitizenSite(
                url=url,
                served=served,
                root=root,
                folder=folder,
                door=citizen.door,
                config=config,
                opened=opened_clients,
            )


def write_settings(
    folder: Path,
    served: Served,
    custodian: str,
    *,
    provider: Provider | None = None,
    extra: str = "",
) -> Path:
    """Write `citizen.toml` and the files that it names."""
    told = provider or Provider()
    write_genesis_file(folder / "genesis.json", served.genesis)
    write_secret_file(folder / "passphrase", b"correct horse")
    write_secret_file(folder / "pseudonyms", bytes(range(32)))
    write_key_file(
        folder / "key.json",
        submission_key("intl", REQUESTER),
        suite=suite_named("intl"),
        purpose=KeyPurpose.SUBMISSION,
        passphrase=Passphrase(b"correct horse"),
        cost=DEVNET_COST,
    )
    (folder / "citizen.toml").write_text(
        f"""
[citizen]
organisation = "{ORGANISATIONS[REQUESTER]}"
listen = "{told.listen}"
key = "key.json"
passphrase_file = "passphrase"
wrapping_keys = "wrapping"
data_dir = "data"
log_dir = "log"
[login]
issuer = "{told.issuer}"
client_id = "kunlian-citizen"
public_url = "{told.public_url}"
{told.secret}
pseudonym_key = "pseudonyms"
roles = {{ citizen = ["citizen"] }}
[ledger]
trust = "genesis.json"
nodes = ["{served.url}"]
[custodian]
url = "{custodian}"
{extra}
"""
    )
    return folder / "citizen.toml"


@contextmanager
def _application(config: CitizenConfig) -> Iterator[tuple[str, OpenCitizen]]:
    """Serve the application in a thread with a loop of its own."""
    ready, made = threading.Event(), list[tuple[str, OpenCitizen]]()
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with (
            opened(config, read_secrets(config)) as citizen,
            serving(citizen.app, lifespan="off", port=config.listen.port) as url,
        ):
            ends.append(lambda: loop.call_soon_threadsafe(end.set))
            made.append((url, citizen))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(30), "the citizen's view did not come up"
        yield made[0]
    finally:
        for one in ends:
            one()
        thread.join(20)
