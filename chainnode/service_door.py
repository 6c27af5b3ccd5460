"""The door of a service that a department runs beside its node: its address, its TLS, its server.

Heads are bounded and prompt before any of the service's own code runs; there is no access log,
because an address may hold anything.
"""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import uvicorn

from chainnode.config import Address
from chainnode.errors import ConfigurationError
from chainnode.prompt_http import PromptHttp
from chainnode.secret_files import read_secret_file

_PEM_BYTES_MAX: Final = 64 * 1024
_HEAD_BYTES_MAX: Final = 16 * 1024
_SHUTDOWN_S: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Certificate and key of a door; with `client_ca` callers need a certificate too."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


def server_config(
    tls: TlsFiles | None,
    app: Any,  # noqa: ANN401  what uvicorn takes for an ASGI application
    *,
    connections_max: int,
    lifespan: Literal["on", "off"] = "off",
) -> uvicorn.Config:
    """Return how a door is served.

    Raises:
        ConfigurationError: the TLS key can be read by others.

    """
    if tls is not None:
        # Only to refuse a key that others can read.
        read_secret_file(tls.key, bytes_max=_PEM_BYTES_MAX)
    has_clients = tls is not None and tls.client_ca is not None
    return uvicorn.Config(
        app,
        http=PromptHttp,
        h11_max_incomplete_event_size=_HEAD_BYTES_MAX,
        log_config=None,
        access_log=False,
        lifespan=lifespan,
        # No door asks who connects; a header that says it must not be believed by accident.
        proxy_headers=False,
        server_header=False,
        limit_concurrency=connections_max,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else tls.key,
        ssl_ca_certs=None if tls is None or tls.client_ca is None else str(tls.client_ca),
        ssl_cert_reqs=ssl.CERT_REQUIRED if has_clients else ssl.CERT_NONE,
    )


def bound_listener(address: Address, *, section: str) -> socket.socket:
    """Bind the address before anything is opened, so that a clash is seen at once.

    Raises:
        ConfigurationError: it cannot be used; names the section of the settings.

    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"[{section}] listen = {address}: cannot be used: {error.strerror}"
        ) from error
    return listener
