"""The settings of a citizen's view: one TOML file, every path relative to it. Frozen, validated."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chainnode.citizen.allowances import Allowances
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

Count = Annotated[int, Meta(ge=1, le=100_000)]


class InvalidCitizenConfig(ConfigurationError):
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
    wrapping_keys: Text | None = None
    number_claim: Text = "id_number"
    id_type_claim: Text | None = None
    id_type: Text = "111"


class _Custodian(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    url: Text
    ca: Text | None = None
    departments: Annotated[tuple[Text, ...], Meta(max_length=256)] = ()


class _Representation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    url: Text | None = None
    ca: Text | None = None
    secret_file: Text | None = None
    file: Text | None = None


class _Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    views_per_hour: Count = 30
    requests_per_minute: Count = 240
    kept_s: Annotated[int, Meta(ge=10, le=3_600)] = 300
    rows_max: Annotated[int, Meta(ge=500, le=100_000)] = 20_000


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    citizen: _Service
    login: LoginSection
    ledger: CheckedLedgerSection
    custodian: _Custodian
    tls: TlsSection | None = None
    representation: _Representation | None = None
    limits: _Limits = _Limits()
    clock: ClockSection = ClockSection()


_SECTIONS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "citizen": _Service,
    "login": LoginSection,
    "ledger": CheckedLedgerSection,
    "custodian": _Custodian,
    "tls": TlsSection,
    "representation": _Representation,
    "limits": _Limits,
    "clock": ClockSection,
}
_KNOWN: Final = {
    name: dict.fromkeys(section.__struct_fields__) for name, section in _SECTIONS.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberClaims:
    """Which claims of the login hold a person's number and its kind."""

    number: str
    id_type: str | None
    id_type_default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentationSettings:
    """Where it is asked for whom a person may act: a service, or a file of mode 0600."""

    url: str | None
    ca: Path | None
    secret_file: Path | None
    file: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CitizenConfig:
    """Everything a citizen's view needs to start."""

    organisation: str
    listen: Address
    key: Path
    data_dir: Path
    log_dir: Path
    passphrase_file: Path | None
    # A folder with our wrapping keys of months; without it no encrypted reason is opened.
    wrapping_keys: Path | None
    claims: NumberClaims
    login: LoginSettings = field(repr=False)
    tls: TlsFiles | None
    trust: Path
    nodes: tuple[str, ...]
    ledger_ca: Path | None
    custodian: str
    custodian_ca: Path | None
    departments: tuple[str, ...]
    representation: RepresentationSettings | None
    allowances: Allowances
    # Devnet chains only: added to this machine's clock.
    clock_offset_ms: int


def load_citizen_config(path: Path) -> CitizenConfig:
    """Read and validate a `citizen.toml`.

    Raises:
        InvalidCitizenConfig: unreadable, or with a fault.

    """
    try:
        with path.open("rb") as file:
            document = tomllib.loads(file.read(SETTINGS_BYTES_MAX + 1).decode())
        faults = shape_faults(document, _KNOWN)
        if faults:
            raise InvalidCitizenConfig(path, "; ".join(faults))
        return _checked(msgspec.convert(document, _File), path.parent)
    except OSError as error:
        raise InvalidCitizenConfig(path, f"cannot be read: {error.strerror}") from error
    except InvalidCitizenConfig:
        raise
    except (ValueError, ConfigurationError) as error:
        raise InvalidCitizenConfig(path, str(error)) from error


def _checked(found: _File, base: Path) -> CitizenConfig:
    service, limits = found.citizen, found.limits
    listen = parse_address(service.listen)
    require_private(
        listen,
        found.tls,
        section="citizen",
        otherwise="or a proxy on this machine that has TLS and an address of this machine here",
    )
    return CitizenConfig(
        organisation=service.organisation,
        listen=listen,
        key=base / service.key,
        data_dir=base / service.data_dir,
        log_dir=base / service.log_dir,
        passphrase_file=beside(base, service.passphrase_file),
        wrapping_keys=beside(base, service.wrapping_keys),
        claims=NumberClaims(
            number=service.number_claim,
            id_type=service.id_type_claim,
            id_type_default=service.id_type,
        ),
        login=login_settings(_with_claims(found), folder=base),
        tls=None if found.tls is None else found.tls.files(base),
        trust=base / found.ledger.trust,
        nodes=found.ledger.nodes,
        ledger_ca=beside(base, found.ledger.ca),
        custodian=found.custodian.url,
        custodian_ca=beside(base, found.custodian.ca),
        departments=found.custodian.departments,
        representation=_representation(found.representation, base),
        allowances=Allowances(
            views_per_hour=limits.views_per_hour,
            requests_per_minute=limits.requests_per_minute,
            kept_s=limits.kept_s,
            rows_max=limits.rows_max,
        ),
        clock_offset_ms=found.clock.offset_ms,
    )


def _with_claims(found: _File) -> LoginSection:
    """Keep the claims that hold the number, and no others, in a session's memory."""
    service = found.citizen
    if found.login.kept_claims:
        raise ConfigurationError("[login] kept_claims: [citizen] number_claim says what is kept")
    claims = (service.number_claim, *((service.id_type_claim,) if service.id_type_claim else ()))
    return msgspec.structs.replace(found.login, kept_claims=claims)


def _representation(found: _Representation | None, base: Path) -> RepresentationSettings | None:
    if found is None:
        return None
    if (found.url is None) == (found.file is None):
        raise ConfigurationError("[representation]: expected either url or file")
    return RepresentationSettings(
        url=found.url,
        ca=beside(base, found.ca),
        secret_file=beside(base, found.secret_file),
        file=beside(base, found.file),
    )
