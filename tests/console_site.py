"""A console as a department runs it: a served chain, a provider, and people at browsers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from chainnode.client import AccessCall, AccessReason, Client, access_record
from chainnode.client import Final as FinalOutcome
from chainnode.console.config import load_console_config
from chainnode.console.run import console_service, opened
from chainnode.genesis import write_genesis_file
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.secret_files import write_secret_file
from chainnode.suites import suite_named
from chainnode.verify import Trust
from contracts.schemas.call_words import Side
from devnet.topology import free_ports
from tests.builders import ORGANISATIONS, submission_key
from tests.login_site import CLIENT, listening
from tests.served_site import Served, served_site
from tests.twisted_provider import Twisted, twisted_provider

SUITE = "intl"
PASSPHRASE = b"throw-away pass phrase"


@dataclass
class ConsoleSite:
    """Where everything is, and who looked at it."""

    url: str
    served: Served
    provider: Twisted
    folder: Path
    browsers: list[httpx.Client] = field(default_factory=list)


class Visitor:
    """Somebody at a browser, logged in as what the provider says they are."""

    def __init__(self, site: ConsoleSite, *roles: str, subject: str = "somebody") -> None:
        self._site = site
        self.http = httpx.Client(
            trust_env=False,
            timeout=60,
            base_url=site.url,
            headers={"Accept": "text/html", "Accept-Language": "zh"},
        )
        site.browsers.append(self.http)
        self.csrf = ""
        if roles:
            site.provider.claims = {"roles": list(roles), "sub": subject}
            begun = self.http.get("/login").headers["location"]
            self.http.get(site.provider.back(begun))
            token = re.search(r'name="csrf" value="([^"]+)"', self.http.get("/nowhere").text)
            self.csrf = "" if token is None else token[1]

    def ask(self, document: object) -> httpx.Response:
        """Ask a question, as the page does."""
        return self.http.post("/questions", json=document, headers={"X-CSRF-Token": self.csrf})


@contextmanager
def console_site(folder: Path, *, more: str = "") -> Iterator[ConsoleSite]:
    """Serve all of it until the block ends."""
    port = free_ports(1)[0]
    with served_site(folder / "chain", suite_name=SUITE) as served, twisted_provider() as provider:
        _write_files(folder, served, issuer=provider.issuer, port=port, more=more)
        app = console_service(opened(load_console_config(folder / "console.toml")))
        with listening(app, port):
            site = ConsoleSite(
                url=f"http://127.0.0.1:{port}", served=served, provider=provider, folder=folder
            )
            yield site
            for one in site.browsers:
                one.close()


def _write_files(folder: Path, served: Served, *, issuer: str, port: int, more: str) -> None:
    write_genesis_file(folder / "genesis.json", served.genesis)
    write_secret_file(folder / "passphrase", PASSPHRASE)
    write_secret_file(folder / "pseudonym.key", b"p" * 32)
    write_key_file(
        folder / "auditor.key",
        submission_key(SUITE, 0),
        suite=suite_named(SUITE),
        purpose=KeyPurpose.SUBMISSION,
        passphrase=Passphrase(PASSPHRASE),
        cost=DEVNET_COST,
    )
    (folder / "console.toml").write_text(
        settings_text(served.url, issuer=issuer, port=port) + more, encoding="utf-8"
    )


def settings_text(node: str, *, issuer: str, port: int) -> str:
    """Return the settings of a console on this machine."""
    return f"""
[console]
organisation = "{ORGANISATIONS[0]}"
listen = "127.0.0.1:{port}"
key = "auditor.key"
passphrase_file = "passphrase"
data_dir = "data"
log_dir = "log"
[login]
issuer = "{issuer}"
client_id = "{CLIENT}"
public_url = "http://127.0.0.1:{port}"
pseudonym_key = "pseudonym.key"
[login.roles]
auditor = ["kun-auditor"]
operator = ["kun-operator"]
citizen = ["kun-citizen"]
[ledger]
trust = "genesis.json"
nodes = ["{node}"]
[departments]
{ORGANISATIONS[0]} = "公安局"
{ORGANISATIONS[1]} = "住建局"
"""


def record_call(site: ConsoleSite) -> None:
    """Let a department say of one call that it answered: on a new chain the first record."""
    call = access_record(
        AccessCall(
            call_id=bytes(range(16)),
            side=Side.PROVIDER,
            requester=ORGANISATIONS[0],
            provider=ORGANISATIONS[1],
            item="population.basic",
            trace_id=bytes(16),
        ),
        AccessReason(purpose_code="gongzufang", reason_text="公租房资格"),
    )
    with Client([site.served.url], trust_of(site), submission_key(SUITE, 1)) as client:
        outcome = client.submit("access", [call])
    assert isinstance(outcome, FinalOutcome)
    assert outcome.is_accepted


def trust_of(site: ConsoleSite) -> Trust:
    """Return the trust that its genesis file gives."""
    return Trust.load((site.folder / "genesis.json").read_bytes())
