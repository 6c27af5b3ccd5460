"""A small real department service: the population registry of 公安局, FastAPI over SQLite.

`python -m devnet.demo --dir DIR` serves until SIGTERM. `AccessLog` lets granted calls through
and records all of them; the service itself logs one line per call, the call id and nothing else.
The person asked for travels in the body, never in a URL.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import click
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from chainnode.exchange import decode_call
from chainnode.exchange.headers import CALL_HEADER
from chainnode.gateway.access_log import AccessLog
from devnet.demo.people import Registry
from devnet.demo.settings import (
    ACCESS_LOG_FILE,
    DATA_PATH,
    DATABASE_FILE,
    HEALTH_PATH,
    SUBJECT,
    registry_config,
)
from devnet.topology import HOST, DevnetFolder, load_topology

_FORBIDDEN, _NOT_FOUND = 403, 404


class Asked(BaseModel):
    """The body of a call."""

    person_id: str


def make_app(folder: DevnetFolder) -> FastAPI:
    """Build the application behind its gateway.

    Raises:
        ConfigurationError: the settings of the gateway are wrong.

    """
    registry = Registry(folder.demo / DATABASE_FILE)
    log = (folder.demo / ACCESS_LOG_FILE).open("a", encoding="ascii", buffering=1)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with log, contextlib.closing(registry):
            yield

    app = FastAPI(title="Demo population registry", lifespan=lifespan)
    app.add_middleware(
        AccessLog, config=registry_config(folder), subject=SUBJECT, on_failure="spool"
    )

    @app.get(HEALTH_PATH)
    async def health() -> dict[str, bool]:
        return {"ready": True}

    @app.post(DATA_PATH)
    async def population_basic(asked: Asked, request: Request) -> dict[str, str]:
        log.write(f"{decode_call(request.headers[CALL_HEADER]).call_id.hex()}\n")
        return entry_of(registry, asked.person_id)

    return app


def entry_of(registry: Registry, person_id: str) -> dict[str, str]:
    """Return what the registry tells of a person.

    Raises:
        HTTPException: nobody has this number, or the entry is under protection.

    """
    person = registry.find(person_id)
    if person is None:
        raise HTTPException(_NOT_FOUND)
    if person.is_protected:
        raise HTTPException(_FORBIDDEN)
    return {
        "person_id": person.person_id,
        "name": person.name,
        "born": person.born,
        "address": person.address,
    }


@click.command()
@click.option("--dir", "folder", type=click.Path(path_type=Path), required=True)
def serve(folder: Path) -> None:
    """Serve the registry until SIGTERM."""
    place = DevnetFolder(folder)
    port = load_topology(place).services.registry
    uvicorn.run(make_app(place), host=HOST, port=port, log_level="warning", access_log=False)
