"""A data service of a department: who lives where; its access log is one line a call."""

import json
import os
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

PEOPLE = json.loads(Path(os.environ["REGISTRY_PEOPLE"]).read_text("utf-8"))
LOG = Path(os.environ["REGISTRY_LOG"]).open("a", encoding="ascii", buffering=1)  # noqa: SIM115 - for life

app = FastAPI()


class Asked(BaseModel):
    id_card: str


@app.post("/people")
async def person(asked: Asked, request: Request) -> dict[str, str]:
    """Return the entry of one person."""
    LOG.write(request.headers.get("x-request-id", "-") + "\n")
    if asked.id_card not in PEOPLE:
        raise HTTPException(404)
    entry: dict[str, str] = PEOPLE[asked.id_card]
    return entry
