"""Settings of the demo's custodian, gateways and pages for people, written anew at every start.

Ports may be others after a restart. Paths are relative, so that the folder may be moved.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from chainnode.gateway.settings import FILE_NAME
from chainnode.secret_files import write_secret_file
from devnet.demo.catalogue import grant_name
from devnet.demo.logins import (
    CITIZEN,
    CITIZEN_CLIENT,
    CONSOLE_CLIENT,
    ID_NUMBER_CLAIM,
    ID_TYPE_CLAIM,
    OFFICIALS,
    ROLES_CLAIM,
)
from devnet.departments import DATA, HOUSING, POLICE
from devnet.observe import CITIZEN_VIEW, CONSOLE
from devnet.topology import HOST, DevnetFolder, Topology, departments_of

REGISTRY_IDENTITY = "registry"
OFFICE_IDENTITY = "housing-office"
DATABASE_FILE = "registry.sqlite"
ACCESS_LOG_FILE = "registry-access.log"
DATA_PATH = "/population/basic"
HEALTH_PATH = "/healthz"
SUBJECT = "json:person_id"
_TOKENS = "tokens.sqlite"
_PSEUDONYM_KEY = "pseudonym.key"
_CLIENT_FILE = "client.secret"
_SECRET_BYTES = 32
# A block costs four nodes on one machine more than it costs one on its own: make few.
_GATHER_MS = 1_000


def custodian_home(folder: DevnetFolder) -> Path:
    """Return the folder of the custodian."""
    return folder.demo / "custodian"


def custodian_config(folder: DevnetFolder) -> Path:
    """Return the custodian's settings."""
    return custodian_home(folder) / "custodian.toml"


def console_config(folder: DevnetFolder) -> Path:
    """Return the settings of the console of 数据局."""
    return folder.demo / CONSOLE / "console.toml"


def citizen_config(folder: DevnetFolder) -> Path:
    """Return the settings of the citizens' view."""
    return folder.demo / CITIZEN_VIEW / "citizen.toml"


def registry_config(folder: DevnetFolder) -> Path:
    """Return the settings of the registry's gateway."""
    return folder.demo / REGISTRY_IDENTITY / FILE_NAME


def registry_spool(folder: DevnetFolder) -> Path:
    """Return where the registry's halves wait for the ledger."""
    return folder.demo / REGISTRY_IDENTITY / "spool"


def registry_tokens(folder: DevnetFolder) -> Path:
    """Return where the registry's gateway keeps the tokens that were made for it."""
    return folder.demo / REGISTRY_IDENTITY / _TOKENS


def office_config(folder: DevnetFolder) -> Path:
    """Return the settings of the housing office's gateway."""
    return folder.demo / OFFICE_IDENTITY / FILE_NAME


def custodian_url(topology: Topology) -> str:
    """Return where the custodian listens."""
    return f"http://{HOST}:{topology.services.custodian}"


def registry_url(topology: Topology) -> str:
    """Return where calls to the registry go."""
    return f"http://{HOST}:{topology.services.registry}{DATA_PATH}"


def write_demo_settings(folder: DevnetFolder, topology: Topology) -> None:
    """Write all files."""
    _write(custodian_config(folder), _custodian(topology))
    _write_pages(folder, topology)
    gateways: dict[Path, dict[str, object]] = {
        registry_config(folder): {
            "key": f"../../identities/{REGISTRY_IDENTITY}.key.json",
            "organisation": POLICE.organisation,
            "item": POLICE.serves,
            "system": "population-registry",
            "open_paths": [HEALTH_PATH],
        },
        office_config(folder): {
            "key": f"../../identities/{OFFICE_IDENTITY}.key.json",
            "organisation": HOUSING.organisation,
            "system": "housing-office",
            "subject": SUBJECT,
            "custodian_grant": grant_name(HOUSING, POLICE),
        },
    }
    for path, settings in gateways.items():
        _write(path, {"": {**_gateway(topology), **settings}})


def _write_pages(folder: DevnetFolder, topology: Topology) -> None:
    """Write what console and citizens' view read, with secrets that are drawn once."""
    console: dict[str, Mapping[str, object]] = {
        "console": _page_service(CONSOLE, topology.services.console),
        "custodian": {"url": custodian_url(topology)},
        **_login(topology, CONSOLE_CLIENT, port=topology.services.console, roles=OFFICIALS),
        "departments": {one.organisation: one.title_zh for one in departments_of(topology)},
    }
    citizen: dict[str, Mapping[str, object]] = {
        "citizen": {
            **_page_service(CITIZEN_VIEW, topology.services.citizen),
            "number_claim": ID_NUMBER_CLAIM,
            "id_type_claim": ID_TYPE_CLAIM,
        },
        "custodian": {
            "url": custodian_url(topology),
            "departments": [one.organisation for one in departments_of(topology)],
        },
        **_login(topology, CITIZEN_CLIENT, port=topology.services.citizen, roles=(CITIZEN,)),
    }
    for path, sections in ((console_config(folder), console), (citizen_config(folder), citizen)):
        _write(path, {**sections, **_ledger(topology)})
        for name in (_PSEUDONYM_KEY, _CLIENT_FILE):
            secret = path.parent / name
            if not secret.exists():
                write_secret_file(secret, secrets.token_urlsafe(_SECRET_BYTES).encode())


def _page_service(name: str, port: int) -> dict[str, object]:
    return {
        "organisation": DATA.organisation,
        "listen": f"{HOST}:{port}",
        "key": f"../../identities/{name}.key.json",
        "passphrase_file": "../../passphrase",
        "data_dir": "data",
        "log_dir": "logs",
    }


def _login(
    topology: Topology, client: str, *, port: int, roles: Sequence[str]
) -> dict[str, dict[str, object]]:
    return {
        "login": {
            "issuer": f"http://{HOST}:{topology.services.logins}",
            "client_id": client,
            "client_secret_file": _CLIENT_FILE,
            "public_url": f"http://{HOST}:{port}",
            "pseudonym_key": _PSEUDONYM_KEY,
            "scopes": ["openid", "profile"],
            "role_claim": ROLES_CLAIM,
        },
        "login.roles": {one: [one] for one in roles},
    }


def _ledger(topology: Topology) -> dict[str, dict[str, object]]:
    return {
        "clock": {"offset_ms": topology.clock_offset_ms},
        "ledger": {
            "trust": "../../genesis.json",
            "nodes": [one.api for one in topology.nodes],
        },
    }


def _custodian(topology: Topology) -> dict[str, dict[str, object]]:
    return {
        "custodian": {
            "organisation": DATA.organisation,
            "listen": f"{HOST}:{topology.services.custodian}",
            "key": "../../identities/custodian.key.json",
            "root": "root.secret.json",
            "passphrase_file": "../../passphrase",
            "data_dir": "data",
            "log_dir": "logs",
        },
        **_ledger(topology),
    }


def _gateway(topology: Topology) -> dict[str, object]:
    return {
        "node": [one.api for one in topology.nodes],
        "trust": "../../genesis.json",
        "passphrase_file": "../../passphrase",
        "clock_offset_ms": topology.clock_offset_ms,
        "spool": "spool",
        "gather_ms": _GATHER_MS,
        "custodian": custodian_url(topology),
        "custodian_organisation": DATA.organisation,
        "token_cache": _TOKENS,
    }


def _write(path: Path, sections: Mapping[str, Mapping[str, object]]) -> None:
    """Write TOML: JSON of texts without control characters, integers and lists of them is TOML."""
    lines = ["# Written by `kun devnet up`."]
    for section, values in sections.items():
        lines += ["", f"[{section}]"] if section else []
        lines += [
            f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
