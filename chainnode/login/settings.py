"""Which provider is believed, as whom we ask it, and how long people stay logged in."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from chainnode.errors import ConfigurationError
from chainnode.login.people import Role
from chainnode.secret_files import read_secret_file

LOGIN_PATH: Final = "/login"
RETURN_PATH: Final = "/login/return"
LOGOUT_PATH: Final = "/logout"
# Asymmetric alone: whoever can check a signature must not be able to make one.
ALGORITHMS: Final = ("ES256", "ES384", "ES512", "PS256", "RS256", "Ed25519", "EdDSA")
_ALGORITHMS_DEFAULT: Final = ("ES256", "PS256", "RS256", "EdDSA")
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_SECRET_BYTES_MAX: Final = 4_096
_SECRET_BYTES_MIN: Final = 32

Text = Annotated[str, Meta(min_length=1, max_length=1_024)]
Texts = Annotated[tuple[Text, ...], Meta(max_length=64)]
Seconds = Annotated[int, Meta(ge=60, le=86_400)]


class LoginSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[login]` of a service that people log in to; paths are relative to its file."""

    issuer: Text
    client_id: Text
    # Where people's browsers reach this service.
    public_url: Text
    pseudonym_key: Text
    client_secret_file: Text | None = None
    ca: Text | None = None
    scopes: Texts = ("openid",)
    algorithms: Annotated[tuple[Text, ...], Meta(min_length=1)] = _ALGORITHMS_DEFAULT
    claims_from: Literal["id_token", "userinfo"] = "id_token"
    role_claim: Text = "roles"
    # Role -> the values of the claim that stand for it.
    roles: dict[Literal["auditor", "operator", "citizen"], Texts] = {}
    kept_claims: Texts = ()
    idle_s: Seconds = 1_800
    session_s: Seconds = 28_800
    sessions_max: Annotated[int, Meta(ge=1, le=100_000)] = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How long and how many: idle and absolute seconds, in all and of one person."""

    idle_s: int = 1_800
    absolute_s: int = 28_800
    sessions_max: int = 2_000
    of_one_max: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSettings:
    """Everything that the login needs; legal once it exists."""

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    public_url: str
    pseudonym_key: bytes = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ("openid",)
    algorithms: tuple[str, ...] = _ALGORITHMS_DEFAULT
    claims_from: Literal["id_token", "userinfo"] = "id_token"
    role_claim: str = "roles"
    roles: Mapping[str, Role]
    kept_claims: tuple[str, ...] = ()
    limits: SessionLimits = SessionLimits()

    def __post_init__(self) -> None:
        require_safe_url(self.issuer, setting="issuer")
        require_safe_url(self.public_url, setting="public_url")
        if urlsplit(self.public_url).path.strip("/"):
            raise ConfigurationError("[login] public_url: expected no path")
        if "openid" not in self.scopes:
            raise ConfigurationError('[login] scopes: expected "openid" among them')
        unknown = sorted(set(self.algorithms) - set(ALGORITHMS))
        if unknown:
            raise ConfigurationError(
                f"[login] algorithms: expected some of {', '.join(ALGORITHMS)}, got"
                f" {', '.join(unknown)}"
            )
        if len(self.pseudonym_key) < _SECRET_BYTES_MIN:
            raise ConfigurationError(
                f"[login] pseudonym_key: expected a file of {_SECRET_BYTES_MIN} bytes or more"
            )

    @property
    def origin(self) -> str:
        """Scheme, host and port that browsers see."""
        return self.public_url.rstrip("/")

    @property
    def provider_origin(self) -> str:
        """The provider without its path: in a policy, a source with a path is that path alone."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to."""
        return self.origin + RETURN_PATH

    @property
    def has_secure_cookies(self) -> bool:
        """Whether cookies are for TLS alone: everywhere but on a devnet's loopback."""
        return urlsplit(self.public_url).scheme == "https"


def require_safe_url(url: str, *, setting: str) -> None:
    """Refuse what is not https, or http to this machine.

    Raises:
        ConfigurationError: it could be read or changed on its way.

    """
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(
            f"[login] {setting}: expected https:// and a host, or http:// to this machine"
        )


def login_settings(section: LoginSection, *, folder: Path) -> LoginSettings:
    """Read the files that a section names, and judge the whole.

    Raises:
        ConfigurationError: a setting or file is wrong, or a value stands for two roles.

    """
    return LoginSettings(
        issuer=section.issuer,
        client_id=section.client_id,
        client_secret=_secret_text(section.client_secret_file, folder),
        public_url=section.public_url,
        pseudonym_key=read_secret_file(folder / section.pseudonym_key, bytes_max=_SECRET_BYTES_MAX),
        tls=_tls(section.ca, folder),
        scopes=section.scopes,
        algorithms=section.algorithms,
        claims_from=section.claims_from,
        role_claim=section.role_claim,
        roles=_roles(section),
        kept_claims=section.kept_claims,
        limits=SessionLimits(
            idle_s=section.idle_s,
            absolute_s=section.session_s,
            sessions_max=section.sessions_max,
        ),
    )


def _roles(section: LoginSection) -> dict[str, Role]:
    pairs = [(value, Role(name)) for name, values in section.roles.items() for value in values]
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ConfigurationError("[login] roles: expected each value once")
    return table


def _secret_text(name: str | None, folder: Path) -> str | None:
    if name is None:
        return None
    try:
        return read_secret_file(folder / name, bytes_max=_SECRET_BYTES_MAX).decode().strip()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"[login] client_secret_file: {name}: expected text") from error


def _tls(name: str | None, folder: Path) -> ssl.SSLContext | None:
    if name is None:
        return None
    try:
        return ssl.create_default_context(cafile=folder / name)
    except OSError as error:
        raise ConfigurationError(f"[login] ca: {name}: expected certificates in PEM") from error
