"""The node itself: health, readiness, metrics, consensus, keys, trust."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from chainnode.api.problems import Problem
from chainnode.api.requests import service_of

router = APIRouter(tags=["node"])

_KEY_ID_HEX = r"^[0-9a-f]{40}$"
_NO_STORE = {"Cache-Control": "no-store"}


@router.get("/healthz", operation_id="healthz")
async def healthz() -> PlainTextResponse:
    """Answer while the process lives."""
    return PlainTextResponse("ok\n", headers=_NO_STORE)


@router.get("/readyz", operation_id="readyz")
async def readyz(request: Request) -> JSONResponse:
    """200 when this node is in step with a quorum, else 503 with the reason."""
    reason = service_of(request).status.not_ready_because()
    status = HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse(
        {"ready": reason is None, "because": reason}, status_code=status, headers=_NO_STORE
    )


@router.get("/metrics", operation_id="metrics")
async def metrics(request: Request) -> Response:
    """Counters in the Prometheus text format."""
    content, media_type = service_of(request).metrics()
    return Response(content, media_type=media_type)


@router.get("/v1/consensus", operation_id="consensus")
async def consensus(request: Request) -> JSONResponse:
    """Tell where this replica stands and, when nothing moves, who is missing."""
    return JSONResponse(service_of(request).status.describe(), headers=_NO_STORE)


@router.get("/v1/equivocations", operation_id="equivocations")
async def equivocations(request: Request) -> JSONResponse:
    """Return the proofs that a replica contradicted itself (kind `equivocation`).

    `complete` is false when files of this node cannot be read: more was proven than is shown.
    """
    kept = await run_in_threadpool(service_of(request).equivocations)
    because = f"UNREADABLE_FILES: {kept.unreadable}" if kept.unreadable else None
    told = {"items": [*kept.items], "complete": because is None, "incomplete_because": because}
    return JSONResponse(told, headers=_NO_STORE)


@router.get("/v1/keys/{key_id}", operation_id="key")
async def key(request: Request, key_id: Annotated[str, Path(pattern=_KEY_ID_HEX)]) -> JSONResponse:
    """Return a registered key and the nonces that are free."""
    found = service_of(request).key(bytes.fromhex(key_id))
    if found is None:
        raise Problem("NOT_FOUND", expected="a registered key", actual=key_id)
    return JSONResponse(found, headers=_NO_STORE)


@router.get("/v1/trust", operation_id="trust")
async def trust(request: Request) -> JSONResponse:
    """Return a trust file for the newest certified header; compare it with a second source."""
    return JSONResponse(service_of(request).trust(), headers=_NO_STORE)
