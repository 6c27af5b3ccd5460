"""What the settings of services beside the node have in common: TLS, ledger, clock, door."""

import ssl
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chainnode.config import Address
from chainnode.errors import ConfigurationError
from chainnode.service_door import TlsFiles

SETTINGS_BYTES_MAX: Final = 256 * 1024
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Text = Annotated[str, Meta(min_length=1, max_length=4096)]


class TlsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[tls]`: certificate and key of the door."""

    certificate: Text
    key: Text

    def files(self, base: Path) -> TlsFiles:
        """Return the files, beside the settings."""
        return TlsFiles(certificate=base / self.certificate, key=base / self.key)


class LedgerSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[ledger]`: which chain, and the nodes that are asked."""

    trust: Text
    nodes: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=64)]


class CheckedLedgerSection(LedgerSection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[ledger]` with the authorities that certify the nodes' TLS."""

    ca: Text | None = None


class ClockSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[clock]`: what a devnet adds to this machine's clock."""

    offset_ms: int = 0


def require_private(
    listen: Address, tls: TlsSection | None, *, section: str, otherwise: str
) -> None:
    """Refuse a door beyond this machine without TLS; `otherwise` says what a person does.

    Raises:
        ConfigurationError: names section and setting.

    """
    if tls is None and listen.host not in _LOOPBACK:
        raise ConfigurationError(
            f"[{section}] listen = {listen}: expected a section [tls], {otherwise}"
        )


def authorities(path: Path | None, setting: str) -> ssl.SSLContext | None:
    """Return what trusts the authorities in a PEM file alone; None: those of this machine do.

    Raises:
        ConfigurationError: names the setting and the file.

    """
    if path is None:
        return None
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ConfigurationError(f"{setting}: {path}: expected certificates in PEM") from error


def beside(base: Path, name: str | None) -> Path | None:
    """Return where an optional file of the settings stands."""
    return None if name is None else base / name
