"""The demo's services as processes: custodian, registry, logins, pages for people."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chainnode.cli.probe import fetch_json
from chainnode.errors import StorageError
from chainnode.gateway import look_at_spool
from devnet.demo.logins import DISCOVERY_PATH
from devnet.demo.settings import (
    HEALTH_PATH,
    citizen_config,
    console_config,
    custodian_config,
    registry_spool,
    write_demo_settings,
)
from devnet.errors import NotReady
from devnet.launcher import START_TIMEOUT_S, child_environment
from devnet.observe import (
    CITIZEN_VIEW,
    CONSOLE,
    CUSTODIAN,
    LOGINS,
    REGISTRY,
    record_file,
)
from devnet.processes import last_lines, running_record, spawn, write_record
from devnet.topology import HOST, DevnetFolder, Topology

_POLL_S = 0.05
_RECORDED_S = 60.0
_HTTP_OK = 200


def start_services(folder: DevnetFolder, topology: Topology) -> None:
    """Start what does not run; does not wait until it is ready."""
    write_demo_settings(folder, topology)
    config = str(custodian_config(folder).resolve())
    _start(folder, CUSTODIAN, ["chainnode.cli", "custodian", "run", "--config", config])
    where = ["--dir", str(folder.path.resolve())]
    _start(folder, REGISTRY, ["devnet.demo", *where])
    _start(folder, LOGINS, ["devnet.demo.logins", *where])
    for name, settings in ((CONSOLE, console_config), (CITIZEN_VIEW, citizen_config)):
        path = str(settings(folder).resolve())
        _start(folder, name, ["chainnode.cli", name, "run", "--config", path])


def wait_for_services(folder: DevnetFolder, topology: Topology) -> None:
    """Wait until all answer.

    Raises:
        NotReady: one ended, or the time is over.

    """
    asked = (
        (CUSTODIAN, topology.services.custodian, HEALTH_PATH),
        (REGISTRY, topology.services.registry, HEALTH_PATH),
        (LOGINS, topology.services.logins, DISCOVERY_PATH),
        (CONSOLE, topology.services.console, HEALTH_PATH),
        (CITIZEN_VIEW, topology.services.citizen, HEALTH_PATH),
    )
    for name, port, path in asked:
        _wait(folder, name, f"http://{HOST}:{port}", path)


def wait_until_recorded(folder: DevnetFolder) -> None:
    """Wait until the ledger has all halves of the registry.

    Raises:
        NotReady: it refused one, or the time is over.

    """
    deadline = time.monotonic() + _RECORDED_S
    while time.monotonic() < deadline:
        stored = look_at_spool(registry_spool(folder))
        if stored is None:
            raise StorageError(f"{registry_spool(folder)}: expected the registry's spool, got none")
        if stored.state.dead_letters():
            raise NotReady("the registry", reason="the ledger refused a half of it")
        if not stored.state.waiting_count:
            return
        time.sleep(_POLL_S)
    raise NotReady("the registry", reason="its halves are not final")


def service_log(folder: DevnetFolder, name: str) -> Path:
    """Return where output and errors of a service go."""
    return folder.demo / f"{name}.log"


def _start(folder: DevnetFolder, name: str, module: Sequence[str]) -> None:
    file = record_file(folder, name)
    if running_record(file) is not None:
        return
    record = spawn(
        [sys.executable, "-m", *module],
        folder=folder.demo.resolve(),
        log=service_log(folder, name),
        environment=child_environment(),
    )
    write_record(file, record)


def _wait(folder: DevnetFolder, name: str, base: str, path: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while fetch_json(base, path).status != _HTTP_OK:
        ended = running_record(record_file(folder, name)) is None
        if ended or time.monotonic() > deadline:
            reason = "its process ended" if ended else "no answer"
            lines = last_lines(service_log(folder, name))
            raise NotReady(f"the {name}", reason=reason, last_lines=lines)
        time.sleep(_POLL_S)
