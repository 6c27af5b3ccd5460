"""The settings of a custodian: one TOML file, every path relative to it. Frozen and validated."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chainnode.config import Address, parse_address
from chainnode.custodian.desk import KEY_RATE, ORGANISATION_RATE, DeskLimits
from chainnode.errors import ConfigurationError
from chainnode.rates import Rate
from chainnode.service_door import TlsFiles
from chainnode.service_settings import (
    SETTINGS_BYTES_MAX,
    ClockSection,
    LedgerSection,
    Text,
    TlsSection,
    beside,
    require_private,
)

_DEFAULTS: Final = DeskLimits()

Positive = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class InvalidCustodianConfig(ConfigurationError):
    """A configuration file with a fault; names section and setting."""

    def __init__(self, path: Path, fault: str) -> None:
        self.path = path
        self.fault = fault
        super().__init__(f"{path}: {fault}")


class _Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    organisation: Text
    listen: Text
    key: Text
    root: Text
    data_dir: Text
    log_dir: Text
    passphrase_file: Text | None = None
    usage_interval_s: Annotated[int, Meta(ge=1, le=86_400)] = 3_600


class _Tls(TlsSection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    client_ca: Text | None = None

    def files(self, base: Path) -> TlsFiles:
        """Return the files, and who certifies callers."""
        return replace(super().files(base), client_ca=beside(base, self.client_ca))


class _Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    key_per_second: float = KEY_RATE.per_second
    key_burst: Positive = KEY_RATE.burst
    organisation_per_second: float = ORGANISATION_RATE.per_second
    organisation_burst: Positive = ORGANISATION_RATE.burst
    organisation_per_day: Positive = _DEFAULTS.per_day
    auditor_per_day: Positive = _DEFAULTS.auditor_per_day


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    custodian: _Service
    ledger: LedgerSection
    tls: _Tls | None = None
    limits: _Limits = _Limits()
    clock: ClockSection = ClockSection()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodianConfig:
    """Everything a custodian needs to start."""

    organisation: str
    listen: Address
    key: Path
    root: Path
    data_dir: Path
    log_dir: Path
    passphrase_file: Path | None
    usage_interval_s: int
    tls: TlsFiles | None
    trust: Path
    nodes: tuple[str, ...]
    limits: DeskLimits
    # Devnet chains only: added to this machine's clock.
    clock_offset_ms: int


def load_custodian_config(path: Path) -> CustodianConfig:
    """Read and validate a `custodian.toml`.

    Raises:
        InvalidCustodianConfig: unreadable, or with a fault.

    """
    try:
        with path.open("rb") as file:
            raw = file.read(SETTINGS_BYTES_MAX + 1)
        found = msgspec.convert(tomllib.loads(raw.decode()), _File)
        return _checked(path, found)
    except OSError as error:
        raise InvalidCustodianConfig(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, ConfigurationError) as error:
        raise InvalidCustodianConfig(path, str(error)) from error


def _checked(path: Path, found: _File) -> CustodianConfig:
    service, limits, base = found.custodian, found.limits, path.parent
    listen = parse_address(service.listen)
    require_private(
        listen,
        found.tls,
        section="custodian",
        otherwise="identity numbers never travel in clear over a network",
    )
    return CustodianConfig(
        organisation=service.organisation,
        listen=listen,
        key=base / service.key,
        root=base / service.root,
        data_dir=base / service.data_dir,
        log_dir=base / service.log_dir,
        passphrase_file=beside(base, service.passphrase_file),
        usage_interval_s=service.usage_interval_s,
        tls=None if found.tls is None else found.tls.files(base),
        trust=base / found.ledger.trust,
        nodes=found.ledger.nodes,
        clock_offset_ms=found.clock.offset_ms,
        limits=DeskLimits(
            key=Rate(per_second=limits.key_per_second, burst=limits.key_burst),
            organisation=Rate(
                per_second=limits.organisation_per_second, burst=limits.organisation_burst
            ),
            per_day=limits.organisation_per_day,
            auditor_per_day=limits.auditor_per_day,
        ),
    )
