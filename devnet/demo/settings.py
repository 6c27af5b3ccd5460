"""Settings of the demo's custodian and of its two gateways, written anew at every start.

Ports may be others after a restart. Paths are relative, so that the folder may be moved.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from chainnode.gateway.settings import FILE_NAME
from devnet.demo.catalogue import grant_name
from devnet.departments import DATA, HOUSING, POLICE
from devnet.topology import HOST, DevnetFolder, Topology

REGISTRY_IDENTITY = "registry"
OFFICE_IDENTITY = "housing-office"
DATABASE_FILE = "registry.sqlite"
ACCESS_LOG_FILE = "registry-access.log"
DATA_PATH = "/population/basic"
HEALTH_PATH = "/healthz"
SUBJECT = "json:person_id"
_TOKENS = "tokens.sqlite"
# A block costs four nodes on one machine more than it costs one on its own: make few.
_GATHER_MS = 1_000


def custodian_home(folder: DevnetFolder) -> Path:
    """Return the folder of the custodian."""
    return folder.demo / "custodian"


def custodian_config(folder: DevnetFolder) -> Path:
    """Return the custodian's settings."""
    return custodian_home(folder) / "custodian.toml"


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
    """Write all three files."""
    _write(custodian_config(folder), _custodian(topology))
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
        "clock": {"offset_ms": topology.clock_offset_ms},
        "ledger": {
            "trust": "../../genesis.json",
            "nodes": [one.api for one in topology.nodes],
        },
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
    """Write TOML: a JSON string of ASCII, an integer and a list of such are TOML too."""
    lines = ["# Written by `kun devnet up`."]
    for section, values in sections.items():
        lines += ["", f"[{section}]"] if section else []
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
