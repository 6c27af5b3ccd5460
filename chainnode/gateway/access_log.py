"""`AccessLog`: the gateway as middleware of a FastAPI, Starlette or any other ASGI application.

`app.add_middleware(AccessLog, node=…, key=…, subject=…, purpose=…, on_failure=…)`; what is not
said by keyword stands in `kun-gateway.toml` (docs/gateway.md).
"""

from contextlib import AbstractAsyncContextManager
from os import PathLike
from pathlib import Path

from chainnode.gateway.asgi import GatewayMiddleware
from chainnode.gateway.connections import Application
from chainnode.gateway.core import Gateway
from chainnode.gateway.opening import open_gateway
from chainnode.gateway.settings import read_settings


class AccessLog(GatewayMiddleware):
    """Lets nothing but granted, recorded calls through to an application.

    `on_failure`: "spool" answers when the record is durable here, "block" when the ledger has
    given its receipt. Settings are judged when the application is built, files when it starts.
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

        Raises:
            ConfigurationError: naming every fault of the settings.

        """
        path = None if config is None else Path(config)
        read = read_settings(path, settings)

        def opener() -> AbstractAsyncContextManager[Gateway]:
            return open_gateway(read)

        super().__init__(app, opener=opener)
