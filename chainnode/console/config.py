"""The settings of a console: one TOML file, every path relative to it. Frozen and validated."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chainnode.config import Address, parse_address, shape_faults
from chainnode.errors import ConfigurationError
from chainnode.login import LoginSection, LoginSettings, login_settings
from chainnode.service_door import TlsFiles
from chainnode.service_settings import (
    SETTINGS_BYTES_MAX,
    CheckedLedgerSection,
    ClockSection,
    Text,
    TlsSection,
    beside,
    require_private,
)

_DEPARTMENTS_MAX: Final = 256


class InvalidConsoleConfig(ConfigurationError):
    """A configuration file with a fault; names section and setting."""

    def __init__(self, path: Path, fault: str) -> None:
        self.path = path
        self.fault = fault
        super().__init__(f"{path}: {fault}")


class _Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    organisation: Text
    listen: Text
    key: Text
    data_dir: Text
    log_dir: Text
    passphrase_file: Text | None = None


class _Custodian(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    url: Text
    ca: Text | None = None


# Organisation id -> what people call it.
Departments = Annotated[dict[Text, Text], Meta(max_length=_DEPARTMENTS_MAX)]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    console: _Service
    login: LoginSection
    ledger: CheckedLedgerSection
    custodian: _Custodian | None = None
    tls: TlsSection | None = None
    clock: ClockSection = ClockSection()
    departments: Departments = {}


_SECTIONS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "console": _Service,
    "login": LoginSection,
    "ledger": CheckedLedgerSection,
    "custodian": _Custodian,
    "tls": TlsSection,
    "clock": ClockSection,
}
_KNOWN: Final = {
    name: dict.fromkeys(section.__struct_fields__) for name, section in _SECTIONS.items()
}
_DEPARTMENTS: Final = "departments"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodianSettings:
    """Who makes the tokens of persons; `ca` None: the system's authorities."""

    url: str
    ca: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleConfig:
    """Everything a console needs to start."""

    organisation: str
    listen: Address
    key: Path
    data_dir: Path
    log_dir: Path
    passphrase_file: Path | None
    login: LoginSettings = field(repr=False)
    tls: TlsFiles | None
    trust: Path
    nodes: tuple[str, ...]
    ledger_ca: Path | None
    custodian: CustodianSettings | None
    departments: Mapping[str, str]
    # Devnet chains only: added to this machine's clock.
    clock_offset_ms: int


def load_console_config(path: Path) -> ConsoleConfig:
    """Read and validate a `console.toml`.

    Raises:
        InvalidConsoleConfig: unreadable, or with a fault.

    """
    try:
        with path.open("rb") as file:
            document = tomllib.loads(file.read(SETTINGS_BYTES_MAX + 1).decode())
        faults = shape_faults(document, _known(document))
        if faults:
            raise InvalidConsoleConfig(path, "; ".join(faults))
        return _checked(msgspec.convert(document, _File), path.parent)
    except OSError as error:
        raise InvalidConsoleConfig(path, f"cannot be read: {error.strerror}") from error
    except InvalidConsoleConfig:
        raise
    except (ValueError, ConfigurationError) as error:
        raise InvalidConsoleConfig(path, str(error)) from error


def _known(document: Mapping[str, object]) -> Mapping[str, Mapping[str, object]]:
    """Return the settings of each section; departments are named as they are."""
    named = document.get(_DEPARTMENTS)
    return _KNOWN | {_DEPARTMENTS: named if isinstance(named, dict) else {}}


def _checked(found: _File, base: Path) -> ConsoleConfig:
    service = found.console
    listen = parse_address(service.listen)
    require_private(
        listen,
        found.tls,
        section="console",
        otherwise="or a proxy on this machine that has TLS and an address of this machine here",
    )
    return ConsoleConfig(
        organisation=service.organisation,
        listen=listen,
        key=base / service.key,
        data_dir=base / service.data_dir,
        log_dir=base / service.log_dir,
        passphrase_file=beside(base, service.passphrase_file),
        login=login_settings(found.login, folder=base),
        tls=None if found.tls is None else found.tls.files(base),
        trust=base / found.ledger.trust,
        nodes=found.ledger.nodes,
        ledger_ca=beside(base, found.ledger.ca),
        custodian=_custodian(found.custodian, base),
        departments=found.departments,
        clock_offset_ms=found.clock.offset_ms,
    )


def _custodian(found: _Custodian | None, base: Path) -> CustodianSettings | None:
    if found is None:
        return None
    return CustodianSettings(url=found.url, ca=beside(base, found.ca))
