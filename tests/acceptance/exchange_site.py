"""The site of the exchange: a devnet of rules 2, a custodian, one catalogue item, its services.

Police offers the population register, housing calls it. Everybody here is invented, with numbers
of a region that does not exist.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chainnode.client import Final, add_key
from chainnode.gateway.kept import SECRET_BYTES
from chainnode.keys import read_key_file
from chainnode.secret_files import write_secret_file
from contracts.schemas.members import Role
from devnet.departments import DATA, HOUSING, POLICE
from devnet.topology import free_ports
from tests.acceptance.commands import ROOT, Kun
from tests.acceptance.exchange_processes import Server
from tests.acceptance.main_job import MainJob
from tests.acceptance.waiting import until
from tests.builders_identity import citizen_number

ITEM = "population.basic"
FIELDS = ("name", "sex", "address")
GRANTED = ("name", "sex")
# Under this grant housing may ask the custodian for tokens, whatever becomes of other grants.
STANDING_GRANT = "H-standing"
PEOPLE = 40
_ITEM_S = 60.0


def invented_people() -> dict[str, dict[str, str]]:
    """Return the entries of the register by identity number."""
    return {
        citizen_number(serial=number + 1): {
            "name": f"样例居民{number:02d}",
            "sex": str(number % 2 + 1),
            "address": f"虚构市样例路{number + 100}号",
        }
        for number in range(PEOPLE)
    }


@dataclass(slots=True, kw_only=True)
class Exchange:
    """The running parts, and the folders of those that tests start."""

    job: MainJob
    folder: Path
    people: dict[str, dict[str, str]] = field(default_factory=invented_people, repr=False)
    custodian: Server | None = None
    servers: list[Server] = field(default_factory=list)

    @property
    def kun(self) -> Kun:
        """The command line, for the devnet of this site."""
        return self.job.kun

    @property
    def registers(self) -> Path:
        """What the department's own registers hold: people, not records of calls."""
        path = self.folder / "registers"
        path.mkdir(exist_ok=True)
        return path

    @property
    def people_file(self) -> Path:
        """The register of the wrapped service."""
        path = self.registers / "people.json"
        if not path.exists():
            path.write_text(json.dumps(self.people, ensure_ascii=False), encoding="utf-8")
        return path

    @property
    def numbers(self) -> list[str]:
        """Identity numbers of the people in the register."""
        return list(self.people)

    def new_key(self, name: str, *, department: str, role: Role) -> Path:
        """Make a key and let its department's member key register it."""
        path = self.folder / f"{name}.key.json"
        done = subprocess.run(
            [*_KUN, "key", "new", str(path), "--suite", self._suite],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={
                **os.environ,
                "KUN_LANG": "en",
                "KUN_KEY_PASSPHRASE_FILE": str(self.job.folder / "passphrase"),
            },
        )
        assert done.returncode == 0, done.stderr
        call = add_key(read_key_file(path).public_key, roles=[role])
        with self.job.client(key=f"member-{department}") as client:
            outcome = client.submit("members", [call])
        assert isinstance(outcome, Final), outcome
        assert outcome.is_accepted, outcome
        return path

    def publish(self) -> None:
        """Put the register into the catalogue."""
        fields = [word for name in FIELDS for word in ("--field", name)]
        self.kun(
            *("catalog", "publish", ITEM, "--title", "人口基本信息", "--grade", "general"),
            *("--share", "conditional", *fields, "--as", "member-police"),
        )

    def grant(self, name: str, *, quota: int = 0) -> str:
        """Let housing apply for name and sex, and police grant it."""
        fields = [word for one in GRANTED for word in ("--field", one)]
        self.kun(
            *("grant", "apply", name, "--item", ITEM, *fields, "--purpose", "公租房资格审核"),
            *("--from", "2026-01-01", "--quota", str(quota), "--as", "member-housing"),
        )
        self.kun("grant", "review", name, "--yes", "--as", "member-police")
        return name

    def revoke(self, name: str) -> None:
        """Let police end a grant."""
        self.kun("grant", "revoke", name, "--reason", "ended", "--as", "member-police")

    def start_custodian(self) -> None:
        """Make the custodian of the data department, open its key epochs, start it."""
        home = self.folder / "custodian"
        home.mkdir()
        key = self.new_key("custodian", department=DATA.name, role=Role.CUSTODIAN)
        root, config = home / "root.json", home / "custodian.toml"
        passphrase = str(self.job.folder / "passphrase")
        (port,) = free_ports(1)
        config.write_text(self._custodian_settings(key, root, port), encoding="utf-8")
        suite = ("--suite", self._suite, "--passphrase-file", passphrase)
        made = self.kun.bare("custodian", "init", str(root), *suite)
        assert made.code == 0, made.err
        opened = self.kun.bare(
            *("custodian", "open-epoch", "--config", str(config)),
            *(POLICE.organisation, HOUSING.organisation),
        )
        assert opened.code == 0, opened.err
        command = [*_KUN, "custodian", "run", "--config", str(config)]
        self.custodian = self.serve("custodian", command, port=port)

    def gateway_settings(self, name: str, key: Path, **more: object) -> Path:
        """Write the settings of one gateway; `node` among `more` narrows the nodes it asks."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        assert self.custodian is not None
        values: dict[str, object] = {
            "node": list(self.kun.apis),
            "key": str(key),
            "trust": str(self.job.folder / "genesis.json"),
            "passphrase_file": str(self.job.folder / "passphrase"),
            "spool": str(home / "spool"),
            "system": name,
            "custodian": self.custodian.url,
            "token_cache": str(home / "tokens.sqlite"),
            "kept": str(home / "kept.sqlite"),
            "kept_secret": str(self._kept_secret(home)),
            **more,
        }
        path = home / "kun-gateway.toml"
        lines = [f"{one} = {json.dumps(value)}" for one, value in values.items()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def start_registry(self, name: str, **more: object) -> Server:
        """Start the wrapped service with a gateway, key and spool of its own."""
        key = self.new_key(name, department=POLICE.name, role=Role.SERVICE)
        settings = self.gateway_settings(name, key, item=ITEM, open_paths=["/healthz"], **more)
        (port,) = free_ports(1)
        module = "tests.acceptance.services.registry_after:app"
        command = [sys.executable, "-m", "uvicorn", module, "--port", str(port), "--no-access-log"]
        return self.serve(
            name,
            command,
            port=port,
            environment={
                "KUN_GATEWAY_CONFIG": str(settings),
                "REGISTRY_PEOPLE": str(self.people_file),
                "REGISTRY_LOG": str(self.access_log(name)),
            },
        )

    def start_proxy(self, name: str, upstream: str, **more: object) -> Server:
        """Start `kun gateway run` before a server in other hands."""
        key = self.new_key(name, department=POLICE.name, role=Role.SERVICE)
        settings = self.gateway_settings(name, key, item=ITEM, **more)
        (port,) = free_ports(1)
        lines = ("", "[proxy]", f'listen = "127.0.0.1:{port}"', f'upstream = "{upstream}"', "")
        with settings.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines))
        command = [*_KUN, "gateway", "run", "--config", str(settings)]
        return self.serve(name, command, port=port)

    def access_log(self, name: str) -> Path:
        """Return the log that a registry writes itself."""
        return self.folder / name / "access.log"

    def serve(
        self,
        name: str,
        command: list[str],
        *,
        port: int,
        environment: Mapping[str, str] | None = None,
    ) -> Server:
        """Start a server that ends with the site."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        server = Server(
            command=command,
            port=port,
            log=home / "process.log",
            folder=home,
            environment=environment or {},
        )
        self.servers.append(server)
        server.start()
        return server

    def close(self) -> None:
        """End every server."""
        for server in reversed(self.servers):
            server.stop()

    def has_blocks(self) -> bool:
        """Tell whether the chain has a block, so that something can be proven."""
        return self.kun("catalog", "show", ITEM, ok=False).code in {0, 1}

    def _kept_secret(self, home: Path) -> Path:
        path = home / "kept.secret"
        if not path.exists():
            write_secret_file(path, secrets.token_bytes(SECRET_BYTES))
        return path

    @property
    def _suite(self) -> str:
        return self.job.trust.suite.name

    def _custodian_settings(self, key: Path, root: Path, port: int) -> str:
        sections: dict[str, dict[str, object]] = {
            "custodian": {
                "organisation": DATA.organisation,
                "listen": f"127.0.0.1:{port}",
                "key": str(key),
                "root": str(root),
                "passphrase_file": str(self.job.folder / "passphrase"),
                "data_dir": "data",
                "log_dir": "log",
                "usage_interval_s": 5,
            },
            "ledger": {
                "trust": str(self.job.folder / "genesis.json"),
                "nodes": list(self.kun.apis),
            },
        }
        lines: list[str] = []
        for section, values in sections.items():
            lines += [f"[{section}]", *(f"{n} = {json.dumps(v)}" for n, v in values.items())]
        return "\n".join(lines) + "\n"


def made_ready(kun: Kun, folder: Path, *, up_seconds: float) -> Exchange:
    """Bring catalogue, standing grant and custodian onto a devnet that has just come up."""
    exchange = Exchange(job=MainJob(kun=kun, up_seconds=up_seconds, banner=""), folder=folder)
    until(exchange.has_blocks, timeout_s=_ITEM_S, what="a first block")
    exchange.publish()
    exchange.grant(STANDING_GRANT)
    exchange.start_custodian()
    return exchange


_KUN = (sys.executable, "-m", "chainnode.cli")
