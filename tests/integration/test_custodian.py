"""A real custodian beside a real devnet: process, ledger, kill −9; then all is scanned."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from chainnode.client import CannotDecide, Client
from chainnode.client.transport import AsyncTransport, trusting
from chainnode.custodian.counters import Counters
from chainnode.gateway.pseudonyms import CustodianAccess, NotTokenised, Pseudonyms
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.verify.trust import Trust
from contracts.schemas.pseudonyms import EPOCHS, USED, UsedRow
from devnet.departments import DATA, HOUSING, POLICE
from devnet.topology import DevnetFolder, Topology, free_ports, load_topology
from tests.builders_identity import citizen_number
from tests.privacy.scanner import Scanner

ROOT = Path(__file__).resolve().parents[2]
PERSON = citizen_number()
OTHER = citizen_number(serial=77)
_DEADLINE_S = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def kun(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chainnode.cli", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )


@dataclass(slots=True)
class Site:
    """A devnet with a custodian of the data bureau beside it."""

    folder: DevnetFolder
    topology: Topology
    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.home / "custodian.toml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def trust(self) -> Trust:
        return Trust.load(self.folder.genesis.read_bytes())

    def write_config(self) -> None:
        nodes = ", ".join(f'"{one.api}"' for one in self.topology.nodes)
        self.config.write_text(
            f"""
[custodian]
organisation = "{DATA.organisation}"
listen = "127.0.0.1:{self.port}"
key = "{self.folder.identity("custodian")}"
root = "root.secret.json"
passphrase_file = "{self.folder.passphrase}"
data_dir = "data"
log_dir = "log"
usage_interval_s = 1
[ledger]
trust = "{self.folder.genesis}"
nodes = [{nodes}]
"""
        )

    def open_epochs(self) -> None:
        opened = kun(
            *("custodian", "open-epoch", "--json", "--config", str(self.config)),
            *(POLICE.organisation, HOUSING.organisation),
        )
        assert opened.returncode == 0, opened.stderr
        assert json.loads(opened.stdout)["epochs"] == {
            POLICE.organisation: 1,
            HOUSING.organisation: 1,
        }

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chainnode.cli", "custodian", "run", "--config", self.config],
            cwd=ROOT,
        )
        until(self.is_up, "the custodian")

    def is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=30)

    def has_state(self) -> bool:
        try:
            self.used()
        except CannotDecide:
            return False
        return True

    def used(self) -> UsedRow | None:
        with Client([self.topology.nodes[0].api], self.trust) as client:
            return client.state(USED, POLICE.organisation).row

    def pseudonyms(
        self, name: str, organisation: str, *, department: str, cache: str | None = "cache"
    ) -> Pseudonyms:
        passphrase = read_passphrase(self.folder.passphrase)
        suite, key = open_key(
            self.folder.identity(name), purpose=KeyPurpose.SUBMISSION, passphrase=passphrase
        )
        access = CustodianAccess(
            url=self.url,
            chain_id=self.trust.chain_id,
            custodian=DATA.organisation,
            organisation=organisation,
            department=department,
            suite=suite,
            key=key,
        )
        transport = AsyncTransport(tls=trusting((self.url,), None))
        path = None if cache is None else self.home / f"{cache}-{name}.sqlite"
        return Pseudonyms(access, transport=transport, cache=access.open_cache(path))

    def told(self) -> tuple[int, int]:
        """Return what the ledger has of both departments: tokens made and refused."""
        with Client([self.topology.nodes[0].api], self.trust) as client:
            rows = [client.state(USED, one.organisation).row for one in (POLICE, HOUSING)]
        return sum(one.made for one in rows if one), sum(one.refused for one in rows if one)

    def counted(self) -> tuple[int, int]:
        """Return what the custodian's own file has."""
        with contextlib.closing(Counters(self.home / "data")) as counters:
            return counters.totals()

    def token_or_none(self, serial: int) -> bytes | None:
        """Ask for one person's token, with a cache of its own; None when there is no answer."""

        async def ask() -> bytes | None:
            own = POLICE.organisation
            subjects = self.pseudonyms("service-police", own, department=own, cache=None)
            try:
                return await subjects.token("111", citizen_number(serial=serial))
            except NotTokenised:
                return None
            finally:
                await subjects.close()

        return asyncio.run(ask())

    def token(self, *people: str) -> tuple[bytes, ...]:
        async def ask() -> tuple[bytes, ...]:
            own = POLICE.organisation
            subjects = self.pseudonyms("service-police", own, department=own)
            try:
                return await subjects.tokens("111", people)
            finally:
                await subjects.close()

        return asyncio.run(ask())


def until(holds: "object", what: str) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    assert callable(holds)
    while not holds():
        assert time.monotonic() < deadline, f"not within {_DEADLINE_S:g} s: {what}"
        time.sleep(0.1)


@pytest.fixture(params=["sm"])
def site(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Site]:
    base = tmp_path_factory.mktemp("custodian")
    folder = DevnetFolder(base / "dn")
    up = kun(
        *("devnet", "up", "--detach", "--no-demo", "--suite", request.param),
        *("--dir", str(folder.path)),
    )
    home = base / "home"
    home.mkdir(mode=0o700)
    try:
        assert up.returncode == 0, up.stderr
        site = Site(folder, load_topology(folder), home, free_ports(1)[0])
        site.write_config()
        made = kun(
            *("custodian", "init", str(home / "root.secret.json"), "--suite", request.param),
            *("--passphrase-file", str(folder.passphrase)),
        )
        assert made.returncode == 0, made.stderr
        until(site.has_state, "a first block")
        yield site
        if site.process is not None and site.process.poll() is None:
            site.stop(signal.SIGKILL)
    finally:
        kun("devnet", "down", "--dir", str(folder.path))


def test_tokens_over_the_whole_way_and_counts_that_survive_a_kill(site: Site) -> None:
    site.open_epochs()
    with Client([site.topology.nodes[0].api], site.trust) as client:
        row = client.state(EPOCHS, POLICE.organisation).row
    assert row is not None
    assert row.custodian == DATA.organisation

    site.start()
    first = site.token(PERSON, OTHER)
    assert len(set(first)) == 2
    until(lambda: (used := site.used()) is not None and used.made >= 2, "2 tokens on the ledger")

    # Killed after the count and before it was told: the next life tells it.
    for cache in site.home.glob("cache-*"):
        cache.unlink()
    assert site.token(PERSON) == first[:1]
    site.stop(signal.SIGKILL)
    with pytest.raises(NotTokenised):
        site.token(OTHER)
    site.start()
    until(lambda: (used := site.used()) is not None and used.made >= 3, "3 tokens on the ledger")
    used = site.used()
    assert used is not None
    assert used.made == 3

    with pytest.raises(NotTokenised) as caught:
        asyncio.run(_ask_as_housing(site))
    assert caught.value.code == "NOT_ENTITLED"
    until(lambda: (one := site.used()) is not None and one.refused >= 1, "a refusal counted")
    metrics = httpx.get(f"{site.url}/metrics").text
    assert 'kunlian_custodian_asks_total{code="NOT_ENTITLED"} 1.0' in metrics
    assert site.stop(signal.SIGTERM) == 0

    scan = Scanner([PERSON, OTHER]).scan([site.home, site.folder.path])
    assert scan.hits == ()
    assert {"leveldb", "sqlite", "json", "msgpack"} <= set(scan.opened)
    (site.home / "log" / "planted").write_text(f"asked for {PERSON}")
    assert Scanner([PERSON, OTHER]).scan([site.home]).hits


def test_counts_told_to_the_ledger_stay_exact_when_it_is_ended_while_it_answers(
    site: Site,
) -> None:
    site.open_epochs()
    site.start()
    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(site.token_or_none, serial) for serial in range(100, 180)]
        until(lambda: sum(one.done() for one in asking) >= 20, "some answers")
        assert site.stop(signal.SIGTERM) == 0
        answered = [one for one in asking if one.result() is not None]
    assert len(answered) >= 20
    site.start()
    made, refused = site.counted()
    # What was answered is counted; what was counted and cut off is not taken back.
    assert made >= len(answered)
    until(lambda: site.told() == (made, refused), "all of it on the ledger")
    # And once it is there it is told no second time.
    assert site.stop(signal.SIGTERM) == 0
    assert site.told() == site.counted() == (made, refused)


async def _ask_as_housing(site: Site) -> None:
    subjects = site.pseudonyms(
        "service-housing", HOUSING.organisation, department=POLICE.organisation
    )
    try:
        await subjects.token("111", PERSON)
    finally:
        await subjects.close()
