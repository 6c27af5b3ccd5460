"""The settings of one node: `kun.toml`, overridden by `KUN_*` variables. Frozen and validated.

One error names every fault found. Relative paths are relative to the folder of the file.
Keys and pass phrases are paths. The one thing that may hold a secret is the URL of the audit
database, which is never shown.
"""

import difflib
import operator
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeAlias

from chainnode.errors import ConfigurationError

Network: TypeAlias = IPv4Network | IPv6Network

_PORT_MAX = 65_535
_RATE_MAX = 1_000_000
_NETWORKS_MAX = 64
_TIMEOUT_MS_MIN = 100
_TIMEOUT_MS_MAX = 600_000
_FILE_BYTES_MAX = 256 * 1024
# Heights are below 2^53.
_KEEP_BLOCKS_MAX = 2**53 - 1
_SQLITE_URL = "sqlite:"
_POSTGRESQL_SCHEMES = ("postgresql://", "postgres://")

# section -> setting -> type; what is not listed is refused with the nearest name.
_SETTINGS: dict[str, dict[str, type]] = {
    "node": {
        "name": str,
        "replica_id": int,
        "genesis": str,
        "data_dir": str,
        "log_dir": str,
        "vote_key": str,
        "passphrase_file": str,
    },
    "p2p": {"listen": str, "tls_ca": str, "tls_cert": str, "tls_key": str, "peers": list},
    "api": {
        "listen": str,
        "trusted_proxies": list,
        "unlimited": list,
        "reads_per_s": int,
        "reads_burst": int,
        "submissions_per_s": int,
        "submissions_burst": int,
    },
    "consensus": {"request_timeout_ms": int, "timeout_cap_ms": int},
    "ledger": {"keep_blocks": int},
    "audit": {"url": str},
    "clock": {"start": str},
}
_OPTIONAL = {
    ("node", "passphrase_file"),
    ("api", "trusted_proxies"),
    ("api", "unlimited"),
    ("api", "reads_per_s"),
    ("api", "reads_burst"),
    ("api", "submissions_per_s"),
    ("api", "submissions_burst"),
    ("consensus", "request_timeout_ms"),
    ("consensus", "timeout_cap_ms"),
    ("ledger", "keep_blocks"),
    ("audit", "url"),
    ("clock", "start"),
}


class InvalidConfiguration(ConfigurationError):
    """A configuration file with faults; all of them are named."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        self.path = path
        self.faults = tuple(faults)
        super().__init__(f"{path}: " + "; ".join(faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A host and a TCP port; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


_LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLimits:
    """How fast one address may ask a node, on average and at once; an average of 0 is no limit.

    A department's gateways behind one address, or an office behind one router, stay below.
    """

    # Whose X-Forwarded-For is believed; nobody's unless named.
    trusted_proxies: tuple[Network, ...] = ()
    # Addresses without any limit.
    unlimited: tuple[Network, ...] = _LOOPBACK
    reads_per_s: int = 200
    reads_burst: int = 2_000
    submissions_per_s: int = 500
    submissions_burst: int = 5_000


class AuditUrl:
    """Where the audit read model lives: `sqlite:` (a file in the data directory) or PostgreSQL.

    The URL may hold a password, so only `secret` gives it; text and `repr` do not.
    """

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        """Take `sqlite:` or `postgresql://…`; any other text is refused without repeating it.

        Raises:
            ValueError: another scheme.

        """
        if url != _SQLITE_URL and not url.startswith(_POSTGRESQL_SCHEMES):
            raise ValueError("expected sqlite: or postgresql://user@host/database")
        self._url = url

    @property
    def is_postgresql(self) -> bool:
        """Whether a PostgreSQL server keeps it."""
        return self._url != _SQLITE_URL

    @property
    def secret(self) -> str:
        """The whole URL, for the driver alone."""
        return self._url

    def __str__(self) -> str:
        return "postgresql://…" if self.is_postgresql else _SQLITE_URL

    def __repr__(self) -> str:
        return f"AuditUrl({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AuditUrl) and self._url == other._url

    def __hash__(self) -> int:
        return hash(self._url)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Everything a node needs to start. Times in milliseconds."""

    name: str
    replica_id: int
    genesis: Path
    data_dir: Path
    log_dir: Path
    vote_key: Path
    passphrase_file: Path | None
    p2p_listen: Address
    tls_ca: Path
    tls_cert: Path
    tls_key: Path
    peers: Mapping[int, Address]
    api_listen: Address
    api_limits: ApiLimits = ApiLimits()
    request_timeout_ms: int
    timeout_cap_ms: int
    # Batches of this many newest certified blocks stay here; 0 keeps all.
    keep_blocks: int
    audit_url: AuditUrl
    # Devnet chains only: the wall clock reads this at the start of the process.
    clock_start_ms: int | None


def load_config(path: Path, environment: Mapping[str, str] = os.environ) -> NodeConfig:
    """Read and validate a `kun.toml`.

    Raises:
        InvalidConfiguration: unreadable, or with faults.

    """
    try:
        with path.open("rb") as file:
            raw = file.read(_FILE_BYTES_MAX + 1)
        document = tomllib.loads(raw.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(path, [f"cannot be read: {error}"]) from error
    faults = shape_faults(document, _SETTINGS)
    if faults:
        raise InvalidConfiguration(path, faults)
    _override(document, environment)
    return _Reader(path=path, document=document, faults=faults).read()


def parse_address(text: str) -> Address:
    """Read `host:port`.

    Raises:
        ValueError: another shape.

    """
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > _PORT_MAX:
        raise ValueError(f"expected host:port, got {text!r:.80}")
    return Address(host=host.strip("[]"), port=int(port))


def shape_faults(
    document: Mapping[str, object], known: Mapping[str, Mapping[str, object]]
) -> list[str]:
    """Name what is no section, and every section and setting that is not `known`."""
    faults = []
    for section, settings in document.items():
        if section not in known:
            faults.append(_unknown(f"section [{section}]", section, known))
        elif not isinstance(settings, dict):
            faults.append(f"[{section}]: expected a section")
        else:
            faults.extend(
                _unknown(f"[{section}] {name}", name, known[section])
                for name in settings
                if name not in known[section]
            )
    return faults


def _text_of(value: object) -> str:
    """Return a text as it is: `ip_network` would take a number for an address."""
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {value!r:.80}")  # noqa: TRY004  gathered as a fault
    return value


def _unknown(what: str, name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f'; did you mean "{near[0]}"?' if near else f"; known: {', '.join(known)}"
    return f"unknown {what}{hint}"


def _override(document: dict[str, dict[str, object]], environment: Mapping[str, str]) -> None:
    """Apply `KUN_<SECTION>_<SETTING>`; integers are read as such."""
    for section, settings in _SETTINGS.items():
        for name, kind in settings.items():
            value = environment.get(f"KUN_{section}_{name}".upper())
            if value is None or kind is list:
                continue
            number = kind is int and value.isdecimal()
            document.setdefault(section, {})[name] = int(value) if number else value


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads one document and gathers every fault before it gives up."""

    path: Path
    document: Mapping[str, Mapping[str, object]]
    faults: list[str]

    def read(self) -> NodeConfig:
        config = NodeConfig(
            name=self._text("node", "name"),
            replica_id=self._integer("node", "replica_id", default=-1, low=0, high=1023),
            genesis=self._path("node", "genesis"),
            data_dir=self._path("node", "data_dir"),
            log_dir=self._path("node", "log_dir"),
            vote_key=self._path("node", "vote_key"),
            passphrase_file=self._optional_path("node", "passphrase_file"),
            p2p_listen=self._address("p2p", "listen"),
            tls_ca=self._path("p2p", "tls_ca"),
            tls_cert=self._path("p2p", "tls_cert"),
            tls_key=self._path("p2p", "tls_key"),
            peers=self._peers(),
            api_listen=self._address("api", "listen"),
            api_limits=self._api_limits(),
            request_timeout_ms=self._timeout("request_timeout_ms", default=2_000),
            timeout_cap_ms=self._timeout("timeout_cap_ms", default=60_000),
            keep_blocks=self._integer(
                "ledger", "keep_blocks", default=0, low=0, high=_KEEP_BLOCKS_MAX
            ),
            audit_url=self._audit_url(),
            clock_start_ms=self._clock(),
        )
        if self.faults:
            raise InvalidConfiguration(self.path, self.faults)
        return config

    def _raw(self, section: str, name: str) -> object | None:
        value = self.document.get(section, {}).get(name)
        if value is None and (section, name) not in _OPTIONAL:
            self.faults.append(f"[{section}] {name} is missing")
        return value

    def _text(self, section: str, name: str) -> str:
        value = self._raw(section, name)
        if value is not None and not isinstance(value, str):
            self.faults.append(f"[{section}] {name}: expected text, got {value!r:.80}")
        return value if isinstance(value, str) else ""

    def _integer(self, section: str, name: str, *, default: int, low: int, high: int) -> int:
        value = self._raw(section, name)
        if value is None:
            return default
        if not isinstance(value, int) or not low <= value <= high:
            self.faults.append(
                f"[{section}] {name}: expected an integer from {low} to {high}, got {value!r:.80}"
            )
            return default
        return value

    def _timeout(self, name: str, *, default: int) -> int:
        return self._integer(
            "consensus", name, default=default, low=_TIMEOUT_MS_MIN, high=_TIMEOUT_MS_MAX
        )

    def _path(self, section: str, name: str) -> Path:
        return self.path.parent / self._text(section, name)

    def _optional_path(self, section: str, name: str) -> Path | None:
        text = self._text(section, name)
        return self.path.parent / text if text else None

    def _address(self, section: str, name: str) -> Address:
        text = self._text(section, name)
        try:
            return parse_address(text)
        except ValueError as error:
            if text:
                self.faults.append(f"[{section}] {name}: {error}")
            return Address(host="", port=0)

    def _api_limits(self) -> ApiLimits:
        plain = ApiLimits()
        return ApiLimits(
            trusted_proxies=self._networks("trusted_proxies", default=plain.trusted_proxies),
            unlimited=self._networks("unlimited", default=plain.unlimited),
            reads_per_s=self._rate("reads_per_s", default=plain.reads_per_s, low=0),
            reads_burst=self._rate("reads_burst", default=plain.reads_burst, low=1),
            submissions_per_s=self._rate(
                "submissions_per_s", default=plain.submissions_per_s, low=0
            ),
            submissions_burst=self._rate(
                "submissions_burst", default=plain.submissions_burst, low=1
            ),
        )

    def _rate(self, name: str, *, default: int, low: int) -> int:
        return self._integer("api", name, default=default, low=low, high=_RATE_MAX)

    def _networks(self, name: str, *, default: tuple[Network, ...]) -> tuple[Network, ...]:
        rows = self._raw("api", name)
        if rows is None:
            return default
        try:
            if not isinstance(rows, list) or len(rows) > _NETWORKS_MAX:
                raise ValueError(f"a list of at most {_NETWORKS_MAX}")
            return tuple(ip_network(_text_of(row)) for row in rows)
        except ValueError as error:
            self.faults.append(f"[api] {name}: expected addresses or networks: {error}")
            return default

    def _peers(self) -> Mapping[int, Address]:
        rows = self._raw("p2p", "peers")
        peers: dict[int, Address] = {}
        for row in rows if isinstance(rows, list) else []:
            if not isinstance(row, dict) or set(row) != {"replica_id", "address"}:
                self.faults.append("[[p2p.peers]]: expected replica_id and address")
                continue
            try:
                peers[operator.index(row["replica_id"])] = parse_address(str(row["address"]))
            except (TypeError, ValueError) as error:
                self.faults.append(f"[[p2p.peers]] {row['replica_id']!r:.20}: {error}")
        return peers

    def _audit_url(self) -> AuditUrl:
        value = self._raw("audit", "url")
        try:
            return AuditUrl(_SQLITE_URL if value is None else str(value))
        except ValueError as error:
            self.faults.append(f"[audit] url: {error}, got something else")
            return AuditUrl(_SQLITE_URL)

    def _clock(self) -> int | None:
        text = self._text("clock", "start")
        if not text:
            return None
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self.faults.append(f"[clock] start: expected RFC 3339 with an offset, got {text!r:.40}")
            return None
        return round(instant.timestamp() * 1000)
