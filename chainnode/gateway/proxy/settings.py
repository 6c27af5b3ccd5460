"""The section `[proxy]` of `kun-gateway.toml`: where a reverse proxy listens, and before what."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chainnode.errors import ConfigurationError
from chainnode.gateway.proxy.upstreams import UPSTREAMS_MAX, Upstream

DRAIN_S_DEFAULT: Final = 30
_NAMES: Final = frozenset({"listen", "upstream", "tls_cert", "tls_key", "client_ca", "drain_s"})
_DRAIN_S: Final = range(1, 601)
_PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerTls:
    """Certificate and key of the proxy; with `client_ca` callers need a certificate too."""

    certificate: Path
    key: Path
    client_ca: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Where a proxy listens and what it stands before; `drain_s`: patience when it stops."""

    host: str
    port: int
    upstreams: tuple[Upstream, ...]
    tls: ListenerTls | None
    drain_s: int


def proxy_settings(section: Mapping[str, object], *, folder: Path) -> ProxySettings:
    """Read the section; relative paths are relative to `folder`.

    Raises:
        ConfigurationError: a setting that is missing, unknown or out of range.

    """
    unknown = sorted(set(section) - _NAMES)
    if unknown:
        raise ConfigurationError(f"[proxy] {', '.join(unknown)}: no such setting")
    host, port = _listen(section.get("listen"))
    drain_s = section.get("drain_s", DRAIN_S_DEFAULT)
    if not isinstance(drain_s, int) or drain_s not in _DRAIN_S:
        raise ConfigurationError(
            f"[proxy] drain_s: expected {_DRAIN_S[0]} … {_DRAIN_S[-1]} seconds"
        )
    return ProxySettings(
        host=host,
        port=port,
        upstreams=_upstreams(section.get("upstream")),
        tls=_tls(section, folder),
        drain_s=drain_s,
    )


def _listen(value: object) -> tuple[str, int]:
    host, separator, port = str(value).rpartition(":")
    is_legal = isinstance(value, str) and separator and host and port.isdecimal()
    if not is_legal or int(port) > _PORT_MAX:
        raise ConfigurationError("[proxy] listen: expected host:port")
    return host.strip("[]"), int(port)


def _upstreams(value: object) -> tuple[Upstream, ...]:
    urls = [value] if isinstance(value, str) else value
    if not isinstance(urls, list) or not 1 <= len(urls) <= UPSTREAMS_MAX:
        raise ConfigurationError(f"[proxy] upstream: expected 1 … {UPSTREAMS_MAX} addresses")
    return tuple(Upstream.parse(str(url)) for url in urls)


def _tls(section: Mapping[str, object], folder: Path) -> ListenerTls | None:
    paths = {
        name: folder / str(section[name])
        for name in ("tls_cert", "tls_key", "client_ca")
        if name in section
    }
    if not paths:
        return None
    if not {"tls_cert", "tls_key"} <= set(paths):
        raise ConfigurationError("[proxy] tls_cert, tls_key: expected both or none of them")
    return ListenerTls(
        certificate=paths["tls_cert"], key=paths["tls_key"], client_ca=paths.get("client_ca")
    )
