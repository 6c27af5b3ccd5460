"""`AccessLog`: the gateway as middleware of a FastAPI, Starlette or any other ASGI application.

`app.add_middleware(AccessLog, node=…, key=…, subject=…, purpose=…, on_failure=…)`; what is not
said by keyword stands in `kun-gateway.toml` (docs/gateway.md).
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from os import PathLike
from pathlib import Path

from chainnode.errors import ConfigurationError
from chainnode.gateway.asgi import GatewayMiddleware
from chainnode.gateway.connections import Application
from chainnode.gateway.core import Gateway
from chainnode.gateway.opening import open_gateway
from chainnode.gateway.settings import (
    REQUIRED_OF_SERVICES,
    GatewaySettings,
    read_settings,
)


class AccessLog(GatewayMiddleware):
    """Lets nothing but granted, recorded calls through to an application.

    `on_failure`: "spool" answers when the record is durable here, "block" when the ledger has
    given its receipt. Settings are read when the application is built, and judged at its start.
    """

    def __init__(
        self,
        app: Application,
        /,
        *,
        config: str | PathLike[str] | None = None,
        **settings: object,
    ) -> None:
        """Take an application; `settings` as in docs/gateway.md go before the file.

        Faulty settings are told by the lifespan, whose failure ends the server, and until then no
        call is let through. A framework builds its middleware within the lifespan, where a server
        takes an error for an application that has none.
        """
        path = None if config is None else Path(config)
        read = _read(path, settings)

        def opener() -> AbstractAsyncContextManager[Gateway]:
            if isinstance(read, ConfigurationError):
                raise read
            return open_gateway(read)

        super().__init__(app, opener=opener)


def _read(
    path: Path | None, settings: Mapping[str, object]
) -> GatewaySettings | ConfigurationError:
    try:
        return read_settings(path, settings, required=REQUIRED_OF_SERVICES)
    except ConfigurationError as error:
        return error
